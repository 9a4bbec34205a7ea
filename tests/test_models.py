from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from strategies import overviews, rankings

from digest.answer import UnexpectedShapeError
from digest.models import (
    Creator,
    Figure,
    Metric,
    Overview,
    Ranking,
    number,
    parse_overview,
    parse_ranking,
)


def overview(**data: Any) -> dict[str, Any]:
    """Return a body of `GET /overview`."""
    return {"data": {"type": "overview", **data}}


def only_row(row: Mapping[str, Any]) -> Creator:
    """Return the one creator of a ranking with one row."""
    (creator,) = parse_ranking({"data": [row]}, 25).creators
    return creator


def test_parse_overview__documented() -> None:
    """Each number of `current` is a figure, in the order sent, with what stands beside it."""
    body = overview(
        current={"total_views": 1284530, "engagement_rate": 4.23, "new_metric": 7},
        previous={"engagement_rate": 4.61, "total_views": 1141800},
        changes={"total_views_pct": 12.5, "engagement_rate_pct": -8.24, "new_metric_pct": None},
    )
    figures = (
        Figure("total_views", 1284530, 1141800, 12.5),
        Figure("engagement_rate", 4.23, 4.61, -8.24),
        Figure("new_metric", 7, None, None),
    )
    assert parse_overview(body) == Overview(figures, body)


def test_parse_overview__flat() -> None:
    """Without `current`, each number of `data` is a figure, as in the API's tutorial."""
    body = overview(views=1284530, likes="54321", followers=None, changes={"views_pct": 3}, previous=None)
    assert parse_overview(body).figures == (Figure("views", 1284530), Figure("likes", 54321))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, True), ("12", True), (None, True), (True, False), ("many", False), ([1], False), ({"a": 1}, False)],
)
def test_parse_overview__kinds_of_values(value: object, shown: bool) -> None:  # noqa: FBT001 - a column of the table
    """Numbers, numeric strings and nulls are figures; all else is left out, never 0."""
    figures = parse_overview(overview(current={"total_views": 1, "other": value})).figures
    assert ("other" in [figure.name for figure in figures]) == shown


@pytest.mark.parametrize(
    "name", ["id", "organization_id", "updated_at", "end_date", "rank", "limit", "", " ", "\u200b"]
)
def test_parse_overview__names_of_no_figure(name: str) -> None:
    """A number that says who, where or when, or that has no name, is no figure."""
    assert [figure.name for figure in parse_overview(overview(current={name: 5, "views": 1})).figures] == ["views"]


@pytest.mark.parametrize("previous", [None, {}, {"total_views": None}, {"total_views": "none"}])
def test_parse_overview__no_previous(previous: object) -> None:
    """A previous value that was not sent is None, whichever way it is missing."""
    body = overview(current={"total_views": 5}, previous=previous, changes=None)
    assert parse_overview(body).figures == (Figure("total_views", 5),)


def test_parse_overview__all_null() -> None:
    """Documented figures that are all null are figures without values, not an error."""
    figures = parse_overview(overview(current={"total_views": None}, previous={"total_views": 3})).figures
    assert figures == (Figure("total_views", None, 3),)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (None, "the body is null, not an object"),
        ([], "the body is a list, not an object"),
        ("secret", "the body is a string, not an object"),
        (7, "the body is a number, not an object"),
        (False, "the body is a boolean, not an object"),
        ({}, "there is no 'data' in the body; its keys are none"),
        ({"error": "secret", "code": 1}, "there is no 'data' in the body; its keys are error, code"),
        ({"data": None}, "data is null, not an object"),
        ({"data": [{"views": 5}]}, "data is a list, not an object"),
        (overview(current=None), "data.current is null, not an object"),
        (overview(current=[1]), "data.current is a list, not an object"),
        (overview(current={"a": 1}, previous=[1]), "data.previous is a list, not an object"),
        (overview(current={"a": 1}, changes="secret"), "data.changes is a string, not an object"),
        (overview(current={}), "the overview holds no figure; its keys are none"),
        (overview(current={"note": "secret"}), "the overview holds no figure; its keys are note"),
        (overview(period="secret", views=None), "the overview holds no figure; its keys are type, period, views"),
    ],
)
def test_parse_overview__unexpected_shape(body: object, text: str) -> None:
    """A body of another shape is refused in words that hold its keys, but no value of it."""
    with pytest.raises(UnexpectedShapeError) as caught:
        parse_overview(body)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"data": {}}, "data is an object, not a list"),
        ({"data": None}, "data is null, not a list"),
        ({"creators": []}, "there is no 'data' in the body; its keys are creators"),
        ({"data": [{}, "secret"]}, "data[1] is a string, not an object"),
    ],
)
def test_parse_ranking__unexpected_shape(body: object, text: str) -> None:
    """A ranking of another shape is refused, and the text says where."""
    with pytest.raises(UnexpectedShapeError) as caught:
        parse_ranking(body, 5)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("row", "identity", "name", "headline"),
    [
        ({"creator_id": "a", "creator_name": "Zoë", "views": 9, "engagement": 2}, "a", "Zoë", Metric("views", 9)),
        ({"id": "a", "name": "Zoë", "likes": 2, "total_views": 9}, "a", "Zoë", Metric("total_views", 9)),
        ({"id": "a", "name": "Zoë", "metrics": {"total_views": 9}}, "a", "Zoë", Metric("total_views", 9)),
        ({"id": "a", "name": "Zoë", "stats": {"plays": 9}}, "a", "Zoë", Metric("plays", 9)),
        ({"id": "a", "name": "Zoë", "analytics": {"viewCount": 9}}, "a", "Zoë", Metric("viewCount", 9)),
        ({"rank": 1, "creator": {"id": "a", "name": "Zoë"}, "views": 9}, "a", "Zoë", Metric("views", 9)),
        ({"creator": {"id": "a", "name": "Zoë", "views": 9}}, "a", "Zoë", Metric("views", 9)),
        ({"creator": "Zoë", "views": 9}, None, "Zoë", Metric("views", 9)),
        ({"id": "row", "creator": {"creator_id": "a"}, "name": "Zoë"}, "a", "Zoë", None),
        ({"id": 7, "likes": "12"}, "7", "7", Metric("likes", 12)),
        ({"id": "a", "name": "Zoë"}, "a", "Zoë", None),
        ({}, None, None, None),
    ],
)
def test_parse_ranking__row_layouts(
    row: Mapping[str, Any], identity: str | None, name: str | None, headline: Metric | None
) -> None:
    """Id, name and figure are found in every likely layout of a row."""
    creator = only_row(row)
    assert (creator.id, creator.name, creator.headline) == (identity, name, headline)


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        "  ",
        "\u00a0\u3000\t",
        "\u200b\u2060\ufeff",
        "\u200d\u200c",
        "\ufe0f",
        "\u3164\u115f",
        "\u2800",
        True,
        [],
    ],
)
def test_parse_ranking__names_that_show_nothing(name: object) -> None:
    """A name that people cannot see is none: the next likely name counts, then the id."""
    assert only_row({"id": "a", "creator_name": name, "name": "Zoë"}).name == "Zoë"
    assert only_row({"id": "a", "creator_name": name}).name == "a"
    assert only_row({"name": name}).name is None


@pytest.mark.parametrize("name", ["さくら", "👨‍👩‍👧‍👦", "-", "7", "\U0001fadf", "é", "न"])
def test_parse_ranking__names_of_one_sign(name: str) -> None:
    """Whatever shows something is a name, signs that this Python does not know yet included."""
    assert only_row({"id": "a", "name": f" {name}\n"}).name == name


def test_parse_ranking__long_name() -> None:
    """A name longer than the API allows is cut, and costs no more than others."""
    assert only_row({"name": "N" * 5_000}).name == "N" * 254 + "…"


@pytest.mark.parametrize("value", [True, 10**61, 1.5, None, {}, "\u200b"])
def test_parse_ranking__ids_that_are_none(value: object) -> None:
    """Only text that can be seen and whole numbers are ids."""
    assert only_row({"creator_id": value, "id": "a"}).id == "a"


@pytest.mark.parametrize(
    ("metrics", "headline"),
    [
        ({"likes": 1, "views": 2, "plays": 3}, Metric("views", 2)),
        ({"view_rate": 1, "views_change_pct": 2, "views_per_post": 3, "prev_views": 4, "views": 5}, Metric("views", 5)),
        ({"previews": 1, "reviews": 2}, Metric("previews", 1)),
        ({"likes": None, "shares": 3}, Metric("shares", 3)),
        ({"likes": 1, "views": None}, Metric("views", None)),
        ({"likes": None}, None),
        ({"rank": 1, "account_id": 2, "joined_at": 3, "likes": 4}, Metric("likes", 4)),
        ({"engagement_rate": 6.02}, Metric("engagement_rate", 6.02)),
    ],
)
def test_parse_ranking__headline(metrics: Mapping[str, Any], headline: Metric | None) -> None:
    """The headline is the first views-like number, else the first that has a value."""
    assert only_row({"id": "a", **metrics}).headline == headline


def test_parse_ranking__metrics_of_all_layers() -> None:
    """Metrics stand once, in the order sent, and a number wins over a null of the same name."""
    row = {"views": None, "likes": 5, "metrics": {"views": 9, "likes": 6}, "creator": {"total_followers": 7}}
    metrics = (Metric("views", 9), Metric("likes", 5), Metric("total_followers", 7))
    assert only_row(row).metrics == metrics


def test_parse_ranking__keys() -> None:
    """The keys of a row are kept, those of nested objects with their path."""
    row = {"id": "a", "metrics": {"x": "?"}, "stats": 3, "other": {"y": 1}}
    assert only_row(row).keys == ("id", "metrics", "metrics.x", "stats", "other")


def test_parse_ranking__order_and_limit() -> None:
    """Rows keep the API's order, whatever their rank, figures or ids, and end at the limit."""
    rows = [{"id": "b", "rank": 2, "views": 1}, {"id": "a", "rank": 1, "views": 9}, {"id": "b"}, "no row"]
    body = {"data": rows}
    ranking = parse_ranking(body, 3)
    assert [creator.id for creator in ranking.creators] == ["b", "a", "b"]
    assert ranking.body == body
    assert parse_ranking({"data": []}, 3) == Ranking((), {"data": []})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (-3, -3),
        (2**53 + 1, 2**53 + 1),
        (1e21, 1e21),
        (10**60, 10**60),
        ("9007199254740993", 9007199254740993),
        (" 12 ", 12),
        ("-0.5", -0.5),
        ("1e21", 1e21),
        ("0", 0),
        (10**60 + 1, None),
        pytest.param(10**5000, None, id="10**5000"),
        pytest.param(-(10**400), None, id="-10**400"),
        (1e308, None),
        (5e-324, None),
        (float("nan"), None),
        (float("inf"), None),
        ("1e999", None),
        ("1" * 41, None),
        ("1,284", None),
        ("1_000", None),
        ("١٢", None),
        ("0x10", None),
        ("4.23%", None),
        ("", None),
        (True, None),
        (None, None),
        ([1], None),
    ],
)
def test_number(value: object, expected: float | None) -> None:
    """Numbers and numeric strings are numbers; what is absurd, infinite or something else is none."""
    assert number(value) == expected
    assert type(number(value)) is type(expected)


@given(overviews)
def test_parse_overview__any_json(body: Any) -> None:
    """No JSON raises anything but `UnexpectedShapeError`, and every figure holds numbers that were sent."""
    with contextlib.suppress(UnexpectedShapeError):
        parsed = parse_overview(body)
        figures = parsed.figures
        assert figures
        assert parsed.body is body
        sent = set(numbers_in(body))
        held = {value for figure in figures for value in (figure.current, figure.previous, figure.reported_change)}
        assert held - {None} <= sent


@given(rankings)
def test_parse_ranking__any_json(body: Any) -> None:
    """No JSON raises anything but `UnexpectedShapeError`, and every metric holds a number that was sent."""
    with contextlib.suppress(UnexpectedShapeError):
        creators = parse_ranking(body, 4).creators
        assert len(creators) == min(4, len(body["data"]))
        sent = set(numbers_in(body))
        for creator in creators:
            assert {metric.value for metric in creator.metrics} - {None} <= sent
            assert creator.headline is None or creator.headline in creator.metrics
            assert creator.name is not None or creator.id is None


def numbers_in(value: object) -> Iterator[float]:
    """Yield every number in *value*, those in strings too: another way than the code's."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, str):
        for kind in (int, float):
            with contextlib.suppress(ValueError):
                yield kind(value)
    elif isinstance(value, int | float):
        yield value
