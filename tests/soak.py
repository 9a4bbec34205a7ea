"""
Post many digests in a row to eight chats, with faults, and count: `make soak`.

Each digest goes through the action's entry point, `digest.cli.main`, in this
process, over real sockets and with a renderer of its own; waits between tries
are shortened. A chat remembers what it showed, so that a message which is lost
without a word, or shown twice, is found.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from fakes import Run, parse_outputs
from wire import Peer, listening, packed

from digest.cli import main
from digest.clock import Clock
from digest.destinations import DESTINATIONS
from digest.standin import API_KEY, CreatorAudit, Reply, Request

#: The share of requests that go wrong.
FAULTS = 0.05
#: Digests before memory is measured for the first time.
WARM = 50
#: What each chat says to a message that it shows.
_YES: Mapping[str, Reply] = {
    "slack": Reply(200, b"ok"),
    "discord": Reply(200, b'{"id": "1"}'),
    "teams": Reply(202, b""),
    "google-chat": Reply(200, b'{"name": "spaces/1/messages/1"}'),
    "telegram": Reply(200, b'{"ok": true, "result": {}}'),
    "mattermost": Reply(200, b"ok"),
    "rocketchat": Reply(200, b'{"success": true}'),
    "json": Reply(204, b""),
}
#: What the URLs of a kind must have.
_QUERIES = {"google-chat": "?key=k&token=t", "telegram": "?chat_id=1", "teams": "?sig=s"}
#: Seconds for each request, and by how much other waits are shortened.
_TIMEOUT, _HURRY = 1, 50
_TITLE = re.compile(rb"digest\d{4}")
#: Refusals: nothing is shown.
_REFUSALS = (
    Reply(500, b""),
    Reply(503, b"busy", {"Retry-After": "1"}),
    Reply(429, b"slow", {"Retry-After": "2"}),
    Reply(404, b"gone"),
    Reply(400, b"no"),
)


def _cut(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")


def _hang(peer: Peer) -> None:
    peer.over.wait(_TIMEOUT + 0.5)


#: Losses of the answer: whether the message is shown is another question.
_LOSSES = (Peer.reset, _cut, _hang)
_FAILURES: Sequence[Reply | Callable[[Peer], None]] = (*_REFUSALS, *_LOSSES)


@dataclass
class Flaky:
    """
    A server that sometimes fails.

    Attributes:
        answer:
            What it does with a request that it takes.
        dice:
            When it fails, and how.
        failed:
            How often it did.
    """

    answer: Callable[[Request], Reply]
    dice: random.Random
    failed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, peer: Peer) -> None:
        """Serve one connection."""
        request = peer.request()
        if request is None:
            return
        with self._lock:
            failure = self.dice.choice(_FAILURES) if self.dice.random() < FAULTS else None
            taken = self.dice.random() < 0.5
            self.failed += failure is not None
        if isinstance(failure, Reply):
            peer.send(packed(failure))
        elif failure is None or taken:
            reply = self.answer(request)
            failure(peer) if failure else peer.send(packed(reply))
        else:
            failure(peer)


@dataclass
class Chat:
    """
    A chat that remembers what it showed.

    Attributes:
        kind:
            Which one.
        shown:
            How often it showed each message, by title.
    """

    kind: str
    shown: Counter[str] = field(default_factory=Counter)
    _keys: set[str] = field(default_factory=set)

    def __call__(self, request: Request) -> Reply:
        """Show a message, unless it has the key of one that was shown, where the chat knows keys."""
        key = request.headers.get("idempotency-key") or request.query.get("requestId", "")
        if not (DESTINATIONS[self.kind].idempotent and key in self._keys):
            [title] = set(_TITLE.findall(request.body))
            self._keys.add(key)
            self.shown[title.decode()] += 1
        return _YES[self.kind]


@dataclass
class Count:
    """
    What many digests came to.

    Attributes:
        digests:
            How many there were.
        statuses:
            How the deliveries ended.
        unposted:
            How many digests could not be made, as the API failed for good.
        tries:
            How many requests the deliveries took.
        failed:
            How many requests went wrong.
        wrong:
            What must not be: a message that is lost, shown twice, or said to be what it is not; a file left.
        memory:
            Resident memory in MiB, after `WARM` digests and at the end.
        seconds:
            How long it took.
    """

    digests: int
    statuses: Counter[str] = field(default_factory=Counter)
    unposted: int = 0
    tries: int = 0
    failed: int = 0
    wrong: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    seconds: float = 0.0


def soak(digests: int, seed: int = 4711) -> Count:
    """Post that many digests, and count."""
    dice, count, start = random.Random(seed), Count(digests), time.monotonic()
    chats = [Chat(kind) for kind in _YES]
    servers = [Flaky(chat, random.Random(dice.random())) for chat in chats]
    api = Flaky(CreatorAudit(), random.Random(dice.random()))
    with ExitStack() as stack:
        base_url = f"http://127.0.0.1:{stack.enter_context(listening(api))}/v2"
        lines = [
            f"{chat.kind} http://127.0.0.1:{stack.enter_context(listening(server))}/in/1{_QUERIES.get(chat.kind, '')}"
            for chat, server in zip(chats, servers, strict=True)
        ]
        inputs = {"api_key": API_KEY, "base_url": base_url, "webhook_url": "\n".join(lines), "timeout": str(_TIMEOUT)}
        for number in range(digests):
            title = f"digest{number:04}"
            with tempfile.TemporaryDirectory() as folder:
                temp = Path(folder)
                count.wrong += _check(title, _run(temp, {**inputs, "title": title}), temp, chats, count)
            if number in (min(WARM, digests) - 1, digests - 1):
                count.memory.append(_resident())
    count.failed = sum(server.failed for server in (api, *servers))
    count.seconds = time.monotonic() - start
    return count


def _run(temp: Path, inputs: Mapping[str, str]) -> Run:
    output, summary = temp / "output", temp / "summary"
    for file in (output, summary):
        file.touch()
    environ = {f"DIGEST_{name.upper()}": value for name, value in inputs.items()}
    files = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary), "RUNNER_TEMP": str(temp)}
    log, clock = io.StringIO(), replace(Clock(), sleep=lambda seconds: time.sleep(seconds / _HURRY))
    with httpx.HTTPTransport(trust_env=False) as transport:
        code = main([], {**environ, **files}, log, transport=transport, clock=clock)
    return Run(code, log.getvalue(), parse_outputs(output), summary.read_text(encoding="utf-8"))


def _check(title: str, run: Run, temp: Path, chats: Sequence[Chat], count: Count) -> Iterator[str]:
    """Count one digest; yield what must not be."""
    shown = [chat.shown[title] for chat in chats]
    if "results" not in run.outputs:
        count.unposted += 1
        if run.code != 1 or not run.errors or any(shown):
            yield f"{title}: {run.code}, {run.errors}, shown {shown}"
        return
    results: list[Mapping[str, Any]] = json.loads(run.outputs["results"])
    count.statuses.update(one["status"] for one in results)
    count.tries += sum(one["attempts"] for one in results)
    for chat, times, one in zip(chats, shown, results, strict=True):
        said, allowed = one["status"], {"accepted": (1,), "failed": (0,), "unknown": (0, 1)}
        if times not in allowed[said]:
            yield f"{title}: {chat.kind} showed it {times} times, and {said} was said"
        if said != "accepted" and not any(f"{chat.kind} (127.0.0.1): " in error for error in run.errors):
            yield f"{title}: {chat.kind} {said} was not reported"
    if run.code != any(one["status"] != "accepted" for one in results):
        yield f"{title}: ended with {run.code}"
    named = {Path(run.outputs[name]) for name in ("message-file", "html-file", "data-file")}
    left = {path for path in temp.rglob("*") if path.is_file()} - {temp / "output", temp / "summary"}
    if left != named:
        yield f"{title}: left {left}"


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


if __name__ == "__main__":
    counted = soak(int(sys.argv[1]) if sys.argv[1:] else 500)
    print(counted)
    sys.exit(bool(counted.wrong) or counted.memory[-1] > counted.memory[0] * 1.1)
