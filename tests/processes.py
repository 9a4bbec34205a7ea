"""The action as a process of its own, and the renderers that it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fakes import Run, parse_outputs
from steps import ROOT, clean_environ

from digest.standin import API_KEY

HAS_PROC = Path("/proc/self/limits").is_file()
#: Seconds. Waits end with what they wait for.
LONGEST_WAIT = 30.0


def until(condition: Callable[[], object]) -> None:
    """Wait for *condition*."""
    end = time.monotonic() + LONGEST_WAIT
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def renderers(parent: int) -> list[int]:
    """Return the renderers that are children of a process; dead ones too that nobody buried."""
    listed = [path.parent for path in Path("/proc").glob("[0-9]*/stat")]
    return [int(folder.name) for folder in listed if _is_renderer(folder, parent)]


def _is_renderer(folder: Path, parent: int) -> bool:
    try:
        command, stat = (folder / "cmdline").read_bytes(), (folder / "stat").read_text(encoding="utf-8")
    except OSError:  # it ended meanwhile
        return False
    state, its_parent = stat.rpartition(")")[2].split()[:2]
    return int(its_parent) == parent and (b"digest.confined" in command or state == "Z")


def computed(pid: int) -> float:
    """Return the seconds that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Action:
    """
    A run of the action under way.

    Attributes:
        process:
            The process.
        temp:
            Its `RUNNER_TEMP`, with the files of its outputs and its summary.
    """

    process: subprocess.Popen[bytes]
    temp: Path

    def end(self, number: signal.Signals | None = None) -> tuple[Run, float]:
        """Send it a signal, if any; return what it left behind, and after how many seconds."""
        start = time.monotonic()
        if number is not None:
            self.process.send_signal(number)
        log, errors = self.process.communicate(timeout=LONGEST_WAIT)
        took = time.monotonic() - start
        assert errors == b"", errors.decode()
        summary = (self.temp / "summary").read_text(encoding="utf-8")
        return Run(self.process.returncode, log.decode(), parse_outputs(self.temp / "output"), summary), took


def world(temp: Path, **inputs: str) -> dict[str, str]:
    """Return the environment of a process of the action, whose files are in *temp*."""
    temp.mkdir(exist_ok=True)
    for name in ("output", "summary"):
        (temp / name).touch()
    given = {"api_key": API_KEY, **inputs}
    return {
        **clean_environ(),
        "GITHUB_OUTPUT": str(temp / "output"),
        "GITHUB_STEP_SUMMARY": str(temp / "summary"),
        "RUNNER_TEMP": str(temp),
        **{f"DIGEST_{name.upper()}": value for name, value in given.items()},
    }


@contextmanager
def started(
    environ: Mapping[str, str], temp: Path, *, where: Path | None = None, option: str = "utf8"
) -> Iterator[Action]:
    """Start the action with *environ* in the folder *where*, *temp* if None; end it, should the test fail."""
    command = [sys.executable, "-I", "-X", option, str(ROOT / "digest" / "__main__.py"), _site()]
    with subprocess.Popen(
        command, cwd=where or temp, env=dict(environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield Action(process, temp)
        finally:
            process.kill()


def _site() -> str:
    """Return the folder that the dependencies are in."""
    import httpx

    return str(Path(httpx.__file__).parents[1])
