"""Fetch all that a digest needs from the CreatorAudit API, everything at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from digest.accounts import walk_accounts
from digest.api import get
from digest.clock import Clock
from digest.errors import ApiError
from digest.movers import LONGER, LONGEST_RANKING
from digest.text import clean
from digest.together import together

# What reads the answers is loaded while they are on their way.
if TYPE_CHECKING:
    from digest.audit import Audit
    from digest.models import Overview, Ranking

#: Seconds for what the digest can do without.
OPTIONAL_SECONDS = 60.0

_Result = TypeVar("_Result")


def fetch(api: httpx.Client, *, period: str, limit: int, clock: Clock, freshness: bool = False) -> Audit:
    """
    Fetch the overview, the top creators, and what can be had of the rest.

    Args:
        api:
            A client with the API's root as base URL and the key in its headers.
        period:
            `7d`, `30d` or `90d`.
        limit:
            How many top creators, 1-25.
        freshness:
            Whether to walk all accounts.

    Raises:
        ApiError:
            If the overview or the top creators cannot be had. Names both if
            both fail in different ways. What else fails is a warning.
    """
    longer = LONGER.get(period)
    failed = threading.Event()
    # What is optional is not waited for once the digest cannot be.
    rest = replace(clock.within(OPTIONAL_SECONDS), stopped=lambda: clock.stopped() or failed.is_set())
    parts: list[tuple[Callable[[], Any], Clock]] = [
        (lambda: _or_set(failed, lambda: _overview(api, period, clock)), clock),
        (lambda: _or_set(failed, lambda: _ranking(api, period, limit, clock)), clock),
        (lambda: _ranking(api, longer, LONGEST_RANKING, rest) if longer else None, rest),
        (lambda: walk_accounts(api, rest) if freshness else None, rest),
    ]
    overview, ranking, movers, accounts = together(parts)
    _require({"/overview": overview, "/creators/top": ranking}, clock)
    longer_ranking, no_movers = _optional(movers, "/creators/top", rest, "the pace of creators")
    known, no_freshness = _optional(accounts, "/accounts", rest, "the freshness of its data")
    from digest.audit import Audit

    return Audit(
        overview.result(),
        ranking.result(),
        warnings=(*_oddities(ranking.result()), *no_movers, *no_freshness),
        longer=longer_ranking,
        freshness=known,
        freshness_failed=bool(no_freshness),
    )


def _overview(api: httpx.Client, period: str, clock: Clock) -> Overview:
    def parse(body: object) -> Overview:
        from digest.models import parse_overview

        return parse_overview(body)

    return get(api, "/overview", {"period": period}, parse, clock)[0]


def _ranking(api: httpx.Client, period: str, limit: int, clock: Clock) -> Ranking:
    def parse(body: object) -> Ranking:
        from digest.models import parse_ranking

        return parse_ranking(body, limit)

    return get(api, "/creators/top", {"period": period, "limit": limit}, parse, clock)[0]


def _or_set(failed: threading.Event, task: Callable[[], _Result]) -> _Result:
    try:
        return task()
    except ApiError:
        failed.set()
        raise


def _require(parts: Mapping[str, Future[Any]], clock: Clock) -> None:
    """Raise the faults of all parts that failed."""
    faults: list[str] = []
    for path, part in parts.items():
        try:
            _settled(part, path, clock)
        except ApiError as error:
            faults += error.faults
    if faults:
        raise ApiError(*_distinct(faults))


def _optional(part: Future[Any], path: str, clock: Clock, what: str) -> tuple[Any, tuple[str, ...]]:
    """Return the result of a part that may be missing, or None and a warning."""
    try:
        return _settled(part, path, clock), ()
    except ApiError as error:
        return None, (f"the digest goes without {what}: {'; '.join(error.faults)}",)


def _settled(part: Future[Any], path: str, clock: Clock) -> Any:
    if not part.done():
        message = f"GET {path}: no answer, and {clock.over()}; re-run the job later"
        raise ApiError(message)
    return part.result()


def _oddities(ranking: Ranking) -> Iterable[str]:
    """Yield warnings about rows without a figure and about ids that come twice; no values of theirs."""
    rows = [creator for creator in ranking.creators if creator.headline is None]
    keys = dict.fromkeys(key for row in rows for key in row.keys)
    if rows:
        where = f"{len(rows)} of {len(ranking.creators)} rows"
        yield f"GET /creators/top: found no figure in {where}; their keys are {clean(', '.join(keys)) or 'none'}"
    ids = [creator.id for creator in ranking.creators if creator.id is not None]
    if len(set(ids)) < len(ids):
        repeated = len(ids) - len(set(ids))
        yield f"GET /creators/top: {repeated} of {len(ranking.creators)} rows repeat an id; all are listed as sent"


def _distinct(faults: Sequence[str]) -> list[str]:
    """Drop faults with the advice of an earlier one: a wrong key is told once, not once a path."""
    return list({fault.rpartition("; ")[2]: fault for fault in reversed(faults)}.values())[::-1]
