"""
Rocket.Chat incoming integrations: its Markdown, which has no tables.

https://docs.rocket.chat/docs/integrations. As read in packages/message-parser/src/grammar.pegjs
of Rocket.Chat, a headline is plain words, and no mark may stand inside its own stress.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult

from digest.answer import Answer
from digest.destinations.markup import INVISIBLE, Dialect, bracketed, interrupted, markup
from digest.destinations.parts import parts, utf16
from digest.destinations.protocol import Message, Payload, Verdict, as_given, nothing_to_check, usual_verdict

idempotent = False
#: Ten calls a minute are let through by default.
pause = 1.1
check = nothing_to_check
endpoint = as_given

#: Two segments; Mattermost has one. The host is the team's own.
_PATH = re.compile(r"(/[^/]+)*/hooks/[A-Za-z0-9]{17,24}/[A-Za-z0-9%._~-]{32,64}/?")
#: The default of `Message_MaxAllowedSize`, in UTF-16 units.
_MAX_TEXT = 5_000
#: Marks, and characters that look the same: the parser looks through invisible
#: ones, and takes backslashes neither inside stress nor in the words of a link.
_ALIKE = str.maketrans(
    {
        "*": "\N{ASTERISK OPERATOR}",
        "~": "\N{TILDE OPERATOR}",
        "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
        "[": "\N{FULLWIDTH LEFT SQUARE BRACKET}",
        "]": "\N{FULLWIDTH RIGHT SQUARE BRACKET}",
    }
)


def _alike(text: str) -> str:
    """Return *text* with characters that look like marks in the place of marks."""
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])", "\N{MODIFIER LETTER LOW MACRON}", text.translate(_ALIKE))
    # `#name` is a channel.
    return re.sub(r"#(?=\w)", f"#{INVISIBLE}", interrupted(text))


_DIALECT = Dialect(
    strong="**",
    emphasis="_",
    strike="~~",
    escape=_alike,
    guard=INVISIBLE,
    link=bracketed,
    headings=4,
    styled_headings=False,
    long_fences=False,
    rule="",
    needs_word_boundary=True,
)


def claims(url: SplitResult) -> bool:
    """Claim /hooks/ID/TOKEN, on any host."""
    return bool(_PATH.fullmatch(url.path))


def payloads(message: Message, _url: SplitResult) -> Sequence[Payload]:
    """Return Markdown."""
    return parts(message, lambda blocks: {"text": markup(blocks, _DIALECT)}, _fits)


def verdict(answer: Answer) -> Verdict:
    """Believe the body where it says `success`; a 503 is an integration that is switched off."""
    if answer.success and answer.object().get("success") is False:
        return Verdict("refused", advice="the server did not take the message; look at the integration's script")
    if answer.status == 503:  # noqa: PLR2004 - apps/meteor/app/integrations/server/api/api.ts of Rocket.Chat
        return Verdict("refused", advice="the integration is switched off; switch it on in the workspace's settings")
    return usual_verdict(answer)


def _fits(body: Mapping[str, Any]) -> bool:
    return utf16(body["text"]) <= _MAX_TEXT
