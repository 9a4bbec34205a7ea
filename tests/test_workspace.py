"""No settings in the checked-out repository are read, by pip or by the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from steps import Job, clean_environ

from digest.standin import API_KEY, CreatorAudit, Receiver, serving

#: What programs look for in the folder that they start in, or below it.
SETTINGS = (
    ".netrc",
    "_netrc",
    ".env",
    ".pypirc",
    ".pydistutils.cfg",
    "pip.conf",
    "pip.ini",
    ".pip/pip.conf",
    ".config/pip/pip.conf",
    "pyproject.toml",
    "setup.cfg",
    "requirements.txt",
    "constraints.txt",
    "tox.ini",
    "uv.toml",
    "pyvenv.cfg",
    "python._pth",
    ".pythonrc",
    "templates/weekly.md.j2",
    "weekly.md.j2",
)

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Return a workspace of pipes that nobody writes to: who opens one to read it hangs."""
    for name in SETTINGS:
        file = tmp_path / "workspace" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(file)
    return tmp_path / "workspace"


def test_workspace__settings_are_not_read(workspace: Path, tmp_path: Path) -> None:
    """Both steps of the action do their work in a workspace in which to read any settings is to hang."""
    temp, chat = tmp_path / "temp", Receiver()
    temp.mkdir()
    with serving(CreatorAudit()) as api, serving(chat) as hook:
        use = Job(workspace, temp).use(api_key=API_KEY, webhook_url=f"{hook}/in/1", base_url=f"{api}/v2")
    assert (use.code, len(chat.received)) == (0, 1), use.log


@pytest.mark.parametrize(
    "arguments", [("-c", "open('.netrc')"), ("-m", "pip", "config", "list")], ids=lambda arguments: arguments[1]
)
def test_workspace__pipes_hold_up_whoever_reads(workspace: Path, arguments: tuple[str, ...]) -> None:
    """The pipes of the test above do what they are for: who reads one hangs, as pip does that is told to."""
    environ = {**clean_environ(), "PIP_CONFIG_FILE": "pip.conf"}
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, *arguments], check=False, cwd=workspace, env=environ, timeout=3)
