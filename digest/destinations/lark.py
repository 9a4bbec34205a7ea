"""
Lark and Feishu custom bots: a post, whose texts are literal.

https://open.larksuite.com/document/client-docs/bot-v3/add-custom-bot
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult

from digest.answer import Answer
from digest.destinations.parts import parts
from digest.destinations.plain import BULLET, TASK, harmless, plain
from digest.destinations.protocol import Message, Payload, Verdict, as_given, nothing_to_check, usual_verdict
from digest.document import Block, Break, Heading, Inline, Link, List, Paragraph, Quote, Rule, Styled, words

idempotent = False
#: Five a second, and a hundred a minute.
pause = 0.5
check = nothing_to_check
endpoint = as_given

_HOST = re.compile(r"open\.(feishu\.cn|larksuite\.com|larkoffice\.com)")
_PATH = re.compile(r"/open-apis/bot/(v2/)?hook/[\w-]+/?", re.ASCII)
#: Bytes of the whole body.
_MAX_BODY = 19_900
_STYLES = {"strong": "bold", "emphasis": "italic", "strike": "lineThrough"}
#: What the bot's settings ask for and a message may lack.
_ADVICE: Mapping[object, str] = {
    19024: "the bot takes only messages with one of its key words; put one into `title`, or remove the setting",
    19021: "the bot asks for a signature, which is not supported; use key words or addresses instead",
    19036: "the message is too long for this chat; lower `limit` or shorten the template",
    19001: "the webhook was removed; make a new bot and put its URL into the secret",
}
_TOO_OFTEN = frozenset({9499, 11232})

_Line = list[dict[str, Any]]


def claims(url: SplitResult) -> bool:
    """Claim the hooks of custom bots."""
    return bool(_HOST.fullmatch(url.hostname or "")) and bool(_PATH.fullmatch(url.path))


def payloads(message: Message, _url: SplitResult) -> Sequence[Payload]:
    """Return posts."""
    return parts(message, _body, _fits)


def verdict(answer: Answer) -> Verdict:
    """Read the body: failure comes with status 200 too."""
    if not answer.success:
        return usual_verdict(answer)
    code = answer.object().get("code", answer.object().get("StatusCode"))
    if code == 0:
        return Verdict("accepted")
    if code in _TOO_OFTEN:
        return Verdict("busy", advice="the bot is called too often; re-run the job later")
    return Verdict("refused", advice=_ADVICE.get(code) or "look at the bot's settings")


def _body(blocks: Sequence[Block]) -> dict[str, Any]:
    title, rest = "", blocks
    if blocks and isinstance(blocks[0], Heading):
        title, rest = harmless(words(blocks[0].children)).replace("\n", " "), blocks[1:]
    return {"msg_type": "post", "content": {"post": {"en_us": {"title": title, "content": list(_lines(rest))}}}}


def _fits(body: Mapping[str, Any]) -> bool:
    return len(json.dumps(body, ensure_ascii=False).encode()) <= _MAX_BODY


def _lines(blocks: Sequence[Block], *, spaced: bool = True) -> Iterator[_Line]:
    for index, block in enumerate(blocks):
        if index and spaced:
            yield [_text(" ")]
        yield from _block(block)


def _block(block: Block) -> Iterator[_Line]:
    if isinstance(block, Heading):
        yield from _wrapped([Styled("strong", block.children)])
    elif isinstance(block, Paragraph):
        yield from _wrapped(block.children)
    elif isinstance(block, List):
        yield from _items(block)
    elif isinstance(block, Quote):
        yield from ([_text("│ "), *line] for line in _lines(block.blocks))
    elif isinstance(block, Rule):
        yield [{"tag": "hr"}]
    else:
        yield from ([_text(line or " ")] for line in plain([block]).split("\n"))


def _items(block: List) -> Iterator[_Line]:
    for index, item in enumerate(block.items):
        marker = BULLET if block.start is None else f"{block.start + index}. "
        first, *others = list(_lines(item.blocks, spaced=False)) or [[]]
        yield [_text(marker + TASK[item.done]), *first]
        yield from ([_text("\N{EM SPACE}"), *line] for line in others)


def _wrapped(nodes: Sequence[Inline]) -> Iterator[_Line]:
    """Yield a line for each line of *nodes*."""
    line: _Line = []
    for element in (element for node in nodes for element in _elements(node, ())):
        if element is None:
            yield line or [_text(" ")]
            line = []
        else:
            line.append(element)
    yield line or [_text(" ")]


def _elements(node: Inline, styles: tuple[str, ...]) -> Iterator[dict[str, Any] | None]:
    """Yield the elements of *node*, None for a line's end."""
    if isinstance(node, Styled):
        for child in node.children:
            yield from _elements(child, (*styles, _STYLES[node.style]))
    elif isinstance(node, Break):
        yield None
    elif isinstance(node, Link):
        said = harmless(words(node.children)).replace("\n", " ")
        yield {"tag": "a", "href": node.url, "text": said, **_style(styles)}
    else:
        yield {**_text(harmless(node.text)), **_style(styles)}


def _text(text: str) -> dict[str, Any]:
    return {"tag": "text", "text": text}


def _style(styles: tuple[str, ...]) -> dict[str, Any]:
    return {"style": list(dict.fromkeys(styles))} if styles else {}
