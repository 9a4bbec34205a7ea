"""
Slack workflows that start from a webhook: the message as one text variable.

The variable is called `text`; another name stands behind # at the URL's end.
https://slack.com/help/articles/360041352714
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, urldefrag

from digest.answer import Answer
from digest.destinations.parts import parts, utf16
from digest.destinations.plain import plain
from digest.destinations.protocol import Endpoint, Message, Payload, Verdict, check_path, is_at, usual_verdict
from digest.destinations.slack import HOST, WORKFLOWS

idempotent = False
pause = 1.1

_PATH = re.compile(r"/(triggers/[TE][A-Z0-9]+/[0-9]+/[0-9a-f]+|workflows/T[A-Z0-9]+/A[A-Z0-9]+/[0-9]+/[A-Za-z0-9]+)/?")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
#: No limit is documented for a text variable; a message may have 4,000 characters.
_MAX_TEXT = 4_000


def claims(url: SplitResult) -> bool:
    """Claim the triggers of workflows."""
    return is_at(url, HOST) and url.path.startswith(WORKFLOWS)


def check(url: SplitResult) -> None:
    """Refuse other URLs of Slack, and a name that no variable can have."""
    check_path(url, HOST, _PATH, "/triggers/T…/…/…")
    if url.fragment and not _VARIABLE.fullmatch(url.fragment):
        message = "what stands behind # is to be the name of the workflow's text variable"
        raise ValueError(message)


def payloads(message: Message, url: SplitResult) -> Sequence[Payload]:
    """Return plain text: variables are not parsed, and all of them are strings."""
    return parts(message, lambda blocks: {url.fragment or "text": plain(blocks)}, _fits)


def endpoint(url: str, _part_id: str) -> Endpoint:
    """Leave out the variable's name."""
    return Endpoint(urldefrag(url).url)


def verdict(answer: Answer) -> Verdict:
    """Take any 2xx for a start; what the workflow makes of it is not told."""
    if answer.status == 400 or (answer.success and answer.object().get("ok") is False):  # noqa: PLR2004
        advice = "give the workflow a text variable `text`, or write the name of yours behind # at the URL's end"
        return Verdict("refused", advice=advice)
    return usual_verdict(answer)


def _fits(body: Mapping[str, Any]) -> bool:
    return all(utf16(text) <= _MAX_TEXT for text in body.values())
