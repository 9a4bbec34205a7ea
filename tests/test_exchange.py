from __future__ import annotations

import gzip
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import httpx
import pytest
from fakes import FakeClock, FakeNetwork
from hypothesis import given
from hypothesis import strategies as st

from digest.clock import Clock
from digest.exchange import LONGEST_WAIT, Outcome, exchange
from digest.standin import Reply, Request, serving

URL = "https://api.example.test/secret-path"
LIMIT = 1024
OK = httpx.Response(200, text="ok")
BUSY = httpx.Response(503)


class Endless(httpx.SyncByteStream):
    """
    A body that is made while it is read.

    Attributes:
        taken:
            How many chunks were read.
        closed:
            Whether the reader hung up.
    """

    def __init__(self, chunk: bytes, chunks: int, after: Callable[[], None] = lambda: None) -> None:
        """Yield *chunk* that many times, and call *after* each time."""
        self._chunk, self._chunks, self._after = chunk, chunks, after
        self.taken = 0
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield the chunks."""
        for _ in range(self._chunks):
            self.taken += 1
            yield self._chunk
            self._after()

    def close(self) -> None:
        """Note that the reader is done."""
        self.closed = True


class Broken(httpx.SyncByteStream):
    """A body that breaks off."""

    def __init__(self, error: Exception) -> None:
        """Raise *error* after some bytes."""
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        """Yield a little, then fail."""
        yield b'{"data": '
        raise self._error


def sent(
    network: httpx.BaseTransport, clock: Clock, *, method: str = "GET", limit: int = LIMIT, **options: Any
) -> Outcome:
    """Exchange one request over *network*; a GET may be repeated."""
    with httpx.Client(transport=network, timeout=5) as client:
        request = client.build_request(method, URL, content=b"{}" if method == "POST" else None)
        return exchange(client, request, limit=limit, repeatable=method == "GET", clock=clock, **options)


def answering(*answers: Any, method: str = "GET") -> FakeNetwork:
    """Return a network that answers in turn."""
    network = FakeNetwork()
    network.on(method, URL, *answers)
    return network


def test_exchange__answered(clock: FakeClock) -> None:
    """An answer that needs no other try is returned with status, headers and body, after one request."""
    network = answering(httpx.Response(404, headers={"X-Request-ID": "r1"}, text="no"))
    outcome = sent(network, clock.clock())
    assert outcome.answer is not None
    assert (outcome.answer.status, outcome.answer.headers["x-request-id"], outcome.answer.body) == (404, "r1", b"no")
    assert (outcome.attempts, outcome.failure, outcome.unknown, outcome.answer.cut) == (1, "", False, False)
    assert clock.waits == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_exchange__statuses(method: str) -> None:
    """429, 500, 502, 503 and 504 are tried four times, and no other status twice."""
    for status in range(200, 600):
        clock = FakeClock()
        outcome = sent(answering(httpx.Response(status), method=method), clock.clock(), method=method)
        retried = status in {429, 500, 502, 503, 504}
        assert outcome.attempts == (4 if retried else 1), status
        assert clock.waits == ([0.5, 1.0, 2.0] if retried else []), status
        assert outcome.answer is not None
        assert (outcome.answer.status, outcome.failure, outcome.unknown) == (status, "", False)


@pytest.mark.parametrize("tries", [2, 3, 4])
def test_exchange__recovers(tries: int, clock: FakeClock) -> None:
    """An exchange ends with the first answer that needs no other try."""
    network = answering(*[BUSY] * (tries - 1), OK)
    outcome = sent(network, clock.clock())
    assert (outcome.attempts, len(network.requests)) == (tries, tries)
    assert outcome.answer is not None
    assert outcome.answer.body == b"ok"


#: What httpx raises before the request went out, and after, with what is said of it.
NOT_SENT = [
    (httpx.ConnectError, "no connection (ConnectError)"),
    (httpx.ConnectTimeout, "no connection (ConnectTimeout)"),
    (httpx.PoolTimeout, "no connection (PoolTimeout)"),
    (httpx.ProxyError, "no connection (ProxyError)"),
    (httpx.WriteError, "the connection broke while the request was sent (WriteError)"),
    (httpx.WriteTimeout, "the connection broke while the request was sent (WriteTimeout)"),
]
SENT = [
    (httpx.ReadTimeout, "no answer in time (ReadTimeout)"),
    (httpx.ReadError, "the connection broke before the answer (ReadError)"),
    (httpx.CloseError, "the connection broke before the answer (CloseError)"),
    (httpx.RemoteProtocolError, "the connection broke before the answer (RemoteProtocolError)"),
]


@pytest.mark.parametrize(("error", "reason"), NOT_SENT + SENT)
def test_exchange__failures_of_get(error: type[httpx.TransportError], reason: str, clock: FakeClock) -> None:
    """A GET without an answer is tried four times; the reason holds no text of the exception."""
    outcome = sent(answering(error(f"secret {URL}")), clock.clock())
    assert (outcome.attempts, outcome.answer, outcome.failure) == (4, None, reason)
    assert clock.waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(("error", "reason"), NOT_SENT)
def test_exchange__post_that_did_not_arrive(error: type[httpx.TransportError], reason: str, clock: FakeClock) -> None:
    """A POST that cannot have arrived whole is tried four times."""
    outcome = sent(answering(error("secret"), method="POST"), clock.clock(), method="POST")
    assert outcome == Outcome(4, failure=reason)


@pytest.mark.parametrize(("error", "reason"), SENT)
def test_exchange__post_whose_answer_was_lost(error: type[httpx.TransportError], reason: str, clock: FakeClock) -> None:
    """A POST that may have arrived is not repeated, and its outcome is unknown."""
    network = answering(error("secret"), OK, method="POST")
    assert sent(network, clock.clock(), method="POST") == Outcome(1, failure=reason, unknown=True)
    assert len(network.requests) == 1


@pytest.mark.parametrize(("status", "unknown"), [(200, True), (204, True), (400, False), (302, False)])
def test_exchange__body_that_breaks_off(status: int, unknown: bool, clock: FakeClock) -> None:  # noqa: FBT001 - a column
    """A success whose body breaks off is no answer; of a refusal, the status says enough."""
    network = answering(httpx.Response(status, stream=Broken(httpx.ReadError("secret"))), method="POST")
    outcome = sent(network, clock.clock(), method="POST")
    assert outcome.unknown == unknown
    assert outcome.attempts == 1
    if unknown:
        assert outcome == Outcome(1, failure="the answer broke off (ReadError)", unknown=True)
    else:
        assert outcome.answer is not None
        assert (outcome.answer.status, outcome.answer.body, outcome.answer.cut) == (status, b"", True)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, 0.5),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": " 7 "}, 7),
        ({"Retry-After": "0"}, 0.5),
        ({"Retry-After": "0.3"}, 0.5),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "90"}, 90),
        ({"Retry-After": "Sun, 22 Nov 2026 06:17:30 GMT"}, 30),
        ({"Retry-After": "Sun, 22 Nov 2026 06:17:30 +0000"}, 30),
        ({"Retry-After": "Sun, 22 Nov 2026 06:17:30"}, 30),
        ({"Retry-After": "Sunday, 22-Nov-26 06:17:30 GMT"}, 30),
        ({"Retry-After": "Sun, 22 Nov 2026 06:16:59 GMT"}, 0.5),
        ({"Retry-After": "Sun, 22 Nov 2026 08:00:20 GMT", "Date": "Sun, 22 Nov 2026 08:00:00 GMT"}, 20),
        ({"Retry-After": "Sun, 22 Nov 2026 06:17:30 GMT", "Date": "yesterday"}, 30),
        ({"Retry-After": "-5"}, 0.5),
        ({"Retry-After": "soon"}, 0.5),
        ({"Retry-After": ""}, 0.5),
        ({"Retry-After": "\N{ARABIC-INDIC DIGIT SEVEN}"}, 0.5),
        ({"Retry-After": "."}, 0.5),
        ({"Retry-After": "1e9"}, 0.5),
        ({"Retry-After": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, 0.5),
        ({"Retry-After": "Mon, 99 Jan 2026 00:00:00 GMT"}, 0.5),
        ({"Retry-After": "Mon, 01 Jan 2026 00:00:00 +9999999"}, 0.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_exchange__retry_after(headers: dict[str, str], wait: float, status: int, clock: FakeClock) -> None:
    """`Retry-After` is obeyed as seconds or as a date, by the server's own clock; nonsense counts as not sent."""
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    outcome = sent(answering(httpx.Response(status, headers=encoded), OK), clock.clock())
    assert (outcome.attempts, clock.waits) == (2, [wait])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("91", "91"),
        ("90.5", "90"),
        ("3600", "3600"),
        ("9" * 5000, "999999999999"),
        ("Sun, 22 Nov 2026 07:17:00 GMT", "3600"),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "251606972579"),
    ],
)
def test_exchange__retry_after_too_long(value: str, shown: str, clock: FakeClock) -> None:
    """A server that asks for more than the cap is not waited for, and the answer says so."""
    outcome = sent(answering(httpx.Response(429, headers={"Retry-After": value})), clock.clock())
    assert outcome.failure == f"asked to wait {shown} s, longer than the {LONGEST_WAIT:.0f} s that this action waits"
    assert (outcome.attempts, clock.waits) == (1, [])
    assert outcome.answer is not None


def test_exchange__retry_after_grows(clock: FakeClock) -> None:
    """A short `Retry-After` does not shorten the growing waits between tries."""
    sent(answering(httpx.Response(503, headers={"Retry-After": "1"})), clock.clock())
    assert clock.waits == [1.0, 1.0, 2.0]


@given(st.text(st.characters(codec="latin-1")) | st.from_regex(r"[A-Z][a-z]{2}, \d+ (Jan|Feb|x) -?\d+ [\d:]+ [+-]?\w*"))
def test_exchange__any_retry_after(value: str) -> None:
    """No text in `Retry-After` or `Date` is more than nonsense."""
    clock = FakeClock()
    headers = [(b"Retry-After", value.encode("latin-1", "replace")), (b"Date", value.encode("latin-1", "replace"))]
    outcome = sent(answering(httpx.Response(503, headers=headers), OK), clock.clock())
    assert outcome.attempts == 2 or "asked to wait" in outcome.failure


def test_exchange__jitter(clock: FakeClock) -> None:
    """Waits are stretched by up to as much again at random, so that runs which failed together spread."""
    sent(answering(BUSY), replace(clock.clock(), jitter=lambda: 0.5))
    assert clock.waits == [0.75, 1.5, 3.0]


def test_exchange__asked_by_the_body(clock: FakeClock) -> None:
    """A caller that knows the server decides which answers ask for another try, and after how long."""
    network = answering(httpx.Response(200, text="busy"), httpx.Response(503, text="never"))
    outcome = sent(network, clock.clock(), wait=lambda answer: 7.0 if answer.body == b"busy" else None)
    assert outcome.answer is not None
    assert (outcome.attempts, outcome.answer.status, clock.waits) == (2, 503, [7.0])


@pytest.mark.parametrize(
    ("answer", "left", "attempts", "failure"),
    [
        (httpx.Response(503, headers={"Retry-After": "7"}), 6.5, 1, "asked to wait 7 s, but the time for it is up"),
        (BUSY, 1.4, 2, "asked to wait 1 s, but the time for it is up"),
        (httpx.ConnectError(""), 1.4, 2, "no connection (ConnectError), but the time for it is up"),
        (OK, 0, 0, "the time for it is up"),
        (OK, -5, 0, "the time for it is up"),
    ],
)
def test_exchange__time_is_up(
    answer: httpx.Response | Exception, left: float, attempts: int, failure: str, clock: FakeClock
) -> None:
    """No try is waited for that would begin after the deadline, and none is made then."""
    outcome = sent(answering(answer), clock.clock().within(left))
    assert (outcome.attempts, outcome.failure) == (attempts, failure)
    assert sum(clock.waits) <= max(0, left)


def test_exchange__cancelled(clock: FakeClock) -> None:
    """Once the run is cancelled, nothing new is sent."""
    network = answering(BUSY)
    cancelled = replace(clock.clock(), stopped=lambda: bool(network.requests))
    outcome = sent(network, cancelled)
    assert (len(network.requests), outcome.attempts) == (1, 1)
    assert outcome.failure.endswith(", but the run was cancelled")
    assert sent(network, cancelled) == Outcome(0, failure="the run was cancelled")
    assert len(network.requests) == 1


def test_exchange__cancelled_meanwhile(clock: FakeClock) -> None:
    """What is under way when the run is cancelled is read to its end, so that it is known what was accepted."""
    network = answering(OK, method="POST")
    cancelled = replace(clock.clock(), stopped=lambda: bool(network.requests))
    outcome = sent(network, cancelled, method="POST")
    assert outcome.answer is not None
    assert (outcome.answer.body, outcome.unknown) == (b"ok", False)


@pytest.mark.parametrize(("size", "cut"), [(LIMIT - 1, False), (LIMIT, False), (LIMIT + 1, True)])
@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "GZip "])
def test_exchange__limit_of_the_body(size: int, cut: bool, encoding: str, clock: FakeClock) -> None:  # noqa: FBT001 - a column
    """A body is read up to the limit, packed or not; what goes on after it is cut."""
    body = b"x" * size
    packed = gzip.compress(body) if "zip" in encoding.lower() else body
    response = httpx.Response(200, stream=httpx.ByteStream(packed), headers={"Content-Encoding": encoding})
    answer = sent(answering(response), clock.clock()).answer
    assert answer is not None
    assert (answer.body, answer.cut) == (body[:LIMIT], cut)


def test_exchange__endless_body(clock: FakeClock) -> None:
    """Of 100 MB, no more is read and kept than the limit; then the connection is closed."""
    limit, chunk = 8 * 1024**2, b"x" * 64 * 1024
    stream = Endless(chunk, 1600)
    tracemalloc.start()
    try:
        answer = sent(answering(httpx.Response(200, stream=stream)), clock.clock(), limit=limit).answer
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer is not None
    assert (len(answer.body), answer.cut, stream.closed) == (limit, True, True)
    assert stream.taken == limit // len(chunk) + 1
    assert peak < 3 * limit


def test_exchange__gzip_bomb(clock: FakeClock) -> None:
    """A small packed body of 100 MB is unpacked no further than the limit."""
    limit = 1024**2
    bomb = gzip.compress(bytes(100 * 1024**2), compresslevel=1)
    response = httpx.Response(200, stream=httpx.ByteStream(bomb), headers={"Content-Encoding": "gzip"})
    tracemalloc.start()
    try:
        answer = sent(answering(response), clock.clock(), limit=limit).answer
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer is not None
    assert (len(answer.body), answer.cut) == (limit, True)
    assert peak < 8 * limit


def test_exchange__gzip_in_pieces(clock: FakeClock) -> None:
    """A packed body is unpacked across the chunks in which it arrives."""
    packed = gzip.compress(b"0123456789" * 90)
    stream = httpx.Response(200, content=(packed[i : i + 1] for i in range(len(packed)))).stream
    response = httpx.Response(200, stream=stream, headers={"Content-Encoding": "gzip"})
    answer = sent(answering(response), clock.clock()).answer
    assert answer is not None
    assert answer.body == b"0123456789" * 90


def test_exchange__not_gzip(clock: FakeClock) -> None:
    """A body that is not packed as it says is no answer, and asked for again."""
    response = httpx.Response(200, stream=httpx.ByteStream(b"{}"), headers={"Content-Encoding": "gzip"})
    outcome = sent(answering(response), clock.clock())
    assert outcome == Outcome(4, failure="the answer broke off (DecodingError)", unknown=True)


@pytest.mark.parametrize("encoding", ["br", "utf-8", "gzip, gzip", "deflate"])
def test_exchange__encoding_not_asked_for(encoding: str, clock: FakeClock) -> None:
    """A body in an encoding that was not asked for is taken as it is."""
    response = httpx.Response(200, stream=httpx.ByteStream(b"{}"), headers={"Content-Encoding": encoding})
    answer = sent(answering(response), clock.clock()).answer
    assert answer is not None
    assert answer.body == b"{}"


def test_exchange__body_that_drips(clock: FakeClock) -> None:
    """A body that never ends is given up when the time-out has passed as a whole, not only between two bytes."""
    stream = Endless(b"x", 10**6, after=lambda: clock.sleep(1.0))
    outcome = sent(answering(httpx.Response(200, stream=stream), method="POST"), clock.clock(), method="POST")
    assert outcome == Outcome(1, failure="the answer broke off (ReadTimeout)", unknown=True)
    assert stream.taken < 10


@pytest.mark.parametrize("location", ["https://evil.test/", "/elsewhere", "https://[bad"])
def test_exchange__redirect(location: str, clock: FakeClock) -> None:
    """A redirect is not followed, wherever it leads."""
    network = answering(httpx.Response(307, headers={"Location": location}))
    sent(network, clock.clock())
    assert {str(request.url) for request in network.requests} == {URL}


def test_exchange__redirect_over_sockets(clock: FakeClock) -> None:
    """Another host that a redirect names gets no request, and so no key."""
    visits: list[Request] = []

    def elsewhere(request: Request) -> Reply:
        visits.append(request)
        return Reply(200, b"{}")

    with (
        serving(elsewhere) as other,
        serving(lambda _: Reply(302, b"", {"Location": f"{other}/x"})) as here,
        httpx.Client(trust_env=False, headers={"Authorization": "Bearer key"}) as client,
    ):
        request = client.build_request("GET", here)
        answer = exchange(client, request, limit=LIMIT, repeatable=True, clock=clock.clock()).answer
    assert answer is not None
    assert (answer.status, visits) == (302, [])


@contextmanager
def speaking(reply: bytes, *, hold: bool = False) -> Iterator[str]:
    """Serve *reply* to each connection once its request is there, then close it, or *hold* it; yield the URL."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while not done.is_set():
                connection, _ = server.accept()
                with connection:
                    if not done.is_set():
                        connection.recv(65536)
                        connection.sendall(reply)
                    if hold:
                        done.wait(30)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        done.set()
        socket.create_connection(server.getsockname()).close()
        thread.join()


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (b"", "the connection broke before the answer (RemoteProtocolError)"),
        (b"HTTP/1.1 200 OK\r\nContent-Len", "the connection broke before the answer (RemoteProtocolError)"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "the connection broke before the answer (RemoteProtocolError)"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", "the answer broke off (RemoteProtocolError)"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{}",
            "the answer broke off (RemoteProtocolError)",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "the answer broke off (RemoteProtocolError)"),
    ],
)
def test_exchange__broken_answers_over_sockets(reply: bytes, failure: str, clock: FakeClock) -> None:
    """An answer that ends too early, or is no HTTP, is asked for again, and then said to be broken."""
    with speaking(reply) as url, httpx.Client(trust_env=False) as client:
        outcome = exchange(client, client.build_request("GET", url), limit=LIMIT, repeatable=True, clock=clock.clock())
    assert (outcome.attempts, outcome.answer) == (4, None)
    assert outcome.failure.partition(":")[0].rstrip(")") == failure.rstrip(")")


def test_exchange__silence_over_sockets(clock: FakeClock) -> None:
    """A server that says nothing is given up after the time-out."""
    with speaking(b"", hold=True) as url, httpx.Client(trust_env=False, timeout=0.1) as client:
        request = client.build_request("POST", url, content=b"{}")
        outcome = exchange(client, request, limit=LIMIT, repeatable=False, clock=clock.clock())
    assert outcome.failure.startswith("no answer in time (ReadTimeout")
    assert (outcome.attempts, outcome.unknown) == (1, True)


def test_exchange__nobody_listens(clock: FakeClock) -> None:
    """A refused connection says so: the class of the cause is named."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with httpx.Client(trust_env=False) as client:
        request = client.build_request("GET", f"http://127.0.0.1:{port}/")
        outcome = exchange(client, request, limit=LIMIT, repeatable=True, clock=clock.clock())
    assert outcome == Outcome(4, failure="no connection (ConnectError: ConnectionRefusedError)")


def test_exchange__no_tls(clock: FakeClock) -> None:
    """A server that does not speak TLS gets no request; the cause is named."""
    with speaking(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url, httpx.Client(trust_env=False) as client:
        request = client.build_request("GET", url.replace("http:", "https:"))
        outcome = exchange(client, request, limit=LIMIT, repeatable=True, clock=clock.clock())
    assert outcome.attempts == 4
    assert outcome.failure.startswith("no connection (ConnectError: SSL")


def test_clock__is_real() -> None:
    """The clock of a real run tells UTC, goes on, waits, has no deadline, and spreads within a second."""
    clock = Clock()
    before = clock.monotonic()
    clock.sleep(0.001)
    assert clock.monotonic() - before >= 0.001
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.now().tzinfo is timezone.utc
    assert 0 <= clock.jitter() < 1
    assert (clock.left(), clock.stopped()) == (float("inf"), False)


def test_clock__deadlines_nest(clock: FakeClock) -> None:
    """A clock within another ends with whichever deadline is earlier, and never has less than nothing left."""
    outer = clock.clock().within(10)
    assert (outer.left(), outer.within(3).left(), outer.within(30).left()) == (10, 3, 10)
    clock.sleep(4)
    assert (outer.left(), outer.within(3).left()) == (6, 3)
    clock.sleep(40)
    assert (outer.left(), outer.over()) == (0, "the time for it is up")
