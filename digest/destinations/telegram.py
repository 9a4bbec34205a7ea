"""
Telegram's Bot API: HTML of a few tags, which is escaped in one way only.

https://core.telegram.org/bots/api#sendmessage
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlsplit, urlunsplit

from digest.answer import Answer
from digest.destinations.parts import parts, utf16
from digest.destinations.plain import BULLET, TASK, aligned, harmless, plain
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
from digest.document import (
    Block,
    Break,
    Code,
    CodeBlock,
    Heading,
    Inline,
    Link,
    List,
    Paragraph,
    Plain,
    Quote,
    Rule,
    Table,
    unstressed,
)

idempotent = False
#: https://core.telegram.org/bots/faq: one message a second and chat.
pause = 1.1

_HOST = re.compile(r"api\.telegram\.org")
_PATH = re.compile(r"(/bot\d{5,}:[\w-]{30,})(/(test/)?\w+)?/?", re.ASCII)
#: UTF-16 units without the tags; counted with them, to be on the safe side.
_MAX_TEXT = 4_096
_TAGS = {"strong": "b", "emphasis": "i", "strike": "s"}


def claims(url: SplitResult) -> bool:
    """Claim the bots of api.telegram.org."""
    return is_at(url, _HOST)


def check(url: SplitResult) -> None:
    """Refuse a URL that does not say which bot or which chat."""
    check_path(url, _HOST, _PATH, "/botTOKEN/sendMessage")
    if not parse_qs(url.query).get("chat_id"):
        message = "the URL has no chat_id=; add ?chat_id= and the chat's id, which @userinfobot tells"
        raise ValueError(message)


def payloads(message: Message, url: SplitResult) -> Sequence[Payload]:
    """Return HTML for the chat that the URL names; should Telegram not parse it, plain text."""
    chat = {**dict(parse_qsl(url.query)), "link_preview_options": {"is_disabled": True}}
    return parts(
        message,
        lambda blocks: {**chat, "text": _blocks(blocks), "parse_mode": "HTML"},
        _fits,
        simpler=[lambda blocks: {**chat, "text": plain(blocks)}],
    )


def endpoint(url: str, _part_id: str) -> Endpoint:
    """Send a message, whichever method the URL names; its query stands in the body."""
    split = urlsplit(url)
    bot = _PATH.fullmatch(split.path)
    path = f"{bot[1]}/sendMessage" if bot else split.path
    return Endpoint(urlunsplit(split._replace(path=path, query="")))


def verdict(answer: Answer) -> Verdict:
    """Read `ok`, and how long to wait, from the body."""
    body = answer.object()
    if answer.success and body.get("ok") is not True:
        return Verdict("refused", advice="this is not how Telegram says yes; check the URL")
    usual = usual_verdict(answer)
    if usual.outcome == "busy":
        parameters = body.get("parameters")
        wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
        return Verdict("busy", wait=float(wait) if isinstance(wait, int | float) else 0.0, advice=BUSY_ADVICE)
    description = str(body.get("description", ""))
    if "parse entities" in description:
        return Verdict("simplify", advice="Telegram did not take the message even as plain text; report it as a bug")
    if "upgraded" in description:
        return Verdict("refused", advice="the group has a new id, parameters.migrate_to_chat_id; put it into chat_id=")
    if answer.status in (400, 403):
        return Verdict("refused", advice="check chat_id= in the URL, and that the bot is a member of that chat")
    return usual


def _fits(body: Mapping[str, Any]) -> bool:
    return utf16(body["text"]) <= _MAX_TEXT


def _blocks(blocks: Iterable[Block]) -> str:
    return "\n\n".join(_block(block) for block in blocks if not isinstance(block, Rule))


def _block(block: Heading | Paragraph | List | Quote | CodeBlock | Table) -> str:
    if isinstance(block, Heading):
        return f"<b>{_inlines(unstressed(block.children))}</b>"
    if isinstance(block, Paragraph):
        return _inlines(block.children)
    if isinstance(block, List):
        return "\n".join(_items(block))
    if isinstance(block, Quote):
        return f"<blockquote>{_blocks(_unquoted(block.blocks))}</blockquote>"
    return _code_block(block) if isinstance(block, CodeBlock) else f"<pre>{_escaped(aligned(block))}</pre>"


def _code_block(block: CodeBlock) -> str:
    if not block.language:
        return f"<pre>{_escaped(block.text)}</pre>"
    return f'<pre><code class="language-{escape(block.language)}">{_escaped(block.text)}</code></pre>'


def _unquoted(blocks: Sequence[Block]) -> Iterator[Block]:
    """Yield *blocks* without quotes inside, which Telegram refuses to nest."""
    for block in blocks:
        if isinstance(block, Quote):
            yield from _unquoted(block.blocks)
        elif isinstance(block, List):
            items = (replace(item, blocks=tuple(_unquoted(item.blocks))) for item in block.items)
            yield replace(block, items=tuple(items))
        else:
            yield block


def _items(block: List) -> Iterator[str]:
    for index, item in enumerate(block.items):
        marker = BULLET if block.start is None else f"{block.start + index}. "
        text = "\n".join(_block(inner) for inner in item.blocks if not isinstance(inner, Rule))
        yield marker + TASK[item.done] + text.replace("\n", "\n" + " " * len(marker))


def _inlines(nodes: Sequence[Inline]) -> str:
    return "".join(_inline(node) for node in nodes)


def _inline(node: Inline) -> str:
    if isinstance(node, Plain):
        return _escaped(node.text)
    if isinstance(node, Code):
        return f"<code>{_escaped(node.text)}</code>"
    if isinstance(node, Break):
        return "\n"
    if isinstance(node, Link):
        return f'<a href="{escape(node.url)}">{_inlines(node.children)}</a>'
    return f"<{_TAGS[node.style]}>{_inlines(node.children)}</{_TAGS[node.style]}>"


def _escaped(text: str) -> str:
    return escape(harmless(text), quote=False)
