"""
Walk all tracked accounts, page by page, and keep how fresh they are.

https://docs.creatoraudit.com/api-reference/accounts/list-tracked-accounts and
https://docs.creatoraudit.com/api-reference/pagination
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import httpx

from digest.answer import UnexpectedShapeError, http_date
from digest.api import get
from digest.clock import Clock
from digest.errors import ApiError
from digest.text import clean

if TYPE_CHECKING:
    from digest.freshness import Census, Freshness

#: The same on every page, as a cursor is good for no other. 200 is the most that a page can have.
_FILTER: Mapping[str, str | int] = {
    "is_active": "true",
    "limit": 200,
    "order_by": "added_at",
    "order_direction": "asc",
}
#: Requests that are left to others before the walk waits for the next window.
_LEAVE = 5
_REFUSED_CURSOR = 422
_WHOLE = re.compile(r"[0-9]{1,18}")


def walk_accounts(api: httpx.Client, clock: Clock, restarts: int = 1) -> Freshness:
    """
    Return how fresh the data of all active accounts are.

    A cursor that is refused restarts the walk, as often as *restarts* says.

    Raises:
        ApiError:
            If a page cannot be had, or the pages do not end.
    """
    walk = _Walk(clock.now())
    cursor: str | None = None
    while True:
        params = _FILTER if cursor is None else {**_FILTER, "cursor": cursor}
        try:
            cursor, headers = get(api, "/accounts", params, walk.count, clock)
        except ApiError as error:
            if error.status == _REFUSED_CURSOR and cursor is not None and restarts:
                return walk_accounts(api, clock, restarts - 1)
            raise
        if cursor is None:
            return walk.census.result()
        _give_way(headers, clock)


class _Walk:
    """What the pages have told so far."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._cursors: set[str] = set()

    @cached_property
    def census(self) -> Census:
        from digest.freshness import Census  # while the first page is on its way

        return Census(self._now)

    def count(self, body: object) -> str | None:
        """Count the rows of one page; return the cursor of the next one, or None at the end."""
        if not isinstance(body, Mapping) or not isinstance(body.get("data"), list):
            message = "there is no data list in the body"
            raise UnexpectedShapeError(message)
        cursor = _next_cursor(body.get("pagination"))
        if cursor in self._cursors:
            message = "pagination.next_cursor came before, so the pages would never end"
            raise UnexpectedShapeError(message)
        if cursor is not None:
            self._cursors.add(cursor)
        for row in body["data"]:
            self.census.add(row)
        return cursor


def _next_cursor(pagination: object) -> str | None:
    """Return the cursor of the next page, or None at the end, which `has_next` alone decides."""
    if not isinstance(pagination, Mapping) or not isinstance(pagination.get("has_next"), bool):
        message = "pagination.has_next is neither true nor false"
        raise UnexpectedShapeError(message)
    cursor = pagination.get("next_cursor")
    if not pagination["has_next"]:
        return None
    if not isinstance(cursor, str) or not cursor:
        message = "pagination.next_cursor is missing, though there is a next page"
        raise UnexpectedShapeError(message)
    return cursor


def _give_way(headers: Mapping[str, str], clock: Clock) -> None:
    """
    Wait for the next window of the rate limit when this one is nearly used up.

    https://docs.creatoraudit.com/api-reference/rate-limits
    """
    remaining, reset = headers.get("x-ratelimit-remaining", ""), headers.get("x-ratelimit-reset", "")
    if not (_is_whole(remaining) and _is_whole(reset)) or int(remaining) > _LEAVE:
        return
    now = http_date(headers.get("date", "")) or clock.now()
    wait = max(0.0, int(reset) - now.timestamp())
    if wait > clock.left():
        request_id = clean(headers.get("x-request-id", "")) or "unknown"
        used_up = f"the key's rate limit is used up for {wait:.0f} s (request id {request_id})"
        message = f"GET /accounts: {used_up}; run at another time, or give the digest its own key"
        raise ApiError(message)
    clock.sleep(wait)


def _is_whole(text: str) -> bool:
    return bool(_WHOLE.fullmatch(text))
