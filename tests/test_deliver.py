from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fakes import HOOK, FakeClock, FakeNetwork, Run

from digest.clock import Clock
from digest.config import Webhook
from digest.deliver import Result, deliver, skipped
from digest.destinations import DESTINATIONS, Message
from digest.markdown import parse
from digest.standin import API_KEY, Receiver, Reply, serving

TOKEN = "tok_0123456789abcdef"
MARKDOWN = "# Weekly\n\n- Total views: **1.28M** (▲ 12.5%)\n"
MESSAGE = Message(title="Weekly", markdown=MARKDOWN, blocks=parse(MARKDOWN), id="run-1", sent_at="2026-11-22T06:17:00Z")
OK = httpx.Response(200, text="ok")
LOOK = "the message may have been posted: look into the chat before you re-run the job"
NETWORK = "check the runner's network, then re-run the job"
GONE = "the webhook was removed or may not post; make a new one and put its URL into the secret"
LATER = "the chat is busy or out of order; re-run the job later"
REDIRECT = "redirects are not followed; put the final URL into the secret"
DISLIKED = "the receiver did not like the message; check that the URL is of this kind of chat"
#: The kinds whose chats would show a message twice that is sent twice.
ONCE = sorted(kind for kind, destination in DESTINATIONS.items() if not destination.idempotent)


def url_of(host: str) -> str:
    """Return a webhook's URL on *host*."""
    return f"https://{host}/in/{TOKEN}"


def delivered(
    network: FakeNetwork, clock: Clock, *hosts: str, kind: str = "json", message: Message = MESSAGE
) -> list[Result]:
    """Deliver to a webhook on each host."""
    webhooks = [Webhook(kind, host, url_of(host)) for host in hosts]
    with httpx.Client(transport=network, timeout=5) as chats:
        results = deliver(chats, message, webhooks, clock)
    assert TOKEN not in repr((results, webhooks))
    for result in results:
        assert (result.error + result.note).isprintable()
    return results


def answered(clock: FakeClock, *answers: Any, kind: str = "json") -> tuple[Result, list[httpx.Request]]:
    """Return how a delivery ends that is answered so, and the requests that it took."""
    network = FakeNetwork()
    network.on("POST", url_of("a.test"), *answers)
    (result,) = delivered(network, clock.clock(), "a.test", kind=kind)
    return result, network.requests


def test_deliver__accepted(clock: FakeClock) -> None:
    """A message is posted once, as JSON that holds it, and the result says so."""
    result, (request,) = answered(clock, httpx.Response(204))
    assert result == Result("json", "a.test", "accepted", parts=1, attempts=1)
    assert (request.method, request.headers["Content-Type"]) == ("POST", "application/json")
    assert "Total views: 1.28M (▲ 12.5%)" in json.loads(request.content)["text"]
    assert clock.waits == []


def test_deliver__nowhere(clock: FakeClock) -> None:
    """Without webhooks there is nothing to do."""
    assert delivered(FakeNetwork(), clock.clock()) == []


def test_deliver__key_stays_here(network: FakeNetwork, run: Callable[..., Run]) -> None:
    """Chats do not get the API key, nor does the API get a webhook."""
    assert run().code == 0
    (request,) = network.to(HOOK)
    assert "Authorization" not in request.headers
    assert request.headers["User-Agent"].startswith("creatoraudit-digest/")
    assert API_KEY not in repr((request.headers.raw, request.content))
    assert not any(TOKEN in repr(asked.headers.raw) for asked in network.requests if asked.method == "GET")


def test_deliver__everywhere_at_the_same_time(clock: FakeClock) -> None:
    """No webhook waits for another, and results stand in the order of the webhooks, not of the answers."""
    hosts = [f"{letter}.test" for letter in "abcdef"]
    here = threading.Barrier(len(hosts), timeout=10)
    done = [threading.Event() for _ in hosts]
    network = FakeNetwork()

    def answering(place: int) -> Callable[[httpx.Request], httpx.Response]:
        def answer(_: httpx.Request) -> httpx.Response:
            here.wait()
            if place + 1 < len(hosts):
                assert done[place + 1].wait(10)
            done[place].set()
            return httpx.Response(200 if place % 2 else 404)

        return answer

    for place, host in enumerate(hosts):
        network.on("POST", url_of(host), answering(place))
    results = delivered(network, clock.clock(), *hosts)
    assert [result.host for result in results] == hosts
    assert [result.status for result in results] == ["failed", "accepted"] * 3


def test_deliver__failures_are_isolated(clock: FakeClock) -> None:
    """A webhook that fails, in whichever way, keeps no other from its message."""
    network = FakeNetwork()
    network.on("POST", url_of("gone.test"), httpx.Response(404))
    network.on("POST", url_of("down.test"), httpx.ConnectError(f"secret {TOKEN}"))
    network.on("POST", url_of("good.test"), OK)
    network.on("POST", url_of("busy.test"), httpx.Response(503))
    results = delivered(network, clock.clock(), "gone.test", "down.test", "good.test", "busy.test")
    assert results == [
        Result("json", "gone.test", "failed", 0, 1, f"answered 404; {GONE}"),
        Result("json", "down.test", "failed", 0, 4, f"no connection (ConnectError); {NETWORK}"),
        Result("json", "good.test", "accepted", 1, 1),
        Result("json", "busy.test", "failed", 0, 4, f"answered 503; {LATER}"),
    ]


@pytest.mark.parametrize(
    "first",
    [
        httpx.ConnectError(""),
        httpx.ConnectTimeout(""),
        httpx.WriteError(""),
        *map(httpx.Response, (429, 500, 502, 503, 504)),
    ],
    ids=lambda first: str(getattr(first, "status_code", type(first).__name__)),
)
@pytest.mark.parametrize("kind", ["json", "mattermost"])
def test_deliver__tried_again(first: Any, kind: str, clock: FakeClock) -> None:
    """A message that certainly was not posted is sent again, with the same body."""
    result, requests = answered(clock, first, OK, kind=kind)
    assert (result.status, result.attempts, clock.waits) == ("accepted", 2, [0.5])
    assert len({(request.content, request.headers.get("Idempotency-Key")) for request in requests}) == 1


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (301, REDIRECT),
        (307, REDIRECT),
        (400, DISLIKED),
        (401, GONE),
        (403, GONE),
        (404, GONE),
        (410, GONE),
        (413, "the message is too long for this chat; lower `limit` or shorten the template"),
        (422, DISLIKED),
        (501, DISLIKED),
    ],
)
def test_deliver__refused(status: int, advice: str, clock: FakeClock) -> None:
    """A refusal is not repeated, and the result says what to do."""
    result, requests = answered(clock, httpx.Response(status, headers={"Location": "https://evil.test/"}))
    assert result == Result("json", "a.test", "failed", 0, 1, f"answered {status}; {advice}")
    assert len(requests) == 1


def test_deliver__not_waited_for(clock: FakeClock) -> None:
    """A chat that asks for more patience than there is fails at once, with that reason."""
    result, _ = answered(clock, httpx.Response(429, headers={"Retry-After": "600"}))
    waited = "asked to wait 600 s, longer than the 90 s that this action waits"
    assert result == Result("json", "a.test", "failed", 0, 1, f"answered 429 ({waited}); {LATER}")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ReadTimeout, "no answer in time (ReadTimeout)"),
        (httpx.ReadError, "the connection broke before the answer (ReadError)"),
        (httpx.RemoteProtocolError, "the connection broke before the answer (RemoteProtocolError)"),
    ],
)
@pytest.mark.parametrize("kind", ONCE)
def test_deliver__answer_lost(error: type[httpx.TransportError], reason: str, kind: str, clock: FakeClock) -> None:
    """A message whose answer was lost is not sent again where it would show twice; nobody knows if it was posted."""
    network = FakeNetwork()
    network.on("POST", f"https://a.test/api/{TOKEN}", error(f"secret {TOKEN}"))
    webhook = Webhook(kind, "a.test", f"https://a.test/api/{TOKEN}")
    with httpx.Client(transport=network) as chats:
        (result,) = deliver(chats, MESSAGE, [webhook], clock.clock())
    assert result == Result(kind, "a.test", "unknown", 0, 1, f"{reason}; {LOOK}")
    assert (len(network.requests), clock.waits) == (1, [])


def test_deliver__answer_lost_to_one_who_remembers(clock: FakeClock) -> None:
    """A receiver that knows a message by its key gets it again with the same key when its answer was lost."""
    result, requests = answered(clock, httpx.ReadTimeout(""), httpx.ReadError(""), OK)
    assert result == Result("json", "a.test", "accepted", 1, 3)
    assert {request.headers["Idempotency-Key"] for request in requests} == {"run-1-0"}


def test_deliver__answer_lost_for_good(clock: FakeClock) -> None:
    """A message none of whose answers arrived may have been posted, and so may one that was refused after that."""
    result, _ = answered(clock, httpx.ReadTimeout(""))
    assert (result.status, result.attempts) == ("unknown", 4)
    result, _ = answered(clock, httpx.ReadTimeout(""), httpx.ConnectError(""))
    assert (result.status, result.error) == ("unknown", f"no connection (ConnectError); {LOOK}")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", ""),
        (b"  \r\n ", ""),
        (b"no_such_channel", ": no_such_channel"),
        (b"a\n::error::b\r\n##[add-mask]c\x1b[31m\x00\xe2\x80\xae", ": a ::error::b ##[add-mask]c[31m"),
        (b"\xff\xfe?", ": \ufffd\ufffd?"),
        (b"w" * 100_000, ": " + "w" * 199 + "…"),
        (b'{"detail": "%s"}' % url_of("a.test").encode(), ': {"detail": "***"}'),
        (b"no route for POST /in/%s" % TOKEN.encode(), ": no route for POST ***"),
        (b"unknown token %s!" % TOKEN.encode(), ": unknown token ***!"),
        (b"tok_01234\x0056789abcdef", ": ***"),
        (b"." * 190 + TOKEN.encode(), ": " + "." * 190 + "***"),
    ],
)
def test_deliver__their_own_words(body: bytes, said: str, clock: FakeClock) -> None:
    """The server's own words are shown cut and cleaned, on one line, without any part of the URL in them."""
    result, _ = answered(clock, httpx.Response(400, content=body))
    assert result.error == f"answered 400{said}; {DISLIKED}"


def test_deliver__their_own_words_packed(clock: FakeClock) -> None:
    """An answer that breaks off, or is larger than any chat's, is judged by its status."""
    broken = httpx.Response(400, stream=httpx.ByteStream(b"?"), headers={"Content-Encoding": "gzip"})
    assert answered(clock, broken)[0].error == f"answered 400; {DISLIKED}"
    large = httpx.Response(200, content=b"x" * 10**6)
    assert answered(clock, large)[0].status == "accepted"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_deliver__redirects_over_sockets(status: int, clock: FakeClock) -> None:
    """Nothing is posted to where a redirect leads."""
    elsewhere = Receiver()
    with serving(elsewhere) as other, httpx.Client(trust_env=False) as chats:
        redirecting = Receiver(Reply(status, b"", {"Location": f"{other}/in"}))
        with serving(redirecting) as url:
            (result,) = deliver(chats, MESSAGE, [Webhook("json", "127.0.0.1", f"{url}/in")], clock.clock())
    assert result == Result("json", "127.0.0.1", "failed", 0, 1, f"answered {status}; {REDIRECT}")
    assert (len(redirecting.received), elsewhere.received) == (1, [])


def test_deliver__parts_in_order(clock: FakeClock) -> None:
    """A long message goes out part by part, with pauses between them; nothing is left out."""
    network, message = long_message()
    network.on("POST", url_of("a.test"), httpx.Response(200, json={"id": "1"}))
    (result,) = delivered(network, clock.clock(), "a.test", kind="discord", message=message)
    posted = [json.loads(request.content)["content"] for request in network.requests]
    assert (result.status, result.parts, result.attempts, result.truncated) == ("accepted", 3, 3, False)
    assert clock.waits == [DESTINATIONS["discord"].pause] * 2
    assert [paragraph for part in posted for paragraph in part.split("\n\n")] == [f"{n} " + "x" * 900 for n in range(6)]


def test_deliver__parts_after_a_failure(clock: FakeClock) -> None:
    """No part is sent after one that was not accepted, and the result tells how many were."""
    network, message = long_message()
    network.on("POST", url_of("a.test"), httpx.Response(200, json={"id": "1"}), httpx.Response(404, text="gone"))
    (result,) = delivered(network, clock.clock(), "a.test", kind="discord", message=message)
    assert (result.status, result.parts, result.attempts, len(network.requests)) == ("failed", 1, 2, 2)
    assert result.error.startswith("answered 404: gone; ")


def test_deliver__left_out(clock: FakeClock) -> None:
    """The result tells when the end of a message was left out."""
    network, message = long_message()
    network.on("POST", url_of("a.test"), httpx.Response(200, json={"id": "1"}))
    short = replace(message, overflow="truncate")
    (result,) = delivered(network, clock.clock(), "a.test", kind="discord", message=short)
    assert (result.status, result.parts, result.truncated) == ("accepted", 1, True)


def test_deliver__simpler(clock: FakeClock) -> None:
    """A chat that does not take a message's form gets it in a simpler one, and then a simpler one still."""
    refusal = httpx.Response(400, text="invalid_blocks")
    result, requests = answered(clock, refusal, OK, kind="slack")
    assert (result.status, result.attempts, result.error) == ("accepted", 2, "")
    result, requests = answered(clock, refusal, kind="slack")
    bodies = [request.content for request in requests]
    assert (result.status, result.attempts) == ("failed", len(bodies))
    assert len(set(bodies)) > 1
    assert result.error.startswith("answered 400: invalid_blocks; ")


def test_deliver__cancelled(clock: FakeClock) -> None:
    """Nothing is posted once the run is cancelled."""
    network = FakeNetwork()
    results = delivered(network, replace(clock.clock(), stopped=lambda: True), "a.test", "b.test")
    assert [result.error for result in results] == [f"the run was cancelled; {NETWORK}"] * 2
    assert [(result.status, result.attempts) for result in results] == [("failed", 0)] * 2
    assert network.requests == []


def test_deliver__a_server_that_hangs(clock: FakeClock) -> None:
    """A server that hangs does not hang the run: when time is up, it is unknown whether the message was posted."""
    with hanging() as network:
        cancelled = replace(clock.clock(), stopped=lambda: len(network.requests) == 2)
        results = delivered(network, cancelled, "a.test", "hangs.test")
    assert [result.status for result in results] == ["accepted", "unknown"]
    assert results[1].error == f"no answer, and the run was cancelled; {LOOK}"


def test_skipped() -> None:
    """A delivery that was not to be says why."""
    webhook = Webhook("json", "a.test", url_of("a.test"))
    assert skipped(webhook, "why") == Result("json", "a.test", "skipped", 0, 0, note="why")


@contextmanager
def hanging() -> Iterator[FakeNetwork]:
    """Yield a network on which `a.test` answers, and `hangs.test` after that, when all is over."""
    first, over = threading.Event(), threading.Event()
    network = FakeNetwork()

    def good(_: httpx.Request) -> httpx.Response:
        first.set()
        return OK

    def hang(_: httpx.Request) -> httpx.Response:
        over.wait(30)
        return OK

    network.on("POST", url_of("a.test"), good)
    network.on("POST", url_of("hangs.test"), hang)
    yield network
    over.set()


def long_message() -> tuple[FakeNetwork, Message]:
    """Return a message of three parts for Discord, and a network that knows nobody yet."""
    paragraphs: Sequence[str] = [f"{n} " + "x" * 900 for n in range(6)]
    markdown = "\n\n".join(paragraphs) + "\n"
    return FakeNetwork(), replace(MESSAGE, markdown=markdown, blocks=parse(markdown))
