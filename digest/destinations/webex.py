"""
Webex incoming webhooks: Markdown without tables.

https://apphub.webex.com/applications/incoming-webhooks-cisco-systems-38054-23307-75252
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult

from digest.destinations.markup import Dialect, backslashed, bracketed, markup
from digest.destinations.parts import parts
from digest.destinations.protocol import Message, Payload, as_given, check_path, is_at, usual_verdict

idempotent = False
pause = 0.5
endpoint = as_given
verdict = usual_verdict

_HOST = re.compile(r"webexapis\.com|api\.ciscospark\.com")
_PATH = re.compile(r"/v1/webhooks/incoming/[\w=-]+/?", re.ASCII)
#: Bytes of a message by the API; 1,000 characters was reported for webhooks, but not confirmed.
_MAX_TEXT = 7_439
_DIALECT = Dialect(
    strong="**",
    emphasis="*",
    strike="",
    escape=lambda text: backslashed(text).replace("<", "&lt;"),  # some HTML is live
    guard="\\",
    link=bracketed,
    headings=3,
    # One line's end is white space in Webex's Markdown.
    line_end="  \n",
)


def claims(url: SplitResult) -> bool:
    """Claim the incoming webhooks."""
    return is_at(url, _HOST)


def check(url: SplitResult) -> None:
    """Refuse other URLs of Webex."""
    check_path(url, _HOST, _PATH, "/v1/webhooks/incoming/ID")


def payloads(message: Message, _url: SplitResult) -> Sequence[Payload]:
    """Return Markdown."""
    return parts(message, lambda blocks: {"markdown": markup(blocks, _DIALECT)}, _fits)


def _fits(body: Mapping[str, Any]) -> bool:
    return len(body["markdown"].encode()) <= _MAX_TEXT
