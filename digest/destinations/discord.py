"""
Discord webhooks: Markdown in `content`, and nobody is mentioned.

https://docs.discord.com/developers/resources/webhook#execute-webhook
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from digest.answer import Answer
from digest.destinations.markup import Dialect, backslashed, bracketed, markup
from digest.destinations.parts import parts, utf16
from digest.destinations.protocol import Endpoint, Message, Payload, Verdict, nothing_to_check, usual_verdict

idempotent = False
#: Five in two seconds were seen to pass.
pause = 0.5
check = nothing_to_check

_HOST = re.compile(r"((ptb|canary)\.)?discord(app)?\.com")
_PATH = re.compile(r"(/api/(v\d{1,2}/)?webhooks/\d{17,20}/[\w-]{60,90})(/slack|/github)?/?", re.ASCII)
_MAX_CONTENT = 2_000
_SUPPRESS_EMBEDS = 4
_DIALECT = Dialect(
    strong="**",
    emphasis="*",
    strike="~~",
    escape=backslashed,
    guard="\\",
    link=bracketed,
    address="<{}>",
    headings=3,
    long_fences=False,
    rule="",
)


def claims(url: SplitResult) -> bool:
    """Claim the webhooks of discord.com, and of its endpoints for Slack and GitHub."""
    return bool(_HOST.fullmatch(url.hostname or "")) and bool(_PATH.fullmatch(url.path))


def payloads(message: Message, _url: SplitResult) -> Sequence[Payload]:
    """Return Markdown; link previews are off."""
    return parts(message, lambda blocks: _body(markup(blocks, _DIALECT)), _fits)


def endpoint(url: str, _part_id: str) -> Endpoint:
    """Ask for an answer, without which a message that is not kept looks well; keep `thread_id`."""
    split = urlsplit(url)
    native = _PATH.fullmatch(split.path)
    query = {**dict(parse_qsl(split.query)), "wait": "true"}
    path = native[1] if native else split.path
    return Endpoint(urlunsplit(split._replace(path=path, query=urlencode(query))))


def verdict(answer: Answer) -> Verdict:
    """Read how long to wait from the body; a webhook that is gone must not be called again."""
    usual = usual_verdict(answer)
    wait = answer.object().get("retry_after")
    if usual.outcome == "busy" and isinstance(wait, int | float):
        return Verdict("busy", wait=float(wait), advice=usual.advice)
    code = answer.object().get("code")
    if code in (220001, 220002, 220003, 220004):
        return Verdict("refused", advice="the channel is a forum: add ?thread_id= and the thread's id to the URL")
    return usual


def _body(content: str) -> dict[str, Any]:
    return {"content": content, "allowed_mentions": {"parse": []}, "flags": _SUPPRESS_EMBEDS}


def _fits(body: Mapping[str, Any]) -> bool:
    return utf16(body["content"]) <= _MAX_CONTENT
