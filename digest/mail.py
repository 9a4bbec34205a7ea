"""Write a document as the body of a mail: one page, inline styles, nothing to load or to run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from digest.document import (
    Block,
    Break,
    Code,
    CodeBlock,
    Heading,
    Inline,
    Item,
    Link,
    List,
    Paragraph,
    Plain,
    Quote,
    Table,
)

#: No colour of text or page is set, so that a mail program in dark mode may
#: choose both; lines and shades are half transparent and suit either.
_LINE = "1px solid rgba(128,128,128,.4)"
_SHADE = "background:rgba(128,128,128,.15)"
_MONO = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px"
_HEADINGS = {1: "22px", 2: "18px"}
_TAGS = {"strong": "strong", "emphasis": "em", "strike": "s"}
_BOXES = {True: "&#9745; ", False: "&#9744; ", None: ""}


def page(title: str, blocks: Sequence[Block]) -> str:
    """Return a whole HTML document; *title* is plain text."""
    style = (
        "font:15px/1.5 -apple-system,'Segoe UI',Helvetica,Arial,sans-serif;max-width:640px;margin:0 auto;padding:16px"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n</head>\n"
        f'<body style="{style}">\n{fragment(blocks)}\n</body>\n</html>\n'
    )


def fragment(blocks: Sequence[Block]) -> str:
    """Return *blocks* as HTML, one a line."""
    return "\n".join(_block(block) for block in blocks)


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        size = _HEADINGS.get(block.level, "15px")
        return f'<h{block.level} style="font-size:{size};margin:20px 0 8px">{_inlines(block.children)}</h{block.level}>'
    if isinstance(block, Paragraph):
        return f'<p style="margin:8px 0">{_inlines(block.children)}</p>'
    if isinstance(block, List):
        return _list(block)
    if isinstance(block, Quote):
        style = "margin:8px 0;padding:0 12px;border-left:4px solid rgba(128,128,128,.4)"
        return f'<blockquote style="{style}">\n{fragment(block.blocks)}\n</blockquote>'
    if isinstance(block, CodeBlock):
        style = f"{_MONO};{_SHADE};padding:12px;border-radius:6px;white-space:pre-wrap"
        return f'<pre style="{style}">{escape(block.text)}</pre>'
    return _table(block) if isinstance(block, Table) else f'<hr style="border:0;border-top:{_LINE};margin:16px 0">'


def _list(block: List) -> str:
    items = "\n".join(_list_item(item, numbered=block.start is not None) for item in block.items)
    style = 'style="margin:8px 0;padding-left:24px"'
    if block.start is None:
        return f"<ul {style}>\n{items}\n</ul>"
    start = "" if block.start == 1 else f' start="{block.start}"'
    return f"<ol{start} {style}>\n{items}\n</ol>"


def _list_item(item: Item, *, numbered: bool) -> str:
    # A task has a box in the place of the bullet.
    style = "margin:4px 0" if item.done is None or numbered else "margin:4px 0;list-style:none"
    return f'<li style="{style}">{_item(item)}</li>'


def _item(item: Item) -> str:
    """Return what stands in an item; a single paragraph needs no tags."""
    blocks = item.blocks
    first = _inlines(blocks[0].children) if blocks and isinstance(blocks[0], Paragraph) else None
    text = fragment(blocks) if first is None else "\n".join([first, *map(_block, blocks[1:])])
    return _BOXES[item.done] + text


def _table(table: Table) -> str:
    rows = "\n".join(_row(row, "td", table) for row in table.rows)
    head = _row(table.header, "th", table)
    return f'<table style="border-collapse:collapse;margin:8px 0">\n{head}\n{rows}\n</table>'


def _row(row: Sequence[Sequence[Inline]], tag: str, table: Table) -> str:
    cells = "".join(
        f'<{tag} style="border-bottom:{_LINE};padding:4px 12px 4px 0;text-align:{alignment}">{_inlines(cell)}</{tag}>'
        for cell, alignment in zip(row, table.alignments, strict=True)
    )
    return f"<tr>{cells}</tr>"


def _inlines(nodes: Sequence[Inline]) -> str:
    return "".join(part for node in nodes for part in _inline(node))


def _inline(node: Inline) -> Iterator[str]:
    if isinstance(node, Plain):
        yield escape(node.text)
    elif isinstance(node, Code):
        yield f'<code style="{_MONO};{_SHADE};padding:1px 4px;border-radius:4px">{escape(node.text)}</code>'
    elif isinstance(node, Break):
        yield "<br>\n"
    elif isinstance(node, Link):
        yield f'<a href="{escape(node.url)}">{_inlines(node.children)}</a>'
    else:
        yield f"<{_TAGS[node.style]}>{_inlines(node.children)}</{_TAGS[node.style]}>"
