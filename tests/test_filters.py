"""The edges of the filters; their docstrings show what they are for."""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - the filter is called date

import pytest

from digest.changes import Change
from digest.context import ShownFigure, ShownMetric
from digest.filters import FILTERS, change, compact, date, number, percent, value
from digest.text import Text


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (0, "0"),
        (-1284530, "-1,284,530"),
        (2**53 + 1, "9,007,199,254,740,993"),
        (3.0, "3"),
        (1234.5, "1,234.5"),
        (1234.567, "1,234.57"),
        (0.001, "<0.01"),
        (0.005, "<0.01"),
        (0.006, "0.01"),
    ],
)
def test_number__edges(given: float, shown: str) -> None:
    """Whole numbers have all digits, others two decimals at most; what is not 0 is never shown as 0."""
    assert number(given) == shown


def test_number__decimals() -> None:
    """Decimals that are asked for are all shown."""
    assert (number(2, 2), number(2.555, 0), number(1000, 1)) == ("2.00", "3", "1,000.0")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (10_000, "10K"),
        (-10_000, "-10K"),
        (999_499, "999K"),
        (999_500, "1M"),
        (999_999, "1M"),
        (1_000_000, "1M"),
        (1_005_000_000, "1B"),
        (1_234_567_890_123, "1.23T"),
        (999_999_999_999_999, "1,000T"),
        (10**18, "1,000,000T"),
        (1e21, "1,000,000,000T"),
        (12.5, "12.5"),
        (12_345.678, "12.3K"),
    ],
)
def test_compact__edges(given: float, shown: str) -> None:
    """Rounding up reaches the next suffix; beyond the last one, digits are added."""
    assert compact(given) == shown


@pytest.mark.parametrize(
    ("given", "decimals", "shown"),
    [
        (0, 2, "0%"),
        (0.0, 0, "0%"),
        (100, 0, "100%"),
        (0.5, 0, "<1%"),
        (0.4, 0, "<1%"),
        (0.51, 0, "1%"),
        (0.004, 2, "<0.01%"),
        (1234.5, 1, "1,234.5%"),
        (10, 1, "10%"),
        (99.999, 2, "100%"),
    ],
)
def test_percent__edges(given: float, decimals: int, shown: str) -> None:
    """No trailing zeros; what is not 0 is never shown as 0."""
    assert percent(given, decimals) == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (Change("up", 0.01, "%"), "▲ <0.1%"),
        (Change("down", 100.0, "%"), "▼ 100%"),
        (Change("up", 12345.67, "%"), "▲ 12,345.7%"),
        (Change("down", 0.004, "pp"), "▼ <0.01 pp"),
        (Change("up", 1.5, "pp"), "▲ 1.5 pp"),
        (Change("flat", 0.0, "pp"), "no change"),
        (Change("new", None, "pp"), "new"),
    ],
)
def test_change__edges(given: Change, shown: str) -> None:
    """A small move keeps its direction; points are points."""
    assert change(given) == shown


def test_value__by_unit() -> None:
    """A rate is shown as a percent, a count compactly, and what was not sent as n/a."""
    label = Text("x")
    assert value(ShownFigure("r", label, 4.2, None, "%", None)) == "4.2%"
    assert value(ShownFigure("c", label, 12_000, None, "", None)) == "12K"
    assert value(ShownFigure("c", label, None, None, "", None)) == "n/a"
    assert value(ShownMetric("r", label, None, "%")) == "n/a"
    assert value(None) == "n/a"


@pytest.mark.parametrize("month", range(1, 13))
def test_date__months(month: int) -> None:
    """Months are English whatever the machine speaks."""
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    assert date(Date(2026, month, 1)) == f"1 {names[month - 1]} 2026"


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        ("", ""),
        ("week of {day:02}.{month_number:02}.", "week of 05.01."),
        ("{{day}} {year:04}", "{day} 2026"),
    ],
)
def test_date__patterns(pattern: str, shown: str) -> None:
    """A pattern holds text, names and widths."""
    assert date(Date(2026, 1, 5), pattern) == shown


@pytest.mark.parametrize("pattern", ["{hour}", "{}", "{0}", "{day.real}", "{day[0]}", "{day:>9}", "{day:{year}}", "{"])
def test_date__unknown_patterns(pattern: str) -> None:
    """Anything else in a pattern is refused: it could reach into Python, or take all memory."""
    with pytest.raises(ValueError, match=r"^date: the pattern knows \{day\}, |expected '\}'|Single '\{'"):
        date(Date(2026, 1, 5), pattern)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("given", ["7", True, [1]], ids=repr)
def test_filters__refuse_what_they_cannot_show(name: str, given: object) -> None:
    """A filter that is given something else names itself, what it expected and what it got."""
    with pytest.raises(TypeError, match=rf"^{name}: expected .+, got {type(given).__name__}$"):
        FILTERS[name](given)


@pytest.mark.parametrize("name", ["number", "compact", "percent", "value"])
def test_filters__none_is_never_zero(name: str) -> None:
    """What the API did not send is n/a."""
    assert FILTERS[name](None) == "n/a"
