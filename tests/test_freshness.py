from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from fakes import NOW
from hypothesis import given
from hypothesis import strategies as st

from digest.answer import UnexpectedShapeError
from digest.freshness import Census, Freshness, State

SECOND = timedelta(seconds=1)


def hours(count: float) -> timedelta:
    """Return that many hours."""
    return timedelta(hours=count)


def ago(age: timedelta) -> str:
    """Return the moment *age* before now, as the API writes it."""
    return (NOW - age).strftime("%Y-%m-%dT%H:%M:%SZ")


def account(**fields: Any) -> dict[str, Any]:
    """Return a row that was collected an hour ago, but for *fields*; `...` leaves one out."""
    row = {
        "id": "9f0b1c2d-3e4f-4a5b-8c6d-7e8f9a0b1c01",
        "username": "zoe",
        "platform": "tiktok",
        "is_active": True,
        "is_unavailable": False,
        "added_at": ago(hours(24 * 300)),
        "last_scrape_time": ago(hours(1)),
        "scrape_interval_hours": 24,
        **fields,
    }
    return {name: value for name, value in row.items() if value is not ...}


def counted(*rows: object) -> Freshness:
    """Return what is said of *rows* now."""
    census = Census(NOW)
    for row in rows:
        census.add(row)
    return census.result()


def state(**fields: Any) -> State:
    """Return the state of one account."""
    (found,) = counted(account(**fields)).counts
    return found


@pytest.mark.parametrize(
    ("added_at", "expected"),
    [
        (ago(hours(0)), "new"),
        (ago(hours(6) - SECOND), "new"),
        (ago(hours(6)), "new"),
        (ago(hours(6) + SECOND), "never collected"),
        (ago(hours(24 * 300)), "never collected"),
        (ago(hours(-1)), "new"),
        (None, "never collected"),
        (..., "never collected"),
    ],
)
def test_state__never_collected_after_a_grace_of_six_hours(added_at: Any, expected: str) -> None:
    """An account without a collection is new for six hours, and late after that or if nothing says since when."""
    assert state(added_at=added_at, last_scrape_time=None) == expected
    assert state(added_at=added_at, last_scrape_time=...) == expected


@pytest.mark.parametrize(
    ("interval", "longest"),
    [
        (24, 48),
        (12, 48),
        (1, 48),
        (0.5, 48),
        (23.9, 48),
        (24.5, 49),
        (25, 50),
        (30, 60),
        (168, 336),
        (24 * 366, 2 * 24 * 366),
        ("36", 72),
        (None, 48),
        (..., 48),
        (0, 48),
        (-100, 48),
        (True, 48),
        ("daily", 48),
        (24 * 366 + 1, 48),
        (10**300, 48),
        ([], 48),
    ],
)
def test_state__stale_after_twice_its_interval(interval: Any, longest: float) -> None:
    """An account is stale once its data are older than twice its interval and than 48 h; nonsense counts as 24."""
    assert state(scrape_interval_hours=interval, last_scrape_time=ago(hours(longest))) == "fresh"
    assert state(scrape_interval_hours=interval, last_scrape_time=ago(hours(longest) + SECOND)) == "stale"


def test_state__collected_in_the_future() -> None:
    """A runner whose clock is behind makes nothing stale."""
    assert state(last_scrape_time=ago(hours(-3))) == "fresh"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"last_scrape_time": None},
        {"last_scrape_time": None, "added_at": ago(hours(1))},
        {"last_scrape_time": ago(hours(1000))},
    ],
)
def test_state__unavailable_wins(fields: dict[str, Any]) -> None:
    """An account that is unavailable is nothing else; only a true says so."""
    assert state(is_unavailable=True, **fields) == "unavailable"
    for other in (False, None, ..., "true", 1):
        assert state(is_unavailable=other, **fields) != "unavailable"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-17T12:30:45Z",
        "2026-11-17t12:30:45z",
        "2026-11-17T12:30:45",
        "2026-11-17 12:30:45",
        "2026-11-17T12:30:45+00:00",
        "2026-11-17T14:30:45+02:00",
        "2026-11-17T18:00:45+05:30",
        "2026-11-17T18:00:45+0530",
        "2026-11-16T22:30:45-1400",
        "2026-11-17T12:30:45.9Z",
        "2026-11-17T12:30:45.123Z",
        "2026-11-17T12:30:45.123456789Z",
        "2026-11-17T07:30:45.123456-05:00",
        "2026-11-17T12:30:45.5",
    ],
)
def test_time__all_forms_of_one_moment(text: str) -> None:
    """A time may have a fraction, which is dropped, any offset or none, which is UTC; on every version of Python."""
    freshness = counted(account(last_scrape_time=text))
    assert freshness.oldest == freshness.newest == datetime(2026, 11, 17, 12, 30, 45, tzinfo=timezone.utc)
    assert freshness.counts == {"stale": 1}


NONSENSE = [
    *("", " ", "yesterday", "null", "2026-11-17", "12:30:45", "1794918645", "2026-11-17T12:30Z", "2026-11-17T12Z"),
    *("2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-11-17T25:00:00Z", "2026-11-17T12:60:00Z"),
    *("20261117T123045Z", "2026-W47-2T12:30:45Z", "2026-321T12:30:45Z", "26-11-17T12:30:45Z"),
    *("2026-11-17T12:30:45+99:99", "2026-11-17T12:30:45+5", "2026-11-17T12:30:45 UTC", "2026-11-17T12:30:45Z\n"),
    *("٢٠٢٦-11-17T12:30:45Z", "0000-00-00T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    *(0, 1794918645, 17.5, True, False, [], {}, ["2026-11-17T12:30:45Z"]),
]


@pytest.mark.parametrize("value", NONSENSE)
def test_time__nonsense(value: object) -> None:
    """What is no time is told by the name of its field, without the value; nothing is guessed from it."""
    with pytest.raises(UnexpectedShapeError) as caught:
        counted(account(last_scrape_time=value))
    assert str(caught.value) == "last_scrape_time of an account is not a time"
    with pytest.raises(UnexpectedShapeError) as caught:
        counted(account(last_scrape_time=None, added_at=value))
    assert str(caught.value) == "added_at of an account is not a time"


def test_time__only_what_is_needed() -> None:
    """Since when an account is tracked does not matter once it was collected, and nothing does if it is unavailable."""
    assert state(added_at="nonsense") == "fresh"
    assert state(added_at="nonsense", last_scrape_time=None, is_unavailable=True) == "unavailable"


@pytest.mark.parametrize("row", [None, [], "account", 7, True])
def test_add__not_an_object(row: object) -> None:
    """A row that is no object is told."""
    with pytest.raises(UnexpectedShapeError, match=r"^an account is not an object$"):
        counted(row)


def test_result__nothing() -> None:
    """Without accounts there is nothing to say."""
    assert counted() == Freshness(NOW)
    assert counted().stale == 0


def test_result__counters_and_times() -> None:
    """The counters add up, and the oldest stale collection is not the oldest one of all."""
    freshness = counted(
        account(username="fresh"),
        account(username="monthly", scrape_interval_hours=720, last_scrape_time=ago(hours(1400))),
        account(username="gone", is_unavailable=True, last_scrape_time=ago(hours(4000))),
        account(username="never", last_scrape_time=None),
        account(username="new", last_scrape_time=None, added_at=ago(hours(1))),
        account(username="stale", last_scrape_time=ago(hours(100))),
        account(username="staler", last_scrape_time=ago(hours(200))),
        account(username="stale too", last_scrape_time=ago(hours(150))),
        account(username="just now", last_scrape_time=ago(hours(0))),
    )
    assert freshness.counts == {"fresh": 3, "unavailable": 1, "never collected": 1, "new": 1, "stale": 3}
    assert freshness.total == 9
    assert freshness.stale == 5
    assert freshness.at == NOW
    assert freshness.oldest == NOW - hours(4000)
    assert freshness.newest == NOW
    assert freshness.oldest_stale == NOW - hours(200)


def test_result__named() -> None:
    """Up to five are named: those without data, stale ones, unavailable ones; each in the order of the pages."""
    gone = [account(username=f"gone {index}", is_unavailable=True) for index in range(9)]
    stale = [account(username=f"stale {index}", last_scrape_time=ago(hours(100 + index))) for index in range(2)]
    never = [account(username=f"never {index}", last_scrape_time=None, platform=None) for index in range(2)]
    fine = [account(), account(last_scrape_time=None, added_at=ago(hours(1)))]
    freshness = counted(*fine, *gone, *stale, *never)
    assert [(item.username, item.platform, item.state, item.last_scrape_time) for item in freshness.named] == [
        ("never 0", "", "never collected", None),
        ("never 1", "", "never collected", None),
        ("stale 0", "tiktok", "stale", NOW - hours(100)),
        ("stale 1", "tiktok", "stale", NOW - hours(101)),
        ("gone 0", "tiktok", "unavailable", NOW - hours(1)),
    ]
    assert [item.username for item in counted(*gone).named] == [f"gone {index}" for index in range(5)]
    assert counted(*fine).named == ()


@pytest.mark.parametrize("name", [None, ..., 7, {}])
def test_result__named_without_a_name(name: object) -> None:
    """An account whose name is missing is counted all the same."""
    (item,) = counted(account(username=name, last_scrape_time=None)).named
    assert item.username == ""


ROWS = st.builds(
    account,
    username=st.text(max_size=3),
    is_unavailable=st.booleans(),
    last_scrape_time=st.none() | st.integers(-10, 9000).map(hours).map(ago),
    added_at=st.none() | st.integers(-10, 9000).map(hours).map(ago),
    scrape_interval_hours=st.none() | st.integers(-5, 9000) | st.floats(allow_nan=False),
)


@given(st.lists(ROWS, max_size=30))
def test_result__whatever_the_order(rows: list[dict[str, Any]]) -> None:
    """Every account is counted once, and the order of the pages changes no figure."""
    freshness, reverse = counted(*rows), counted(*reversed(rows))
    assert sum(freshness.counts.values()) == freshness.total == len(rows)
    assert freshness.counts == reverse.counts
    times = (freshness.oldest, freshness.newest, freshness.oldest_stale)
    assert times == (reverse.oldest, reverse.newest, reverse.oldest_stale)
    assert len(freshness.named) == min(5, freshness.stale)
    assert (freshness.oldest_stale is None) == ("stale" not in freshness.counts)


def test_memory__does_not_grow() -> None:
    """Ten thousand accounts take no more memory than two hundred, even if none is as it should be."""

    def rows(count: int) -> Iterator[dict[str, Any]]:
        makers: list[Callable[[int], dict[str, Any]]] = [
            lambda index: account(username=f"{index:0100}", last_scrape_time=None),
            lambda index: account(username=f"{index:0100}", last_scrape_time=ago(hours(100 + index))),
            lambda index: account(username=f"{index:0100}", is_unavailable=True),
        ]
        return (makers[index % 3](index) for index in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            census = Census(NOW)
            for row in rows(count):
                census.add(row)
            assert census.result().total == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    assert peak(10_000) < peak(200) + 20_000
