"""Each fault of the table in `faults.py`, at each stage, over real sockets, and each trouble of the machine."""

from __future__ import annotations

import io
import json
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import httpx
import pytest
from fakes import NOW, Run, parse_outputs
from faults import DOCUMENT, FAULTS, SENTENCES, TROUBLES, UNREACHABLE_HOSTS, Fault, Said, Trouble, bomb, code, document
from hub import TOKEN, run_environ
from processes import HAS_PROC, LONGEST_WAIT, renderers, started, until, world
from wire import Authority, Peer, answering, listening, packed

from digest.cli import main
from digest.clock import Clock
from digest.standin import API_KEY, App, CreatorAudit, Receiver, Reply, Request, serving

#: What the stages of the API ask for.
PATHS = {
    "overview": ("/v2/overview", "7d"),
    "ranking": ("/v2/creators/top", "7d"),
    "pace": ("/v2/creators/top", "30d"),
    "accounts": ("/v2/accounts", ""),
}
OPTIONAL = ("pace", "accounts", "ledger")


@dataclass
class Server:
    """
    A server with a fault.

    Attributes:
        fault:
            What it does wrong, or None.
        app:
            What it does else.
        stages:
            The paths and periods that the fault is at; everywhere if empty.
        asked:
            How many requests were made at each of them.
    """

    app: App
    fault: Fault | None = None
    stages: tuple[tuple[str, str], ...] = ()
    asked: dict[tuple[str, str], int] = field(default_factory=dict)

    def __call__(self, peer: Peer) -> None:
        """Serve one connection."""
        head = peer.head()
        if not head:
            return
        target = head.split(b" ")[1].decode()
        url = httpx.URL(target)
        stage = next((stage for stage in self.stages if (url.path, url.params.get("period", "")) == stage), ("", ""))
        self.asked[stage] = number = self.asked.get(stage, 0) + 1
        there = not self.stages or stage != ("", "")
        if self.fault and there and number <= (self.fault.times or number):
            self.fault.play(peer, head)
        else:
            peer.send(packed(self.app(peer.rest(head))))


def _no_jobs(_: Request) -> Reply:
    return Reply(200, b'{"jobs": []}')


class Nowhere(httpx.BaseTransport):
    """The real network, but that names below `invalid` are not known, without asking anybody."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        """Use the machine's sockets, and trust whom *tls* trusts."""
        self._real = httpx.HTTPTransport(verify=tls, trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass *request* on."""
        if request.url.host.endswith(".invalid"):
            try:
                socket.getaddrinfo(request.url.host, None, flags=socket.AI_NUMERICHOST)
            except OSError as error:
                raise httpx.ConnectError(str(error)) from error
        return self._real.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._real.close()


@dataclass
class World:
    """
    A network with faults, and the runs on it.

    Attributes:
        waits:
            The seconds of each wait of the last run.
    """

    stack: ExitStack
    temp: Path
    authority: Authority
    waits: list[float] = field(default_factory=list)

    def serve(self, server: Callable[[Peer], None], tls: ssl.SSLContext | None = None) -> str:
        """Serve, and return the root."""
        port = self.stack.enter_context(listening(server, tls))
        return f"http://127.0.0.1:{port}" if tls is None else f"https://localhost:{port}"

    def run(self, environ: Mapping[str, str] | None = None, **inputs: str) -> Run:
        """Run the action in process; nothing is waited for but sockets."""
        output, summary = self.temp / "output", self.temp / "summary"
        for file in (output, summary):
            file.write_text("", encoding="utf-8")
        files = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary), "RUNNER_TEMP": str(self.temp)}
        given = {"api_key": API_KEY, "github_token": TOKEN, **inputs}
        log = io.StringIO()
        self.waits.clear()
        clock = Clock(now=lambda: NOW, sleep=self.waits.append, jitter=lambda: 0.0)
        everything = {**files, **{f"DIGEST_{name.upper()}": value for name, value in given.items()}, **(environ or {})}
        with Nowhere(self.authority.client()) as transport:
            exit_code = main([], everything, log, transport=transport, clock=clock)
        return Run(exit_code, log.getvalue(), parse_outputs(output), summary.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Return an authority that the action trusts here, after what takes a second to make was made."""
    assert len(bomb()) < 1024**2
    return Authority()


@pytest.fixture
def earth(tmp_path: Path, authority: Authority) -> Iterator[World]:
    """Yield a world without servers."""
    with ExitStack() as stack:
        yield World(stack, tmp_path, authority)


def _check_waits(fault: Fault, waits: list[float], tries: int) -> None:
    """Check that those waits came, in order; on a machine that is slow for a moment, another request has its own."""
    expected = [0.5, 1.0, 2.0] if fault.waits is None else list(fault.waits)
    found = iter(waits)
    assert all(wait in found for wait in expected[: tries - 1]), waits


@pytest.mark.parametrize("stage", ["overview", "ranking"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault__of_what_is_required(fault: Fault, stage: str, earth: World) -> None:
    """Without the overview or the ranking nothing is posted, and one error says why; a passing fault is sat out."""
    chat, api = Receiver(), Server(CreatorAudit(), fault, (PATHS[stage],))
    said = fault.of(stage)
    hook = earth.serve(answering(chat))
    base_url = f"{earth.serve(api)}/v2"
    result = earth.run(base_url=base_url, webhook_url=f"{hook}/in/1", on_stale="ignore", timeout=fault.timeout)
    assert (result.code, len(chat.received)) == (code(stage, said), 0 if said.text else 1), result.log
    _compare(result.errors, [SENTENCES[stage].format(said.text)] if said.text else [])
    assert api.asked[PATHS[stage]] == said.tries
    _check_waits(fault, earth.waits, said.tries)
    assert result.annotations("warning") == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault__of_all_else(fault: Fault, earth: World) -> None:
    """
    What is optional costs one warning each, a chat that fails one error each; the chat that works has its message.

    The fault is at the pace, the accounts, GitHub and two chats in the same run.
    """
    good, servers = Receiver(), {stage: Server(_accepting, fault) for stage in ("chat", "receiver")}
    roots = {stage: earth.serve(server) for stage, server in servers.items()}
    hooks = f"mattermost {roots['chat']}/in/1\n{roots['receiver']}/in/2\n{earth.serve(answering(good))}/in/3"
    result, optional = _with_optional(fault, earth, hooks)
    said = {"chat": fault.chat, "receiver": fault.receiver}
    assert result.code == max(code(stage, one) for stage, one in said.items()), result.log
    _compare(result.errors, [SENTENCES[stage].format(one.text) for stage, one in said.items() if one.text])
    _compare(result.annotations("warning"), optional)
    _check_results(result, said, good)
    assert [server.asked["", ""] for server in servers.values()] == [one.tries for one in said.values()]
    for error, one in zip(result.errors, said.values(), strict=False):
        assert ("may have been posted" in error) == (one.status == "unknown")


@pytest.mark.parametrize("name", ["end without an answer", "HTML", "403 FORBIDDEN", "500 INTERNAL_ERROR"])
def test_fault__of_what_is_optional(name: str, earth: World) -> None:
    """Without the pace, the accounts and GitHub's memory alone the run succeeds, with one warning each."""
    [fault] = [fault for fault in FAULTS if fault.name == name]
    chat = Receiver()
    result, optional = _with_optional(fault, earth, f"{earth.serve(answering(chat))}/in/1")
    assert (result.code, result.errors, len(chat.received)) == (0, [], 1), result.log
    _compare(result.annotations("warning"), optional)


def _with_optional(fault: Fault, earth: World, webhook_url: str) -> tuple[Run, list[str]]:
    """Return a run with the fault at all that is optional, and how its warnings have to begin."""
    api, hub = Server(CreatorAudit(), fault, (PATHS["pace"], PATHS["accounts"])), Server(_no_jobs, fault)
    result = earth.run(
        run_environ(2, GITHUB_API_URL=earth.serve(hub)),
        base_url=f"{earth.serve(api)}/v2",
        webhook_url=webhook_url,
        timeout=fault.timeout,
    )
    said = {stage: fault.of(stage) for stage in OPTIONAL}
    asked = (api.asked[PATHS["pace"]], api.asked[PATHS["accounts"]], hub.asked["", ""])
    assert asked == tuple(one.tries for one in said.values())
    return result, [SENTENCES[stage].format(one.text) for stage, one in said.items() if one.text]


def _accepting(_: Request) -> Reply:
    return Reply(200, b"ok")


@pytest.mark.parametrize("fault", UNREACHABLE_HOSTS, ids=lambda fault: fault.name)
def test_unreachable__api(fault: Fault, earth: World) -> None:
    """An API that is not reached is one error, and nothing is posted."""
    chat = Receiver()
    hook = earth.serve(answering(chat))
    result = earth.run(base_url=f"{_root(fault, earth)}/v2", webhook_url=f"{hook}/in/1")
    assert (result.code, chat.received) == (1, []), result.log
    _compare(result.errors, [SENTENCES["overview"].format(fault.api.text)])


@pytest.mark.parametrize("fault", UNREACHABLE_HOSTS, ids=lambda fault: fault.name)
def test_unreachable__chats_and_github(fault: Fault, earth: World) -> None:
    """Chats that are not reached are one error each; a GitHub that is not is one warning."""
    good, root = Receiver(), _root(fault, earth)
    result = earth.run(
        run_environ(2, GITHUB_API_URL=root),
        base_url=f"{earth.serve(answering(CreatorAudit()))}/v2",
        webhook_url=f"mattermost {root}/in/1\n{root}/in/2\n{earth.serve(answering(good))}/in/3",
        on_stale="ignore",
    )
    said = {"chat": fault.chat, "receiver": fault.receiver}
    assert result.code == 1
    host = httpx.URL(root).host
    texts = [SENTENCES[stage].format(one.text).replace("127.0.0.1", host) for stage, one in said.items()]
    _compare(result.errors, texts)
    _compare(result.annotations("warning"), [fault.ledger.text])
    _check_results(result, said, good)


def _check_results(result: Run, said: Mapping[str, Said], good: Receiver) -> None:
    """
    Check that the output and the summary tell the same, and that the chat after the faulty ones was served.

    On a machine that is slow for a moment it is asked twice, with the same key.
    """
    results = json.loads(result.outputs["results"])
    assert [(one["status"], one["attempts"]) for one in results[:2]] == [
        (one.status, one.tries) for one in said.values()
    ]
    keys = {request.headers["idempotency-key"] for request in good.received}
    assert (results[2]["status"], len(keys)) == ("accepted", 1)
    rows = [line.split(" | ")[2] for line in result.summary.splitlines() if line.startswith(("| mattermost", "| json"))]
    assert rows == [one["status"] for one in results]


def _root(fault: Fault, earth: World) -> str:
    """Return the root of a server that cannot be reached because of *fault*."""
    if fault.name == "DNS failure":
        return "https://nowhere.invalid"
    if fault.name == "refused":
        with socket.create_server(("127.0.0.1", 0)) as free:
            return f"http://127.0.0.1:{free.getsockname()[1]}"
    if fault.name == "no TLS at all":
        root = earth.serve(lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        return root.replace("http://127.0.0.1", "https://localhost")
    certificates: Mapping[str, Callable[[], ssl.SSLContext]] = {
        "TLS, certificate of another host": lambda: earth.authority.server("other.test"),
        "TLS, unknown authority": lambda: Authority().server("localhost"),
        "TLS, expired": lambda: earth.authority.server(
            "localhost", not_after=datetime(2020, 1, 1, tzinfo=timezone.utc)
        ),
    }
    return earth.serve(answering(_refusing), certificates[fault.name]())


def _refusing(request: Request) -> Reply:
    message = f"{request.method} got through"
    raise AssertionError(message)


def _compare(actual: list[str], expected: list[str]) -> None:
    """Check that each text begins as expected; in the place of a path's digits there may be others."""
    assert len(actual) == len(expected), actual
    for text, beginning in zip(actual, expected, strict=True):
        assert text.startswith(beginning), f"{text}\n{beginning}"


def _set_up(trouble: Trouble, environ: dict[str, str], temp: Path) -> dict[str, str]:
    """Return *environ* with that trouble in it."""
    full = "/dev/full"
    changes: Mapping[str, Mapping[str, str]] = {
        "disk full for the outputs": {"GITHUB_OUTPUT": full},
        "disk full for the job summary": {"GITHUB_STEP_SUMMARY": full},
        "disk full for both": {"GITHUB_OUTPUT": full, "GITHUB_STEP_SUMMARY": full},
        "`RUNNER_TEMP` missing": {"RUNNER_TEMP": str(temp / "nowhere")},
        "read-only workspace": {"GITHUB_WORKSPACE": "/proc"},
        "locale that is not UTF-8": {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    }
    if trouble.name.startswith("no `GITHUB_*`"):
        return {name: value for name, value in environ.items() if not name.startswith(("GITHUB_", "RUNNER_"))}
    return {**environ, **changes.get(trouble.name, {})}


@pytest.mark.skipif(not (HAS_PROC and Path("/dev/full").exists()), reason="uses /dev/full and /proc")
@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_trouble(trouble: Trouble, tmp_path: Path) -> None:
    """Whatever is wrong with the machine, what can be posted is posted, and what is lost is told without traceback."""
    chat, temp = Receiver(), tmp_path / "temp"
    gate = Gate()
    with serving(gate) as api, serving(chat) as hook:
        environ = world(temp, base_url=f"{api}/v2", webhook_url=f"{hook}/in/1", on_stale="ignore")
        environ = _set_up(trouble, {**environ, **run_environ(1), "TMPDIR": str(temp)}, temp)
        option = "utf8=0" if trouble.name.startswith("locale") else "utf8"
        where = Path(environ.get("GITHUB_WORKSPACE", temp))
        with started(environ, temp, where=where, option=option) as action:
            if trouble.name == "renderer killed":
                until(lambda: renderers(action.process.pid))
                os.kill(renderers(action.process.pid)[0], 9)
            gate.open()
            result, _ = action.end()
    assert (result.code, len(chat.received)) == (trouble.code, trouble.posted), result.log
    _compare(result.errors, list(trouble.errors))
    if trouble.posted:
        assert "json (127.0.0.1): accepted" in result.log


class Gate:
    """The stand-in API, which answers when it is told to."""

    def __init__(self) -> None:
        """Stay shut."""
        self._opened = threading.Event()
        self._app = CreatorAudit()

    def open(self) -> None:
        """Answer from now on."""
        self._opened.set()

    def __call__(self, request: Request) -> Reply:
        """Wait, and answer."""
        self._opened.wait(LONGEST_WAIT)
        return self._app(request)


def test_document__current() -> None:
    """docs/faults.md is what `make faults` writes."""
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def test_table__complete() -> None:
    """No fault has the name of another."""
    names = [fault.name for fault in (*FAULTS, *UNREACHABLE_HOSTS)] + [trouble.name for trouble in TROUBLES]
    assert len(names) == len(set(names))
