"""
Say how fresh the data behind the figures are, account by account, keeping only what is counted.

CreatorAudit's data are not real-time: an account that was never collected has
no figures yet, a stale one drags the totals down.
https://docs.creatoraudit.com/data-freshness
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR, datetime, timedelta
from typing import Any, Literal, TypeAlias

from digest.answer import UnexpectedShapeError
from digest.models import number

State: TypeAlias = Literal["fresh", "new", "stale", "never collected", "unavailable"]

#: An account is collected for the first time within seconds, says
#: https://docs.creatoraudit.com/api-reference/accounts/track-an-account; after this it is late.
GRACE = timedelta(hours=6)
#: The default of `scrape_interval_hours`, and what null means.
_INTERVAL_HOURS = 24
#: Nothing is stale that is younger than this: the real cadence depends on the plan.
_LEAST_STALE = timedelta(hours=48)
#: An interval of more hours than a year has is nonsense, and would overflow.
_MAX_INTERVAL_HOURS = 24 * 366
#: Day, time of day and offset; fromisoformat reads more or less of ISO 8601 by the version of Python.
#: https://docs.creatoraudit.com/api-reference/introduction: times are UTC, with a Z.
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?(?:[Zz]|([+-]\d\d):?(\d\d))?", re.ASCII)
#: How many accounts are named.
NAMED = 5
#: Which are named first: as the sentence about them counts them.
_ORDER: tuple[State, ...] = ("never collected", "stale", "unavailable")


@dataclass(frozen=True, slots=True)
class Account:
    """
    One tracked account that is not as it should be.

    Attributes:
        username:
            Its handle.
        platform:
            `instagram` or `tiktok`, or empty: the API's samples leave it out.
        state:
            What is wrong with it.
        last_scrape_time:
            When its data were collected, or None if never.
    """

    username: str
    platform: str
    state: State
    last_scrape_time: datetime | None


@dataclass(frozen=True, slots=True)
class Freshness:
    """
    How fresh the data of all active accounts are.

    Attributes:
        at:
            The moment at which it was judged.
        total:
            How many active accounts there are.
        counts:
            How many are in each state; a state without any may be missing.
        oldest, newest:
            The times of the oldest and newest collection; None without any.
        oldest_stale:
            The time of the oldest collection of a stale account. Not `oldest`:
            that may be of an account that is unavailable, or of one that is
            fresh, as it is to be collected once a month.
        named:
            The first few that are not as they should be: those without data,
            then stale ones, then unavailable ones.
    """

    at: datetime
    total: int = 0
    counts: Mapping[State, int] = field(default_factory=dict)
    oldest: datetime | None = None
    newest: datetime | None = None
    oldest_stale: datetime | None = None
    named: tuple[Account, ...] = ()

    @property
    def stale(self) -> int:
        """How many accounts have old data or none, but for those that are too new to have any."""
        return sum(self.counts.get(state, 0) for state in _ORDER)


class Census:
    """Count accounts as they come, so that ten thousand take no more memory than ten."""

    def __init__(self, now: datetime) -> None:
        """Judge ages at the moment *now*."""
        self._now = now
        self._counts: Counter[State] = Counter()
        self._oldest: datetime | None = None
        self._newest: datetime | None = None
        self._oldest_stale: datetime | None = None
        self._named: dict[State, list[Account]] = {state: [] for state in _ORDER}

    def add(self, row: object) -> None:
        """
        Count one row of `GET /accounts`.

        Raises:
            UnexpectedShapeError:
                If it is no object, or a time in it is none.
        """
        if not isinstance(row, Mapping):
            message = "an account is not an object"
            raise UnexpectedShapeError(message)
        collected = _time(row, "last_scrape_time")
        state = _state(row, collected, self._now)
        self._counts[state] += 1
        if collected is not None:
            self._oldest = min(self._oldest or collected, collected)
            self._newest = max(self._newest or collected, collected)
            if state == "stale":
                self._oldest_stale = min(self._oldest_stale or collected, collected)
        named = self._named.get(state)
        if named is not None and len(named) < NAMED:
            named.append(Account(_string(row, "username"), _string(row, "platform"), state, collected))

    def result(self) -> Freshness:
        """Return what was counted so far."""
        named = [account for state in _ORDER for account in self._named[state]]
        return Freshness(
            self._now,
            total=sum(self._counts.values()),
            counts=dict(self._counts),
            oldest=self._oldest,
            newest=self._newest,
            oldest_stale=self._oldest_stale,
            named=tuple(named[:NAMED]),
        )


def _state(row: Mapping[str, Any], collected: datetime | None, now: datetime) -> State:
    if row.get("is_unavailable") is True:
        return "unavailable"
    if collected is None:
        added = _time(row, "added_at")
        return "new" if added is not None and now - added <= GRACE else "never collected"
    hours = number(row.get("scrape_interval_hours"))
    interval = timedelta(hours=hours if hours is not None and 0 < hours <= _MAX_INTERVAL_HOURS else _INTERVAL_HOURS)
    return "stale" if now - collected > max(2 * interval, _LEAST_STALE) else "fresh"


def _time(row: Mapping[str, Any], name: str) -> datetime | None:
    value = row.get(name)
    if value is None:
        return None
    try:
        return _moment(value if isinstance(value, str) else "")
    except ValueError:
        message = f"{name} of an account is not a time"
        raise UnexpectedShapeError(message) from None


def _moment(text: str) -> datetime:
    """Return an ISO 8601 time, aware; without an offset it is UTC."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError
    day, time, hours, minutes = match.groups()
    moment = datetime.fromisoformat(f"{day}T{time}{hours or '+00'}:{minutes or '00'}")
    # "0001-01-01T00:00:00Z" is what some servers send for never, and other zones cannot tell its day.
    if not MINYEAR < moment.year < MAXYEAR:
        raise ValueError
    return moment


def _string(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""
