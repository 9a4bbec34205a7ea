from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fakes import NOW
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from digest.audit import Audit
from digest.freshness import Census, Freshness
from digest.models import parse_overview, parse_ranking
from digest.notices import UNKNOWN_FRESHNESS, notices, stale
from digest.text import reveal, unshield

UTC = ZoneInfo("UTC")
OVERVIEW = parse_overview({"data": {"current": {"total_views": 1}}})


def accounts(*names: str, **fields: Any) -> list[dict[str, Any]]:
    """Return one row for each name; collected now, unless *fields* say otherwise."""
    return [{"username": name, "last_scrape_time": NOW.isoformat(), **fields} for name in names]


def fresh(count: int) -> list[dict[str, Any]]:
    """Return *count* rows of accounts that are as they should be."""
    return accounts(*["fine"] * count)


def never(*names: str) -> list[dict[str, Any]]:
    """Return rows of accounts that should have data, and have none."""
    return accounts(*names, last_scrape_time=None, added_at="2026-01-11T08:00:00Z")


def new(*names: str) -> list[dict[str, Any]]:
    """Return rows of accounts that cannot have data yet."""
    return accounts(*names, last_scrape_time=None, added_at=NOW.isoformat())


def old(*names: str, since: str = "2026-11-17T12:00:00Z") -> list[dict[str, Any]]:
    """Return rows of accounts that were collected then."""
    return accounts(*names, last_scrape_time=since)


def gone(*names: str) -> list[dict[str, Any]]:
    """Return rows of accounts that cannot be collected any more."""
    return accounts(*names, is_unavailable=True, last_scrape_time="2026-05-29T04:40:00Z")


def judged(*groups: list[dict[str, Any]], now: datetime = NOW) -> Freshness:
    """Return how fresh the accounts of all *groups* are."""
    census = Census(now)
    for group in groups:
        for row in group:
            census.add(row)
    return census.result()


def sentence(*groups: list[dict[str, Any]], now: datetime = NOW, zone: ZoneInfo = UTC) -> str:
    """Return the sentence about the accounts of all *groups*, as people read it."""
    return unshield(stale(judged(*groups, now=now), zone))


def said(freshness: Freshness | None = None, *, failed: bool = False, rows: list[Any] | None = None) -> list[str]:
    """Return the notices of a message about *rows*."""
    ranking = parse_ranking({"data": rows or []}, 25)
    return list(notices(Audit(OVERVIEW, ranking, freshness=freshness, freshness_failed=failed), UTC))


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (
            [fresh(407), never("anna", "ben", "chris"), old("dora", "emil")],
            (
                "3 of 412 accounts have no data yet, 2 are stale (oldest: 17 Nov) — totals may be understated:"
                " anna, ben, chris, dora, emil."
            ),
        ),
        (
            [fresh(411), never("anna")],
            "1 of 412 accounts has no data yet — totals may be understated: anna.",
        ),
        (
            [fresh(2), old("dora")],
            "1 of 3 accounts is stale (oldest: 17 Nov) — totals may be understated: dora.",
        ),
        (
            [fresh(2), old("dora", "emil")],
            "2 of 4 accounts are stale (oldest: 17 Nov) — totals may be understated: dora, emil.",
        ),
        (
            [fresh(2), gone("fred")],
            "1 of 3 accounts is unavailable — totals may be understated: fred.",
        ),
        (
            [fresh(2), gone("fred", "gina")],
            "2 of 4 accounts are unavailable — totals may be understated: fred, gina.",
        ),
        (
            [gone("fred"), old("dora"), never("anna")],
            (
                "1 of 3 accounts has no data yet, 1 is stale (oldest: 17 Nov), 1 is unavailable"
                " — totals may be understated: anna, dora, fred."
            ),
        ),
        (
            [fresh(2), new("nora"), old("dora")],
            "1 of 4 accounts is stale (oldest: 17 Nov), 1 is too new to have data — totals may be understated: dora.",
        ),
        (
            [never("anna"), new("nora", "nils")],
            "1 of 3 accounts has no data yet, 2 are too new to have data — totals may be understated: anna.",
        ),
        (
            [never("anna")],
            "1 of 1 account has no data yet — totals may be understated: anna.",
        ),
        (
            [fresh(1), never("a", "b", "c", "d", "e", "f")],
            "6 of 7 accounts have no data yet — totals may be understated: a, b, c, d, e and 1 more.",
        ),
        (
            [fresh(8761), never(*["a"] * 1234), old(*["b"] * 5)],
            (
                "1,234 of 10,000 accounts have no data yet, 5 are stale (oldest: 17 Nov)"
                " — totals may be understated: a, a, a, a, a and 1,234 more."
            ),
        ),
    ],
)
def test_stale__in_all_its_forms(groups: list[list[dict[str, Any]]], expected: str) -> None:
    """One sentence says how many of how many, why, since when and which; the names stand in the order of the counts."""
    assert sentence(*groups) == expected


def test_stale__the_oldest_of_the_stale() -> None:
    """The day is that of the oldest stale account, whatever was collected before in others."""
    monthly = accounts("monthly", last_scrape_time="2026-10-01T00:00:00Z", scrape_interval_hours=720)
    assert "1 is unavailable" in sentence(old("dora"), gone("fred"), monthly)
    assert "(oldest: 17 Nov)" in sentence(old("dora"), gone("fred"), monthly)
    assert "(oldest: 9 Nov)" in sentence(old("dora"), old("emil", since="2026-11-09T01:00:00Z"), old("gina"))


@pytest.mark.parametrize(
    ("since", "now", "zone", "day"),
    [
        ("2026-11-17T12:00:00Z", NOW, "UTC", "17 Nov"),
        ("2026-01-01T00:00:00Z", NOW, "UTC", "1 Jan"),
        ("2025-12-31T23:59:59Z", NOW, "UTC", "31 Dec 2025"),
        ("2025-11-20T12:00:00Z", NOW, "UTC", "20 Nov 2025"),
        ("2026-12-28T12:00:00Z", datetime(2027, 1, 3, 6, tzinfo=timezone.utc), "UTC", "28 Dec 2026"),
        ("2025-12-31T23:59:59Z", NOW, "Asia/Tokyo", "1 Jan"),
        ("2026-01-01T00:00:00Z", NOW, "America/New_York", "31 Dec 2025"),
        ("2026-12-28T12:00:00Z", datetime(2026, 12, 31, 23, tzinfo=timezone.utc), "Asia/Tokyo", "28 Dec 2026"),
        ("2026-12-28T12:00:00Z", datetime(2027, 1, 1, 4, tzinfo=timezone.utc), "America/New_York", "28 Dec"),
        ("2026-11-17T23:30:00Z", NOW, "Europe/Berlin", "18 Nov"),
        ("2026-10-24T22:30:00Z", NOW, "Europe/Berlin", "25 Oct"),
        ("2026-10-25T22:30:00Z", NOW, "Europe/Berlin", "25 Oct"),
        ("2026-02-28T23:59:59Z", NOW, "UTC", "28 Feb"),
        ("0002-01-01T00:00:00Z", NOW, "America/New_York", "31 Dec 1"),
    ],
)
def test_stale__its_day(since: str, now: datetime, zone: str, day: str) -> None:
    """The day is that of the chosen zone, with its year unless that is the year of the digest."""
    found = sentence(old("dora", since=since), now=now, zone=ZoneInfo(zone))
    assert found == f"1 of 1 account is stale (oldest: {day}) — totals may be understated: dora."


@pytest.mark.parametrize("name", ["", "   ", "\u200b", "\n\t", "\u202e"])
def test_stale__without_a_name(name: str) -> None:
    """An account without a name that can be seen is counted, and told as such."""
    assert sentence(never(name, "ben")).endswith(": one without a name, ben.")


HOSTILE = [
    "*bold*",
    "<!channel>",
    "@everyone",
    "[x](https://evil.test)",
    "https://evil.test",
    "`code`",
    "a\n# heading",
    "a\n\n1. item",
    "***",
    "![x](y)",
    "<b>",
    "_x_",
    "~~x~~",
    "|a|b|",
    "&lt;",
    "\\",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_stale__names_are_only_text(name: str) -> None:
    """Whatever an account is called, the line of the message that names it is words, all of them emphasised."""
    line = reveal(f"*{stale(judged(never(name, 'ben')), UTC)}*")
    tree = SyntaxTreeNode(MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(line))
    assert {node.type for node in tree.walk()} == {"root", "paragraph", "inline", "em", "text"}
    text = "".join(node.content for node in tree.walk() if node.type == "text")
    assert text.endswith(f"totals may be understated: {' '.join(name.split())}, ben.")


def test_notices__nothing_when_all_is_well() -> None:
    """Nothing is said when all accounts are fresh or new, when there are none, and when nobody asked."""
    assert said() == []
    assert said(judged()) == []
    assert said(judged(fresh(412))) == []
    assert said(judged(fresh(2), new("nora"))) == []


def test_notices__what_is_off() -> None:
    """Accounts that are not as they should be are one sentence."""
    freshness = judged(fresh(1), never("anna"))
    assert said(freshness) == [stale(freshness, UTC)]


def test_notices__unknown_freshness() -> None:
    """That the freshness is not known is told."""
    assert said(failed=True) == [UNKNOWN_FRESHNESS]
    assert UNKNOWN_FRESHNESS == "How fresh the data are could not be found out this time."


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"id": "a"}], "1 creator is listed without a figure: the API sent none that this digest knows."),
        (
            [{"id": "a"}, {"id": "b"}],
            "2 creators are listed without a figure: the API sent none that this digest knows.",
        ),
        (
            [{"id": "a", "views": 1}, {"id": "b"}],
            "1 creator is listed without a figure: the API sent none that this digest knows.",
        ),
    ],
)
def test_notices__creators_without_a_figure(rows: list[Any], expected: str) -> None:
    """Creators whose figure was not found are told, before what is to be said of accounts."""
    assert said(rows=rows) == [expected]
    assert said(failed=True, rows=rows) == [expected, UNKNOWN_FRESHNESS]


def test_notices__ages_are_of_the_run() -> None:
    """The same accounts are fresh on one day, and stale three days later."""
    rows = accounts("zoe")
    assert said(judged(rows)) == []
    (line,) = said(judged(rows, now=NOW + timedelta(days=3)))
    assert unshield(line) == "1 of 1 account is stale (oldest: 22 Nov) — totals may be understated: zoe."
