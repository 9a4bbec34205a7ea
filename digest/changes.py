"""Say how a figure moved, and what is a percent: the API documents neither its rates' unit nor its changes'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from digest.models import Figure, Number, Overview

#: A reported change this near to the computed one, as a ratio, is in the same unit.
_NEAR = 0.25
#: A rate above this is no fraction: there would be more reactions than views.
LARGEST_FRACTION = 1


@dataclass(frozen=True, slots=True)
class Change:
    """
    How a figure moved against the window before.

    Attributes:
        direction:
            `up`, `down`, `flat`, or `new` if there was nothing before.
        amount:
            The size of the move, never negative; None if `new`.
        unit:
            `%` of the previous value, or `pp` (percentage points) for rates.
    """

    direction: Literal["up", "down", "flat", "new"]
    amount: float | None
    unit: Literal["%", "pp"]


def change_between(current: Number | None, previous: Number | None, *, rate: bool) -> Change | None:
    """Return the change that the two values show, or None if they cannot be compared."""
    if current is None or previous is None or (previous < 0 and not rate):
        return None
    unit: Literal["%", "pp"] = "pp" if rate else "%"
    if current != 0 and previous == 0:
        return Change("new", None, unit)
    difference = current - previous
    return _moved(difference if rate or difference == 0 else difference / previous * 100, unit)


def reported(figure: Figure, overview: Overview) -> Change | None:
    """
    Return the change that the API reported, where there is no previous value.

    Not for rates, as nothing says whether `engagement_rate_pct` is relative or
    in points. Not a 0, which the API may send for "not known".
    """
    change = figure.reported_change
    if figure.previous is not None or figure.current is None or figure.is_rate or not change:
        return None
    return _moved(change * 100 if _changes_are_fractions(overview) else change, "%")


def _moved(amount: Number, unit: Literal["%", "pp"]) -> Change:
    return Change("flat" if amount == 0 else "up" if amount > 0 else "down", abs(float(amount)), unit)


def rates_are_fractions(overview: Overview) -> bool:
    """
    Return whether 0.0423 means 4.23 %; the API does not document it.

    A rate above 1 is a percent. Else the reported change of the views tells
    what this API calls a percent; else percents are likelier.
    """
    rates = [figure for figure in overview.figures if figure.is_rate]
    values = [value for rate in rates for value in (rate.current, rate.previous) if value is not None]
    if any(abs(value) > LARGEST_FRACTION for value in values):
        return False
    return _changes_are_fractions(overview)


def _changes_are_fractions(overview: Overview) -> bool:
    """Return whether a reported change of 0.125 means 12.5 %: the first count that moved tells, usually the views."""
    for figure in overview.figures:
        if figure.is_rate or figure.current is None or not figure.previous:
            continue
        computed = (figure.current - figure.previous) / figure.previous * 100
        for unit, fractions in ((1, False), (100, True)):
            if computed and abs((figure.reported_change or 0) * unit / computed - 1) < _NEAR:
                return fractions
    return False


def scaled(value: Number | None, scale: int) -> Number | None:
    """Return *value* times *scale*; None stays None."""
    # 0.0423 * 100 is 4.2299999999999995
    return value if value is None or scale == 1 else round(value * scale, 10)
