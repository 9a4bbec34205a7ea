from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from fakes import API, NOW, FakeClock, FakeNetwork, Run, answer_from

from digest import __version__
from digest.accounts import walk_accounts
from digest.audit import Audit
from digest.client import OPTIONAL_SECONDS, fetch
from digest.config import DEFAULTS
from digest.errors import ApiError
from digest.freshness import Freshness
from digest.standin import API_KEY, sample, tracked_accounts

ACCOUNTS = f"{API}/accounts"
#: What every request of a walk asks for, beside the cursor.
FILTER = {"is_active": "true", "limit": "200", "order_by": "added_at", "order_direction": "asc"}
CHANGED = "check `base-url`; if it is right, the API has changed: report it with the request id"
BUSY = "run at another time, or give the digest its own key"
FOREVER = "pagination.next_cursor came before, so the pages would never end"


def page(cursor: object = None, count: int = 1, headers: Mapping[str, str] = {}) -> httpx.Response:
    """Return a page of *count* accounts, with a next one if there is a cursor."""
    pagination = {"has_next": cursor is not None, "limit": 200, "next_cursor": cursor}
    body = {"data": tracked_accounts(count, NOW), "pagination": pagination}
    return httpx.Response(200, json=body, headers={"X-Request-ID": "r1", **headers})


def limited(remaining: object, reset: object, cursor: object = "2", **headers: str) -> httpx.Response:
    """Return a page with a next one, and with the headers of the rate limit."""
    limit = {"X-RateLimit-Remaining": str(remaining), "X-RateLimit-Reset": str(reset)}
    return page(cursor, headers={**limit, **headers})


def stamp(moment: datetime) -> int:
    """Return *moment* as the rate limit's headers tell it."""
    return int(moment.timestamp())


def in_seconds(seconds: float) -> datetime:
    """Return the moment that long after the start of the test."""
    return NOW + timedelta(seconds=seconds)


def refusal(status: int, code: str = "", headers: Mapping[str, str] = {}) -> httpx.Response:
    """Return a documented refusal."""
    body = {"title": "T", "status": status, "detail": "No.", "request_id": "r2", "code": code}
    return httpx.Response(status, json=body, headers=dict(headers))


def client(network: httpx.BaseTransport) -> httpx.Client:
    """Return a client as the action has it."""
    return httpx.Client(
        base_url=API,
        transport=network,
        headers={"Authorization": f"Bearer {API_KEY}"},
        timeout=float(DEFAULTS["timeout"]),
    )


def walked(network: httpx.BaseTransport, clock: FakeClock) -> Freshness:
    """Walk over *network* alone."""
    with client(network) as api:
        return walk_accounts(api, clock.clock())


def fault(network: FakeNetwork, clock: FakeClock, *answers: Any) -> str:
    """Return what is said when the pages are *answers*."""
    network.on("GET", ACCOUNTS, *answers)
    with pytest.raises(ApiError) as caught:
        walked(network, clock)
    (text,) = caught.value.faults
    assert text.isprintable()
    return str(text)


def fetched(network: httpx.BaseTransport, clock: FakeClock) -> Audit:
    """Fetch all of it over *network*, as the action does."""
    with client(network) as api:
        return fetch(api, period="7d", limit=5, clock=clock.clock(), freshness=True)


class AccountsLast(httpx.BaseTransport):
    """Passes requests for accounts on when all else is fetched, so that the time they take is theirs alone."""

    def __init__(self, network: FakeNetwork) -> None:
        """Know the threads that run already; of those of a fetch, the walk's is the last to begin."""
        self._network = network
        self._earlier = set(threading.enumerate())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer *request* from the network."""
        if request.url.path == "/v2/accounts":
            for thread in {*threading.enumerate()} - {*self._earlier, threading.current_thread()}:
                thread.join(10)
        return self._network.handle_request(request)


def dropped(network: FakeNetwork, clock: FakeClock, *answers: Any) -> str:
    """Return the one warning of a run that goes without freshness as the pages are *answers*."""
    network.on("GET", ACCOUNTS, *answers)
    audit = fetched(AccountsLast(network), clock)
    assert audit.freshness is None
    assert audit.freshness_failed
    assert audit.overview.body == sample()["overview"]
    assert audit.longer is not None
    (warning,) = audit.warnings
    start = "the digest goes without the freshness of its data: "
    assert warning.startswith(start)
    return warning.removeprefix(start)


@pytest.mark.parametrize(
    ("count", "pages"), [(0, 1), (1, 1), (199, 1), (200, 1), (201, 2), (400, 2), (401, 3), (10_000, 50)]
)
def test_walk__every_account_once(count: int, pages: int, network: FakeNetwork, clock: FakeClock) -> None:
    """All accounts are counted, 200 a page, with the same filter and sort on every page."""
    answer_from(network, {**sample(), "accounts": {"data": tracked_accounts(count, NOW)}})
    freshness = walked(network, clock)
    assert freshness.total == count
    assert freshness.counts == ({"fresh": count} if count else {})
    assert freshness.newest == (NOW if count else None)
    assert freshness.oldest == (NOW - timedelta(minutes=min(count - 1, 1439)) if count else None)
    queries = [dict(request.url.params) for request in network.to(ACCOUNTS)]
    cursors = [query.pop("cursor", None) for query in queries]
    assert cursors == [None, *(str(200 * number) for number in range(1, pages))]
    assert queries == [FILTER] * pages
    assert clock.waits == []


def test_walk__ends_where_it_is_told_to(network: FakeNetwork, clock: FakeClock) -> None:
    """`has_next` decides alone: a cursor beside a false one, and rows or none, change nothing."""
    last = {"data": [], "pagination": {"has_next": False, "next_cursor": "9"}}
    network.on("GET", ACCOUNTS, page("2", count=0), page("3", count=7), httpx.Response(200, json=last))
    assert walked(network, clock).total == 7
    assert len(network.to(ACCOUNTS)) == 3


@pytest.mark.parametrize("cursor", ["eyJvcGFxdWUiOjF9", "a b&c=d/e?f#g%20+", "ü"])
def test_walk__cursors_are_opaque(cursor: str, network: FakeNetwork, clock: FakeClock) -> None:
    """A cursor comes back as it was sent, whatever is in it."""
    network.on("GET", ACCOUNTS, page(cursor), page())
    assert walked(network, clock).total == 2
    assert network.to(ACCOUNTS)[1].url.params["cursor"] == cursor


def test_walk__a_refused_cursor_restarts_it(network: FakeNetwork, clock: FakeClock) -> None:
    """After a refused cursor, the walk starts again from the first page, and counts nobody twice."""
    network.on("GET", ACCOUNTS, page("2", 200), page("3", 200), refusal(422), page("2", 200), page("3", 200), page())
    assert walked(network, clock).total == 401
    cursors = [request.url.params.get("cursor") for request in network.to(ACCOUNTS)]
    assert cursors == [None, "2", "3", None, "2", "3"]


def test_walk__restarts_only_once(network: FakeNetwork, clock: FakeClock) -> None:
    """A cursor that is refused a second time is told."""
    text = fault(network, clock, page("2"), refusal(422, "VALIDATION_ERROR"), page("3"), refusal(422), page())
    assert text == (
        "GET /accounts answered 422: No. (request id r2);"
        " this may be a fault of the action; report it with the request id"
    )
    assert [request.url.params.get("cursor") for request in network.to(ACCOUNTS)] == [None, "2", None, "3"]


def test_walk__only_a_cursor_restarts_it(network: FakeNetwork, clock: FakeClock) -> None:
    """A refusal of the first page, which has no cursor, is told at once; so is any other refusal of a later one."""
    assert fault(network, clock, refusal(422), page()).startswith("GET /accounts answered 422: No. (request id r2); ")
    assert len(network.to(ACCOUNTS)) == 1
    assert fault(network, clock, page("2"), refusal(400), page()).startswith("GET /accounts answered 400: No. ")
    assert len(network.to(ACCOUNTS)) == 3


@pytest.mark.parametrize("cursors", [["a", "a"], ["a", "b", "c", "b"], ["a", "b", "a"]])
def test_walk__a_repeated_cursor_ends_it(cursors: list[str], network: FakeNetwork, clock: FakeClock) -> None:
    """Pages that lead back are told, and are no loop."""
    text = fault(network, clock, *map(page, cursors))
    assert text == f"GET /accounts answered 200, but {FOREVER} (request id r1); {CHANGED}"
    assert len(network.to(ACCOUNTS)) == len(cursors)


NEITHER = "pagination.has_next is neither true nor false"
NO_CURSOR = "pagination.next_cursor is missing, though there is a next page"
NO_LIST = "there is no data list in the body"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ([], NO_LIST),
        (None, NO_LIST),
        ({}, NO_LIST),
        ({"data": {}, "pagination": {"has_next": False}}, NO_LIST),
        ({"data": None, "pagination": {"has_next": False}}, NO_LIST),
        ({"data": []}, NEITHER),
        ({"data": [], "pagination": None}, NEITHER),
        ({"data": [], "pagination": []}, NEITHER),
        ({"data": [], "pagination": {}}, NEITHER),
        ({"data": [], "pagination": {"has_next": None, "next_cursor": None}}, NEITHER),
        ({"data": [], "pagination": {"has_next": "true", "next_cursor": "2"}}, NEITHER),
        ({"data": [], "pagination": {"has_next": 1, "next_cursor": "2"}}, NEITHER),
        ({"data": [], "pagination": {"has_next": True}}, NO_CURSOR),
        ({"data": [], "pagination": {"has_next": True, "next_cursor": None}}, NO_CURSOR),
        ({"data": [], "pagination": {"has_next": True, "next_cursor": ""}}, NO_CURSOR),
        ({"data": [], "pagination": {"has_next": True, "next_cursor": 2}}, NO_CURSOR),
        ({"data": [7], "pagination": {"has_next": False}}, "an account is not an object"),
        (
            {"data": [{"last_scrape_time": "soon"}], "pagination": {"has_next": False}},
            "last_scrape_time of an account is not a time",
        ),
    ],
)
def test_walk__unexpected_pages(body: object, what: str, network: FakeNetwork, clock: FakeClock) -> None:
    """A page that cannot be read is told, be it the first or a later one, and nothing is counted from a part."""
    broken = httpx.Response(200, content=json.dumps(body), headers={"X-Request-ID": "r3"})
    expected = f"GET /accounts answered 200, but {what} (request id r3); {CHANGED}"
    assert fault(network, clock, broken) == expected
    assert fault(network, clock, page("2"), broken) == expected


def test_walk__passing_failures(network: FakeNetwork, clock: FakeClock) -> None:
    """A page that fails for a moment is asked for again, with the same cursor, and counted once."""
    network.on("GET", ACCOUNTS, page("2", 200), httpx.ReadTimeout(""), refusal(503), page(None, 5))
    assert walked(network, clock).total == 205
    assert [request.url.params.get("cursor") for request in network.to(ACCOUNTS)] == [None, "2", "2", "2"]
    assert clock.waits == [0.5, 1.0]


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": format_datetime(in_seconds(9), usegmt=True)}, 9.0),
        (
            {
                "Retry-After": format_datetime(in_seconds(3605), usegmt=True),
                "Date": format_datetime(in_seconds(3600), usegmt=True),
            },
            5.0,
        ),
        ({}, 0.5),
        ({"Retry-After": "soon"}, 0.5),
    ],
)
def test_walk__429_says_how_long(headers: dict[str, str], wait: float, network: FakeNetwork, clock: FakeClock) -> None:
    """A 429 is waited for as long as it asks, by the server's clock."""
    network.on("GET", ACCOUNTS, page("2"), refusal(429, "RATE_LIMITED", headers), page())
    assert walked(network, clock).total == 2
    assert clock.waits == [wait]


@pytest.mark.parametrize("remaining", [0, 1, 5])
def test_rate_limit__nearly_used_up(remaining: int, network: FakeNetwork, clock: FakeClock) -> None:
    """With five requests left or fewer, the next page is asked for when the next window begins."""
    network.on("GET", ACCOUNTS, limited(remaining, stamp(in_seconds(30))), page())
    assert walked(network, clock).total == 2
    assert clock.waits == [30.0]


@pytest.mark.parametrize("remaining", [6, 599])
def test_rate_limit__enough_left(remaining: int, network: FakeNetwork, clock: FakeClock) -> None:
    """With more left, nothing is waited for."""
    network.on("GET", ACCOUNTS, limited(remaining, stamp(in_seconds(30))), page())
    assert walked(network, clock).total == 2
    assert clock.waits == []


@pytest.mark.parametrize("skew", [-86_400, -7, 7, 3600])
def test_rate_limit__by_the_clock_of_the_server(skew: int, network: FakeNetwork, clock: FakeClock) -> None:
    """A runner whose clock is wrong waits no longer and no shorter."""
    date = format_datetime(in_seconds(skew), usegmt=True)
    network.on("GET", ACCOUNTS, limited(0, stamp(in_seconds(skew + 20)), Date=date), page())
    assert walked(network, clock).total == 2
    assert clock.waits == [20.0]


@pytest.mark.parametrize("date", ["yesterday", "", "0"])
def test_rate_limit__a_date_that_is_none(date: str, network: FakeNetwork, clock: FakeClock) -> None:
    """Where the server does not say what time it is, the runner's clock counts."""
    network.on("GET", ACCOUNTS, limited(0, stamp(in_seconds(20)), Date=date), page())
    assert walked(network, clock).total == 2
    assert clock.waits == [20.0]


@pytest.mark.parametrize("seconds", [0, -1, -86_400, -(10**9)])
def test_rate_limit__a_window_that_has_begun(seconds: int, network: FakeNetwork, clock: FakeClock) -> None:
    """A reset in the past is not waited for."""
    network.on("GET", ACCOUNTS, limited(0, stamp(in_seconds(seconds))), page())
    assert walked(network, clock).total == 2
    assert sum(clock.waits) == 0


@pytest.mark.parametrize(
    ("remaining", "reset"),
    [("many", "1795330000"), ("", "1795330000"), ("-1", "1795330000"), ("0.5", "1795330000"), ("0", ""), ("0", "soon")],
)
def test_rate_limit__headers_that_say_nothing(
    remaining: str, reset: str, network: FakeNetwork, clock: FakeClock
) -> None:
    """Headers that are no whole numbers are passed over; a 429 is obeyed all the same."""
    network.on("GET", ACCOUNTS, limited(remaining, reset), page())
    assert walked(network, clock).total == 2
    assert clock.waits == []


def test_rate_limit__not_waited_for_at_the_end(network: FakeNetwork, clock: FakeClock) -> None:
    """After the last page there is nothing to wait for."""
    network.on("GET", ACCOUNTS, limited(0, stamp(in_seconds(30)), cursor=None))
    assert walked(network, clock).total == 1
    assert clock.waits == []


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        (stamp(in_seconds(61)), "61"),
        (stamp(in_seconds(3600)), "3600"),
        (stamp(NOW) * 1000, f"{stamp(NOW) * 999}"),
        (10**15, f"{10**15 - stamp(NOW)}"),
    ],
)
def test_rate_limit__longer_than_there_is_time(
    reset: int, seconds: str, network: FakeNetwork, clock: FakeClock
) -> None:
    """A window that begins too late is not waited for; the digest goes without, and says with which request."""
    said = f"the key's rate limit is used up for {seconds} s (request id r1); {BUSY}"
    assert dropped(network, clock, limited(0, reset), page()) == f"GET /accounts: {said}"
    assert len(network.to(ACCOUNTS)) == 1
    assert clock.waits == []


def test_rate_limit__without_a_request_id(network: FakeNetwork, clock: FakeClock) -> None:
    """A request id that was not sent is told as unknown."""
    assert "(request id unknown)" in dropped(network, clock, limited(0, stamp(in_seconds(99)), **{"X-Request-ID": ""}))


def test_time__is_capped(network: FakeNetwork, clock: FakeClock) -> None:
    """However many windows the walk would wait for, it is dropped before its minute is over."""
    answers = [limited(0, stamp(in_seconds(25 * number)), cursor=str(number)) for number in range(1, 9)]
    text = dropped(network, clock, *answers)
    assert text == f"GET /accounts: the key's rate limit is used up for 25 s (request id r1); {BUSY}"
    assert clock.waits == [25.0, 25.0]
    assert OPTIONAL_SECONDS == 60


@pytest.mark.parametrize(("seconds", "pages"), [(6.0, 10), (7.0, 9), (29.0, 3)])
def test_time__is_capped_when_pages_are_slow(
    seconds: float, pages: int, network: FakeNetwork, clock: FakeClock
) -> None:
    """Pages that take their time are asked for during a minute, and no longer."""

    def slow(request: httpx.Request) -> httpx.Response:
        clock.sleep(seconds)
        return page(f"after {request.url.params.get('cursor')}")

    text = dropped(network, clock, slow)
    assert text.startswith("GET /accounts: ")
    assert "the time for it is up" in text
    assert len(network.to(ACCOUNTS)) == pages


def test_time__is_capped_when_429_never_ends(network: FakeNetwork, clock: FakeClock) -> None:
    """A 429 that asks for more than is left of the minute is not waited for."""
    text = dropped(network, clock, refusal(429, "RATE_LIMITED", {"Retry-After": "25"}))
    assert text == (
        "GET /accounts answered 429 RATE_LIMITED: No. (asked to wait 25 s, but the time for it is up)"
        " [tried 3 times] (request id r2);"
        " other programs use up the key's rate limit; run at another time, or give the digest its own key"
    )
    assert clock.waits == [25.0, 25.0]


def test_time__is_capped_when_the_server_hangs(network: FakeNetwork, clock: FakeClock) -> None:
    """A request that never ends is left behind when the minute is over, and all else is there."""
    end = threading.Event()

    def hang(_: httpx.Request) -> httpx.Response:
        clock.sleep(61.0)
        end.wait(20)
        return page()

    try:
        text = dropped(network, clock, hang)
    finally:
        end.set()
    assert text == "GET /accounts: no answer, and the time for it is up; re-run the job later"


class Meeting(FakeNetwork):
    """A network that answers once so many requests are there at the same time."""

    def __init__(self, size: int) -> None:
        """Wait for *size* requests, each time."""
        super().__init__()
        self._barrier = threading.Barrier(size, timeout=10)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer *request* when the others have come."""
        self._barrier.wait()
        return super().handle_request(request)


def test_fetch__all_at_the_same_time(clock: FakeClock) -> None:
    """The first page is asked for while the overview and both rankings are."""
    network = Meeting(4)
    answer_from(network, {**sample(), "accounts": {"data": tracked_accounts(200, NOW)}})
    audit = fetched(network, clock)
    assert audit.freshness is not None
    assert audit.freshness.total == 200
    assert audit.warnings == ()


def test_fetch__the_rest_does_not_wait(clock: FakeClock) -> None:
    """The overview and the rankings are answered while the walk is still on its first page."""
    walk = threading.Event()

    class Slow(FakeNetwork):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/v2/accounts":
                assert walk.wait(10)
            response = super().handle_request(request)
            if len(self.requests) == 3:
                walk.set()
            return response

    network = Slow()
    answer_from(network, {**sample(), "accounts": {"data": tracked_accounts(3, NOW)}})
    assert fetched(network, clock).freshness is not None
    assert [request.url.path for request in network.requests][3:] == ["/v2/accounts"]


def test_run__says_who_asks(network: FakeNetwork, run: Callable[..., Run]) -> None:
    """Each page is asked for with the key, in the name of the action and its version."""
    answer_from(network, {**sample(), "accounts": {"data": tracked_accounts(401, NOW)}})
    assert run().outputs["stale-accounts"] == "0"
    asked = network.to(ACCOUNTS)
    assert len(asked) == 3
    for request in asked:
        assert request.headers["User-Agent"].startswith(f"creatoraudit-digest/{__version__} (+https://github.com/")
        assert request.headers["Authorization"] == f"Bearer {API_KEY}"
