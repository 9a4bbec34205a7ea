"""
Compare the action with what a team could run in its place, in one run and as ratios.

Everything but the installs runs against the stand-ins on loopback, whose
answers are 0 or 200 ms late. Nothing is asserted: times on a shared machine
prove little, ratios of medians of alternating runs prove more.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import shutil
import string
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import NotRunError, Program, in_turn, replace_folder
from benchmarks.memory import together
from benchmarks.table import Row, table
from digest.standin import API_KEY

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).parent
INSTALLS = 3
#: Rounds by how many milliseconds late the stand-ins answer.
ROUNDS = {0: 15, 200: 7}
#: Ratios, and bytes, that are expected on two processors.
INSTALL_BOUND, PEAK_BOUND = 0.30, 60e6
RUN_BOUND = {0: 1.30, 200: 0.75}

WORDS = (
    "install step: with empty package caches on both sides.",
    "first: what the first use in a job meets, files and bytecode just as the install step left them.",
    "warm: a second use in the same job, with the bytecode that the first left.",
    "tutorial: from a virtual environment, in which pip compiled everything at install time.",
    "memory: resident, the peaks of all processes of a first run added up, which is more than they held at once.",
    "latency: how late the stand-ins answer each request, on loopback and without TLS.",
)


def main() -> int:
    """Measure and print one table; return 1 if something could not run."""
    with tempfile.TemporaryDirectory(prefix="creatoraudit-digest-bench-") as folder:
        try:
            print(compare(Path(folder)))
        except NotRunError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def compare(folder: Path) -> str:
    """Return the table, what it was measured on and what its words mean; all files lie in *folder*."""
    install, venv = _installs(folder)
    rows = [Row(install, venv, "", INSTALL_BOUND)]
    runs: list[Program] = []
    notes = []
    for milliseconds, rounds in ROUNDS.items():
        (first, tutorial, warm, *others), memory = _runs(folder, milliseconds, rounds)
        latency = f"{milliseconds} ms"
        for ours in (first, warm):
            rows.append(Row(ours, tutorial, latency, RUN_BOUND[milliseconds]))
            rows += [Row(ours, other, latency) for other in others]
            runs.append(ours)
        whole = [a.median("wall") + b.median("wall") for a, b in ((install, first), (venv, tutorial))]
        notes.append(f"install + first run / venv + pip + tutorial, {latency}: {whole[0] / whole[1]:.2f}")
    largest = max(peak for run in runs for peak in run.values("peak"))
    held = "unknown" if memory is None else f"{memory / 1e6:.0f} MB"
    return "\n".join(
        [
            f"Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f};"
            f" {INSTALLS} installs, " + ", ".join(f"{rounds} runs at {late} ms" for late, rounds in ROUNDS.items()),
            "Times are medians (least-most) of the wall time; ratios are those of the medians.",
            "",
            table(rows),
            "",
            *notes,
            f"memory of the run step: {held}, expected <= {PEAK_BOUND / 1e6:.0f} MB",
            f"memory of its largest process: {largest / 1e6:.0f} MB",
            "",
            *WORDS,
            *([] if others else ["curl + jq: left out, as curl or jq is not installed."]),
        ]
    )


def _installs(folder: Path) -> tuple[Program, Program]:
    """Measure both installs with empty package caches; leave the last of each in *folder*, a copy in `installed`."""
    job, cache, venv = folder / "job", folder / "cache", folder / "venv"

    def new_job() -> None:
        replace_folder(cache)
        replace_folder(job)
        for name in ("digest", "templates"):
            shutil.copytree(ROOT / name, job / "checkout" / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy2(ROOT / "requirements.txt", job / "checkout")
        (job / "temp").mkdir()

    def new_venv() -> None:
        replace_folder(cache)
        shutil.rmtree(venv, ignore_errors=True)

    environ = {**os.environ, "PIP_CACHE_DIR": str(cache), **_files(job)}
    script = '"$0" -m venv "$1" && "$1/bin/python" -m pip install --quiet httpx jinja2'
    action = _step("install.py", python=sys.executable, GITHUB_ACTION_PATH=str(job / "checkout"))
    ours = Program("install step", action, environ, new_job)
    theirs = Program("venv + pip", ["bash", "-c", script, sys.executable, str(venv)], environ, new_venv)
    in_turn((ours, theirs), INSTALLS)
    replace_folder(folder / "installed", job)
    return ours, theirs


def _runs(folder: Path, milliseconds: int, rounds: int) -> tuple[list[Program], int | None]:
    """
    Measure the run step and its rivals against stand-ins in a process of their own; return its memory too.

    Raises:
        NotRunError:
            If one fails, or the chat did not get one message from each run.
    """
    command = [sys.executable, "-m", "benchmarks.standins", str(milliseconds)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as standins:
        assert standins.stdout is not None
        try:
            programs = _programs(folder, json.loads(standins.stdout.readline()))
            in_turn(programs, rounds)
            memory = together(programs[0])
        finally:
            messages, _ = standins.communicate()  # ends its input, and so itself
    expected = len(programs) * (rounds + 1) + (memory is not None)
    if int(messages) != expected:
        text = f"the chat got {messages.strip()} messages from {expected} runs"
        raise NotRunError(text)
    return programs, memory


def _programs(folder: Path, urls: Mapping[str, str]) -> list[Program]:
    """
    Return the run step twice, and its rivals, in the order to run them in.

    The first run leaves its bytecode behind, and the warm one finds it.
    """
    job = folder / "job"
    # As little of the machine as will do: no proxies, no certificates of its own.
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    inputs = {"API_KEY": API_KEY, "WEBHOOK_URL": urls["webhook"], "BASE_URL": urls["api"], "TEMPLATE": "weekly.md.j2"}
    inputs |= {"PERIOD": "7d", "LIMIT": "5", "TIMEZONE": "UTC", "DRY_RUN": "false", "TIMEOUT": "30"}
    action = {**environ, **_files(job), **{f"DIGEST_{name}": value for name, value in inputs.items()}}
    rival = {
        **environ,
        "CREATORAUDIT_API": urls["api"],
        "CREATORAUDIT_API_KEY": API_KEY,
        "WEBHOOK_URL": urls["webhook"],
    }
    told = {"DIGEST_PYTHON": sys.executable, "DIGEST_SITE": _site(folder / "installed")}
    step = _step("__main__.py", **told, GITHUB_ACTION_PATH=str(job / "checkout"))
    programs = [
        Program("run step, first", step, action, lambda: replace_folder(job, folder / "installed")),
        Program("tutorial", [str(folder / "venv/bin/python"), str(HERE / "tutorial.py")], rival),
        Program("run step, warm", step, action),
    ]
    if shutil.which("curl") and shutil.which("jq"):
        programs.append(Program("curl + jq", ["bash", str(HERE / "curl_jq.sh")], rival))
    return programs


def _step(program: str, **variables: str) -> list[str]:
    """Return the command line of action.yml that starts *program*, as bash would with these variables."""
    lines = re.findall(r'exec (".*")$', (ROOT / "action.yml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    line = next((line for line in lines if f"/{program}" in line), None)
    if line is None:
        message = f"action.yml has no line `exec ... {program} ...`; the benchmark wants to run it"
        raise NotRunError(message)
    return shlex.split(string.Template(line).substitute(variables))


def _files(job: Path) -> dict[str, str]:
    """Return the variables with which a runner tells a step where to write."""
    temp = job / "temp"
    files = {"GITHUB_OUTPUT": temp / "output", "GITHUB_STEP_SUMMARY": temp / "summary"}
    return {name: str(path) for name, path in {**files, "RUNNER_TEMP": temp, "GITHUB_WORKSPACE": job}.items()}


def _site(installed: Path) -> str:
    """Return the folder of the dependencies, as the install step told the next one."""
    lines = (installed / "temp/output").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)["site"]


if __name__ == "__main__":
    sys.exit(main())
