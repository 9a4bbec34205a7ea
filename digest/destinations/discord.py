"""
Discord webhooks: Markdown in `content`, and nobody is mentioned.

https://docs.discord.com/developers/resources/webhook#execute-webhook
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from digest import __version__
from digest.answer import Answer
from digest.destinations.markup import Dialect, backslashed, bracketed, markup
from digest.destinations.parts import parts, utf16
from digest.destinations.protocol import (
    BUSY_ADVICE,
    Endpoint,
    Message,
    Payload,
    Verdict,
    check_path,
    is_at,
    usual_verdict,
)

idempotent = False
#: Five in two seconds were seen to pass.
pause = 0.5

_HOST = re.compile(r"((ptb|canary)\.)?discord(app)?\.com")
_PATH = re.compile(r"(/api/(v\d{1,2}/)?webhooks/\d{17,20}/[\w-]{60,90})(/slack|/github)?/?", re.ASCII)
#: Characters; code points by most reports, but UTF-16 units are never fewer.
_MAX_CONTENT = 2_000
_SUPPRESS_EMBEDS = 4
#: https://docs.discord.com/developers/reference#user-agent: others may be blocked.
_USER_AGENT = f"DiscordBot (https://github.com/OWNER/creatoraudit-digest, {__version__})"
_FORUM = (220001, 220002, 220003, 220004)
_OVERLOADED = 130000


def _backslashed(text: str) -> str:
    r"""
    Return *text* with a backslash before what Discord takes for markup in more places than CommonMark does.

    A headline, a quote or a list may open inside stress; and a link's words
    may end at any bracket that a parenthesis follows.

    >>> print(_backslashed("# a](b)"))
    \# a\]\(b)
    """
    return re.sub(r"^[#>]|^[+-](?=[\s#])|(?<=\])\(", r"\\\g<0>", backslashed(text))


_DIALECT = Dialect(
    strong="**",
    emphasis="*",
    strike="~~",
    escape=_backslashed,
    guard="\\",
    link=bracketed,
    address="<{}>",
    headings=3,
    long_fences=False,
    rule="",
)


def claims(url: SplitResult) -> bool:
    """Claim the webhooks of discord.com, and of its endpoints for Slack and GitHub."""
    return is_at(url, _HOST)


def check(url: SplitResult) -> None:
    """Refuse other URLs of Discord, as that of a channel."""
    check_path(url, _HOST, _PATH, "/api/webhooks/ID/TOKEN")


def payloads(message: Message, _url: SplitResult) -> Sequence[Payload]:
    """Return Markdown; link previews are off."""
    return parts(message, lambda blocks: _body(markup(blocks, _DIALECT)), _fits)


def endpoint(url: str, _part_id: str) -> Endpoint:
    """Ask for an answer, without which a message that is not kept looks fine; keep `thread_id`."""
    split = urlsplit(url)
    native = _PATH.fullmatch(split.path)
    query = {**dict(parse_qsl(split.query)), "wait": "true"}
    path = native[1] if native else split.path
    return Endpoint(urlunsplit(split._replace(path=path, query=urlencode(query))), {"User-Agent": _USER_AGENT})


def verdict(answer: Answer) -> Verdict:
    """Read how long to wait from the body; a webhook that is gone must not be called again."""
    usual = usual_verdict(answer)
    body = answer.object()
    code, wait = body.get("code"), body.get("retry_after")
    if usual.outcome == "busy" or code == _OVERLOADED:
        return Verdict("busy", wait=float(wait) if isinstance(wait, int | float) else 0.0, advice=BUSY_ADVICE)
    if code in _FORUM:
        return Verdict("refused", advice="the channel is a forum: add ?thread_id= and the thread's id to the URL")
    if answer.status == 403 and not body:  # noqa: PLR2004 - Cloudflare answers in HTML
        return Verdict("refused", advice="Discord's firewall turned this runner away; re-run the job later")
    return usual


def _body(content: str) -> dict[str, Any]:
    return {"content": content, "allowed_mentions": {"parse": []}, "flags": _SUPPRESS_EMBEDS}


def _fits(body: Mapping[str, Any]) -> bool:
    return utf16(body["content"]) <= _MAX_CONTENT
