"""An HTTP response, read whole, and how long it asks to wait."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

#: The statuses that pass. https://docs.creatoraudit.com/api-reference/rate-limits
#: asks to try again on 429 and 503; the others are the usual failures of a
#: gateway or a server, or ask for it: https://www.rfc-editor.org/rfc/rfc9110#section-15
#: and https://www.rfc-editor.org/rfc/rfc8470#section-5.2
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
#: RFC 9110 has whole seconds; some chats send fractions.
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")


class UnexpectedShapeError(ValueError):
    """A body does not have the documented shape; the text says where, and holds no value of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """
    An HTTP response, read whole or up to the limit.

    Attributes:
        status:
            The status code.
        headers:
            The headers; look-ups ignore case.
        body:
            The decoded body, at most as long as the limit.
        cut:
            Whether the body went on after the limit.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False

    @property
    def success(self) -> bool:
        """Whether the status is any 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, section 15.3

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the decoded body, or None if it is not JSON: a proxy may answer in HTML."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def object(self) -> Mapping[str, Any]:
        """Return the body if it is a JSON object, else an empty one."""
        value = self.json()
        return value if isinstance(value, dict) else {}


def retry_after(answer: Answer, now: datetime) -> float:
    """
    Return the seconds that *answer* asks to wait; 0 if it does not say, or says nonsense.

    A date is compared with the server's own `Date`, if it sent one: the clock
    of the runner may be wrong. RFC 9110, section 10.2.3.
    """
    value = answer.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value[:12])
    until = http_date(value)
    if until is None:
        return 0.0
    since = http_date(answer.headers.get("date", "")) or now
    return max(0.0, (until - since).total_seconds())


def http_date(value: str) -> datetime | None:
    """Return a date of an HTTP header, aware, or None if it is none."""
    from email.utils import parsedate_to_datetime  # 20 ms, which bad input does not need to wait for

    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # OverflowError: a year of twenty digits
        return None
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)
