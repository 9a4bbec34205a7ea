"""The world of the tests: a network that is a table, a clock that does not wait, a runner made of files."""

from __future__ import annotations

import difflib
import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest

from digest.clock import Clock
from digest.standin import CreatorAudit, Reply, Request

Answer: TypeAlias = "httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]"

API = "https://api.creatoraudit.com/v2"
HOOK = "https://hooks.example.test/in/tok_0123456789abcdef"
#: The Sunday of the README's sample.
NOW = datetime(2026, 11, 22, 6, 17, tzinfo=timezone.utc)


class FakeNetwork(httpx.BaseTransport):
    """
    Answer from a table, remember every request, refuse everything else.

    Attributes:
        requests:
            In the order of their arrival.
    """

    def __init__(self) -> None:
        """Know no URL yet."""
        self.requests: list[httpx.Request] = []
        self._answers: dict[tuple[str, str], deque[Answer]] = {}

    def on(self, method: str, url: str, *answers: Answer) -> None:
        """Answer requests to *url*, its query left out, with *answers* in turn; the last one stays."""
        self._answers[method, url] = deque(answers)

    def to(self, url: str) -> list[httpx.Request]:
        """Return the requests that went to *url*, its query left out."""
        return [request for request in self.requests if _without_query(request) == url]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer *request*."""
        request.read()
        self.requests.append(request)
        answers = self._answers.get((request.method, _without_query(request)))
        if answers is None:
            message = f"no answer for {request.method} {_without_query(request)}"
            raise AssertionError(message)
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        response = answer if isinstance(answer, httpx.Response) else answer(request)
        return _unread(response)


def _unread(response: httpx.Response) -> httpx.Response:
    """Return *response* as it comes from a socket: not read yet, and good for one use."""
    if not isinstance(response.stream, httpx.ByteStream):
        return response
    return httpx.Response(response.status_code, headers=response.headers, stream=response.stream)


def _without_query(request: httpx.Request) -> str:
    return str(request.url.copy_with(query=None))


class FakeClock:
    """
    A clock whose time passes only for the thread that sleeps, and so for whoever waits for that thread.

    Threads that sleep at the same time do not add to each other's time. Where
    they did, a test would depend on which of them came first.

    Attributes:
        waits:
            The seconds of each sleep, in order.
    """

    def __init__(self, start: datetime = NOW) -> None:
        """Show *start*, until somebody sleeps."""
        self.waits: list[float] = []
        self._start = start
        self._passed: dict[threading.Thread, float] = {}
        self._lock = threading.Lock()

    def clock(self) -> Clock:
        """Return this clock as the code takes it; jitter is always 0."""
        return Clock(
            now=lambda: self._start + timedelta(seconds=self._monotonic()),
            monotonic=self._monotonic,
            sleep=self.sleep,
            jitter=lambda: 0.0,
        )

    def sleep(self, seconds: float) -> None:
        """Have *seconds* pass for this thread."""
        passed = self._monotonic() + seconds
        with self._lock:
            self.waits.append(seconds)
            self._passed[threading.current_thread()] = passed

    def _monotonic(self) -> float:
        """Return the seconds of this thread: it began when those before it had ended; the main one waits for all."""
        this, main = threading.current_thread(), threading.main_thread()
        with self._lock:
            before = (
                passed for thread, passed in self._passed.items() if main in (this, thread) or not thread.is_alive()
            )
            latest = max(before, default=0.0)
            return latest if this is main else self._passed.setdefault(this, latest)


@dataclass(frozen=True)
class Run:
    """
    What one run of the action left behind.

    Attributes:
        code:
            The exit code.
        log:
            Standard output.
        outputs:
            The step's outputs, by name.
        summary:
            The job summary.
    """

    code: int
    log: str
    outputs: Mapping[str, str]
    summary: str

    def annotations(self, level: str) -> list[str]:
        """Return the texts of the annotations of *level*, unescaped."""
        prefix = f"::{level} title=CreatorAudit digest::"
        lines = [line.removeprefix(prefix) for line in self.log.splitlines() if line.startswith(prefix)]
        return [line.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%") for line in lines]

    @property
    def errors(self) -> list[str]:
        """Return the texts of the error annotations."""
        return self.annotations("error")


def answer_from(network: FakeNetwork, answers: Mapping[str, Any], base_url: str = API) -> None:
    """Have the API on *network* answer from *answers*, as the stand-in does over sockets."""
    app = CreatorAudit(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        return _response(app(_request(request)))

    for path in ("/overview", "/creators/top", "/accounts", "/creators"):
        network.on("GET", base_url + path, answer)


def posted(network: FakeNetwork, url: str = HOOK) -> list[Any]:
    """Return the decoded bodies that were posted to *url*."""
    return [json.loads(request.content) for request in network.to(url)]


def compare(file: Path, actual: str, *, update: bool) -> None:
    """
    Compare a golden file with the text that it should hold, byte for byte.

    With *update*, a file that differs is rewritten. The test fails then too,
    so that nothing passes by being updated: read the diff, run again.
    """
    shown = f"{file.parent.name}/{file.name}"
    content = actual.encode("utf-8")
    kept = file.read_bytes() if file.is_file() else None
    if kept != content and update:
        file.write_bytes(content)
        pytest.fail(f"rewrote {shown}; read it, then run without --update-golden")
    assert kept is not None, f"{shown} is missing; run with --update-golden, and read it"
    before, after = kept.decode("utf-8").splitlines(), actual.splitlines()
    difference = "\n".join(difflib.unified_diff(before, after, shown, "now", lineterm=""))
    assert kept == content, difference or f"{shown}: line ends"


def parse_outputs(file: Path) -> dict[str, str]:
    """
    Read a file of `GITHUB_OUTPUT` as the runner does.

    In each line, whichever of `=` and `<<` comes first decides; a value after
    `<<` ends at a line that equals the delimiter.
    """
    outputs: dict[str, str] = {}
    lines = iter(file.read_bytes().decode("utf-8").split("\n"))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            outputs[line[:equals]] = line[equals + 1 :]
            continue
        assert heredoc >= 0, f"the runner would refuse {line!r}"
        delimiter, value = line[heredoc + 2 :], []
        for inner in lines:
            if inner == delimiter:
                break
            value.append(inner)
        else:
            message = f"the delimiter of {line!r} is missing"
            raise AssertionError(message)
        outputs[line[:heredoc]] = "\n".join(value)
    return outputs


def _request(request: httpx.Request) -> Request:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Request(request.method, request.url.path, dict(request.url.params), headers, request.content)


def _response(reply: Reply) -> httpx.Response:
    return httpx.Response(reply.status, content=reply.body, headers=dict(reply.headers))
