"""Run programs in turn and keep what each took."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: Bytes in one unit of `ru_maxrss`: kilobytes on Linux, bytes on macOS.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class NotRunError(Exception):
    """A program could not run; the text holds what it wrote."""


@dataclass(frozen=True, slots=True)
class Usage:
    """
    What one run of a program took, the programs that it started included.

    Attributes:
        wall:
            Seconds from start to end.
        cpu:
            Seconds of processor time, in user and system mode.
        peak:
            Bytes of memory (RSS) of its largest process. On Linux never less
            than what the benchmark itself holds, some 20 MB.
    """

    wall: float
    cpu: float
    peak: int


@dataclass(frozen=True, slots=True)
class Program:
    """
    A program to be measured.

    Attributes:
        name:
            How the table calls it.
        command:
            Program and arguments.
        environ:
            All of its environment.
        prepare:
            Called before each run; takes no part in the measure.
        usages:
            One for each run, the warm-up left out.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    prepare: Callable[[], None] = lambda: None
    usages: list[Usage] = field(default_factory=list)

    def run(self) -> Usage:
        """
        Run the program once.

        Raises:
            NotRunError:
                If it ends with anything but 0.
        """
        self.prepare()
        with tempfile.TemporaryFile() as log:
            started = time.perf_counter()
            process = subprocess.Popen(
                self.command, env=self.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
            # Not process.wait(), which does not tell what the process used.
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                log.seek(0)
                message = f"{self.name} ended with {process.returncode}:\n{log.read().decode('utf-8', 'replace')}"
                raise NotRunError(message)
        return Usage(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * _RSS_UNIT)

    def median(self, what: str) -> float:
        """Return the median of an attribute of `Usage`."""
        return statistics.median(self.values(what))

    def values(self, what: str) -> list[float]:
        """Return an attribute of every `Usage`."""
        return [float(getattr(usage, what)) for usage in self.usages]


def in_turn(programs: Sequence[Program], rounds: int) -> None:
    """Run the programs A B A B ..., so that a busy machine is busy for all of them; one more round warms up."""
    for number in range(rounds + 1):
        for program in programs:
            usage = program.run()
            if number > 0:
                program.usages.append(usage)


def replace_folder(folder: Path, source: Path | None = None) -> None:
    """Make *folder* a copy of *source*, with the times that bytecode is checked against, or an empty one."""
    shutil.rmtree(folder, ignore_errors=True)
    if source is None:
        folder.mkdir(parents=True)
    else:
        shutil.copytree(source, folder)
