"""
Install the locked dependencies into a private folder of the job.

This runs before there are any dependencies, so it needs the standard library
alone. The folder lies under `RUNNER_TEMP` and is named after the lock and the
interpreter: a second use of the action in the same job finds it and is done.
The caller's Python, PATH and workspace stay as they are.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
LOCK = PACKAGE.parent / "requirements.txt"
#: Wheels only: to install one runs no code of it. Hashes: nothing but what was
#: locked. pip leaves bytecode; to make it would take the run step longer than all else.
_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
_LOCKED = ("--require-hashes", "--no-deps", "--only-binary", ":all:")


def install(environ: Mapping[str, str], lock: Path = LOCK) -> Path:
    """
    Return the folder of the dependencies, which is filled if need be.

    Raises:
        RuntimeError:
            If pip fails; its own words are in the log by then.
    """
    temp = Path(environ.get("RUNNER_TEMP") or tempfile.gettempdir())
    site = temp / f"creatoraudit-digest-{_fingerprint(lock)}"
    if not site.is_dir():
        # Filled beside and renamed: a folder of that name is always complete.
        partial = Path(tempfile.mkdtemp(prefix=f"{site.name}-", dir=temp))
        try:
            _pip(partial, lock, environ)
            partial.rename(site)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return site


def main(environ: Mapping[str, str]) -> int:
    """Install, tell the next step where and with which interpreter, and return the exit code."""
    try:
        site = install(environ)
    except RuntimeError as error:
        sys.stdout.write(f"::error title=CreatorAudit digest::{error}\n")
        return 1
    output = environ.get("GITHUB_OUTPUT")
    if output:
        with Path(output).open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"python={sys.executable}\nsite={site}\n")
    else:
        sys.stdout.write(f"{site}\n")
    return 0


def _fingerprint(lock: Path) -> str:
    # Compiled wheels (MarkupSafe's) fit one version of Python on one platform.
    what = f"{sys.implementation.cache_tag} {sys.platform} ".encode() + lock.read_bytes()
    return hashlib.sha256(what).hexdigest()[:16]


def _pip(target: Path, lock: Path, environ: Mapping[str, str]) -> None:
    command = [sys.executable, "-I", *_PIP, *_LOCKED, "--target", str(target), "--requirement", str(lock)]
    # As variables, which an older pip passes over: Ubuntu 22.04 has pip 22.0.
    settings = {"PIP_ROOT_USER_ACTION": "ignore", "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
    # Nothing in the command comes from outside. The index and the proxy may, as
    # variables of the runner; what they serve is checked against the hashes.
    with subprocess.Popen(command, stdout=sys.stderr, env={**environ, **settings}) as pip:  # noqa: S603
        # While pip waits for the network. A checkout that nobody may write to is
        # no fault: the run step then compiles what it imports.
        compileall.compile_dir(PACKAGE, quiet=2)
    if pip.returncode != 0:
        message = "pip could not install the dependencies; its own words are above: is the package index reachable?"
        raise RuntimeError(message)


if __name__ == "__main__":
    sys.exit(main(os.environ))
