from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from fakes import API, NOW, FakeNetwork, Run, answer_from, posted

from digest.audit import Audit
from digest.context import ShownCreator, build
from digest.filters import pace
from digest.models import parse_overview, parse_ranking
from digest.movers import Pace, paces
from digest.render import Template
from digest.standin import sample
from digest.templates import locate
from digest.text import Text, reveal

TOP = f"{API}/creators/top"
DEFAULT = Path("weekly.md.j2")


def creator(name: str, views: object, **more: object) -> dict[str, Any]:
    """Return a row whose id is its name; `...` leaves one of them out."""
    row = {"id": name, "name": name, "total_views": views, **more}
    return {key: value for key, value in row.items() if value is not ...}


def paced(rows: Sequence[Any], longer: Sequence[Any], days: int = 7, longer_days: int = 30) -> Sequence[Pace | None]:
    """Return the paces of *rows* against the ranking of the longer window."""
    rankings = [parse_ranking({"data": list(part)}, 25) for part in (rows, longer)]
    return paces(*rankings, days=days, longer_days=longer_days)


def digested(
    rows: Sequence[Any], longer: Sequence[Any] | None, period: str = "7d", template: Path = DEFAULT
) -> list[str]:
    """Return the lines about creators of a message about these rankings."""
    ranking, other = (None if part is None else parse_ranking({"data": list(part)}, 25) for part in (rows, longer))
    assert ranking is not None
    audit = Audit(parse_overview(sample()["overview"]), ranking, longer=other)
    context = build(audit, title="t", period=period, zone=ZoneInfo("UTC"), variables={}, now=NOW)
    return ranked(reveal(Template(locate(template.name, template.parent)).render(context)))


def ranked(markdown: str) -> list[str]:
    """Return the numbered lines of a message, with a colon for the dash."""
    lines = [line for line in markdown.splitlines() if re.match("[0-9]+[.] ", line)]
    return [line.replace(" \N{EN DASH} ", ": ") for line in lines]


@pytest.mark.parametrize(
    ("views", "longer", "days", "longer_days", "ratio"),
    [
        (700, 3000, 7, 30, 1.0),
        (1400, 3000, 7, 30, 2.0),
        (350, 3000, 7, 30, 0.5),
        (3000, 3000, 7, 30, 30 / 7),
        (3000, 9000, 30, 90, 1.0),
        (9000, 9000, 30, 90, 3.0),
        ("1400", 3000.0, 7, 30, 2.0),
        (0, 3000, 7, 30, 0.0),
        (2**60, 2**61, 7, 30, 15 / 7),
        (10**60, 10**60, 7, 30, 30 / 7),
        (1e59, 1e60, 7, 30, 3 / 7),
    ],
)
def test_paces__ratio(views: Any, longer: Any, days: int, longer_days: int, ratio: float) -> None:
    """The pace is this window's figure a day, by the longer window's figure a day."""
    (found,) = paced([creator("zoe", views)], [creator("zoe", longer)], days, longer_days)
    assert found == Pace(longer_days, ratio, 0)


@pytest.mark.parametrize(
    ("views", "longer"),
    [
        (100, 0),
        (100, None),
        (100, ...),
        (100, "n/a"),
        (100, -3000),
        (-100, 3000),
        (-100, -3000),
        (None, 3000),
        (..., 3000),
        (0, 0),
        (101, 100),
        (0.5, 0.25),
    ],
)
def test_paces__figures_that_cannot_be_compared(views: Any, longer: Any) -> None:
    """Without two figures, of which the longer window's holds the other, there is a place and no pace."""
    assert paced([creator("zoe", views)], [creator("zoe", longer)]) == [Pace(30, None, 0)]


@pytest.mark.parametrize(
    ("row", "longer"),
    [
        ({"total_views": 100}, {"views": 900}),
        ({"total_views": 100}, {"likes": 900}),
        ({"engagement_rate": 4.5}, {"engagement_rate": 4.5}),
        ({"total_followers": 88_400}, {"total_followers": 88_400}),
        ({"follower_count": 88_400}, {"follower_count": 88_500}),
        ({"average_likes": 12}, {"average_likes": 14}),
        ({"score": 71}, {"score": 80}),
        ({"likes_per_post": 71}, {"likes_per_post": 80}),
    ],
)
def test_paces__metrics_that_cannot_be_compared(row: Any, longer: Any) -> None:
    """Two metrics are not compared, nor is one that does not add up from day to day, as followers and rates do not."""
    rows = [{"id": "zoe", **row}], [{"id": "zoe", **longer}]
    assert paced(*rows) == [Pace(30, None, 0)]


@pytest.mark.parametrize(
    "name",
    ["total_views", "views", "view_count", "totalPlays", "ig_play_count", "video_views", "likes", "engagement"],
)
def test_paces__metrics_that_add_up(name: str) -> None:
    """Whatever adds up is compared, under any of the names that the API may have for it."""
    assert paced([{"id": "zoe", name: 14}], [{"id": "zoe", name: 30}]) == [Pace(30, 2.0, 0)]


def test_paces__layouts_of_rows() -> None:
    """A creator is the same one in rows of different layouts, as long as its id and its metric are."""
    rows = [{"rank": 1, "creator": {"id": "zoe"}, "metrics": {"views": 14}}, {"creator_id": "bo", "views": 7}]
    longer = [{"uuid": "zoe", "views": 30}, {"id": "bo", "stats": {"views": 60}}]
    assert paced(rows, longer) == [Pace(30, 2.0, 0), Pace(30, 0.5, 0)]


def test_paces__places() -> None:
    """Places are counted up from the longer ranking to this one."""
    longer = [creator(name, 1000) for name in "abcde"]
    rows = [creator(name, 100) for name in "ebcad"]
    assert [found and found.places for found in paced(rows, longer)] == [4, 0, 0, -3, -1]


def test_paces__duplicate_ids() -> None:
    """Of rows that repeat an id, the first of the longer ranking counts, and each of this ranking is compared."""
    rows = [creator("a", 14), creator("a", 7), creator("b", 7)]
    longer = [creator("a", 30), creator("b", 30), creator("a", 300), creator("b", 600)]
    assert paced(rows, longer) == [Pace(30, 2.0, 0), Pace(30, 1.0, -1), Pace(30, 1.0, -1)]


def test_paces__absent() -> None:
    """A creator whom the longer ranking lacks has neither pace nor places."""
    assert paced([creator("a", 7), creator("b", 7)], [creator("b", 30)]) == [Pace(30, None, None), Pace(30, 1.0, -1)]


def test_paces__nobody_is_known_without_ids() -> None:
    """A row without an id is compared with none; where the longer ranking has one, nobody is called absent from it."""
    assert paced([creator("a", 7, id=...)], [creator("a", 30)]) == [None]
    assert paced([creator("a", 7, id=...)], [creator("a", 30, id=...)]) == [None]
    rows = [creator("a", 7), creator("b", 14)]
    assert paced(rows, [creator("b", 30), creator("c", 30, id=None)]) == [None, Pace(30, 2.0, -1)]


def test_paces__empty_rankings() -> None:
    """An empty longer ranking says nothing about anybody, and an empty ranking has no paces."""
    assert paced([creator("a", 7), creator("b", 7)], []) == [None, None]
    assert paced([], [creator("a", 7)]) == []


@pytest.mark.parametrize(
    ("border", "more", "said"),
    [((7, 24), 1, "▲ 1.3× its 30-day pace"), ((14, 75), -1, "▼ 0.8× its 30-day pace")],
)
def test_message__thresholds_are_exact(border: tuple[int, int], more: int, said: str) -> None:
    """Exactly 1.25 and exactly 0.8 say nothing, whatever the figures; a view beyond does, as long as that shows."""
    for factor in range(1, 1000):
        views, total = (part * factor for part in border)
        assert digested_pace(views, total) == ""
        assert digested_pace(views + more, total).startswith(said[0])
    assert digested_pace(views + more, total) == said


def digested_pace(views: int, total: int) -> str:
    """Return what a message says of a creator with these views in 7 and 30 days."""
    (found,) = paced([creator("a", views)], [creator("a", total)])
    return pace(ShownCreator(1, None, Text("a"), None, {}, found))


@pytest.mark.parametrize(
    ("views", "longer_rank", "expected"),
    [
        (1400, 4, "1,400 views, ▲ 2× its 30-day pace, up 3 places"),
        (1400, 2, "1,400 views, ▲ 2× its 30-day pace, up 1 place"),
        (1400, 1, "1,400 views, ▲ 2× its 30-day pace"),
        (1288, 1, "1,288 views, ▲ 1.8× its 30-day pace"),
        (875, 1, "875 views"),
        (876, 1, "876 views, ▲ 1.3× its 30-day pace"),
        (700, 3, "700 views"),
        (560, 3, "560 views"),
        (559, 3, "559 views, ▼ 0.8× its 30-day pace, up 2 places"),
        (1, 1, "1 view, ▼ <0.1× its 30-day pace"),
        (0, 1, "0 views, ▼ 0× its 30-day pace"),
        (3000, 1, "3,000 views, ▲ 4.3× its 30-day pace"),
        (3001, 1, "3,001 views"),
    ],
)
def test_message__one_creator(views: int, longer_rank: int, expected: str) -> None:
    """A pace is told above 1.25 and below 0.8, with the places that were won, and nothing between."""
    others = [creator(f"other {index}", 3000) for index in range(4)]
    longer = [*others[: longer_rank - 1], creator("a", 3000), *others[longer_rank - 1 :]]
    assert digested([creator("a", views)], longer) == [f"1. **a**: {expected}"]


def test_message__places_down_and_new() -> None:
    """Places that were lost are told, and a creator whom the longer ranking lacks is new in the top 25."""
    rows = [creator("fresh", 900), creator("b", 1400), creator("c", 140), creator("a", 1400), creator("d", 140)]
    longer = [creator("a", 3000), creator("b", 3000), creator("c", 3000), creator("d", 3000)]
    assert digested(rows, longer) == [
        "1. **fresh**: 900 views, new in the top 25",
        "2. **b**: 1,400 views, ▲ 2× its 30-day pace",
        "3. **c**: 140 views, ▼ 0.2× its 30-day pace",
        "4. **a**: 1,400 views, ▲ 2× its 30-day pace, down 3 places",
        "5. **d**: 140 views, ▼ 0.2× its 30-day pace, down 1 place",
    ]


def test_message__without_a_figure() -> None:
    """A creator without a figure may be new; one that is not has no pace."""
    rows = [creator("a", ...), creator("b", ...)]
    assert digested(rows, [creator("a", 3000)]) == ["1. **a**", "2. **b**, new in the top 25"]


def test_message__30_days_against_90() -> None:
    """A message about 30 days compares with 90."""
    assert digested([creator("a", 2000)], [creator("a", 3000)], "30d") == [
        "1. **a**: 2,000 views, ▲ 2× its 90-day pace"
    ]


@pytest.mark.parametrize("period", ["7d", "30d", "90d"])
def test_message__without_a_longer_ranking(period: str) -> None:
    """Without a longer ranking, there are no paces."""
    assert digested([creator("a", 2000)], None, period) == ["1. **a**: 2,000 views"]


@pytest.mark.parametrize(("period", "asked"), [("7d", ["7d", "30d"]), ("30d", ["30d", "90d"]), ("90d", ["90d"])])
def test_fetch__the_next_longer_ranking(
    period: str, asked: list[str], network: FakeNetwork, run: Callable[..., Run]
) -> None:
    """For 7 days, the 30-day ranking is fetched too, all 25 of it; for 30 days the 90-day one; for 90 days none."""
    assert run(period=period, limit="3").code == 0
    queries = {request.url.params["period"]: dict(request.url.params) for request in network.to(TOP)}
    assert sorted(queries, key=asked.index) == asked
    assert len(network.to(TOP)) == len(asked)
    assert queries[period] == {"period": period, "limit": "3"}
    for other in asked[1:]:
        assert queries[other] == {"period": other, "limit": "25"}


def test_run__90_days(network: FakeNetwork, run: Callable[..., Run]) -> None:
    """A message about 90 days has no paces, and that is nothing to warn of: there is no longer window."""
    answer_from(network, {**sample(), "creators_top_90d": {"data": [creator("a", 2000)]}})
    used = run(period="90d")
    assert (used.code, used.annotations("warning")) == (0, [])
    assert ranked(used.outputs["message"]) == ["1. **a**: 2,000 views"]
    data = json.loads(Path(used.outputs["data-file"]).read_text(encoding="utf-8"))
    assert data["movers"] == []
    assert data["creators"][0]["pace"] is None


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(403, json={"code": "FORBIDDEN", "request_id": "req-1"}),
        httpx.Response(500),
        httpx.Response(200, html="<h1>Hotel Wi-Fi</h1>"),
        httpx.Response(200, json={"data": {}}),
        httpx.Response(200, json={"data": [None]}),
        httpx.ReadTimeout("secret"),
    ],
)
def test_run__the_second_ranking_fails(answer: Any, network: FakeNetwork, run: Callable[..., Run]) -> None:
    """Without the longer ranking, the digest is posted without paces, and a warning says so."""
    rows = httpx.Response(200, json={"data": [creator("a", 2000)]})

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.params["period"] == "7d":
            return rows
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    network.on("GET", TOP, respond)
    used = run()
    assert used.code == 0
    assert ranked(used.outputs["message"]) == ["1. **a**: 2,000 views"]
    assert len(posted(network)) == 1
    (warning,) = used.annotations("warning")
    assert warning.startswith("the digest goes without the pace of creators: GET /creators/top")
    assert "secret" not in used.log


def test_movers__sorted_by_pace(tmp_path: Path) -> None:
    """`movers` are those whose pace is known, fastest first, equals in the order of the ranking."""
    template = tmp_path / "movers.j2"
    template.write_text("{% for c in movers %}\n{{ c.rank }}. {{ c.name }} {{ c.pace.ratio }}\n{% endfor %}\n")
    views = {"a": 700, "b": 2100, "c": 700, "new": 5, "none": None, "d": 1400}
    longer = [creator(name, 3000) for name in "abcd"]
    found = digested([creator(name, number) for name, number in views.items()], longer, template=template)
    assert found == ["2. b 3.0", "6. d 2.0", "1. a 1.0", "3. c 1.0"]


@pytest.mark.parametrize("period", ["7d", "30d", "90d"])
def test_run__never_says_week_over_week(period: str, network: FakeNetwork, run: Callable[..., Run]) -> None:
    """A pace is never called a change against the week, or the window, before."""
    rankings = {f"creators_top_{days}": sample()["creators_top_30d"] for days in ("30d", "90d")}
    answer_from(network, {**sample(), **rankings})
    used = run(period=period, limit="25")
    said = used.outputs["message"] + used.log + used.summary
    paces = [line for line in said.splitlines() if "pace" in line]
    assert bool(paces) == (period != "90d")
    assert all("before" not in line and "against" not in line for line in paces)
    assert re.search(r"week.over.week|\bwow\b|last week|previous week|week before", said, re.IGNORECASE) is None
