"""
Say who is moving: a creator's pace in this window against its own pace in a longer one.

The ranking holds no previous value, so "top movers" cannot be read off it.
What can be: the same creator's figure in the ranking of the next longer period,
which the figures of this one are part of. It is never week over week.
https://docs.creatoraudit.com/tutorials/creator-leaderboard
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digest.models import Creator, Ranking

#: The period to compare with, by period; 90d is the longest that the API knows.
LONGER: Mapping[str, str] = {"7d": "30d", "30d": "90d"}
#: The longest ranking that the API gives.
LONGEST_RANKING = 25
#: A creator is slow below this ratio, and fast above the other, which is as far from 1.
SLOW, FAST = 0.8, 1.25


@dataclass(frozen=True, slots=True)
class Pace:
    """
    How a creator does against the longer window.

    Attributes:
        days:
            The length of the longer window.
        ratio:
            Figure a day in this window, by figure a day in the longer one;
            None if either is missing or they are not of the same metric.
        places:
            How many places it went up against the longer ranking, negative if
            down; None if it is not in that.
    """

    days: int
    ratio: float | None
    places: int | None


def paces(ranking: Ranking, longer: Ranking, *, days: int, longer_days: int) -> Sequence[Pace | None]:
    """
    Return the pace of each creator of *ranking*, in its order.

    None for one without an id, and for all when the longer ranking is empty:
    that says nothing about anybody.
    """
    if not longer.creators:
        return [None] * len(ranking.creators)
    known = {creator.id: (rank, creator) for rank, creator in reversed(list(enumerate(longer.creators)))}
    return [
        _pace(rank, creator, known.get(creator.id), days, longer_days) if creator.id is not None else None
        for rank, creator in enumerate(ranking.creators)
    ]


def _pace(rank: int, creator: Creator, known: tuple[int, Creator] | None, days: int, longer_days: int) -> Pace:
    if known is None:
        return Pace(longer_days, None, None)
    longer_rank, longer = known
    return Pace(longer_days, _ratio(creator, longer, days, longer_days), longer_rank - rank)


def _ratio(creator: Creator, longer: Creator, days: int, longer_days: int) -> float | None:
    now, then = creator.headline, longer.headline
    if now is None or then is None or now.name != then.name:
        return None
    if now.value is None or not then.value or then.value < 0 or now.value < 0:
        return None
    return float(now.value / days / (then.value / longer_days))
