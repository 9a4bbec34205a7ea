"""
Serve the stand-ins to the steps of a workflow, and check what came of it.

    selftest.py start FOLDER    serve behind the job's back, and set the step's outputs
    selftest.py serve FOLDER    until FOLDER is removed, five minutes at most
    selftest.py check FOLDER    the action's outputs, given as variables

It needs the standard library alone: ci.yml runs it on GitHub's machines, with
the Python that they have.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from digest.standin import API_KEY, CreatorAudit, Reply, Request, serving

#: Seconds.
_TO_START = 30.0
_LONGEST = 300.0


def start(folder: Path, output: Path) -> int:
    """Serve in a process that outlives this one, and write its URLs to *output*; return the exit code."""
    command = [sys.executable, "-I", "-X", "utf8", __file__, "serve", str(folder)]
    no = subprocess.DEVNULL
    # A session of its own: a step that ends may hang up on the one it had.
    server = subprocess.Popen(command, stdin=no, stdout=no, stderr=no, start_new_session=True)
    end = time.monotonic() + _TO_START
    while not (folder / "urls").is_file():
        if server.poll() is not None or time.monotonic() > end:
            sys.stdout.write(f"::error::the stand-ins did not start: exit code {server.poll()}\n")
            return 1
        time.sleep(0.05)
    with output.open("a", encoding="utf-8", newline="\n") as file:
        file.write((folder / "urls").read_text(encoding="utf-8"))
    return 0


def serve(folder: Path, longest: float = _LONGEST) -> None:
    """Serve the API, a chat that takes messages, and one that refuses them."""
    folder.mkdir(parents=True)
    received = folder / "received.jsonl"

    def chat(request: Request) -> Reply:
        if request.path.startswith("/refuse/"):
            return Reply(404, b"no_service")
        with received.open("a", encoding="utf-8") as file:
            file.write(json.dumps(request.json()) + "\n")
        return Reply(200, b"ok")

    with serving(CreatorAudit()) as api, serving(chat) as hooks:
        urls = {
            "key": API_KEY,
            "api": f"{api}/v2",
            "chat": f"{hooks}/take/tok_0123456789",
            "refusing": f"{hooks}/refuse/tok_0123456789",
        }
        partial = folder / "urls.partial"
        partial.write_text("".join(f"{name}={value}\n" for name, value in urls.items()), encoding="utf-8", newline="\n")
        partial.rename(folder / "urls")
        end = time.monotonic() + longest
        while folder.is_dir() and time.monotonic() < end:
            time.sleep(0.1)


def check(folder: Path, environ: Mapping[str, str]) -> list[str]:
    """Return what is wrong with what the chat received and what the action's outputs say."""
    received = [json.loads(line) for line in (folder / "received.jsonl").read_text("utf-8").splitlines()]
    file = Path(environ["MESSAGE_FILE"]).read_text("utf-8")
    data = json.loads(Path(environ["DATA_FILE"]).read_text("utf-8"))
    statuses = [result["status"] for result in json.loads(environ["RESULTS"])]
    wrong = {
        f"the chat received {received!r}, the data are {data!r}": [body["data"] for body in received] != [data],
        f"the file holds {file!r}": not file.startswith(f"# {data['title']}\n"),
        f"the output `message` is {environ['MESSAGE']!r}": environ["MESSAGE"].rstrip("\n") != file.rstrip("\n"),
        f"the data are of {data['days']!r} days": data["days"] != 7,
        f"the results are {statuses}": statuses != ["accepted"],
    }
    return [text for text, is_wrong in wrong.items() if is_wrong]


def main(command: str, folder: Path, environ: Mapping[str, str]) -> int:
    """Run *command* and return the exit code."""
    if command == "start":
        return start(folder, Path(environ["GITHUB_OUTPUT"]))
    if command == "serve":
        serve(folder)
        return 0
    faults = check(folder, environ)
    for fault in faults:
        sys.stdout.write(f"::error::{fault}\n")
    return len(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), os.environ))
