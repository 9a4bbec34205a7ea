"""A run that is cancelled, or out of time, ends soon: nothing new is sent, and what was delivered is told."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fakes import Run
from hub import TOKEN, run_environ
from processes import HAS_PROC, Action, computed, renderers, started, until, world
from wire import Peer, Play, answering, listening, packed

from digest.ledger import OPENING
from digest.standin import CreatorAudit, Receiver, Reply, Request

#: Seconds. The aim is 2; a machine that does much else at the same time is allowed more.
SOON = 8.0
LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
#: Three messages in Discord.
LONG = "{% for a in range(6) %}{{ 'x' * 900 }}\n\n{% endfor %}"
#: Markdown that takes the parser hours.
TANGLED = "{{ '![' * 300000 }}"
LOOK = "the message may have been posted: look into the chat before you re-run the job"


@dataclass
class Stall:
    """
    A server that does something that takes too long.

    Attributes:
        how:
            What it does with a connection once the request is there.
        answered:
            How many requests are answered before, as Discord does.
        together:
            How many requests there are then, as the API has at the same time.
        reached:
            Set when it begins to take too long.
        requests:
            All that it was asked.
    """

    how: Callable[[Peer], None]
    answered: int = 0
    together: int = 1
    reached: threading.Event = field(default_factory=threading.Event)
    requests: list[Request] = field(default_factory=list)

    def __call__(self, peer: Peer) -> None:
        """Serve a connection."""
        request = peer.request()
        assert request is not None
        self.requests.append(request)
        if len(self.requests) <= self.answered:
            peer.send(packed(Reply(200, b'{"id": "1"}', {"Content-Type": "application/json"})))
            return
        if len(self.requests) >= self.answered + self.together:
            self.reached.set()
        self.how(peer)


def _drip(peer: Peer) -> None:
    peer.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: " + b"a" * 90_000)


def _body(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
    peer.drip(b" " * 90_000)


def _busy(peer: Peer) -> None:
    peer.send(packed(Reply(429, b"slow down", {"Retry-After": "60"})))


@dataclass
class Stage:
    """
    Where a run is when the signal comes.

    Attributes:
        api, chat, hub:
            Who takes too long, if any; the others answer at once.
        kind:
            The kind of the chat.
        template:
            The template.
        reached:
            Whether the run is there; by default, whether somebody takes too long.
        expected:
            The errors.
        posted:
            Whether the good chat has the message.
    """

    expected: tuple[str, ...]
    api: Stall | None = None
    chat: Stall | None = None
    hub: Stall | None = None
    kind: str = "mattermost"
    template: str = "x"
    reached: Callable[[Action], bool] | None = None
    posted: bool = False


def _renders(action: Action) -> bool:
    """Return whether the template runs: starting a child and compiling takes less than that."""
    children = renderers(action.process.pid)
    return bool(children) and computed(children[0]) > 1.5


def _parses(action: Action) -> bool:
    """Wait until the message was rendered, which the child comes and goes for, and has been read for a while."""
    pid = action.process.pid
    until(lambda: renderers(pid))
    until(lambda: not renderers(pid))
    before = computed(pid)
    until(lambda: computed(pid) > before + 0.5)
    return True


CANCELLED = "the run was cancelled"
UNFETCHED = f"GET /overview: no answer, and {CANCELLED}; re-run the job later"
STAGES: Mapping[str, Callable[[], Stage]] = {
    "fetching": lambda: Stage((UNFETCHED,), api=Stall(lambda peer: peer.hang(), together=3)),
    "fetching headers byte by byte": lambda: Stage((UNFETCHED,), api=Stall(_drip, together=3)),
    "rendering": lambda: Stage((f"t.j2: the template was stopped: {CANCELLED}",), template=LOOP, reached=_renders),
    "reading Markdown": lambda: Stage(
        (f"t.j2: the message could not be read as Markdown, as {CANCELLED}",), template=TANGLED, reached=_parses
    ),
    "asking GitHub": lambda: Stage(
        (f"mattermost (127.0.0.1): {CANCELLED}", f"json (127.0.0.1): {CANCELLED}"), hub=Stall(_drip)
    ),
    # Or about to wait: then it says for how long, too.
    "waiting for Retry-After": lambda: Stage(
        ("mattermost (127.0.0.1): answered 429: slow down (",), chat=Stall(_busy), posted=True
    ),
    "posting": lambda: Stage(
        (f"mattermost (127.0.0.1): no answer, and {CANCELLED}; {LOOK}",),
        chat=Stall(lambda peer: peer.hang()),
        posted=True,
    ),
    "posting part 2 of 3": lambda: Stage(
        (f"discord (127.0.0.1): no answer, and {CANCELLED}; {LOOK}",),
        chat=Stall(lambda peer: peer.hang(), answered=1),
        kind="discord",
        template=LONG,
        posted=True,
    ),
    "headers byte by byte": lambda: Stage(
        (f"mattermost (127.0.0.1): no answer, and {CANCELLED}; {LOOK}",), chat=Stall(_drip), posted=True
    ),
    "body byte by byte": lambda: Stage(
        (f"mattermost (127.0.0.1): no answer, and {CANCELLED}; {LOOK}",), chat=Stall(_body), posted=True
    ),
}


@dataclass
class Cast:
    """A run in which some take too long, and a chat, the last, that takes everything at once."""

    action: Action
    good: Receiver
    stall: Stall | None


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., Cast]]:
    """Yield a function that starts a run at a stage, on servers that end with the test."""
    with ExitStack() as stack:

        def play(stage: Stage, **inputs: str) -> Cast:
            good = Receiver()

            def serve(play: Play) -> str:
                return f"http://127.0.0.1:{stack.enter_context(listening(play))}"

            api, hub = serve(stage.api or answering(CreatorAudit())), serve(stage.hub or answering(_no_jobs))
            chat = serve(stage.chat or answering(Receiver()))
            temp = tmp_path / "temp"
            temp.mkdir()
            (temp / "t.j2").write_text(stage.template, encoding="utf-8")
            given = {
                "base_url": f"{api}/v2",
                "webhook_url": f"{stage.kind} {chat}/in/s3cr3t\n{serve(answering(good))}/in/good",
                "template": "t.j2",
                "on_stale": "ignore",
                "github_token": TOKEN,
                **inputs,
            }
            environ = {**world(temp, **given), **run_environ(2, GITHUB_API_URL=hub), "GITHUB_WORKSPACE": str(temp)}
            action = stack.enter_context(started(environ, temp))
            return Cast(action, good, stage.api or stage.chat or stage.hub)

        yield play


def _no_jobs(_: Request) -> Reply:
    return Reply(200, b'{"jobs": []}')


def _check(result: Run, cast: Cast, stage: Stage) -> None:
    """Check that *result* tells all that was delivered, and what was not."""
    assert result.code == 1
    assert len(result.errors) == len(stage.expected), result.log
    for error, expected in zip(result.errors, stage.expected, strict=True):
        assert error.startswith(expected), error
    assert len(cast.good.received) == stage.posted
    if stage.posted:
        results = json.loads(result.outputs["results"])
        assert [one["status"] for one in results][1] == "accepted"
        assert "json (127.0.0.1): accepted" in result.log
        assert "| json | 127.0.0.1 | accepted | 1 |" in result.summary
        [notice] = result.annotations("notice")
        assert len(notice.removeprefix(OPENING).split()) == 1


@pytest.mark.skipif(not HAS_PROC, reason="looks at processes through /proc")
@pytest.mark.parametrize("name", STAGES)
def test_cancelled(name: str, play: Callable[..., Cast]) -> None:
    """Whatever a run is doing when it is cancelled, it ends soon, with 1, sends nothing new, and tells what it did."""
    stage = STAGES[name]()
    cast = play(stage)
    there = stage.reached
    until(lambda: there(cast.action) if there else cast.stall and cast.stall.reached.is_set())
    if stage.posted:
        until(lambda: cast.good.received)
    asked = len(cast.stall.requests) if cast.stall else 0
    signals = (signal.SIGTERM, signal.SIGINT)
    result, took = cast.action.end(signals[list(STAGES).index(name) % 2])
    print(f"{name}: ended {took:.2f} s after the signal")
    assert took < SOON
    assert (len(cast.stall.requests) if cast.stall else 0) == asked
    assert all(CANCELLED in error for error in result.errors)
    _check(result, cast, stage)


@pytest.mark.parametrize("name", ["fetching", "rendering", "asking GitHub", "posting", "headers byte by byte"])
def test_max_time(name: str, play: Callable[..., Cast]) -> None:
    """`max-time` covers fetching, rendering, asking GitHub and delivery; of it, GitHub leaves time to the chats."""
    stage = STAGES[name]()
    most = 8 if name == "asking GitHub" else 3
    start = time.monotonic()
    result, _ = play(stage, max_time=str(most)).action.end()
    took = time.monotonic() - start
    assert took < most + SOON
    assert result.code == (0 if name == "asking GitHub" else 1), result.log
    said = result.errors or result.annotations("warning")
    assert all("the time for it is up" in text or "no answer in time" in text for text in said), said


def test_max_time__retry_after(play: Callable[..., Cast]) -> None:
    """A chat that asks for more time than is left fails at once, and that is what is said."""
    stage = STAGES["waiting for Retry-After"]()
    result, took = play(stage, max_time="40").action.end()
    assert (result.code, took < 30) == (1, True)
    [error] = result.errors
    assert error.startswith(
        "mattermost (127.0.0.1): answered 429: slow down (asked to wait 60 s, but the time for it is up); "
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_cancelled__at_any_moment(number: signal.Signals, play: Callable[..., Cast]) -> None:
    """A signal that comes when all is posted takes nothing back, and leaves no traceback."""
    cast = play(Stage((), posted=True))
    until(lambda: cast.good.received)
    result, _ = cast.action.end(number)
    # Python is deaf to signals while it ends.
    assert (result.code in (0, 1, -number), "Traceback" in result.log) == (True, False)
    assert [one["status"] for one in json.loads(result.outputs["results"])][1] == "accepted"
