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
from typing import TYPE_CHECKING

from digest.names import words

if TYPE_CHECKING:
    from digest.models import Creator, Ranking

#: The period to compare with, by period; 90d is the longest that the API knows.
LONGER: Mapping[str, str] = {"7d": "30d", "30d": "90d"}
#: The longest ranking that the API gives.
LONGEST_RANKING = 25
#: A creator is slow below this ratio, and fast above the other, which is as far from 1.
SLOW, FAST = 0.8, 1.25
#: The words of what adds up from day to day. Followers do not, nor do rates and averages.
_ADDS_UP = frozenset(
    {
        *("view", "views", "play", "plays", "like", "likes", "comment", "comments", "share", "shares"),
        *("engagement", "total", "count", "video", "instagram", "ig", "tiktok", "facebook", "fb"),
    }
)


@dataclass(frozen=True, slots=True)
class Pace:
    """
    How a creator does against the longer window.

    Attributes:
        days:
            The length of the longer window.
        ratio:
            Figure a day in this window, by figure a day in the longer one;
            None if they cannot be compared.
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
    that says nothing about anybody. Nor does one with rows without an id say
    who is not in it.
    """
    if not longer.creators:
        return [None] * len(ranking.creators)
    known = {creator.id: (rank, creator) for rank, creator in reversed(list(enumerate(longer.creators)))}
    return [
        None if creator.id is None else _pace(rank, creator, known, days, longer_days)
        for rank, creator in enumerate(ranking.creators)
    ]


def _pace(
    rank: int, creator: Creator, known: Mapping[str | None, tuple[int, Creator]], days: int, longer_days: int
) -> Pace | None:
    if creator.id not in known:
        return None if None in known else Pace(longer_days, None, None)
    longer_rank, longer = known[creator.id]
    return Pace(longer_days, _ratio(creator, longer, days, longer_days), longer_rank - rank)


def _ratio(creator: Creator, longer: Creator, days: int, longer_days: int) -> float | None:
    """Return the pace, or None: the figures must be of one metric that adds up, and the longer one hold the other."""
    now, then = creator.headline, longer.headline
    if now is None or then is None or now.name != then.name or not _ADDS_UP.issuperset(words(now.name)):
        return None
    if now.value is None or not then.value or not 0 <= now.value <= then.value:
        return None
    # Multiplied first: of whole numbers, this is exact where a threshold is met exactly.
    return float(now.value * longer_days / (then.value * days))
