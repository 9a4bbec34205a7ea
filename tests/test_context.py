from __future__ import annotations

import json
import string
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from fakes import NOW
from hypothesis import given, reject
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from strategies import readable_overviews, readable_rankings

from digest.answer import UnexpectedShapeError
from digest.audit import Audit
from digest.changes import Change
from digest.context import Context, ShownFigure, build, plain
from digest.filters import compact, percent
from digest.models import number, parse_overview, parse_ranking
from digest.render import Template
from digest.templates import locate
from digest.text import LONGEST, Text, reveal

WEEKLY = Template(locate("weekly.md.j2", Path()))
DASH = "\N{EN DASH}"
FLAT = Change("flat", 0.0, "%")
NEW = Change("new", None, "%")


def seen(overview: Any, ranking: Any = None, now: datetime = NOW, zone: str = "UTC") -> Context:
    """Return what a template sees of these bodies."""
    audit = Audit(parse_overview(overview), parse_ranking(ranking or {"data": []}, 25))
    return build(audit, title="*Weekly*", period="7d", zone=ZoneInfo(zone), variables={"team": "A"}, now=now)


def message(context: Context) -> str:
    """Return the default template's message."""
    return reveal(WEEKLY.render(context))


def figures(**data: Mapping[str, Any] | None) -> dict[str, ShownFigure]:
    """Return the figures of an overview with this `current`, `previous` and `changes`, by name."""
    return {figure.name: figure for figure in seen({"data": data}).figures}


def creators(*rows: Mapping[str, Any], **current: Any) -> Context:
    """Return what a template sees of these rows."""
    return seen({"data": {"current": current or {"total_views": 1}}}, {"data": list(rows)})


def moved(direction: Literal["up", "down"], amount: float, unit: Literal["%", "pp"] = "%") -> Change:
    """Return a change as a test expects it, a little off being the same."""
    close: Any = pytest.approx(amount)
    return Change(direction, close, unit)


@pytest.mark.parametrize(
    ("current", "previous", "expected"),
    [
        (1284530, 1141800, moved("up", 12.500437)),
        (0, 1141800, moved("down", 100)),
        (5, 0, NEW),
        (0, 0, FLAT),
        (0.0, 0, FLAT),
        (7, 7.0, FLAT),
        (None, 5, None),
        (5, None, None),
        (None, None, None),
        (-5, 10, moved("down", 150)),
        (5, -10, None),
        (2**53 + 1, 2**53, moved("up", 100 / 2**53)),
        (2**53 + 1, float(2**53), FLAT),
        (10**60, 1e-60, moved("up", 1e122)),
        (1e21, 5e20, moved("up", 100)),
        ("12", "10", moved("up", 20)),
    ],
)
def test_change__of_counts(current: object, previous: object, expected: Change | None) -> None:
    """A count's change is a percent of its previous value, new after a 0, none without either value."""
    assert figures(current={"total_views": current}, previous={"total_views": previous})["total_views"].change == (
        expected
    )


@pytest.mark.parametrize(
    ("current", "previous", "expected"),
    [
        (4.23, 4.61, moved("down", 0.38, "pp")),
        (6.4, 3.1, moved("up", 3.3, "pp")),
        (0, 4.61, moved("down", 4.61, "pp")),
        (-1.5, -2.5, moved("up", 1.0, "pp")),
        (4.23, 4.23, Change("flat", 0.0, "pp")),
        (0, 0, Change("flat", 0.0, "pp")),
        (6.9, 0, Change("new", None, "pp")),
        (6.9, None, None),
    ],
)
def test_change__of_rates(current: object, previous: object, expected: Change | None) -> None:
    """A rate's change is in percentage points, never a percent of a percent."""
    shown = figures(current={"engagement_rate": current}, previous={"engagement_rate": previous})["engagement_rate"]
    assert shown.change == expected
    assert shown.unit == "%"


@pytest.mark.parametrize(
    ("name", "current", "reported", "expected"),
    [
        ("total_views", 5, 12.5, moved("up", 12.5)),
        ("total_views", 5, "-8.24", moved("down", 8.24)),
        ("total_views", 0, -100, moved("down", 100)),
        ("total_views", 5, 0, None),
        ("total_views", 5, None, None),
        ("total_views", None, 12.5, None),
        ("engagement_rate", 4.23, -8.24, None),
    ],
)
def test_change__reported(name: str, current: object, reported: object, expected: Change | None) -> None:
    """Without a previous value, a reported change of a count stands in, but no 0, which may mean "not known"."""
    assert figures(current={name: current}, changes={f"{name}_pct": reported})[name].change == expected


def test_change__reported_is_not_believed() -> None:
    """With a previous value, the change is computed: a reported one is not looked at."""
    shown = figures(
        current={"total_views": 150, "active_accounts": 5},
        previous={"total_views": 100, "active_accounts": 0},
        changes={"total_views_pct": -3, "active_accounts_pct": 0},
    )
    assert shown["total_views"].change == moved("up", 50)
    assert shown["active_accounts"].change == NEW


def test_change__reported_as_fraction() -> None:
    """A reported change is a fraction where the first count that moved says so."""
    shown = figures(
        current={"total_views": 125, "active_accounts": 5},
        previous={"total_views": 100},
        changes={"total_views_pct": 0.25, "active_accounts_pct": -0.0571},
    )
    assert shown["active_accounts"].change == moved("down", 5.71)


@pytest.mark.parametrize(
    ("rates", "views", "reported", "shown"),
    [
        ((4.23, 4.61), (125, 100), 25, 4.23),
        ((0.0423, 0.0461), (125, 100), 0.25, 4.23),
        ((0.0423, 0.0461), (125, 100), 25, 0.0423),
        ((0.84, 0.91), (125, 100), 25, 0.84),
        ((0.84, 1.2), (125, 100), 0.25, 0.84),
        ((-0.5, -1.5), (125, 100), 0.25, -0.5),
        ((0.0423, None), (75, 100), -0.25, 4.23),
        ((0.0423, None), (75, 100), -0.21, 4.23),
        ((0.0423, None), (75, 100), 0.25, 0.0423),
        ((0.0423, None), (125, 100), 0.6, 0.0423),
        ((0.0423, None), (100, 100), 0, 0.0423),
        ((0.0423, None), (100, 0), 0.25, 0.0423),
        ((0.0423, None), (None, 100), 0.25, 0.0423),
        ((0.0423, None), (125, None), 0.25, 0.0423),
        ((0.0423, None), (125, 100), None, 0.0423),
        ((0, None), (125, 100), 0.25, 0),
        ((1, None), (125, 100), 0.25, 100),
    ],
)
def test_rates__percent_or_fraction(
    rates: tuple[float, float | None], views: tuple[int | None, int | None], reported: float | None, shown: float
) -> None:
    """A rate above 1 is a percent; else the reported change of the views tells what the API calls one."""
    found = figures(
        current={"engagement_rate": rates[0], "total_views": views[0]},
        previous={"engagement_rate": rates[1], "total_views": views[1]},
        changes={"total_views_pct": reported},
    )
    assert found["engagement_rate"].value == shown


def test_rates__another_count_tells() -> None:
    """Where the views did not move, the next count that did tells whether rates are fractions."""
    shown = figures(
        current={"total_views": 100, "engagement_rate": 0.0423, "active_accounts": 37},
        previous={"total_views": 100, "engagement_rate": 0.0461, "active_accounts": 35},
        changes={"total_views_pct": 0, "active_accounts_pct": 0.0571},
    )
    assert (shown["engagement_rate"].value, shown["engagement_rate"].previous) == (4.23, 4.61)
    assert shown["engagement_rate"].change == moved("down", 0.38, "pp")


@pytest.mark.parametrize(("rates", "shown"), [((0.0602, 0.034), (6.02, 3.4)), ((6.02, 0.5), (6.02, 0.5))])
def test_rates__of_creators(rates: tuple[float, float], shown: tuple[float, float]) -> None:
    """Rates of creators are read as those of the overview, unless one of them is above 1."""
    overview = {
        "data": {
            "current": {"total_views": 125, "engagement_rate": 0.0423},
            "previous": {"total_views": 100},
            "changes": {"total_views_pct": 0.25},
        }
    }
    rows = [{"id": str(rate), "engagement_rate": rate} for rate in rates] + [{"id": "n", "engagement_rate": None}]
    found = seen(overview, {"data": rows}).creators
    assert [creator.metrics["engagement_rate"].value for creator in found] == [*shown, None]
    assert [creator.metrics["engagement_rate"].unit for creator in found] == ["%"] * 3


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("total_views", "Total views"),
        ("engagement_rate", "Engagement rate"),
        ("tracked_videos", "Individual videos"),
        ("avgWatchTime", "Avg watch time"),
        ("ig_play_count", "Instagram play count"),
        ("tiktok_views", "TikTok views"),
        ("x", "X"),
    ],
)
def test_label__of_figures(name: str, label: str) -> None:
    """A figure's label comes from its name, as the dashboard writes it."""
    assert figures(current={name: 5})[name].label.raw == label


@pytest.mark.parametrize(
    ("name", "value", "label"),
    [
        ("total_views", 412900, "views"),
        ("total_views", 1, "view"),
        ("views", 0, "views"),
        ("views", None, "views"),
        ("view_count", 1.0, "view"),
        ("follower_count", 12, "followers"),
        ("views_count", 12, "views"),
        ("saved_count", 12, "saved"),
        ("fb_like_count", 12, "Facebook likes"),
        ("videoViews", 12, "video views"),
        ("total", 12, "total"),
        ("count", 12, "count"),
        ("engagement_rate", 1, "engagement rate"),
    ],
)
def test_label__of_metrics(name: str, value: float | None, label: str) -> None:
    """A metric's label fits behind its value, in the singular after a 1."""
    metric = creators({"id": "a", name: value}).creators[0].metrics[name]
    assert (metric.value, metric.label.raw) == (value, label)


def test_creators__ranks_and_names() -> None:
    """Ranks are positions; a row without a name shows its id, and one without either says so."""
    rows = ({"id": "a", "name": "Zoë *", "rank": 7, "views": 9}, {"id": "b", "views": None}, {"likes": True})
    context = creators(*rows)
    assert [(c.rank, c.name.raw, c.id and c.id.raw) for c in context.creators] == [
        (1, "Zoë *", "a"),
        (2, "b", "b"),
        (3, "Unnamed creator", None),
    ]
    assert [c.headline and c.headline.value for c in context.creators] == [9, None, None]
    assert [c.headline is None for c in context.creators] == [False, False, True]


@pytest.mark.parametrize(
    ("rows", "notices"),
    [
        ([], ()),
        ([{"views": 0}], ()),
        ([{}], ("1 creator is listed without a figure: the API sent none that this digest knows.",)),
        (
            [{}, {"views": 1}, {}],
            ("2 creators are listed without a figure: the API sent none that this digest knows.",),
        ),
    ],
)
def test_notices__of_missing_figures(rows: list[Any], notices: tuple[str, ...]) -> None:
    """Readers are told how many creators stand there without a figure."""
    assert creators(*rows).notices == notices


@pytest.mark.parametrize(
    ("current", "previous", "changes", "compared"),
    [
        ({"a": 5}, {"a": 4}, None, True),
        ({"a": 5, "b": 1}, {"a": 0, "b": 1}, None, True),
        ({"a": 0}, {"a": 0}, None, True),
        ({"a": 5}, {"a": 0}, {"a_pct": 0}, False),
        ({"a": 5}, None, {"a_pct": 12}, True),
        ({"a": 5}, None, {"a_pct": 0}, False),
        ({"a": None}, {"a": 4}, None, False),
        ({"a": 5}, {}, None, False),
    ],
)
def test_compared(current: Any, previous: Any, changes: Any, compared: bool) -> None:  # noqa: FBT001 - a column
    """The message names the window before only if something is held against it."""
    context = seen({"data": {"current": current, "previous": previous, "changes": changes}})
    assert context.compared == compared
    assert ("against the 7 days before" in message(context)) == compared


@pytest.mark.parametrize(
    ("now", "zone", "day"),
    [
        ("2026-11-22T06:17", "UTC", date(2026, 11, 22)),
        ("2026-12-31T23:59", "UTC", date(2026, 12, 31)),
        ("2026-12-31T23:59", "Europe/Paris", date(2027, 1, 1)),
        ("2027-01-01T04:59", "America/New_York", date(2026, 12, 31)),
        ("2027-01-01T05:00", "America/New_York", date(2027, 1, 1)),
        ("2026-12-31T09:59", "Pacific/Kiritimati", date(2026, 12, 31)),
        ("2026-12-31T10:00", "Pacific/Kiritimati", date(2027, 1, 1)),
        ("2026-02-28T23:30", "UTC", date(2026, 2, 28)),
        ("2026-02-28T23:30", "Europe/Berlin", date(2026, 3, 1)),
        ("2028-02-28T23:30", "Europe/Berlin", date(2028, 2, 29)),
        ("2026-04-30T22:00", "Europe/Berlin", date(2026, 5, 1)),
        # Paris: +1 until 29 March at 01:00 UTC, +2 until 25 October at 01:00 UTC.
        ("2026-03-28T22:30", "Europe/Paris", date(2026, 3, 28)),
        ("2026-03-28T23:30", "Europe/Paris", date(2026, 3, 29)),
        ("2026-03-29T21:59", "Europe/Paris", date(2026, 3, 29)),
        ("2026-03-29T22:00", "Europe/Paris", date(2026, 3, 30)),
        ("2026-10-24T22:30", "Europe/Paris", date(2026, 10, 25)),
        ("2026-10-25T22:30", "Europe/Paris", date(2026, 10, 25)),
        ("2026-10-25T23:00", "Europe/Paris", date(2026, 10, 26)),
        # New York: -5 until 8 March at 07:00 UTC, -4 until 1 November at 06:00 UTC.
        ("2026-03-08T04:59", "America/New_York", date(2026, 3, 7)),
        ("2026-03-09T03:59", "America/New_York", date(2026, 3, 8)),
        ("2026-03-09T04:00", "America/New_York", date(2026, 3, 9)),
        ("2026-11-01T03:59", "America/New_York", date(2026, 10, 31)),
        ("2026-11-02T04:59", "America/New_York", date(2026, 11, 1)),
        ("2026-11-02T05:00", "America/New_York", date(2026, 11, 2)),
        # Lord Howe Island: +11 until 3 October at 15:30 UTC, then half an hour less to the next day.
        ("2026-10-03T12:59", "Australia/Lord_Howe", date(2026, 10, 3)),
        ("2026-10-03T13:30", "Australia/Lord_Howe", date(2026, 10, 4)),
        ("2026-10-04T13:00", "Australia/Lord_Howe", date(2026, 10, 5)),
    ],
)
def test_date__in_the_chosen_zone(now: str, zone: str, day: date) -> None:
    """The date is that of the chosen zone at the moment of the run, summer time and turns of years included."""
    moment = datetime.fromisoformat(now).replace(tzinfo=timezone.utc)
    context = seen({"data": {"views": 5}}, now=moment, zone=zone)
    assert (context.date, context.timezone) == (day, zone)
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[day.month - 1]
    assert f"\nLast 7 days, to {day.day} {month} {day.year}\n" in message(context)


@pytest.mark.parametrize(("period", "days"), [("7d", 7), ("30d", 30), ("90d", 90)])
def test_days(period: str, days: int) -> None:
    """The period is there as a number, too."""
    audit = Audit(parse_overview({"data": {"views": 5}}), parse_ranking({"data": []}, 5))
    context = build(audit, title="T", period=period, zone=ZoneInfo("UTC"), variables={}, now=NOW)
    assert (context.period, context.days) == (period, days)


def test_plain__is_json() -> None:
    """The output `data-file` holds what templates see, as JSON, with texts as they arrived."""
    overview = {"data": {"current": {"a*": 5}, "previous": {"a*": 4}}}
    ranking = {"data": [{"id": "_a_", "name": "*Zoë*", "views": 9, "tags": ["x", None]}]}
    assert json.loads(json.dumps(plain(seen(overview, ranking)))) == {
        "title": "*Weekly*",
        "period": "7d",
        "days": 7,
        "date": "2026-11-22",
        "timezone": "UTC",
        "figures": [
            {
                "name": "a*",
                "label": "A*",
                "value": 5,
                "previous": 4,
                "unit": "",
                "change": {"direction": "up", "amount": 25.0, "unit": "%"},
            }
        ],
        "compared": True,
        "creators": [
            {
                "rank": 1,
                "id": "_a_",
                "name": "*Zoë*",
                "headline": {"name": "views", "label": "views", "value": 9, "unit": ""},
                "metrics": {"views": {"name": "views", "label": "views", "value": 9, "unit": ""}},
                "pace": None,
            }
        ],
        "movers": [],
        "freshness": None,
        "notices": [],
        "vars": {"team": "A"},
        "raw": {"overview": overview, "creators_top": ranking},
    }


@given(readable_overviews, readable_rankings)
def test_build__any_json(overview: Any, ranking: Any) -> None:
    """Whatever parses can be shown: every text is one shielded line, and all of it is JSON again."""
    context = seen_or_skipped(overview, ranking)
    for text in texts(context):
        assert not set(text) & set(string.punctuation)
        assert len(text) <= LONGEST
        assert [*text.raw.splitlines(), ""][0] == text.raw
    assert json.loads(json.dumps(plain(context)))["days"] == 7


@given(readable_overviews, readable_rankings)
def test_message__any_json(overview: Any, ranking: Any) -> None:
    """Each number and name of a message is the API's, in its place, whatever else was sent."""
    context = seen_or_skipped(overview, ranking)
    title, _, *lists = SyntaxTreeNode(MarkdownIt("commonmark").parse(message(context))).children
    assert visible(title) == "*Weekly*"
    items = [[visible(item) for item in node.children] for node in lists if node.type.endswith("list")]
    data = overview["data"]
    for figure, line in zip(context.figures, items[0], strict=True):
        said = line.removeprefix(f"{figure.label.raw}: ")
        assert is_true(data, figure.name, said), said
    shown = items[1] if context.creators else []
    for creator, line in zip(context.creators, shown, strict=True):
        said = line.removeprefix(creator.name.raw)
        label = creator.headline and creator.headline.label.raw
        assert said in {"", *(f" {DASH} {value} {label}" for value in all_values(ranking))}


def is_true(data: Mapping[str, Any], name: str, said: str) -> bool:
    """Return whether a message may say that of the figure *name*, worked out another way than the code's."""
    documented = "current" in data
    current = number((data["current"] if documented else data)[name])
    previous = number((data.get("previous") or {}).get(name)) if documented else None
    reported = number((data.get("changes") or {}).get(f"{name}_pct")) if documented else None
    value, _, change = said.removesuffix(")").partition(" (")
    if value not in formatted(current):
        return False
    if change in ("", "new", "no change"):
        return not change or previous is not None
    amount = change.removeprefix("▲ ").removeprefix("▼ ")
    if current is None or previous is None:
        return reported is not None and any(tells(amount, Fraction(reported) * unit, "%", 1) for unit in (1, 100))
    difference = Fraction(current) - Fraction(previous)
    points = any(tells(amount, difference * unit, " pp", 2) for unit in (1, 100))
    return points or bool(previous and tells(amount, difference / Fraction(previous) * 100, "%", 1))


def tells(text: str, exact: Fraction, unit: str, decimals: int) -> bool:
    """Return whether *text* is that size, rounded."""
    told = float(text.removesuffix(unit).lstrip("<").replace(",", "")) if text.endswith(unit) else float("nan")
    size = abs(float(exact))
    return 0 < size <= told if text.startswith("<") else abs(told - size) <= 0.5 * 10.0**-decimals + size * 1e-9


def formatted(value: float | None) -> set[str]:
    """Return how a value may be written: a count, a percent, a fraction."""
    return {compact(value), percent(value), percent(None if value is None else round(value * 100, 10))}


def all_values(body: object) -> Iterator[str]:
    """Yield how any number in *body* may be written."""
    if isinstance(body, Mapping):
        body = list(body.values())
    if isinstance(body, list):
        for item in body:
            yield from all_values(item)
    elif body is None or number(body) is not None:
        yield from formatted(number(body))


def seen_or_skipped(overview: Any, ranking: Any) -> Context:
    """Return what a template sees, or have Hypothesis try other bodies."""
    try:
        return seen(overview, ranking)
    except UnexpectedShapeError:
        reject()


def texts(value: object) -> Iterator[Text]:
    """Yield every text in *value* that came from outside."""
    if isinstance(value, Text):
        yield value
    elif is_dataclass(value):
        yield from (text for field in fields(value) for text in texts(getattr(value, field.name)))
    elif isinstance(value, tuple):
        yield from (text for item in value for text in texts(item))


def visible(node: SyntaxTreeNode) -> str:
    """Return the text that a reader sees of *node*."""
    return "".join(part.content for part in node.walk() if part.type == "text")
