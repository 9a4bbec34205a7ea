"""
Run workflow files with act (https://github.com/nektos/act) on this machine, without Docker.

act differs from GitHub's runner: it leaks outputs that a composite action does
not declare, writes job summaries twice, skips jobs whose label it does not
know and still exits with 0, and does not know `uses: $/`. What it is trusted
with here is what the tests of the steps alone cannot show: that whole workflow
files start, pass secrets on, and succeed or fail.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".cache" / "bin"
ACTION = "OWNER/creatoraudit-digest"
#: Every label in our workflows. A job with another one would be skipped.
_LABELS = ("ubuntu-latest", "ubuntu-24.04", "ubuntu-slim")
#: Seconds. The slowest run here takes ten.
_TIMEOUT = 300
_OFFLINE = ("--action-offline-mode", "--pull=false", "--no-cache-server", "--concurrent-jobs", "2")
#: Left alone, act reads files of these kinds from the folder that it starts in.
_NO_FILES = tuple(f"--{kind}-file={os.devnull}" for kind in ("env", "secret", "var", "input"))


@dataclass(frozen=True)
class ActRun:
    """
    What one run of act left behind.

    Attributes:
        code:
            The exit code.
        events:
            act's log, one object a line.
    """

    code: int
    events: Sequence[Mapping[str, Any]]

    @property
    def jobs(self) -> dict[str, str]:
        """Return `success` or `failure` of each job that was run, by name."""
        return {event["job"].partition("/")[2]: event["jobResult"] for event in self.events if "jobResult" in event}

    @property
    def log(self) -> list[str]:
        """Return the lines that the steps printed, and those of commands that a person sees."""
        return [event["msg"].rstrip("\n") for event in self.events if event.get("raw_output")]

    @property
    def errors(self) -> list[str]:
        """Return the texts of the error annotations."""
        return [event["arg"] for event in self.events if event.get("command") == "error"]

    @property
    def summaries(self) -> list[str]:
        """Return the job summaries, each once."""
        return list(dict.fromkeys(event["content"] for event in self.events if event.get("command") == "summary"))

    @property
    def text(self) -> str:
        """Return the log as a person sees it."""
        return "\n".join(f"[{event.get('job', 'act')}] {str(event['msg']).rstrip()}" for event in self.events)

    def printed(self, name: str) -> Any:
        """Return the JSON after `NAME=` in the log."""
        (line,) = (line for line in self.log if line.startswith(f"{name}="))
        return json.loads(line.removeprefix(f"{name}="))

    def shown(self) -> str:
        """Return all of act's log but the arguments of `add-mask`, which are what it hides."""
        return "\n".join(_shown(event) for event in self.events)


@dataclass(frozen=True)
class Act:
    """
    One installation of act, with a home of its own.

    Attributes:
        home:
            An empty folder at first; pip's cache and act's workspaces go there.
        action:
            The repository that stands for this action at any ref.
    """

    home: Path
    action: Path

    def run(
        self,
        workflow: Path,
        *,
        event: str = "workflow_dispatch",
        payload: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> ActRun:
        """Run *workflow*, a file of the repository that it lies in."""
        repository = _repository_of(workflow)
        event_file = self.home / "event.json"
        event_file.write_text(json.dumps(payload or {}), encoding="utf-8")
        refs = sorted({*_refs(workflow.read_text(encoding="utf-8"))})
        command = [
            *(str(BIN / "act"), event, "--workflows", str(workflow.relative_to(repository)), "--json"),
            *(*_OFFLINE, *_NO_FILES, "--eventpath", str(event_file)),
            *(f"--platform={label}=-self-hosted" for label in _LABELS),
            *(f"--local-repository={ACTION}@{ref}={self.action}" for ref in refs),
            *(f"--secret={name}={value}" for name, value in {"GITHUB_TOKEN": "", **(secrets or {})}.items()),
            *(f"--var={name}={value}" for name, value in (variables or {}).items()),
            *options,
        ]
        done = subprocess.run(
            command,
            cwd=repository,
            env=self._environ(),
            check=False,
            capture_output=True,
            encoding="utf-8",
            timeout=_TIMEOUT,
        )
        lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
        return ActRun(done.returncode, [_event(line) for line in lines])

    def _environ(self) -> dict[str, str]:
        # act hands its whole environment on to the jobs, so it gets next to none.
        passed = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        certificates = {name: os.environ[name] for name in ("SSL_CERT_FILE",) if name in os.environ}
        own = {"HOME": str(self.home), "XDG_CACHE_HOME": str(self.home / ".cache")}
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **own, **passed, **certificates}


def snapshot(folder: Path) -> Path:
    """Copy the files of this repository, committed or not, to a repository of their own in *folder*."""
    listed = _git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return commit(folder)


def commit(folder: Path) -> Path:
    """Make *folder* a repository with one commit of all that is in it."""
    _git(folder, "init", "--quiet", "--initial-branch=main")
    _git(folder, "add", "--all")
    author = ("-c", "user.name=Test", "-c", "user.email=test@example.test")
    _git(folder, *author, "commit", "--quiet", "--no-gpg-sign", "--message=All")
    return folder


def _git(folder: Path, *arguments: str) -> str:
    # Neither the machine's nor the user's settings belong to the test.
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ("git", "-c", f"safe.directory={folder}", *arguments)
    return subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True, encoding="utf-8").stdout


def _repository_of(workflow: Path) -> Path:
    return next(folder for folder in workflow.parents if (folder / ".git").is_dir())


def _refs(workflow: str) -> Iterator[str]:
    """Yield the refs by which *workflow* uses the action."""
    for line in workflow.splitlines():
        _, found, after = line.partition(f"uses: {ACTION}@")
        if found:
            yield after.split()[0]


def _event(line: str) -> Mapping[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {"msg": line}
    return dict(event)


def _shown(event: Mapping[str, Any]) -> str:
    return str(event["msg"]) if event.get("command") == "add-mask" else json.dumps(event, ensure_ascii=False)
