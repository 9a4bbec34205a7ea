"""
Slack incoming webhooks: Block Kit without its `markdown` block, which they answer with 500.

Text stands in `rich_text` elements, which Slack takes literally.
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/ and
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, takewhile
from typing import Any
from urllib.parse import SplitResult

from digest.answer import Answer
from digest.destinations.parts import parts, utf16
from digest.destinations.plain import TASK, aligned, harmless, plain
from digest.destinations.protocol import Message, Payload, Verdict, as_given, check_path, is_at, usual_verdict
from digest.document import (
    Alignment,
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
    Styled,
    Table,
    holds_link,
    words,
)

idempotent = False
#: One message a second: https://docs.slack.dev/apis/web-api/rate-limits
pause = 1.1
endpoint = as_given

HOST = re.compile(r"hooks\.slack(-gov)?\.com")
#: How the paths of workflow triggers start: a kind of its own.
WORKFLOWS = ("/triggers/", "/workflows/")
_PATH = re.compile(r"/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]+/?")
#: https://docs.slack.dev/reference/block-kit/blocks
_MAX_BLOCKS = 50
_MAX_HEADER = 150
#: Not documented; `msg_blocks_too_long` was seen from 13,200 on.
_MAX_TEXT = 12_000
#: Slack cuts the fallback, which notifications show, at 40,000 and asks for 4,000.
_MAX_FALLBACK = 4_000
#: https://docs.slack.dev/reference/block-kit/blocks/table-block
_MAX_ROWS, _MAX_COLUMNS, _MAX_TABLE_TEXT = 100, 20, 10_000
_MAX_INDENT = 8
#: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/#handling_errors
_ADVICE: Mapping[str, str] = {
    "action_prohibited": "the workspace does not let this webhook post; ask its admins",
    "channel_is_archived": "the webhook's channel is archived; make a webhook for another one",
    "channel_not_found": "the webhook's channel is gone; make a webhook for another one",
    "posting_to_general_channel_denied": "the workspace does not let webhooks post to #general; choose another channel",
    "user_not_found": "the person whom the webhook writes to is gone; make a webhook for a channel",
}
_STYLES = {"strong": "bold", "emphasis": "italic", "strike": "strike"}

_Json = dict[str, Any]


def claims(url: SplitResult) -> bool:
    """Claim what is no workflow's on the hosts of Slack's webhooks."""
    return is_at(url, HOST) and not url.path.startswith(WORKFLOWS)


def check(url: SplitResult) -> None:
    """Refuse other URLs of Slack, as a response URL, which works for half an hour."""
    check_path(url, HOST, _PATH, "/services/T…/B…/…")


def payloads(message: Message, _url: SplitResult) -> Sequence[Payload]:
    """Return blocks; the same with tables as text; text alone."""
    return parts(
        message,
        lambda blocks: _body(blocks, tables=True),
        _fits,
        simpler=[lambda blocks: _body(blocks, tables=False), _text],
    )


def verdict(answer: Answer) -> Verdict:
    """Take nothing for accepted but `ok`; a 500 means that the blocks were not understood."""
    said = answer.text.strip()
    if answer.success:
        no = Verdict("refused", advice="this is not how Slack says yes; check the webhook's URL")
        return Verdict("accepted") if said == "ok" else no
    if said in _ADVICE:
        return Verdict("refused", advice=_ADVICE[said])
    if answer.status in (400, 500):
        return Verdict("simplify", advice="Slack did not take the message even as plain text; report it as a bug")
    return usual_verdict(answer)


def _body(blocks: Sequence[Block], *, tables: bool) -> _Json:
    return {"blocks": list(_blocks(blocks, tables=tables)), **_text(blocks, _MAX_FALLBACK)}


def _text(blocks: Sequence[Block], longest: int | None = None) -> _Json:
    """Return the body without blocks; `mrkdwn` is off, as it has no escapes."""
    text = plain(blocks).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if longest is not None and len(text) > longest:
        # Not inside an entity, which has five characters at most.
        text = re.sub(r"&\w{0,4}$", "", text[: longest - 1]) + "…"
    return {"text": text, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}


def _fits(body: Mapping[str, Any]) -> bool:
    blocks = body.get("blocks", ())
    return len(blocks) <= _MAX_BLOCKS and sum(map(_length, blocks)) <= _MAX_TEXT and utf16(body["text"]) <= _MAX_TEXT


def _length(value: object) -> int:
    """Return the UTF-16 units of all strings in *value*, the names of types included, to be on the safe side."""
    if isinstance(value, str):
        return utf16(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(_length, inner))


def _blocks(blocks: Sequence[Block], *, tables: bool) -> Iterator[_Json]:
    table = next((block for block in blocks if isinstance(block, Table) and _is_small(block)), None) if tables else None
    for block in blocks:
        if block is table and isinstance(block, Table):
            yield _table(block)
        else:
            yield _block(block)


def _block(block: Block) -> _Json:
    if isinstance(block, Heading):
        return _heading(block)
    elements = list(_elements(block))
    return _rich_text(elements) if elements else {"type": "divider"}


def _heading(block: Heading) -> _Json:
    text = harmless(words(block.children)).replace("\n", " ")
    large = block.level <= 2  # noqa: PLR2004 - deeper ones would shout
    if large and utf16(text) <= _MAX_HEADER and not holds_link(block.children):
        return {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": False}}
    return _rich_text([_section(_line(block))])


def _elements(block: Block, indent: int = 0) -> Iterator[_Json]:
    if isinstance(block, Paragraph | Heading):
        yield _section(_line(block))
    elif isinstance(block, List):
        yield from _list(block, indent)
    elif isinstance(block, Quote):
        yield from _quote(block, indent)
    elif isinstance(block, CodeBlock):
        yield _preformatted(block.text)
    elif isinstance(block, Table):
        yield _preformatted(aligned(block))


def _quote(block: Quote, indent: int) -> Iterator[_Json]:
    """Yield a quote for each run of text; Slack has nothing else in quotes, so it stands between them."""
    for is_text, run in groupby(block.blocks, _is_text):
        if is_text:
            yield {"type": "rich_text_quote", "elements": _texts(_flat(run))}
        else:
            yield from (element for inner in run for element in _elements(inner, indent))


def _list(block: List, indent: int) -> Iterator[_Json]:
    """
    Yield a list for each run of items of nothing but text, and what stands between them.

    Slack nests by the `indent` of one list after the other, and counts on by `offset`.
    """
    run: list[_Json] = []
    for index, item in enumerate(block.items):
        text = list(takewhile(_is_text, item.blocks))
        task = [Plain(TASK[item.done])] if item.done is not None else []
        run.append(_section([*task, *_flat(text)]))
        others = item.blocks[len(text) :]
        if others or index == len(block.items) - 1:
            yield _run(block, run, indent, index + 1 - len(run))
            run = []
        for inner in others:
            yield from _elements(inner, min(indent + 1, _MAX_INDENT))


def _is_text(block: Block) -> bool:
    return isinstance(block, Paragraph | Heading)


def _run(block: List, items: list[_Json], indent: int, first: int) -> _Json:
    style = "bullet" if block.start is None else "ordered"
    offset = {"offset": block.start + first - 1} if block.start is not None and block.start + first > 1 else {}
    return {"type": "rich_text_list", "style": style, "indent": indent, "elements": items, **offset}


def _flat(blocks: Iterable[Block]) -> list[Inline]:
    """Return blocks of text as lines of one, for places that hold no blocks."""
    lines = [_line(block) for block in blocks if isinstance(block, Paragraph | Heading)]
    return [node for line in lines for node in (Break(), *line)][1:]


def _line(block: Paragraph | Heading) -> Sequence[Inline]:
    return block.children if isinstance(block, Paragraph) else (Styled("strong", block.children),)


def _rich_text(elements: list[_Json]) -> _Json:
    return {"type": "rich_text", "elements": elements}


def _section(nodes: Sequence[Inline]) -> _Json:
    return {"type": "rich_text_section", "elements": _texts(nodes)}


def _preformatted(text: str) -> _Json:
    return {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": harmless(text) or " "}]}


def _texts(nodes: Sequence[Inline]) -> list[_Json]:
    """Return *nodes* as elements; Slack refuses an empty one."""
    return [element for node in nodes for element in _text_elements(node, {})] or [{"type": "text", "text": " "}]


def _text_elements(node: Inline, style: Mapping[str, bool]) -> Iterator[_Json]:
    if isinstance(node, Styled):
        for child in node.children:
            yield from _text_elements(child, {**style, _STYLES[node.style]: True})
        return
    styled = {**style, "code": True} if isinstance(node, Code) else dict(style)
    element: _Json = {"type": "text", "text": "\n" if isinstance(node, Break) else harmless(words((node,)))}
    if isinstance(node, Link):
        element |= {"type": "link", "url": node.url}
    yield {**element, "style": styled} if styled else element


def _is_small(table: Table) -> bool:
    text = sum(utf16(words(cell)) for row in (table.header, *table.rows) for cell in row)
    return len(table.rows) < _MAX_ROWS and len(table.header) <= _MAX_COLUMNS and text <= _MAX_TABLE_TEXT


def _table(table: Table) -> _Json:
    header = [_cell((Styled("strong", cell),) if cell else ()) for cell in table.header]
    return {
        "type": "table",
        "column_settings": [_column(alignment) for alignment in table.alignments],
        "rows": [header, *([_cell(cell) for cell in row] for row in table.rows)],
    }


def _column(alignment: Alignment) -> _Json:
    return {"align": alignment, "is_wrapped": True}


def _cell(cell: Sequence[Inline]) -> _Json:
    # `raw_text` cells were answered with 500.
    return _rich_text([_section(cell)])
