"""
Walk all tracked accounts, page by page, and keep how fresh they are.

https://docs.creatoraudit.com/api-reference/accounts/list-tracked-accounts and
https://docs.creatoraudit.com/api-reference/pagination
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx

from digest.answer import http_date
from digest.api import get
from digest.clock import Clock
from digest.errors import ApiError
from digest.freshness import Census, Freshness
from digest.models import UnexpectedShapeError

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
_WHOLE = re.compile(r"[0-9]{1,12}")


def walk_accounts(api: httpx.Client, clock: Clock) -> Freshness:
    """
    Return how fresh the data of all active accounts are.

    A cursor that is refused restarts the walk, once.

    Raises:
        ApiError:
            If a page cannot be had, or the pages do not end.
    """
    try:
        return _walk(api, clock)
    except ApiError as error:
        if error.status != _REFUSED_CURSOR:
            raise
        return _walk(api, clock)


def _walk(api: httpx.Client, clock: Clock) -> Freshness:
    census = Census(clock.now())
    cursors: set[str] = set()
    cursor: str | None = None
    while True:
        params = _FILTER if cursor is None else {**_FILTER, "cursor": cursor}
        cursor, headers = get(api, "/accounts", params, lambda body: _count(body, census), clock)
        if cursor is None:
            return census.result()
        if cursor in cursors:
            message = "GET /accounts: a cursor came twice, so the pages would never end; report it to CreatorAudit"
            raise ApiError(message)
        cursors.add(cursor)
        _give_way(headers, clock)


def _count(body: object, census: Census) -> str | None:
    """Count the rows of one page; return the cursor of the next one, or None at the end."""
    if not isinstance(body, Mapping) or not isinstance(body.get("data"), list):
        message = "expected a data list in the body"
        raise UnexpectedShapeError(message)
    pagination = body.get("pagination")
    has_next = pagination.get("has_next") if isinstance(pagination, Mapping) else None
    if not isinstance(has_next, bool):
        message = "expected pagination.has_next to be true or false"
        raise UnexpectedShapeError(message)
    cursor = pagination.get("next_cursor") if isinstance(pagination, Mapping) else None
    if has_next and not (isinstance(cursor, str) and cursor):
        message = "expected pagination.next_cursor, as there is a next page"
        raise UnexpectedShapeError(message)
    for row in body["data"]:
        census.add(row)
    return cursor if has_next else None


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
        message = f"GET /accounts: the rate limit is used up for {wait:.0f} s; give the digest a key of its own"
        raise ApiError(message)
    clock.sleep(wait)


def _is_whole(text: str) -> bool:
    return bool(_WHOLE.fullmatch(text))
