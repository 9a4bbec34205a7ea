"""
Google Chat webhooks: Markdown, or the older dialect where that is refused.

https://developers.google.com/workspace/chat/quickstart/webhooks and
https://developers.google.com/workspace/chat/format-messages
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

from digest.answer import Answer
from digest.destinations.markup import INVISIBLE, Dialect, angled, backslashed, bracketed, interrupted, markup
from digest.destinations.parts import parts, utf16
from digest.destinations.protocol import (
    Endpoint,
    Message,
    Payload,
    Verdict,
    check_path,
    is_at,
    usual_advice,
    usual_verdict,
)
from digest.document import Block

#: `requestId` makes a repeated request return the first one's message:
#: google/chat/v1/message.proto. Not confirmed for webhooks.
idempotent = True
#: https://developers.google.com/workspace/chat/limits: one write a second and space.
pause = 1.1

_HOST = re.compile(r"chat\.googleapis\.com")
_PATH = re.compile(r"/v1/spaces/[\w-]+/messages/?", re.ASCII)
#: Documented are 32,000 bytes for all of it; older answers name 4,096 characters.
_MAX_TEXT = 4_000
_MARKDOWN = Dialect(
    strong="**",
    emphasis="*",
    strike="~~",
    escape=backslashed,
    guard="\\",
    link=bracketed,
    rule="",
    # In CommonMark one line's end is white space; nothing says that it is not here.
    line_end="  \n",
)
_CHAT = Dialect(
    strong="*",
    emphasis="_",
    strike="~",
    escape=interrupted,
    guard=INVISIBLE,
    link=angled,
    address="<{}>",
    long_fences=False,
    rule="",
    needs_word_boundary=True,
)


def claims(url: SplitResult) -> bool:
    """Claim the messages of a space."""
    return is_at(url, _HOST)


def check(url: SplitResult) -> None:
    """Refuse a URL that lost its end, as one that was pasted into a shell without quotes."""
    check_path(url, _HOST, _PATH, "/v1/spaces/SPACE/messages")
    missing = [name for name in ("key", "token") if not parse_qs(url.query).get(name)]
    if missing:
        message = f"the URL has no {'= and no '.join(missing)}=; copy it whole, with all that follows the question mark"
        raise ValueError(message)


def payloads(message: Message, _url: SplitResult) -> Sequence[Payload]:
    """Return Markdown, and as the simpler form what webhooks have always taken."""
    return parts(message, _markdown, _fits, simpler=[_chat])


def endpoint(url: str, part_id: str) -> Endpoint:
    """Name the request, so that a repeated one does not post twice."""
    split = urlsplit(url)
    query = [*parse_qsl(split.query), ("requestId", part_id)]
    return Endpoint(urlunsplit(split._replace(query=urlencode(query))))


def verdict(answer: Answer) -> Verdict:
    """Take a 400 for a dialect that is not known, unless it is about the key."""
    if answer.status == 400 and "API key" in answer.text:  # noqa: PLR2004
        return Verdict("refused", advice=usual_advice(401))
    if answer.status == 400:  # noqa: PLR2004 - INVALID_ARGUMENT
        return Verdict("simplify", advice="Google Chat did not take the message in either dialect; report it as a bug")
    if answer.status == 409:  # noqa: PLR2004 - ALREADY_EXISTS
        return Verdict("refused", advice="remove messageId= from the URL: no two messages may have the same")
    return usual_verdict(answer)


def _markdown(blocks: Sequence[Block]) -> dict[str, Any]:
    return {"text": markup(blocks, _MARKDOWN), "markupSyntax": "MARKUP_SYNTAX_MARKDOWN"}


def _chat(blocks: Sequence[Block]) -> dict[str, Any]:
    return {"text": markup(blocks, _CHAT)}


def _fits(body: Mapping[str, Any]) -> bool:
    return utf16(body["text"]) <= _MAX_TEXT
