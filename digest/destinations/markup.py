"""
Write a document in a chat's own Markdown, which a `Dialect` describes.

Chats agree on little: how much is bold, whether there are headlines, tables or
escapes. What a dialect cannot say is said by other means, and what it cannot
say safely is said without style, so that no word is lost.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from digest.destinations.plain import TASK, aligned, harmless
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
    Styled,
    Table,
    changed,
    is_bare,
    on_one_line,
    unstressed,
    words,
)

#: The zero-width space.
INVISIBLE = "\N{ZERO WIDTH SPACE}"
#: What could be markup anywhere. A backslash before a letter or a digit is none.
_MARKS = re.compile(r"\\(?!\w)|[`*_\[\]~|]")
_TICKS = re.compile(r"`+")
_EMOJI_OR_ENTITY = re.compile(r":(?=[\w+-]+:)|&(?=#?\w+;|\Z)")
#: What makes a line something else than words, where it is the first of them.
_OPENS_BLOCK = re.compile(r"(?m)^(?=[#>+-])|^\d{1,9}(?=[.)](?:\s|$))")
#: What makes a headline or a table of the line before.
_UNDERLINE = re.compile(r"(?m)^(?=[=:][=:-]*[^\S\n]*$)")
#: White space that would make code of a line, or nothing.
_INDENT = re.compile(r"(?m)^[^\S\n]+")
_RUNS = re.compile(r"(?<!\\)\*+")
_EMPTY_LINE = re.compile(r"\n\s*\n")
#: Two pieces that would be read as one: code, or the mark of an image.
_MERGING = ("``", "![")


@dataclass(frozen=True, slots=True)
class Dialect:
    """
    How a chat writes Markdown.

    Attributes:
        strong, emphasis, strike:
            What stands on both sides of such words; empty if the chat has none.
        escape:
            Makes text mean nothing but itself, wherever it stands.
        guard:
            What stands before a mark that would open a headline, a quote or a
            list, so that it does not.
        link:
            Makes a link of an address and its words, which are escaped.
        address:
            Makes a link of an address alone.
        headings:
            The deepest headline that the chat knows; deeper ones become bold.
        styled_headings:
            Whether a headline may hold more than plain words.
        tables:
            Whether it knows GitHub's tables; if not, they are aligned in a fence.
        long_fences:
            Whether a longer run of back-ticks can hold shorter ones.
        rule:
            What a line across is, empty if there is none.
        bullet:
            What opens an item of a list without numbers.
        needs_word_boundary:
            Whether stress is seen only between words and on one line, as in
            Slack, and no mark of its own may stand inside.
        line_end:
            The end of a line inside a paragraph.
    """

    strong: str
    emphasis: str
    strike: str
    escape: Callable[[str], str]
    guard: str
    link: Callable[[str, str], str]
    address: str = "{}"
    headings: int = 0
    styled_headings: bool = True
    tables: bool = False
    long_fences: bool = True
    rule: str = "---"
    bullet: str = "- "
    needs_word_boundary: bool = False
    line_end: str = "\n"


def markup(blocks: Sequence[Block], dialect: Dialect) -> str:
    """Return *blocks* in *dialect*; no mention in it calls anybody."""
    return _stacked(blocks, dialect, _gap)


def backslashed(text: str) -> str:
    r"""
    Return *text* with a backslash before all that could be markup.

    Only what every chat with escapes takes for one; the rest is interrupted.

    >>> print(backslashed("*a* | b"))
    \*a\* \| b
    """
    return _quiet(_MARKS.sub(r"\\\g<0>", text))


def interrupted(text: str) -> str:
    r"""
    Return *text* with an invisible character after all that could be markup, for chats without escapes.

    >>> print(ascii(interrupted("*a* :b:")))
    '*\u200ba*\u200b :\u200bb:'
    """
    return _quiet(_MARKS.sub(rf"\g<0>{INVISIBLE}", text))


def _quiet(text: str) -> str:
    """Interrupt mentions, the names of emoji and entities."""
    return harmless(_EMOJI_OR_ENTITY.sub(rf"\g<0>{INVISIBLE}", text))


def bracketed(url: str, label: str) -> str:
    """Return a link as CommonMark writes it."""
    return f"[{label}]({url})"


def angled(url: str, label: str) -> str:
    """Return a link as Slack writes it, where nothing can stand for a bracket in its words."""
    return f"{label} ({url.removeprefix('mailto:')})" if ">" in label else f"<{url}|{label}>"


def _stacked(blocks: Sequence[Block], dialect: Dialect, gap: Callable[[Block, Block, Dialect], str]) -> str:
    """Return *blocks* one below the other, with *gap* between two."""
    blocks = [block for block in blocks if not isinstance(block, Rule) or dialect.rule]
    text = "".join(gap(before, block, dialect) + _block(block, dialect) for before, block in pairwise(blocks))
    return (_block(blocks[0], dialect) if blocks else "") + text


def _gap(before: Block, after: Block, dialect: Dialect) -> str:
    """Return an empty line, but none behind a headline that is one."""
    if isinstance(before, List) and isinstance(after, List) and _miscounts(before, after):
        return f"\n\n{INVISIBLE}\n\n"
    # A headline with a pipe in it and a line below could be taken for the head of a table.
    headline = isinstance(before, Heading) and _is_native(before, dialect) and not isinstance(after, Rule)
    return "\n" if headline else "\n\n"


def _miscounts(before: List, after: List) -> bool:
    """Return whether *after* would be read as the end of *before*, with other numbers."""
    return before.start is not None and after.start not in (None, before.start + len(before.items))


def _gap_inside(before: Block, after: Block, dialect: Dialect) -> str:
    """Return the gap between two blocks of an item: none where the second is seen to begin without."""
    interrupts = isinstance(after, CodeBlock | Quote) or (
        isinstance(after, List) and after.start in (None, 1) and bool(after.items[0].blocks)
    )
    return "\n" if isinstance(before, Heading | Paragraph) and interrupts else _gap(before, after, dialect)


def _block(block: Block, dialect: Dialect) -> str:
    if isinstance(block, Heading):
        return _heading(block, dialect)
    if isinstance(block, Paragraph):
        return _guarded(_inlines(block.children, dialect), dialect)
    if isinstance(block, List):
        return "\n".join(_items(block, dialect))
    if isinstance(block, Quote):
        lines = markup(block.blocks, dialect).split("\n")
        return "\n".join(f"> {line}" if line else ">" for line in lines)
    if isinstance(block, Table):
        return "\n".join(_rows(block, dialect)) if dialect.tables else _fence(aligned(block), "", dialect)
    return _fence(block.text, block.language, dialect) if isinstance(block, CodeBlock) else dialect.rule


def _is_native(block: Heading, dialect: Dialect) -> bool:
    styled = any(not isinstance(node, Plain | Break) for node in block.children)
    return block.level <= dialect.headings and (dialect.styled_headings or not styled)


def _heading(block: Heading, dialect: Dialect) -> str:
    children = on_one_line(block.children)
    if _is_native(block, dialect):
        text = f"{'#' * block.level} {_inlines(children, dialect).strip()}"
        # A run of them at the end would be no part of the headline.
        return text + INVISIBLE if text.endswith("#") else text
    # Stress inside stress would end it.
    return _guarded(_inlines((Styled("strong", unstressed(children)),), dialect), dialect)


def _guarded(text: str, dialect: Dialect) -> str:
    """Return *text* with no line that opens a block; only words do, as no mark of a dialect is one of these."""
    text = _OPENS_BLOCK.sub(lambda match: match[0] + dialect.guard, _INDENT.sub("", text))
    return _UNDERLINE.sub(INVISIBLE, text)


def _items(block: List, dialect: Dialect) -> Iterator[str]:
    # Few chats know tables inside lists.
    dialect = replace(dialect, tables=False)
    for index, item in enumerate(block.items):
        marker = dialect.bullet if block.start is None else f"{block.start + index}. "
        first, *others = (TASK[item.done] + _stacked(item.blocks, dialect, _gap_inside)).split("\n")
        indent = " " * len(marker)
        yield "\n".join([marker + first if first else marker.rstrip(), *(line and indent + line for line in others)])


def _fence(text: str, language: str, dialect: Dialect) -> str:
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=0)
    if longest >= 3 and not dialect.long_fences:  # noqa: PLR2004 - a fence has three back-ticks
        text, longest = text.replace("``", f"`{INVISIBLE}`"), 0
    fence = "`" * max(3, longest + 1)
    language = language if re.fullmatch(r"[\w+#.-]*", language) else ""
    return f"{fence}{language}\n{_as_code(text, dialect)}\n{fence}"


def _as_code(text: str, dialect: Dialect) -> str:
    """Return *text* as code shows it. In Discord a link that was begun before code may end inside it."""
    return harmless(text if dialect.long_fences else text.replace("](", f"]{INVISIBLE}("))


def _rows(table: Table, dialect: Dialect) -> Iterator[str]:
    rules = {"left": "---", "center": ":-:", "right": "--:"}
    yield _row([_cell(cell, dialect) for cell in table.header])
    yield _row([rules[alignment] for alignment in table.alignments])
    yield from (_row([_cell(cell, dialect) for cell in row]) for row in table.rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Sequence[Inline], dialect: Dialect) -> str:
    # A pipe inside code would end the cell, and cannot be escaped there.
    spoken = changed(cell, lambda node: Plain(node.text) if isinstance(node, Code) and "|" in node.text else node)
    return _inlines(on_one_line(spoken), dialect)


def _inlines(nodes: Sequence[Inline], dialect: Dialect, before: str = "", after: str = "") -> str:
    """
    Return *nodes* one after the other.

    Args:
        before, after:
            The character on either side, empty if it is a marker or none: it
            decides whether a stress is seen.
    """
    said = [_inline(node, dialect) for node in nodes]
    text = ""
    for node, inner, following in zip(nodes, said, _following(said, after), strict=True):
        preceding, piece = text[-1:] or before, inner
        if isinstance(node, Styled):
            piece = _stressed(node, inner, preceding, following, dialect)
        elif isinstance(node, Link) and is_bare(node) and dialect.address == "{}":
            piece = _apart(inner, preceding, following)
        text += INVISIBLE + piece if text[-1:] + piece[:1] in _MERGING else piece
    return text


def _following(said: Sequence[str], after: str) -> list[str]:
    """Return the character that follows each text, *after* the last."""
    characters = []
    for text in reversed(said):
        characters.append(after)
        after = text[:1] or after
    return characters[::-1]


def _apart(address: str, before: str, after: str) -> str:
    """Return an address that nothing around it can be read as a part of."""
    return (" " if before.isalnum() else "") + address + (" " if after and after not in " \n.,;:!?)'\"" else "")


def _inline(node: Inline, dialect: Dialect) -> str:
    if isinstance(node, Plain):
        return dialect.escape(node.text)
    if isinstance(node, Code):
        return _code(node.text, dialect)
    if isinstance(node, Link):
        return _link(node, dialect)
    return _inlines(node.children, dialect) if isinstance(node, Styled) else dialect.line_end


def _link(node: Link, dialect: Dialect) -> str:
    if is_bare(node):
        return dialect.address.format(_unmarked(node.url))
    # An address in the words of a link is a link of its own to some chats, and to some a fraud.
    said = _inlines(on_one_line(node.children), dialect).replace("://", f":{INVISIBLE}//")
    return dialect.link(node.url, said) if said.strip() else said


def _unmarked(url: str) -> str:
    """Return *url* with no mark that could be stress in it; RFC 3986, section 2.3, calls that equivalent."""
    return re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", "%5F", url).replace("~", "%7E")


def _code(text: str, dialect: Dialect) -> str:
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=0)
    if not text.strip() or (longest and not dialect.long_fences):
        return dialect.escape(text)
    ticks = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{ticks}{space}{_as_code(text, dialect)}{space}{ticks}"


def _stressed(node: Styled, said: str, before: str, after: str, dialect: Dialect) -> str:
    """Return *said*, what *node* holds, between the markers of its style; without if they would not be seen as such."""
    marker = {"strong": dialect.strong, "emphasis": dialect.emphasis, "strike": dialect.strike}[node.style]
    inner = said.strip()
    if marker and inner and not _ends_early(marker, node, inner, dialect):
        left, right = said[: len(said) - len(said.lstrip())], said[len(said.rstrip()) :]
        outer = (left or before)[-1:], (right or after)[:1]
        opening, closing = (INVISIBLE if _touches(char, dialect) else "" for char in outer)
        if not _joins(opening or outer[0], inner[0]) and not _joins(closing or outer[1], inner[-1]):
            lines = inner.split("\n") if dialect.needs_word_boundary else [inner]
            marked = "\n".join(f"{marker}{line.strip()}{marker}" for line in lines)
            return f"{left}{opening}{marked}{closing}{right}"
    return _inlines(node.children, dialect, before, after)


def _ends_early(marker: str, node: Styled, inner: str, dialect: Dialect) -> bool:
    """Return whether something in it would end the stress: an empty line, or a marker that some chats see in words."""
    if dialect.needs_word_boundary:
        return marker[0] in inner
    # Mattermost takes the first two of `***a** b*` for a strong; and of more than
    # two runs inside, some would be taken for the end of another.
    runs = _RUNS.findall(inner)
    edge = marker == "*" and len(node.children) > 1 and "*" in (inner[0], inner[-1])
    return edge or len(runs) > 2 or marker in words(node.children) or bool(_EMPTY_LINE.search(inner))  # noqa: PLR2004


def _joins(outer: str, inner: str) -> bool:
    """
    Return whether a marker between the two would not be seen as one.

    https://spec.commonmark.org/0.31.2/#delimiter-run: not between a letter
    outside and a punctuation mark inside.
    """
    return bool(outer) and not outer.isspace() and not _is_punctuation(outer) and _is_punctuation(inner)


def _touches(outer: str, dialect: Dialect) -> bool:
    """Return whether a marker needs some distance from *outer*: two that touch would be read as one."""
    return outer in ("*", "_", "~") or (dialect.needs_word_boundary and outer.isalnum())


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] in "PS"
