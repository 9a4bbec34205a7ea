"""
Zulip's Slack-compatible webhook: text that the server turns from Slack's dialect into its own.

https://zulip.com/integrations/slack_incoming. As read in zerver/webhooks/slack_incoming/view.py,
zerver/data_import/slack_message_conversion.py and zerver/lib/markdown of Zulip,
only stress and links are turned; headlines, lists, tables and fences arrive as
they are, and are Zulip's own then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, parse_qs

from digest.answer import Answer
from digest.destinations.markup import INVISIBLE, Dialect, angled, markup
from digest.destinations.parts import parts
from digest.destinations.protocol import Message, Payload, Verdict, as_given, usual_verdict

idempotent = False
pause = 0.5
endpoint = as_given

_PATH = re.compile(r"(/[^/]+)*/api/v1/external/slack_incoming/?")
#: Code points; the server cuts a longer message.
_MAX_TEXT = 10_000
#: What means something, in one dialect or the other. There are no backslash
#: escapes, and the patterns of older servers look through invisible characters.
_MARKS = re.compile(r"[*_~`\[\]|@<>$]|[#:](?=\S)|&(?=#?\w+;|\Z)")


def _as_entities(text: str) -> str:
    """
    Return *text* with HTML's entities for what could be markup or a mention.

    >>> print(_as_entities("*a* @**all** 1 & 2"))
    &#42;a&#42; &#64;&#42;&#42;all&#42;&#42; 1 & 2
    """
    return _MARKS.sub(lambda match: f"&#{ord(match[0])};", text)


_DIALECT = Dialect(
    strong="*",
    emphasis="_",
    strike="~",
    escape=_as_entities,
    guard=INVISIBLE,
    link=angled,
    headings=6,
    tables=True,
    needs_word_boundary=True,
)


def claims(url: SplitResult) -> bool:
    """Claim the path of the integration, on any host."""
    return bool(_PATH.fullmatch(url.path))


def check(url: SplitResult) -> None:
    """Refuse other integrations, and a URL without a key."""
    if not _PATH.fullmatch(url.path):
        message = "not the URL of Zulip's Slack-compatible webhook, which ends in /api/v1/external/slack_incoming"
        raise ValueError(message)
    if not parse_qs(url.query).get("api_key"):
        message = "the URL has no api_key=; copy it whole, with all that follows the question mark"
        raise ValueError(message)


def payloads(message: Message, _url: SplitResult) -> Sequence[Payload]:
    """Return text without blocks, of which Zulip refuses some."""
    return parts(message, lambda blocks: {"text": markup(blocks, _DIALECT)}, _fits)


def verdict(answer: Answer) -> Verdict:
    """Read how long to wait from the body."""
    usual = usual_verdict(answer)
    wait = answer.object().get("retry-after")
    if usual.outcome == "busy" and isinstance(wait, int | float):
        return Verdict("busy", wait=float(wait), advice=usual.advice)
    if answer.success and answer.object().get("result", "success") != "success":
        return Verdict("refused", advice="Zulip did not take the message; look at the bot's stream and topic")
    return usual


def _fits(body: Mapping[str, Any]) -> bool:
    return len(body["text"]) <= _MAX_TEXT
