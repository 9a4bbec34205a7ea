"""
Mattermost incoming webhooks: GitHub's Markdown, tables included.

https://developers.mattermost.com/integrate/webhooks/incoming/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult

from digest.destinations.markup import INVISIBLE, Dialect, backslashed, bracketed, markup
from digest.destinations.parts import parts
from digest.destinations.protocol import Message, Payload, as_given, nothing_to_check, usual_verdict

idempotent = False
pause = 0.5
check = nothing_to_check
endpoint = as_given
verdict = usual_verdict

#: One segment of 26; Rocket.Chat has two. The host is the team's own.
_PATH = re.compile(r"(/[^/]+)*/hooks/[a-z0-9]{26}/?")
#: Code points; the server would split a longer message anywhere.
_MAX_TEXT = 16_383
_DIALECT = Dialect(
    strong="**",
    emphasis="*",
    strike="~~",
    # `#name` is a hashtag and `~name` a channel, whatever stands before them; `$` opens LaTeX, `www.` a link.
    escape=lambda text: re.sub(
        r"(?i)[#~](?=\w)|www(?=\d{0,3}\.)", rf"\g<0>{INVISIBLE}", backslashed(text).replace("$", r"\$")
    ),
    guard="\\",
    link=bracketed,
    address="<{}>",
    headings=6,
    tables=True,
)


def claims(url: SplitResult) -> bool:
    """Claim /hooks/ and 26 letters and digits, on any host."""
    return bool(_PATH.fullmatch(url.path))


def payloads(message: Message, _url: SplitResult) -> Sequence[Payload]:
    """Return Markdown."""
    return parts(message, lambda blocks: {"text": markup(blocks, _DIALECT)}, _fits)


def _fits(body: Mapping[str, Any]) -> bool:
    return len(body["text"]) <= _MAX_TEXT
