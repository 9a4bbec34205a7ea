"""All that one run knows: what the API said, and what it did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digest.freshness import Freshness
    from digest.models import Overview, Ranking


@dataclass(frozen=True, slots=True)
class Audit:
    """
    All that one run fetched.

    Attributes:
        overview:
            The organisation's figures.
        ranking:
            The top creators of the same period.
        warnings:
            What could not be had or read, one line each, for the log.
        longer:
            The ranking of the next longer period, or None if there is none, or
            it could not be had.
        freshness:
            How fresh the data are, or None if that was not asked for, or could
            not be had.
        freshness_failed:
            Whether it was asked for, and could not be had.
    """

    overview: Overview
    ranking: Ranking
    warnings: tuple[str, ...] = ()
    longer: Ranking | None = None
    freshness: Freshness | None = None
    freshness_failed: bool = False
