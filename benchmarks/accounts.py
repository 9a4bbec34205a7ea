"""
Run the run step for organisations of 200 to 10,000 accounts, against a stand-in in a process of its own.

`python -m benchmarks.accounts` prints a table: time should grow as the pages
do, and memory should not. With the argument `serve` it is the stand-in: it
prints its URLs as JSON, and serves until its standard input ends.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.measure import NotRunError, Program, in_turn
from digest.standin import API_KEY, CreatorAudit, Receiver, sample, serving, tracked_accounts

ROOT = Path(__file__).resolve().parents[1]
ACCOUNTS_PER_PAGE = 200
SIZES = (200, 2_000, 5_000, 10_000)
ROUNDS = 5
#: Characters that make a page of 200 accounts as large as one with all documented fields, some 300 KB.
FILLING = 1_200
#: The largest ratio, between the pages of the second half and of the first, that is still called linear. Were the time
#: to grow with the square, it would be 3; and the first page seems to take less than it does, as others are waited for.
LINEAR = 2.0
#: Bytes by which the peak may grow from the smallest to the largest organisation.
GROWTH = 10e6


def main() -> int:
    """Measure and print; return 1 if something could not run."""
    with tempfile.TemporaryDirectory(prefix="creatoraudit-digest-bench-") as folder:
        try:
            print(measured(Path(folder)))
        except (NotRunError, subprocess.CalledProcessError) as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def measured(folder: Path) -> str:
    """Return the table and what is expected of it; all files lie in *folder*."""
    with stand_ins() as urls:
        site = installed()
        programs = [run_step(size, urls[str(size)], urls["webhook"], site, folder / str(size)) for size in SIZES]
        in_turn(programs, ROUNDS)
    return "\n".join(
        [
            f"Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}",
            f"{ROUNDS} runs of each; medians (least-most) of wall time, medians of processor time and of the peak",
            "",
            *table(programs),
            "",
            *expectations(programs),
        ]
    )


def table(programs: Sequence[Program]) -> Iterator[str]:
    """Yield the lines of the table, in columns as wide as they need."""
    first = programs[0]
    rows = [("accounts", "pages", "wall ms", "/ first", "cpu ms", "/ first", "peak MB", "- first")]
    for size, program in zip(SIZES, programs, strict=True):
        wall, cpu, peak = (program.median(what) for what in ("wall", "cpu", "peak"))
        walls = program.values("wall")
        rows.append(
            (
                f"{size:,}",
                f"{pages(program)}",
                f"{1000 * wall:.0f} ({1000 * min(walls):.0f}-{1000 * max(walls):.0f})",
                f"{wall / first.median('wall'):.2f}",
                f"{1000 * cpu:.0f}",
                f"{cpu / first.median('cpu'):.2f}",
                f"{peak / 1e6:.1f}",
                f"{(peak - first.median('peak')) / 1e6:+.1f}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))


def expectations(programs: Sequence[Program]) -> Iterator[str]:
    """Yield what is expected, and whether it was met."""
    small, _, middle, large = programs
    for what, name in (("wall", "wall time"), ("cpu", "processor time")):
        early, late = per_page(small, middle, what), per_page(middle, large, what)
        yield (
            f"{name} of one more page: {1000 * early:.1f} ms up to {middle.name}, {1000 * late:.1f} ms from there"
            f" to {large.name}; ratio {late / early:.2f}, expected <= {LINEAR} {verdict(late / early, LINEAR)}"
        )
    growth = max(large.values("peak")) - min(small.values("peak"))
    yield (
        f"largest peak at {large.name} - least peak at {small.name}: {growth / 1e6:.1f} MB,"
        f" expected <= {GROWTH / 1e6:.0f} MB {verdict(growth, GROWTH)}"
    )


def verdict(value: float, bound: float) -> str:
    """Return whether *value* is within *bound*."""
    return "met" if value <= bound else "MISSED"


def per_page(few: Program, many: Program, what: str) -> float:
    """
    Return the seconds that each page beyond those of *few* takes.

    Of the quickest runs, as the difference of two medians is mostly that of
    what else the machine did: it only ever adds.
    """
    return (min(many.values(what)) - min(few.values(what))) / (pages(many) - pages(few))


def pages(program: Program) -> int:
    """Return how many pages a program walks."""
    return int(program.name.replace(",", "").split()[0]) // ACCOUNTS_PER_PAGE


def run_step(size: int, api: str, webhook: str, site: str, temp: Path) -> Program:
    """Return the run step of action.yml for an organisation of that *size*."""
    temp.mkdir()
    inputs = {"API_KEY": API_KEY, "WEBHOOK_URL": webhook, "BASE_URL": api, "ON_STALE": "fail"}
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(temp),
        "LANG": "C.UTF-8",
        "RUNNER_TEMP": str(temp),
        "GITHUB_WORKSPACE": str(temp),
        "GITHUB_OUTPUT": str(temp / "output"),
        "GITHUB_STEP_SUMMARY": str(temp / "summary"),
        **{f"DIGEST_{name}": value for name, value in inputs.items()},
    }
    command = [sys.executable, "-I", "-X", "utf8", str(ROOT / "digest" / "__main__.py"), site]
    return Program(f"{size:,} accounts", command, environ)


def installed() -> str:
    """Return the folder of the dependencies, where `make demo` has them too."""
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    command = [sys.executable, "-I", "-X", "utf8", str(ROOT / "digest" / "install.py")]
    environ = {**os.environ, "RUNNER_TEMP": str(cache), "GITHUB_OUTPUT": ""}
    return subprocess.run(command, check=True, env=environ, stdout=subprocess.PIPE, text=True).stdout.strip()


@contextmanager
def stand_ins() -> Iterator[Mapping[str, str]]:
    """
    Serve in another process; yield the roots of the APIs by their number of accounts, and `webhook`.

    Raises:
        NotRunError:
            If the chat did not get one message from each run.
    """
    command = [sys.executable, "-m", "benchmarks.accounts", "serve"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            received, _ = process.communicate()  # ends its input, and so itself
    if int(received) != len(SIZES) * (ROUNDS + 1):
        message = f"the chat got {received.strip()} messages from {len(SIZES) * (ROUNDS + 1)} runs"
        raise NotRunError(message)


def serve() -> int:
    """Serve until standard input ends, which it also does when the parent dies; print how many messages came."""
    chat = Receiver()
    with ExitStack() as servers:
        urls = {str(size): servers.enter_context(serving(CreatorAudit(organisation(size)))) + "/v2" for size in SIZES}
        urls["webhook"] = servers.enter_context(serving(chat)) + "/hooks/bench_0123456789"
        print(json.dumps(urls), flush=True)
        sys.stdin.read()
    print(len(chat.received), flush=True)
    return 0


def organisation(size: int) -> Mapping[str, Any]:
    """Return the answers of an organisation with that many accounts, all of them fresh."""
    rows = tracked_accounts(size, datetime.now(timezone.utc))
    return {**sample(), "accounts": {"data": [{**row, "description": "x" * FILLING} for row in rows]}}


if __name__ == "__main__":
    sys.exit(serve() if sys.argv[1:] == ["serve"] else main())
