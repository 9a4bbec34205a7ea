"""Write a document as plain text: for notifications, for the simplest chats, and tables for most."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from digest.document import (
    Alignment,
    Block,
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
    Styled,
    Table,
    is_bare,
    words,
)

#: What could call somebody in one chat or another: an at sign before anything,
#: `<!channel>`, `<@U1>`, `<#C1>`, `<users/all>`, `<at id=all>`. What follows
#: the end of a text may be a name.
_MENTION = re.compile(r"[@\uFF20](?![\s\u200b])|<(?=[@#!?/&:a-zA-Z]|\Z)")
TASK = {True: "☑ ", False: "☐ ", None: ""}
BULLET = "• "


def harmless(text: str) -> str:
    r"""
    Return *text* with an invisible character inside all that could call somebody.

    >>> print(ascii(harmless("@here <!channel> a < b")))
    '@\u200bhere <\u200b!channel> a < b'
    """
    return _MENTION.sub(lambda match: match[0] + "\N{ZERO WIDTH SPACE}", text)


def plain(blocks: Sequence[Block]) -> str:
    """Return *blocks* as text that needs no markup and no font; mentions in it are harmless."""
    return "\n\n".join(_block(block) for block in blocks if not isinstance(block, Rule))


def aligned(table: Table) -> str:
    """
    Return *table* as lines of equal width, for a fixed-width font.

    Widths are those of a terminal: letters of East Asia are as wide as two.
    """
    rows = [[harmless(inline(cell)).replace("\n", " ") for cell in row] for row in (table.header, *table.rows)]
    widths = [max(_width(row[column]) for row in rows) for column in range(len(table.header))]
    lines = ["  ".join(map(_padded, row, widths, table.alignments)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def inline(nodes: Sequence[Inline]) -> str:
    """Return *nodes* as text, with the address of a link behind its words."""
    return "".join(_inline(node) for node in nodes)


def _block(block: Heading | Paragraph | List | Quote | CodeBlock | Table) -> str:
    if isinstance(block, Heading | Paragraph):
        return harmless(inline(block.children))
    if isinstance(block, List):
        return "\n".join(_items(block))
    if isinstance(block, Quote):
        return "\n".join(f"> {line}".rstrip() for line in plain(block.blocks).split("\n"))
    return harmless(block.text) if isinstance(block, CodeBlock) else _table(block)


def _table(table: Table) -> str:
    """Return a line for each row: spaces cannot align what has no fixed width."""
    rows = [[inline(cell) for cell in row] for row in (table.header, *table.rows)]
    return harmless("\n".join(" | ".join(row).replace("\n", " ").rstrip() for row in rows))


def _items(block: List) -> Iterator[str]:
    for index, item in enumerate(block.items):
        marker = BULLET if block.start is None else f"{block.start + index}. "
        text = "\n".join(_block(inner) for inner in item.blocks if not isinstance(inner, Rule))
        yield marker + TASK[item.done] + text.replace("\n", "\n" + " " * len(marker))


def _inline(node: Inline) -> str:
    if isinstance(node, Plain | Code):
        return node.text
    if isinstance(node, Link):
        said, address = words(node.children), node.url.removeprefix("mailto:")
        return said if said == address or is_bare(node) else f"{said} ({address})"
    return inline(node.children) if isinstance(node, Styled) else "\n"


def _width(text: str) -> int:
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _padded(text: str, width: int, alignment: Alignment) -> str:
    space = width - _width(text)
    left = {"left": 0, "center": space // 2, "right": space}[alignment]
    return " " * left + text + " " * (space - left)
