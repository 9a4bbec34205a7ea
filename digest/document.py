"""
The tree that a message becomes, which no chat owns, and what can be asked of it.

This is the seam between what a message says and how each chat writes it: text
in the tree is literal, never markup, so that a destination escapes it once, in
its own syntax.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, TypeAlias
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class Plain:
    """Words as they are to be seen; one line, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Words in a fixed-width font; one line, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Break:
    """The end of a line inside a paragraph."""


@dataclass(frozen=True, slots=True)
class Styled:
    """Words with a stress."""

    style: Literal["strong", "emphasis", "strike"]
    children: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead to *url*, an absolute http, https or mailto address in ASCII, not too long for any chat."""

    url: str
    children: tuple[Inline, ...]


Inline: TypeAlias = "Plain | Code | Break | Styled | Link"


@dataclass(frozen=True, slots=True)
class Heading:
    """A headline; *level* is 1 to 6."""

    level: int
    children: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of words."""

    children: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list; *done* is None unless it is a task."""

    blocks: tuple[Block, ...]
    done: bool | None = None


@dataclass(frozen=True, slots=True)
class List:
    """A list; *start* is the number of its first item, or None if it has bullets."""

    start: int | None
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """What somebody else said."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Lines in a fixed-width font, without the last line's end; *language* may be empty."""

    text: str
    language: str = ""


Cell: TypeAlias = "tuple[Inline, ...]"
Alignment: TypeAlias = Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; each row has as many cells as the header, and *alignments* too."""

    header: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    alignments: tuple[Alignment, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across."""


Block: TypeAlias = "Heading | Paragraph | List | Quote | CodeBlock | Table | Rule"


def words(nodes: Sequence[Inline]) -> str:
    """Return what readers see of *nodes*, without styles and addresses."""
    return "".join(_words(node) for node in nodes)


def visible(blocks: Sequence[Block]) -> str:
    """Return what readers see of *blocks*, one line each line, without markers."""
    return "\n".join(line for block in blocks for line in _lines(block))


def changed(nodes: Sequence[Inline], change: Callable[[Plain | Code | Break], Inline]) -> tuple[Inline, ...]:
    """Return *nodes* with what *change* makes of each that holds no others."""
    return joined(
        dataclasses.replace(node, children=changed(node.children, change))
        if isinstance(node, Styled | Link)
        else change(node)
        for node in nodes
    )


def on_one_line(nodes: Sequence[Inline]) -> tuple[Inline, ...]:
    """Return *nodes* with a space for each end of a line."""
    return changed(nodes, lambda node: Plain(" ") if isinstance(node, Break) else node)


def is_bare(link: Link) -> bool:
    """Return whether the words of *link* are its address, as people write it."""
    return unquote(words(link.children)) == unquote(link.url)


def holds_link(nodes: Sequence[Inline]) -> bool:
    """Return whether a link is among *nodes* or inside one of them."""
    return any(isinstance(node, Link) or (isinstance(node, Styled) and holds_link(node.children)) for node in nodes)


def unstressed(nodes: Sequence[Inline]) -> tuple[Inline, ...]:
    """Return *nodes* with nothing strong among them, for a place that is strong itself."""
    return joined(inner for node in nodes for inner in _without_strong(node))


def unlinked(nodes: tuple[Inline, ...]) -> tuple[Inline, ...]:
    """Return *nodes* with the words of links in their place."""
    return joined(inner for node in nodes for inner in _without_link(node))


def cut(nodes: Sequence[Inline], at: int) -> tuple[tuple[Inline, ...], tuple[Inline, ...]]:
    """Return *nodes* cut after *at* visible characters, which is not all; styles and links go on behind the cut."""
    ends = [0, *accumulate(len(words((node,))) for node in nodes)]
    index = bisect_right(ends, at) - 1
    before, after = _cut_node(nodes[index], at - ends[index])
    return (*nodes[:index], *before), (*after, *nodes[index + 1 :])


def stripped(nodes: Sequence[Inline]) -> tuple[Inline, ...]:
    """Return *nodes* without breaks and white space at either end, in styles too."""
    text = words(nodes)
    end = len(text.rstrip())
    if end == 0:
        return ()
    kept = tuple(nodes) if end == len(text) else cut(nodes, end)[0]
    start = len(text) - len(text.lstrip())
    return cut(kept, start)[1] if start else kept


def joined(nodes: Iterable[Inline]) -> tuple[Inline, ...]:
    """Return *nodes* with neighbouring texts as one, as the parser cuts at every character it looked at."""
    found: list[Inline] = []
    for node in nodes:
        if found and isinstance(node, Plain) and isinstance(found[-1], Plain):
            found[-1] = Plain(found[-1].text + node.text)
        else:
            found.append(node)
    return tuple(found)


def _without_strong(node: Inline) -> tuple[Inline, ...]:
    if not isinstance(node, Styled | Link):
        return (node,)
    children = unstressed(node.children)
    strong = isinstance(node, Styled) and node.style == "strong"
    return children if strong else (dataclasses.replace(node, children=children),)


def _without_link(node: Inline) -> tuple[Inline, ...]:
    if isinstance(node, Link):
        return unlinked(node.children)
    if isinstance(node, Styled):
        return (dataclasses.replace(node, children=unlinked(node.children)),)
    return (node,)


def _cut_node(node: Inline, at: int) -> tuple[tuple[Inline, ...], tuple[Inline, ...]]:
    if at == 0 or isinstance(node, Break):
        return (), (node,)
    if isinstance(node, Plain | Code):
        return (dataclasses.replace(node, text=node.text[:at]),), (dataclasses.replace(node, text=node.text[at:]),)
    first, rest = cut(node.children, at)
    return (dataclasses.replace(node, children=first),), (dataclasses.replace(node, children=rest),)


def _words(node: Inline) -> str:
    if isinstance(node, Break):
        return "\n"
    return node.text if isinstance(node, Plain | Code) else words(node.children)


def _lines(block: Block) -> Iterator[str]:
    if isinstance(block, Heading | Paragraph):
        yield words(block.children)
    elif isinstance(block, CodeBlock):
        yield block.text
    elif isinstance(block, Quote):
        yield visible(block.blocks)
    elif isinstance(block, List):
        yield from (visible(item.blocks) for item in block.items)
    elif isinstance(block, Table):
        yield from (" ".join(map(words, row)) for row in (block.header, *block.rows))
