"""Add up the memory of a program and of the programs that it starts."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.measure import Program

#: Seconds between two looks at the processes.
_LOOK = 0.005
_PROC = Path("/proc")


def together(program: Program) -> int | None:
    """
    Run *program* once more; return the sum of what each of its processes held at most, in bytes.

    More than it held at any one time, as pages that two processes share count
    twice, and peaks need not coincide. None where the system has no /proc.
    """
    if not (_PROC / "self/status").exists():
        return None
    program.prepare()
    #: The last look at a process counts: right after a fork, it still has its parent's memory.
    held: dict[int, int] = {}
    with subprocess.Popen(
        program.command, env=program.environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            for pid in _tree(process.pid):
                held.update(_peak(pid))
            time.sleep(_LOOK)
    return sum(held.values())


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):  # it has ended
        for task in (_PROC / str(pid) / "task").iterdir():
            for child in _children(task):
                yield from _tree(child)


def _children(task: Path) -> Sequence[int]:
    with suppress(OSError):
        return [int(child) for child in (task / "children").read_text().split()]
    return []


def _peak(pid: int) -> dict[int, int]:
    with suppress(OSError):
        kilobytes = re.search(r"^VmHWM:\s+(\d+) kB", (_PROC / str(pid) / "status").read_text(), re.MULTILINE)
        return {pid: int(kilobytes[1]) * 1024} if kilobytes else {}
    return {}
