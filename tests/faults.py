"""
What can go wrong, and what the action does then: the table that `test_faults.py` runs.

`make faults` writes docs/faults.md from it; a test fails when that is not what
it would write.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TypeAlias

from wire import Peer, packed

from digest.standin import Reply

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "faults.md"
TRIES = 4
LOOK = "the message may have been posted: look into the chat before you re-run the job"
NETWORK = "check the runner's network, then re-run the job"
UNREACHABLE = "check `base-url`, the runner's network and its proxy; then re-run the job"
WRONG_BODY = "check `base-url`; if it is right, the API has changed: report it with the request id"
PERMISSIONS = "the job needs `permissions:` `actions: read` and `checks: read`"
NO_LIST = "GitHub's API sent something else than a list"
GONE = "the webhook was removed or may not post; make a new one and put its URL into the secret"
BUSY = "the chat is busy or out of order; re-run the job later"
DISLIKED = "the receiver did not like the message; check that the URL is of this kind of chat"
#: What a request that went unanswered says, by how.
BROKE = "the connection broke before the answer"
BROKE_OFF = "the answer broke off"

#: What a faulty server does with a connection whose request's head it has read.
Play: TypeAlias = Callable[[Peer, bytes], None]


@dataclass(frozen=True)
class Said:
    """
    What is said of a fault at one stage, and how often the request was made.

    Attributes:
        text:
            The beginning of it, in a place that the stage decides; empty if
            nothing is wrong.
        tries:
            How many requests were made.
        status:
            How a delivery ended.
    """

    text: str = ""
    tries: int = 1
    status: str = "failed"


ACCEPTED = Said("", 1, "accepted")


@dataclass(frozen=True)
class Fault:
    """
    Something that a server does wrong.

    Attributes:
        name:
            What people call it.
        play:
            What a server does.
        api:
            What is said of it after `GET /path`.
        chat:
            The same of a chat that may show a message twice (`mattermost`).
        receiver:
            The same of a receiver that knows a message by its key (`json`).
        ledger:
            The same of GitHub's API, when a re-run asks what was delivered.
        others:
            What is said of single paths of the API, where that is another.
        waits:
            The seconds between the tries, where they are not the usual ones.
        times:
            How often it goes wrong before all is well; None for always.
        timeout:
            The seconds that a server has for each answer.
    """

    name: str
    play: Play
    api: Said
    chat: Said
    receiver: Said
    ledger: Said
    others: Mapping[str, Said] = field(default_factory=dict)
    waits: tuple[float, ...] | None = None
    times: int | None = None
    timeout: str = "30"

    def of(self, stage: str) -> Said:
        """Return what is said at *stage*."""
        if stage in ("chat", "receiver", "ledger"):
            return {"chat": self.chat, "receiver": self.receiver, "ledger": self.ledger}[stage]
        return self.others.get(stage, self.api)


def _lost(name: str, play: Play, reason: str) -> Fault:
    """Return a fault by which an answer is lost: nobody knows what the server did."""
    return Fault(
        name,
        play,
        api=Said(f": {reason}", TRIES),
        chat=Said(reason, 1, "unknown"),
        receiver=Said(reason, TRIES, "unknown"),
        ledger=Said(f"GitHub's API gave no answer ({reason}", TRIES),
    )


def _slow(name: str, play: Play, reason: str) -> Fault:
    """Return a fault by which an answer takes longer than there is time for it."""
    return replace(_lost(name, play, reason), timeout="1.2")


def _unreachable(name: str, reason: str) -> Fault:
    """Return a fault by which nothing is sent."""
    return Fault(
        name,
        lambda _peer, _head: None,
        api=Said(f": {reason}", TRIES),
        chat=Said(reason, TRIES),
        receiver=Said(reason, TRIES),
        ledger=Said(f"GitHub's API gave no answer ({reason}", TRIES),
    )


def _odd(name: str, play: Play, said: str, **others: str) -> Fault:
    """Return a success that holds something else; chats are asked for no more than a success."""
    wrong = {stage: Said(f" answered 200, but {text}") for stage, text in others.items()}
    api = Said(f" answered 200, but {said}")
    return Fault(name, play, api, ACCEPTED, ACCEPTED, Said(NO_LIST), wrong)


def _status(status: int, code: str, api: str, chat: str, *, tries: int = 1, asked: int | None = None) -> Fault:
    """Return a refusal, which the API explains in a problem document; the API and GitHub are *asked* so often."""
    asked = tries if asked is None else asked
    problem = {"code": code, "detail": "Said so."}
    body = json.dumps(problem).encode()
    headers = {"Content-Type": "application/problem+json"}
    tried = f" [tried {asked} times]" if asked > 1 else ""
    hub = f"; {PERMISSIONS}" if status in (401, 403, 404) else ""
    return Fault(
        f"{status} {code}".strip(),
        _replying(Reply(status, body, headers)),
        api=Said(f" answered {status} {code}: Said so.{tried}; {api}", asked),
        chat=Said(f"answered {status}: {body.decode()}; {chat}", tries),
        receiver=Said(f"answered {status}: {body.decode()}; {chat}", tries),
        ledger=Said(f"GitHub's API answered {status}{hub}", asked),
    )


def _patient(name: str, header: str, *waits: float, date: str = "") -> Fault:
    """Return an answer that asks to wait, as often as there are *waits*; then all is well."""
    reply = _wait(header, Date=date) if date else _wait(header)
    fine = Said("", len(waits) + 1, "accepted")
    return Fault(name, _replying(reply), fine, fine, fine, fine, waits=waits, times=len(waits))


def _storm(name: str, header: str, *waits: float) -> Fault:
    """Return an answer that asks to wait without end."""
    fault = _status(429, "RATE_LIMITED", "other programs use up the key's rate limit", BUSY, tries=TRIES)
    return replace(fault, name=name, play=_replying(_wait(header)), waits=waits)


def _absurd(name: str, header: str) -> Fault:
    """Return an answer that asks to wait longer than anybody would."""
    return Fault(
        name,
        _replying(_wait(header)),
        api=Said(" answered 429 RATE_LIMITED: Said so. (asked to wait "),
        chat=Said(f"answered 429: {_WAIT.decode()} (asked to wait "),
        receiver=Said(f"answered 429: {_WAIT.decode()} (asked to wait "),
        ledger=Said("GitHub's API answered 429"),
    )


_WAIT = json.dumps({"code": "RATE_LIMITED", "detail": "Said so."}).encode()


def _wait(header: str, **more: str) -> Reply:
    return Reply(429, _WAIT, {"Retry-After": header, **more})


def _replying(reply: Reply) -> Play:
    """Return a play that answers with *reply*."""

    def play(peer: Peer, head: bytes) -> None:
        peer.rest(head)
        peer.send(packed(reply))

    return play


def _saying(raw: bytes) -> Play:
    """Return a play that sends *raw* once the request is there, and ends the connection."""

    def play(peer: Peer, head: bytes) -> None:
        peer.rest(head)
        peer.send(raw)

    return play


def _holding(raw: bytes) -> Play:
    """Return a play that sends *raw* once the request is there, and then no more."""

    def play(peer: Peer, head: bytes) -> None:
        _saying(raw)(peer, head)
        peer.hang()

    return play


def _dripping(raw: bytes, slowly: bytes) -> Play:
    """Return a play that sends *raw*, and then *slowly* byte by byte."""

    def play(peer: Peer, head: bytes) -> None:
        _saying(raw)(peer, head)
        peer.drip(slowly)

    return play


def _resetting(take: Callable[[Peer, bytes], object], raw: bytes = b"") -> Play:
    """Return a play that takes so much of the request, sends *raw*, and breaks the connection off."""

    def play(peer: Peer, head: bytes) -> None:
        take(peer, head)
        peer.send(raw)
        if raw:
            peer.over.wait(0.5)  # what was sent is to arrive before the end
        peer.reset()

    return play


def _half(peer: Peer, _: bytes) -> None:
    """Take the first bytes of the request's body, if it has one."""
    peer.socket.settimeout(0.1)
    try:
        peer.read(10)
    except TimeoutError:  # a GET has none
        return


def _flood(peer: Peer, head: bytes) -> None:
    """Send 100 MB, as far as they are taken."""
    _saying(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n\r\n")(peer, head)
    for _ in range(100):
        peer.send(b" " * 1024**2)


@cache
def bomb() -> bytes:
    """Return 100 MB, packed."""
    return gzip.compress(b" " * 100 * 1024**2, compresslevel=1)


def _explosive(peer: Peer, head: bytes) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    _replying(Reply(200, bomb(), headers))(peer, head)


def _json(body: str) -> Play:
    return _replying(Reply(200, body.encode(), {"Content-Type": "application/json"}))


def _html(peer: Peer, head: bytes) -> None:
    _replying(Reply(200, b"<h1>Log in</h1>", {"Content-Type": "text/html"}))(peer, head)


#: The connection ends with the answer, and the client is told so: it must not be used for another request.
_OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n"
_NO_DATA = "there is no 'data' in the body; its keys are unexpected"

#: Where no request gets through. Of the API that is all paths at the same time.
UNREACHABLE_HOSTS: tuple[Fault, ...] = (
    _unreachable("DNS failure", "no connection (ConnectError: gaierror)"),
    _unreachable("refused", "no connection (ConnectError: ConnectionRefusedError)"),
    _unreachable("TLS, certificate of another host", "no connection (ConnectError: SSLCertVerificationError)"),
    _unreachable("TLS, unknown authority", "no connection (ConnectError: SSLCertVerificationError)"),
    _unreachable("TLS, expired", "no connection (ConnectError: SSLCertVerificationError)"),
    _unreachable("no TLS at all", "no connection (ConnectError: SSL"),
)

#: What a server does once it has a request.
FAULTS: tuple[Fault, ...] = (
    _slow("slow headers", _holding(b""), "no answer in time (ReadTimeout: TimeoutError)"),
    _slow("slow body", _holding(_OK + b"Content-Length: 9\r\n\r\n{"), f"{BROKE_OFF} (ReadTimeout"),
    _slow(
        "body byte by byte", _dripping(_OK + b"Content-Length: 900\r\n\r\n", b" " * 900), f"{BROKE_OFF} (ReadTimeout"
    ),
    _lost("reset before the request's body", _resetting(lambda *_: None), BROKE),
    _lost("reset during the request's body", _resetting(_half), BROKE),
    _lost("reset after the request", _resetting(Peer.rest), BROKE),
    _lost("end without an answer", _saying(b""), f"{BROKE} (RemoteProtocolError"),
    _lost("headers cut", _saying(b"HTTP/1.1 200 OK\r\nContent-"), f"{BROKE} (RemoteProtocolError"),
    _lost("something else than HTTP", _saying(b"SSH-2.0-OpenSSH_9.6\r\n"), f"{BROKE} (RemoteProtocolError"),
    _lost("headers of 1 MB", _saying(_OK + b"X-A: b\r\n" * 130_000), BROKE),
    _lost("body cut", _saying(_OK + b"Content-Length: 99\r\n\r\n{}"), f"{BROKE_OFF} (RemoteProtocolError"),
    _lost(
        "chunk cut", _saying(_OK + b"Transfer-Encoding: chunked\r\n\r\n63\r\n{}"), f"{BROKE_OFF} (RemoteProtocolError"
    ),
    _lost(
        "chunk length that is none",
        _saying(_OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        f"{BROKE_OFF} (RemoteProtocolError",
    ),
    _lost("reset during the answer's body", _resetting(Peer.rest, _OK + b"Content-Length: 99\r\n\r\n{"), BROKE_OFF),
    _lost(
        "gzip that is none",
        _saying(_OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
        f"{BROKE_OFF} (DecodingError",
    ),
    _odd(
        "wrong length",
        _saying(_OK + b"Content-Length: 1\r\n\r\n{}"),
        "the body is not JSON (application/json, 1 bytes)",
    ),
    _odd("100 MB", _flood, "the body is larger than 8 MiB"),
    _odd("gzip bomb of 100 MB", _explosive, "the body is larger than 8 MiB"),
    _odd("HTML", _html, "the body is not JSON (text/html, 15 bytes)"),
    _odd("no body", _json(""), "the body is not JSON (application/json, 0 bytes)"),
    _odd("wrong JSON", _json('{"unexpected": 1}'), _NO_DATA, accounts="there is no data list in the body"),
    _odd("NaN", _json('{"data": NaN}'), "the body is not JSON"),
    _odd("Infinity", _json('{"data": [-Infinity]}'), "the body is not JSON"),
    _odd("1e999", _json('{"data": [1e999]}'), "the body is not JSON"),
    _odd("a number of 5,000 digits", _json('{"data": [%s]}' % ("9" * 5000)), "the body is not JSON"),
    # GitHub's API would have said that there are no jobs.
    replace(
        _odd("nested 100 levels deep", _json("[" * 100 + "]" * 100), "the body is nested deeper than 32 levels"),
        ledger=Said(),
    ),
    _odd("nested 100,000 levels deep", _json("[" * 100_000), "the body is not JSON"),
    replace(
        _odd("204, no content", _saying(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"), ""),
        api=Said(" answered 204; see https://docs.creatoraudit.com"),
    ),
    Fault(
        "redirect to another host",
        _replying(Reply(302, b"", {"Location": "http://127.0.0.2/elsewhere"})),
        api=Said(" answered 302: a redirect, which is not followed with the key attached; check `base-url`"),
        chat=Said("answered 302; redirects are not followed; put the final URL into the secret"),
        receiver=Said("answered 302; redirects are not followed; put the final URL into the secret"),
        ledger=Said("GitHub's API answered 302"),
    ),
    _status(400, "BAD_REQUEST", "see https://docs.creatoraudit.com", DISLIKED),
    _status(401, "UNAUTHORIZED", "the key in `api-key` is missing a part, was deleted", GONE),
    _status(403, "FORBIDDEN", "the key is disabled or the subscription is not active", GONE),
    _status(403, "INSUFFICIENT_SCOPE", "the key may not read; give it the scope `read`", GONE),
    _status(403, "QUOTA_EXCEEDED", "the organisation's quota is used up", GONE),
    _status(404, "NOT_FOUND", "`base-url` does not lead to the v2 API", GONE),
    _status(406, "NOT_ACCEPTABLE", "see https://docs.creatoraudit.com", DISLIKED),
    _status(409, "CONFLICT", "see https://docs.creatoraudit.com", DISLIKED),
    _status(410, "GONE", "see https://docs.creatoraudit.com", GONE),
    _status(413, "TOO_LARGE", "see https://docs.creatoraudit.com", "the message is too long for this chat"),
    _status(415, "UNSUPPORTED_MEDIA_TYPE", "see https://docs.creatoraudit.com", DISLIKED),
    _status(422, "VALIDATION_ERROR", "this may be a fault of the action", DISLIKED),
    _status(408, "TIMEOUT", "see https://docs.creatoraudit.com", BUSY, tries=TRIES, asked=1),
    _status(425, "TOO_EARLY", "see https://docs.creatoraudit.com", BUSY, tries=TRIES, asked=1),
    _status(429, "RATE_LIMITED", "other programs use up the key's rate limit", BUSY, tries=TRIES),
    _status(500, "INTERNAL_ERROR", "the fault is CreatorAudit's", BUSY, tries=TRIES),
    _status(502, "UPSTREAM_ERROR", "the fault is CreatorAudit's", BUSY, tries=TRIES),
    _status(503, "SERVICE_UNAVAILABLE", "the API is not available for now", BUSY, tries=TRIES),
    _status(504, "GATEWAY_TIMEOUT", "the API is not available for now", BUSY, tries=TRIES),
    _patient("Retry-After in seconds", "7", 7.0),
    _patient("Retry-After as a date", "Sun, 22 Nov 2026 06:17:30 GMT", 30.0),
    _patient("Retry-After in the past", "Sun, 22 Nov 2026 06:16:00 GMT", 0.5),
    _patient("Retry-After negative", "-5", 0.5),
    _patient("Retry-After that is nonsense", "soon", 0.5),
    _patient(
        "clock of the runner a day slow", "Mon, 23 Nov 2026 06:17:20 GMT", 20.0, date="Mon, 23 Nov 2026 06:17:00 GMT"
    ),
    _patient(
        "clock of the runner a day fast", "Sat, 21 Nov 2026 06:17:20 GMT", 20.0, date="Sat, 21 Nov 2026 06:17:00 GMT"
    ),
    _patient("three refusals for the rate", "2", 2.0, 2.0, 2.0),
    _absurd("Retry-After absurd", "1000000000"),
    _absurd("Retry-After as a date in the year 9999", "Fri, 31 Dec 9999 23:59:59 GMT"),
    _storm("storm of refusals for the rate", "30", 30.0, 30.0, 30.0),
)


@dataclass(frozen=True)
class Trouble:
    """
    Something that is wrong with the machine.

    Attributes:
        name:
            What people call it; `test_faults.py` knows how to make it.
        code:
            The exit code.
        posted:
            How many chats of one got the message.
        errors:
            The beginnings of the errors.
    """

    name: str
    code: int
    posted: int
    errors: tuple[str, ...] = ()


_FULL = "could not be written: No space left on device; see to the runner's disk"
_ABSENT = "could not be written: No such file or directory; see to the runner's disk"
TROUBLES: tuple[Trouble, ...] = (
    Trouble("disk full for the outputs", 1, 1, (f"the outputs {_FULL}", f"the output `results` {_FULL}")),
    Trouble("disk full for the job summary", 1, 1, (f"the job summary {_FULL}",)),
    Trouble(
        "disk full for both",
        1,
        1,
        (f"the outputs {_FULL}", f"the output `results` {_FULL}", f"the job summary {_FULL}"),
    ),
    Trouble("`RUNNER_TEMP` missing", 1, 1, (f"the outputs {_ABSENT}",)),
    Trouble("read-only workspace", 0, 1),
    Trouble("no `GITHUB_*` and no `RUNNER_*` variables", 0, 1),
    Trouble("locale that is not UTF-8", 0, 1),
    Trouble("renderer killed", 1, 0, ("weekly.md.j2: the template was stopped: it took more than 10 s or 512 MiB",)),
)

#: Which stages fail the run, and what they say, by the stage.
SENTENCES: Mapping[str, str] = {
    "overview": "GET /overview{}",
    "ranking": "GET /creators/top{}",
    "pace": "the digest goes without the pace of creators: GET /creators/top{}",
    "accounts": "the digest goes without the freshness of its data: GET /accounts{}",
    "ledger": "{}",
    "chat": "mattermost (127.0.0.1): {}",
    "receiver": "json (127.0.0.1): {}",
}
_REQUIRED, _OPTIONAL = ("overview", "ranking"), ("pace", "accounts", "ledger")


def document() -> str:
    """Return docs/faults.md."""
    return "\n".join([*_introduction(), *_hosts(), *_answers(), *_machine()]) + "\n"


def _introduction() -> Iterator[str]:
    yield "# Faults"
    yield ""
    yield "What the action does when something goes wrong. `make faults` writes this from `tests/faults.py`, and"
    yield "`make test` runs every row over sockets of the loopback interface. A request that *may* have arrived is"
    yield "made again only where that does no harm: to the API, to GitHub, and to a receiver that knows the message"
    yield "by its key. Messages are cut here; each says what to do."


_HEAD = "| fault | requests | exit code | posted | said |", "| --- | --- | --- | --- | --- |"


def _hosts() -> Iterator[str]:
    yield ""
    yield "## No request gets through"
    for title, stage in (("The API", "overview"), ("A chat", "chat"), ("GitHub, on a re-run", "ledger")):
        yield from _table(title, stage, UNREACHABLE_HOSTS)


def _answers() -> Iterator[str]:
    yield ""
    yield "## The server does something else"
    titles = {
        "overview": "The API, `/overview`; so does `/creators/top`",
        "accounts": "The API, `/accounts`; so does the ranking of the longer period",
        "chat": "A chat that would show a message twice",
        "receiver": "A receiver that knows a message by its key (`json`, `google-chat`)",
        "ledger": "GitHub, when a re-run asks what was delivered",
    }
    for stage, title in titles.items():
        yield from _table(title, stage, FAULTS)


def _table(title: str, stage: str, faults: tuple[Fault, ...]) -> Iterator[str]:
    yield ""
    yield f"### {title}"
    yield ""
    yield from _HEAD
    for fault in faults:
        said = fault.of(stage)
        text = SENTENCES[stage].format(said.text.rstrip()).replace("127.0.0.1", "HOST") + " …" if said.text else ""
        yield f"| {fault.name} | {said.tries} | {code(stage, said)} | {_posted(stage, said)} | {text} |"


def code(stage: str, said: Said) -> int:
    """Return the exit code."""
    return 1 if said.text and stage not in _OPTIONAL else 0


def _posted(stage: str, said: Said) -> str:
    if stage in _REQUIRED:
        return "nothing" if said.text else "all"
    if stage in _OPTIONAL or not said.text:
        return "all"
    return "unknown" if said.status == "unknown" else "to the others"


def _machine() -> Iterator[str]:
    yield ""
    yield "## The machine is in trouble"
    yield ""
    yield "| fault | exit code | posted | said |"
    yield "| --- | --- | --- | --- |"
    for trouble in TROUBLES:
        posted = "all" if trouble.posted else "nothing"
        yield f"| {trouble.name} | {trouble.code} | {posted} | {'; '.join(trouble.errors)} |"


if __name__ == "__main__":
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(document(), encoding="utf-8", newline="\n")
    sys.exit(0)
