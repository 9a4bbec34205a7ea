"""
Microsoft Teams, by its Workflows: one Adaptive Card, whose text runs are literal.

https://learn.microsoft.com/power-automate/teams/send-a-message-in-teams and
https://adaptivecards.io/explorer/RichTextBlock.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import SplitResult, parse_qs

from digest.answer import Answer
from digest.destinations.parts import parts
from digest.destinations.plain import BULLET, TASK, harmless
from digest.destinations.protocol import Message, Payload, Verdict, as_given, is_at, usual_verdict
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
    Quote,
    Rule,
    Styled,
    Table,
    words,
)

_Json: TypeAlias = dict[str, Any]
#: What is an element of its own; a rule is a line above one.
_Shown: TypeAlias = "Heading | Paragraph | List | Quote | CodeBlock | Table"

idempotent = False
pause = 1.1
endpoint = as_given

_HOST = re.compile(
    r"[a-z0-9.-]+\.(logic\.azure\.(com|us|cn|de)|environment\.api\.(gov\.)?powerplatform\.(com|us|cn)|powerautomate\.com)"
)
_RETIRED = re.compile(r"([a-z0-9-]+\.webhook|outlook)\.office(365)?\.(com|us)")
#: Bytes of the whole body. 28 KB are documented, 21 KB were measured, and a
#: card that is too large is lost without a word.
_MAX_BODY = 20_000
_SIZES = {1: "ExtraLarge", 2: "Large", 3: "Medium"}
_STYLES: Mapping[str, _Json] = {
    "strong": {"weight": "Bolder"},
    "emphasis": {"italic": True},
    "strike": {"strikethrough": True},
}
_MONO = {"fontType": "Monospace"}
_ADVICE: Mapping[str, str] = {
    "DirectApiAuthorizationRequired": "set the workflow's trigger to 'Anyone' and copy its URL again",
    "TriggerInputSchemaMismatch": (
        "the workflow expects another body; make it from the template 'Send webhook alerts to a channel'"
    ),
    "WorkflowNotFound": "the workflow was removed; make a new one and put its URL into the secret",
    "WorkflowTriggerIsNotEnabled": "the workflow is switched off; switch it on in Power Automate",
}


def claims(url: SplitResult) -> bool:
    """Claim the triggers of Power Automate, and the retired connectors, to say so."""
    return is_at(url, _HOST) or is_at(url, _RETIRED)


def check(url: SplitResult) -> None:
    """Refuse the retired connectors, and a URL without its signature."""
    if _RETIRED.fullmatch(url.hostname or ""):
        message = (
            "Office 365 connectors were retired in May 2026; in Teams, open the channel's Workflows, choose"
            " 'Send webhook alerts to a channel' and put the URL that it shows into the secret"
        )
        raise ValueError(message)
    if not parse_qs(url.query).get("sig"):
        message = (
            "the URL has no sig=; copy it whole, with all that follows the question mark, from a workflow"
            " whose trigger is set to 'Anyone'"
        )
        raise ValueError(message)


def payloads(message: Message, _url: SplitResult) -> Sequence[Payload]:
    """Return cards."""
    return parts(message, _body, _fits)


def verdict(answer: Answer) -> Verdict:
    """Take 202 for accepted: Teams answers before the workflow runs, and gives no receipt."""
    usual = usual_verdict(answer)
    if usual.outcome == "accepted":
        return Verdict(
            "accepted", advice="Teams gives no receipt: whether the workflow posted is seen in the channel only"
        )
    error = answer.object().get("error")
    code = error.get("code") if isinstance(error, dict) else None
    advice = _ADVICE.get(str(code))
    return usual if advice is None else Verdict("refused", advice=advice)


def _body(blocks: Sequence[Block]) -> _Json:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.5",
        "msteams": {"width": "Full"},
        "body": list(_elements(blocks)),
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _fits(body: Mapping[str, Any]) -> bool:
    return len(json.dumps(body, ensure_ascii=False).encode()) <= _MAX_BODY


def _elements(blocks: Sequence[Block]) -> Iterator[_Json]:
    """Yield the elements of *blocks*; a rule is a line above what follows."""
    separated = False
    for block in blocks:
        if isinstance(block, Rule):
            separated = True
            continue
        for index, element in enumerate(_block(block)):
            yield {**element, "separator": True} if separated and index == 0 else element
        separated = False


def _block(block: _Shown) -> Iterator[_Json]:
    if isinstance(block, Heading):
        look = {"size": _SIZES.get(block.level, "Default"), "weight": "Bolder"}
        yield from _lines(block.children, look, spacing="Large" if block.level > 1 else "Default")
    elif isinstance(block, Paragraph):
        yield from _lines(block.children, {})
    elif isinstance(block, List):
        yield from _items(block)
    elif isinstance(block, Quote):
        yield {"type": "Container", "style": "emphasis", "items": list(_elements(block.blocks))}
    elif isinstance(block, CodeBlock):
        # A card folds white space.
        kept = re.sub(r"(?m)^ +| {2,}", lambda match: "\N{NO-BREAK SPACE}" * len(match[0]), harmless(block.text))
        lines = [_run(line or " ", _MONO) for line in kept.split("\n")]
        yield {"type": "Container", "style": "emphasis", "items": [_text([line], spacing="None") for line in lines]}
    else:
        yield _table(block)


def _items(block: List) -> Iterator[_Json]:
    """Yield an item as two columns, so that its second line stands under its first."""
    for index, item in enumerate(block.items):
        number = "" if block.start is None else f"{block.start + index}. "
        marker = f"{number}{TASK[item.done]}".strip() or BULLET.strip()
        content = list(_elements(item.blocks)) or [_text([_run(" ", {})])]
        yield {
            "type": "ColumnSet",
            "spacing": "Small",
            "columns": [
                {"type": "Column", "width": "auto", "items": [_text([_run(marker, {})])]},
                {"type": "Column", "width": "stretch", "spacing": "Small", "items": content},
            ],
        }


def _lines(nodes: Sequence[Inline], look: _Json, spacing: str = "Default") -> Iterator[_Json]:
    """Yield a block for each line of *nodes*: a text run has no line's end."""
    line: list[_Json] = []
    for run in (run for node in nodes for run in _runs(node, look)):
        if run is None:
            yield _text(line or [_run(" ", {})], spacing)
            line, spacing = [], "None"
        else:
            line.append(run)
    yield _text(line or [_run(" ", {})], spacing)


def _runs(node: Inline, look: _Json) -> Iterator[_Json | None]:
    """Yield the runs of *node*, None for a line's end."""
    if isinstance(node, Break):
        yield None
    elif isinstance(node, Styled):
        for child in node.children:
            yield from _runs(child, {**look, **_STYLES[node.style]})
    elif isinstance(node, Link):
        action = {"selectAction": {"type": "Action.OpenUrl", "url": node.url}, "color": "Accent", "underline": True}
        yield _run(harmless(words(node.children)).replace("\n", " "), {**look, **action})
    else:
        yield _run(harmless(node.text), {**look, **_MONO} if isinstance(node, Code) else look)


def _run(text: str, look: _Json) -> _Json:
    # {{DATE(...)}} and {{TIME(...)}} are worked out by some hosts of cards.
    return {"type": "TextRun", "text": text.replace("{{", "{\N{ZERO WIDTH SPACE}{"), **look}


def _text(runs: list[_Json], spacing: str = "Default") -> _Json:
    more = {} if spacing == "Default" else {"spacing": spacing}
    return {"type": "RichTextBlock", "inlines": runs, **more}


def _table(table: Table) -> _Json:
    rows = [_row(table.header, table, {"weight": "Bolder"}), *(_row(row, table, {}) for row in table.rows)]
    return {
        "type": "Table",
        "firstRowAsHeader": True,
        "showGridLines": True,
        "columns": [{"width": 1, "horizontalCellContentAlignment": _side(side)} for side in table.alignments],
        "rows": rows,
    }


def _row(row: Sequence[Sequence[Inline]], table: Table, look: _Json) -> _Json:
    cells = [
        {"type": "TableCell", "items": [{**line, "horizontalAlignment": _side(side)} for line in _lines(cell, look)]}
        for cell, side in zip(row, table.alignments, strict=True)
    ]
    return {"type": "TableRow", "cells": cells}


def _side(alignment: Alignment) -> str:
    return alignment.capitalize()
