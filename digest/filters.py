"""Format figures for people: the filters of the templates. None is always `n/a`, never 0."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Mapping
from datetime import date as Date
from typing import Any, TypeAlias

from digest.changes import Change
from digest.context import ShownCreator, ShownFigure, ShownMetric
from digest.movers import FAST, LONGEST_RANKING, SLOW
from digest.notices import MONTHS

_Number: TypeAlias = "int | float | None"

MISSING = "n/a"
#: Below this, every digit fits.
_COMPACT_FROM = 10_000
_SUFFIXES = ("", "K", "M", "B", "T")


def number(value: _Number, decimals: int | None = None) -> str:
    """
    Return all digits, in groups of three.

    >>> number(1284530), number(4.5), number(4.5, 2), number(1e21), number(None)
    ('1,284,530', '4.5', '4.50', '1,000,000,000,000,000,000,000', 'n/a')
    """
    if value is None:
        return MISSING
    _check(value, "number")
    if decimals is not None:
        return f"{value:,.{decimals}f}"
    if isinstance(value, int) or value.is_integer():
        return f"{int(value):,}"
    return _rounded(value, 2)


def compact(value: _Number) -> str:
    """
    Return three digits and a suffix, or all digits below ten thousand.

    >>> compact(1284530), compact(999_950), compact(8720), compact(-12_345), compact(None)
    ('1.28M', '1M', '8,720', '-12.3K', 'n/a')
    """
    if value is None:
        return MISSING
    _check(value, "compact")
    if abs(value) < _COMPACT_FROM:
        return number(value)
    power = min(int(math.log10(abs(value))) // 3, len(_SUFFIXES) - 1)
    scaled = float(f"{value / 1000**power:.3g}")
    if abs(scaled) >= 1000 and power + 1 < len(_SUFFIXES):  # noqa: PLR2004 - 999,950 rounds to 1000 K
        scaled, power = scaled / 1000, power + 1
    return f"{number(scaled)}{_SUFFIXES[power]}"


def percent(value: _Number, decimals: int = 2) -> str:
    """
    Return a percent; the value is one already, 4.23 and not 0.0423.

    >>> percent(4.2345), percent(12.5, 1), percent(7), percent(0.001), percent(None)
    ('4.23%', '12.5%', '7%', '<0.01%', 'n/a')
    """
    if value is None:
        return MISSING
    _check(value, "percent")
    return f"{_rounded(value, decimals)}%"


def change(value: Change | None) -> str:
    """
    Return a change with its direction, or nothing if there is none to tell.

    >>> change(Change("up", 12.504, "%")), change(Change("down", 0.38, "pp"))
    ('▲ 12.5%', '▼ 0.38 pp')
    >>> change(Change("new", None, "%")), change(Change("flat", 0.0, "%")), change(None)
    ('new', 'no change', '')
    """
    if value is None:
        return ""
    if not isinstance(value, Change):
        message = f"change: expected the `change` of a figure, got {type(value).__name__}"
        raise TypeError(message)
    if value.amount is None:
        return "new"
    if value.direction == "flat":
        return "no change"
    arrow = "▲" if value.direction == "up" else "▼"
    amount = f"{_rounded(value.amount, 2)} pp" if value.unit == "pp" else percent(value.amount, 1)
    return f"{arrow} {amount}"


def value(shown: ShownFigure | ShownMetric | None) -> str:
    """
    Return the value of a figure or a metric in its own unit.

    >>> value(ShownMetric("views", "views", 412900, "")), value(ShownMetric("rate", "rate", 6.02, "%"))
    ('413K', '6.02%')
    """
    if shown is None:
        return MISSING
    if not isinstance(shown, ShownFigure | ShownMetric):
        message = f"value: expected a figure or a metric, got {type(shown).__name__}"
        raise TypeError(message)
    return percent(shown.value) if shown.unit == "%" else compact(shown.value)


def date(value: Date, pattern: str = "{day} {month} {year}") -> str:
    """
    Return a date; the pattern knows {day}, {month}, {month_number} and {year}.

    >>> date(Date(2026, 11, 22)), date(Date(2026, 1, 5), "{year}-{month_number:02}-{day:02}")
    ('22 Nov 2026', '2026-01-05')
    """
    if not isinstance(value, Date):
        message = f"date: expected a date, got {type(value).__name__}"
        raise TypeError(message)
    parts = {"day": value.day, "month": MONTHS[value.month - 1], "month_number": value.month, "year": value.year}
    for _, name, spec, _ in string.Formatter().parse(pattern):
        # No more than that: `{day.__class__}` leads out of the sandbox, `{day:999999999}` takes all memory.
        if name is not None and (name not in parts or not re.fullmatch("(0[1-4])?", spec or "")):
            message = f"date: the pattern knows {{{'}, {'.join(parts)}}} and widths such as {{day:02}}"
            raise ValueError(message)
    return pattern.format(**parts)


def pace(shown: ShownCreator) -> str:
    """
    Return how a creator moves against the next longer period, or nothing if there is nothing to tell.

    >>> from digest.movers import Pace
    >>> pace(ShownCreator(1, None, "Z", None, {}, Pace(30, 1.84, 3)))
    '▲ 1.8× its 30-day pace, up 3 places'
    >>> pace(ShownCreator(1, None, "Z", None, {}, Pace(30, 1.0, 3))), pace(ShownCreator(1, None, "Z", None, {}))
    ('', '')
    >>> pace(ShownCreator(1, None, "Z", None, {}, Pace(30, None, None)))
    'new in the top 25'
    """
    if not isinstance(shown, ShownCreator):
        message = f"pace: expected a creator, got {type(shown).__name__}"
        raise TypeError(message)
    found = shown.pace
    if found is None:
        return ""
    if found.places is None:
        return f"new in the top {LONGEST_RANKING}"
    if found.ratio is None or SLOW <= found.ratio <= FAST:
        return ""
    ratio = _rounded(found.ratio, 1)
    return f"{'▲' if found.ratio > FAST else '▼'} {ratio}× its {found.days}-day pace{_places(found.places)}"


def _places(places: int) -> str:
    if places == 0:
        return ""
    return f", {'up' if places > 0 else 'down'} {abs(places)} {'place' if abs(places) == 1 else 'places'}"


#: The filters that templates know, beside Jinja's own.
FILTERS: Mapping[str, Any] = {
    "number": number,
    "compact": compact,
    "percent": percent,
    "change": change,
    "value": value,
    "date": date,
    "pace": pace,
}


def _rounded(value: float, decimals: int) -> str:
    """Round without trailing zeros; what is too small to show is `<0.1`, never 0."""
    least = 10.0**-decimals
    if 0 < abs(value) <= least / 2:
        return f"<{least:.{decimals}f}"
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def _check(value: object, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        message = f"{name}: expected a number, got {type(value).__name__}"
        raise TypeError(message)
