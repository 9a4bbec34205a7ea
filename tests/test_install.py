"""Installing into a private folder, from an index that is a folder of this test."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from fakes import parse_outputs
from steps import clean_environ

from digest.install import LOCK, install, main


@pytest.fixture
def world(tmp_path: Path) -> Mapping[str, str]:
    """Return an environment in which pip finds one wheel, `tiny`, and nothing else."""
    wheels, temp = tmp_path / "wheels", tmp_path / "temp"
    for folder in (wheels, temp):
        folder.mkdir()
    _wheel(wheels)
    return {
        **{name: value for name, value in clean_environ().items() if not name.startswith("PIP_")},
        "RUNNER_TEMP": str(temp),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_CONFIG_FILE": os.devnull,
    }


@pytest.fixture
def lock(world: Mapping[str, str], tmp_path: Path) -> Path:
    """Return a lock that holds the hash of the wheel."""
    [wheel] = Path(world["PIP_FIND_LINKS"]).iterdir()
    file = tmp_path / "requirements.txt"
    file.write_text(f"tiny==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n", encoding="utf-8")
    return file


def _wheel(folder: Path) -> None:
    """Write the wheel of a package with one module."""
    files = {
        "tiny.py": "answer = 42\n",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{name},sha256={_digest(text)},{len(text)}" for name, text in files.items()]
    files["tiny-1.0.dist-info/RECORD"] = "\n".join([*record, "tiny-1.0.dist-info/RECORD,,", ""])
    with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def test_install__fills_a_folder(world: Mapping[str, str], lock: Path) -> None:
    """The locked packages lie in one folder under `RUNNER_TEMP`, compiled, and nothing lies beside it."""
    site = install(world, lock)
    assert (site / "tiny.py").read_text(encoding="utf-8") == "answer = 42\n"
    assert list(Path(world["RUNNER_TEMP"]).iterdir()) == [site]
    assert list(site.rglob("*.pyc"))


def test_install__in_spite_of_settings(world: Mapping[str, str], lock: Path) -> None:
    """A runner whose pip installs for the user by default fills the folder all the same."""
    assert (install({**world, "PIP_USER": "1"}, lock) / "tiny.py").is_file()


def test_install__second_time_finds_it(world: Mapping[str, str], lock: Path) -> None:
    """A folder that is there is taken as it is, without pip."""
    site = install(world, lock)
    (site / "tiny.py").write_text("answer = 43\n", encoding="utf-8")
    assert install({**world, "PIP_FIND_LINKS": ""}, lock) == site
    assert (site / "tiny.py").read_text(encoding="utf-8") == "answer = 43\n"


def test_install__another_lock_another_folder(world: Mapping[str, str], lock: Path) -> None:
    """Two versions of the action in one job do not share what they install."""
    site = install(world, lock)
    lock.write_text(f"# changed\n{lock.read_text(encoding='utf-8')}", encoding="utf-8")
    assert install(world, lock) != site


def test_install__wrong_hash(world: Mapping[str, str], lock: Path) -> None:
    """What is not what was locked is not installed, and no folder is left that a later use could take."""
    lock.write_text(f"tiny==1.0 --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"^pip could not install the dependencies"):
        install(world, lock)
    assert list(Path(world["RUNNER_TEMP"]).iterdir()) == []


def test_install__hashes_are_required(world: Mapping[str, str], lock: Path) -> None:
    """A lock without hashes installs nothing."""
    lock.write_text("tiny==1.0\n", encoding="utf-8")
    with pytest.raises(RuntimeError):
        install(world, lock)


def test_lock__covers_what_the_package_imports() -> None:
    """The lock is the one at the top of the checkout, and each line of it has hashes."""
    text = LOCK.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert {"httpx", "jinja2"} <= {line.split("==")[0] for line in lines}
    assert all("--hash=sha256:" in line for line in lines)


def test_main__fails_loudly(world: Mapping[str, str], capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Where the locked packages cannot be had, pip says why, an annotation says what, and no output is set."""
    output = tmp_path / "output"
    assert main({**world, "GITHUB_OUTPUT": str(output)}) == 1
    out, err = capfd.readouterr()
    assert out.startswith("::error title=CreatorAudit digest::pip could not install the dependencies")
    assert "No matching distribution found" in err
    assert not output.exists()


def test_main__tells_the_next_step(world: Mapping[str, str], capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The outputs are the interpreter and the folder; without a runner, the folder is printed."""
    site, output = _pretend(world), tmp_path / "output"
    assert main({**world, "GITHUB_OUTPUT": str(output)}) == 0
    assert parse_outputs(output) == {"python": sys.executable, "site": str(site)}
    assert capfd.readouterr() == ("", "")
    assert main(world) == 0
    assert capfd.readouterr() == (f"{site}\n", "")


def test_main__without_runner_temp(world: Mapping[str, str]) -> None:
    """Outside a runner the folder lies where temporary files do."""
    site = _pretend(world)
    environ = {**world, "RUNNER_TEMP": "", "TMPDIR": world["RUNNER_TEMP"]}
    command = [sys.executable, "-I", str(LOCK.with_name("digest") / "install.py")]
    done = subprocess.run(command, check=True, env=environ, capture_output=True)
    assert done.stdout.decode() == f"{site}\n"


def _pretend(world: Mapping[str, str]) -> Path:
    """Put a folder where the lock's dependencies would be, and return it."""
    what = f"{sys.implementation.cache_tag} {sys.platform} ".encode() + LOCK.read_bytes()
    site = Path(world["RUNNER_TEMP"]) / f"creatoraudit-digest-{hashlib.sha256(what).hexdigest()[:16]}"
    site.mkdir()
    return site
