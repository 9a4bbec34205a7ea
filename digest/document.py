"""
Parse Markdown into a small tree that no chat owns.

This is the seam between what a message says and how each chat writes it: text
in the tree is literal, never markup, so that a destination escapes it once, in
its own syntax. Raw HTML is text, and only http, https and mailto links live.
https://spec.commonmark.org/0.31.2/ and https://github.github.com/gfm/
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias
from urllib.parse import quote as percent_encode

from digest.text import quote, unshield


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
    """Words that lead to *url*, an absolute http, https or mailto address in ASCII."""

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

_SAFE_LINK = re.compile(r"(?:https?://|mailto:)[^\s]", re.IGNORECASE)
#: https://github.github.com/gfm/#autolinks-extension-, without its rule for brackets.
_BARE_LINK = re.compile(r"\bhttps?://[^\s<>]*[\w/=&#%+-]")
_STYLES: dict[str, Literal["strong", "emphasis", "strike"]] = {
    "strong_open": "strong",
    "em_open": "emphasis",
    "s_open": "strike",
}
_TASK = re.compile(r"\[([ xX])\] ")


def parse(markdown: str) -> tuple[Block, ...]:
    """
    Return the blocks of *markdown*, whose text may hold shielded characters.

    Nothing in Markdown is an error; a message of blank lines has no block.
    """
    return _blocks(_Tokens(_parser().parse(markdown)))


def words(nodes: Sequence[Inline]) -> str:
    """Return what readers see of *nodes*, without styles and addresses."""
    return "".join(_words(node) for node in nodes)


def visible(blocks: Sequence[Block]) -> str:
    """Return what readers see of *blocks*, one line each line, without markers."""
    return "\n".join(line for block in blocks for line in _lines(block))


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


@cache
def _parser() -> Any:
    """Return the Markdown parser. Importing it takes 40 ms, so nothing pays for it before it is used."""
    from markdown_it import MarkdownIt

    # Text that is nested deeper than this is lost.
    options = {"html": False, "maxNesting": 100}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    # The shielded characters of an address are quoted before its other ones,
    # as UTF-8 would be made of them.
    parser.normalizeLink = lambda url: percent_encode(quote(url), safe="%/:?#[]@!$&'()*+,;=~")  # type: ignore[method-assign]
    parser.normalizeLinkText = lambda link: link  # type: ignore[method-assign]
    parser.validateLink = lambda url: _SAFE_LINK.match(url) is not None  # type: ignore[method-assign]
    return parser


class _Tokens:
    """A flat list of tokens, read from the front."""

    def __init__(self, tokens: Sequence[Any]) -> None:
        self._tokens = tokens
        self._next = 0

    def take(self) -> Any:
        self._next += 1
        return self._tokens[self._next - 1]

    def until(self, kind: str | None = None) -> Iterator[Any]:
        """Yield the tokens before the next one of *kind* on this level, or all; the end is taken too."""
        while self._next < len(self._tokens):
            token = self.take()
            if token.type == kind:
                return
            yield token


def _blocks(tokens: _Tokens, end: str | None = None) -> tuple[Block, ...]:
    return tuple(block for token in tokens.until(end) for block in _block(token, tokens))


def _block(token: Any, tokens: _Tokens) -> Iterator[Block]:
    """Yield the block that *token* opens, if there is anything in it."""
    if token.type in ("paragraph_open", "heading_open"):
        children = _inline(tokens.take())
        tokens.take()
        if children:
            yield Heading(int(token.tag[1:]), children) if token.type == "heading_open" else Paragraph(children)
    elif token.type in ("bullet_list_open", "ordered_list_open"):
        start = int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None
        items = tuple(_item(tokens) for _ in tokens.until(token.type.replace("open", "close")))
        yield List(start, items)
    elif token.type == "blockquote_open":
        blocks = _blocks(tokens, "blockquote_close")
        if blocks:
            yield Quote(blocks)
    elif token.type in ("fence", "code_block"):
        language = token.info.split(maxsplit=1)[:1]
        yield CodeBlock(unshield(token.content).removesuffix("\n"), unshield(language[0]) if language else "")
    elif token.type == "table_open":
        yield _table(tokens)
    elif token.type == "hr":
        yield Rule()


def _item(tokens: _Tokens) -> Item:
    blocks = _blocks(tokens, "list_item_close")
    if not blocks or not isinstance(blocks[0], Paragraph) or not isinstance(blocks[0].children[0], Plain):
        return Item(blocks)
    first = blocks[0].children[0]
    task = _TASK.match(first.text)
    if task is None:
        return Item(blocks)
    rest = first.text[task.end() :]
    children = (*([Plain(rest)] if rest else []), *blocks[0].children[1:])
    paragraph = [dataclasses.replace(blocks[0], children=children)] if children else []
    return Item((*paragraph, *blocks[1:]), done=task[1] != " ")


def _table(tokens: _Tokens) -> Table:
    rows: list[tuple[Cell, ...]] = []
    alignments: list[Alignment] = []
    cells: list[Cell] = []
    for token in tokens.until("table_close"):
        if token.type in ("th_open", "td_open"):
            if token.type == "th_open":
                alignments.append(_alignment(str(token.attrs.get("style", ""))))
            cells.append(_inline(tokens.take()))
        elif token.type == "tr_close":
            rows.append(tuple(cells))
            cells = []
    return Table(rows[0], tuple(rows[1:]), tuple(alignments))


def _alignment(style: str) -> Alignment:
    if style.endswith("right"):
        return "right"
    return "center" if style.endswith("center") else "left"


def _inline(token: Any) -> tuple[Inline, ...]:
    return _trimmed(_inlines(_Tokens(token.children or [])))


def _inlines(tokens: _Tokens, end: str | None = None) -> tuple[Inline, ...]:
    return _joined(node for token in tokens.until(end) for node in _node(token, tokens))


def _node(token: Any, tokens: _Tokens) -> Iterator[Inline]:
    if token.type in _STYLES:
        children = _inlines(tokens, token.type.replace("open", "close"))
        if children:
            yield Styled(_STYLES[token.type], children)
    elif token.type == "link_open":
        url = str(token.attrs["href"])
        yield Link(url, unlinked(_inlines(tokens, "link_close")) or (Plain(url),))
    elif token.type == "image":
        # No chat takes an image inside text; its words and its address remain.
        url = str(token.attrs["src"])
        yield Link(url, (Plain(_line(words(_inline(token))) or url),))
    elif token.type == "code_inline":
        yield Code(_line(token.content))
    elif token.type in ("softbreak", "hardbreak"):
        yield Break()
    elif token.content:
        yield from _linked(token.content)


def unlinked(nodes: tuple[Inline, ...]) -> tuple[Inline, ...]:
    """Return *nodes* with the words of links in their place."""
    return _joined(inner for node in nodes for inner in _without_link(node))


def _without_link(node: Inline) -> tuple[Inline, ...]:
    if isinstance(node, Link):
        return unlinked(node.children)
    if isinstance(node, Styled):
        return (dataclasses.replace(node, children=unlinked(node.children)),)
    return (node,)


def _linked(text: str) -> Iterator[Inline]:
    """
    Yield *text* with its bare addresses as links, as GitHub does.

    A shielded address is none: its colon is another character.
    """
    done = 0
    for match in _BARE_LINK.finditer(text):
        if match.start() > done:
            yield Plain(_line(text[done : match.start()]))
        yield Link(_parser().normalizeLink(match[0]), (Plain(_line(match[0])),))
        done = match.end()
    if done < len(text):
        yield Plain(_line(text[done:]))


def _joined(nodes: Iterable[Inline]) -> tuple[Inline, ...]:
    """Return *nodes* with neighbouring texts as one, as the parser cuts at every character it looked at."""
    joined: list[Inline] = []
    for node in nodes:
        if joined and isinstance(node, Plain) and isinstance(joined[-1], Plain):
            joined[-1] = Plain(joined[-1].text + node.text)
        else:
            joined.append(node)
    return tuple(joined)


def _trimmed(nodes: tuple[Inline, ...]) -> tuple[Inline, ...]:
    """Drop breaks at either end; after an empty image there may be one."""
    while nodes and isinstance(nodes[0], Break):
        nodes = nodes[1:]
    while nodes and isinstance(nodes[-1], Break):
        nodes = nodes[:-1]
    return nodes


def _line(text: str) -> str:
    """Return *text* literal, on one line: an entity such as `&#10;` can hold a line's end."""
    return re.sub(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]", " ", unshield(text))
