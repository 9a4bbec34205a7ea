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
from digest.destinations.protocol import (
    BUSY_ADVICE,
    TOO_LONG_ADVICE,
    Message,
    Payload,
    Verdict,
    as_given,
    check_path,
    is_at,
    usual_verdict,
)
from digest.document import (
    Block,
    Break,
    Heading,
    Inline,
    Link,
    List,
    Paragraph,
    Plain,
    Quote,
    Rule,
    Styled,
    Table,
    holds_link,
    on_one_line,
    words,
)

idempotent = False
#: Five a second, and a hundred a minute.
pause = 0.5
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
    19022: "the bot asks for known addresses, which GitHub's runners have not; use key words instead",
    19036: TOO_LONG_ADVICE,
    19001: "the webhook was removed; make a new bot and put its URL into the secret",
}
_TOO_OFTEN = 11232
#: Said of a body that is not understood, and the first of too many requests too.
_BAD_REQUEST = frozenset({9499, 19002})

_RULE = "─" * 12

_Line = list[dict[str, Any]]


def claims(url: SplitResult) -> bool:
    """Claim the hooks of custom bots."""
    return is_at(url, _HOST)


def check(url: SplitResult) -> None:
    """Refuse other URLs of Lark."""
    check_path(url, _HOST, _PATH, "/open-apis/bot/v2/hook/ID")


def payloads(message: Message, _url: SplitResult) -> Sequence[Payload]:
    """Return posts; plain text where they are not understood."""
    return parts(message, _body, _fits, simpler=[_plain_body])


def verdict(answer: Answer) -> Verdict:
    """Read the body: failure comes with status 200 too."""
    if not answer.success:
        return usual_verdict(answer)
    body = answer.object()
    code = body.get("code", body.get("StatusCode"))
    if code == 0:
        return Verdict("accepted")
    if code == _TOO_OFTEN or "too many" in str(body.get("msg", "")).lower():
        return Verdict("busy", advice=BUSY_ADVICE)
    if code in _BAD_REQUEST:
        return Verdict("simplify", advice="Lark did not take the message even as plain text; report it as a bug")
    return Verdict("refused", advice=_ADVICE.get(code) or "look at the bot's settings")


def _body(blocks: Sequence[Block]) -> dict[str, Any]:
    title, rest = "", blocks
    if len(blocks) > 1 and isinstance(blocks[0], Heading) and not holds_link(blocks[0].children):
        title, rest = harmless(words(blocks[0].children)).replace("\n", " "), blocks[1:]
    return {"msg_type": "post", "content": {"post": {"en_us": {"title": title, "content": list(_lines(rest))}}}}


def _plain_body(blocks: Sequence[Block]) -> dict[str, Any]:
    return {"msg_type": "text", "content": {"text": plain(blocks)}}


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
    elif isinstance(block, Table):
        yield from _rows(block)
    elif isinstance(block, Rule):
        yield [_text(_RULE)]  # custom bots are documented to know texts, links, mentions and images only
    else:
        yield from ([_text(line or " ")] for line in plain([block]).split("\n"))


def _items(block: List) -> Iterator[_Line]:
    for index, item in enumerate(block.items):
        marker = BULLET if block.start is None else f"{block.start + index}. "
        first, *others = list(_lines(item.blocks, spaced=False)) or [[]]
        yield [_text(marker + TASK[item.done]), *first]
        yield from ([_text("\N{EM SPACE}"), *line] for line in others)


def _rows(table: Table) -> Iterator[_Line]:
    """Yield a line for each row: no font here has a fixed width."""
    header = tuple((Styled("strong", cell),) if cell else () for cell in table.header)
    for row in (header, *table.rows):
        nodes = [node for cell in row for node in (Plain(" | "), *on_one_line(cell))]
        yield from _wrapped(nodes[1:])


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
