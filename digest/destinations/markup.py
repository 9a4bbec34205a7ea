"""
Write a document in a chat's own Markdown, which a `Dialect` describes.

Chats agree on little: how much is bold, whether there are headlines, tables or
escapes. What a dialect cannot say is said by other means, and what it cannot
say safely is said without style, so that no word is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

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
    words,
)

#: The zero-width space.
INVISIBLE = "\N{ZERO WIDTH SPACE}"
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
_TICKS = re.compile(r"`+")
_EMOJI_OR_ENTITY = re.compile(r":(?=[\w+-]+:)|&(?=[#\w])")
#: What makes a line something else than words, where it is the first of them.
_OPENS_BLOCK = re.compile(r"(?m)^(\s*)(?=[#>+=-])|^(\s*\d{1,9})(?=[.)](?:\s|$))")


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
        tables:
            Whether it knows GitHub's tables; if not, they are aligned in a fence.
        long_fences:
            Whether a longer run of back-ticks can hold shorter ones.
        rule:
            What a line across is, empty if there is none.
        bullet:
            What opens an item of a list without numbers.
        needs_word_boundary:
            Whether stress is seen only between words, as in Slack.
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
    tables: bool = False
    long_fences: bool = True
    rule: str = "---"
    bullet: str = "- "
    needs_word_boundary: bool = False
    line_end: str = "\n"


def markup(blocks: Sequence[Block], dialect: Dialect) -> str:
    """Return *blocks* in *dialect*; no mention in it calls anybody."""
    return "\n".join(_spaced(blocks, dialect))


def backslashed(text: str) -> str:
    r"""
    Return *text* with a backslash before all that could be markup.

    Only what every chat with escapes takes for one; the rest is interrupted.

    >>> print(backslashed("*a* | b"))
    \*a\* \| b
    """
    return _quiet(re.sub(r"[\\`*_\[\]~|]", r"\\\g<0>", text))


def interrupted(text: str) -> str:
    r"""
    Return *text* with an invisible character after all that could be markup, for chats without escapes.

    >>> print(ascii(interrupted("*a* :b:")))
    '*\u200ba*\u200b :\u200bb:'
    """
    return _quiet(re.sub(r"[\\`*_\[\]~|]", lambda match: match[0] + INVISIBLE, text))


def _quiet(text: str) -> str:
    """Interrupt mentions, the names of emoji and entities."""
    return harmless(_EMOJI_OR_ENTITY.sub(lambda match: match[0] + INVISIBLE, text))


def bracketed(url: str, label: str) -> str:
    """Return a link as CommonMark writes it."""
    return f"[{label}](<{url}>)" if re.search(r"[()]", url) else f"[{label}]({url})"


def _spaced(blocks: Sequence[Block], dialect: Dialect) -> Iterator[str]:
    """Yield *blocks* with an empty line between two, but none behind a headline that is one."""
    blocks = [block for block in blocks if not isinstance(block, Rule) or dialect.rule]
    for index, block in enumerate(blocks):
        before = blocks[index - 1]
        if index and not (isinstance(before, Heading) and before.level <= dialect.headings):
            yield ""
        yield _block(block, dialect)


def _block(block: Block, dialect: Dialect) -> str:
    if isinstance(block, Heading):
        return _heading(block, dialect)
    if isinstance(block, Paragraph):
        return _guarded(_inlines(block.children, dialect), dialect)
    if isinstance(block, List):
        return "\n".join(_items(block, dialect))
    if isinstance(block, Quote):
        return "\n".join(f"> {line}".rstrip() for line in markup(block.blocks, dialect).split("\n"))
    if isinstance(block, Table):
        return "\n".join(_rows(block, dialect)) if dialect.tables else _fence(aligned(block), "", dialect)
    return _fence(block.text, block.language, dialect) if isinstance(block, CodeBlock) else dialect.rule


def _heading(block: Heading, dialect: Dialect) -> str:
    if block.level <= dialect.headings:
        return f"{'#' * block.level} {_inlines(_on_one_line(block.children), dialect)}"
    # Stress inside stress would end it.
    return _guarded(_inlines((Styled("strong", _unstressed(block.children)),), dialect), dialect)


def _guarded(text: str, dialect: Dialect) -> str:
    """Return *text* with no line that opens a block; only words do, as no mark of a dialect is one of these."""
    return _OPENS_BLOCK.sub(lambda match: match[0] + dialect.guard, text)


def _on_one_line(nodes: Sequence[Inline]) -> tuple[Inline, ...]:
    return tuple(Plain(" ") if isinstance(node, Break) else node for node in nodes)


def _unstressed(nodes: Sequence[Inline]) -> tuple[Inline, ...]:
    return tuple(
        inner
        for node in _on_one_line(nodes)
        for inner in (_unstressed(node.children) if isinstance(node, Styled) and node.style == "strong" else (node,))
    )


def _items(block: List, dialect: Dialect) -> Iterator[str]:
    for index, item in enumerate(block.items):
        marker = dialect.bullet if block.start is None else f"{block.start + index}. "
        loose = sum(isinstance(inner, Paragraph) for inner in item.blocks) > 1
        text = ("\n\n" if loose else "\n").join(_block(inner, dialect) for inner in item.blocks)
        indent = "\n" + " " * len(marker)
        yield (marker + TASK[item.done] + text.replace("\n", indent).replace(f"{indent}\n", "\n\n")).rstrip()


def _fence(text: str, language: str, dialect: Dialect) -> str:
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=0)
    if longest >= 3 and not dialect.long_fences:  # noqa: PLR2004 - a fence has three back-ticks
        text, longest = text.replace("``", f"`{INVISIBLE}`"), 0
    fence = "`" * max(3, longest + 1)
    language = language if re.fullmatch(r"[\w+#.-]*", language) else ""
    return f"{fence}{language}\n{harmless(text)}\n{fence}"


def _rows(table: Table, dialect: Dialect) -> Iterator[str]:
    rules = {"left": "---", "center": ":-:", "right": "--:"}
    yield _row([_cell(cell, dialect) for cell in table.header])
    yield _row([rules[alignment] for alignment in table.alignments])
    yield from (_row([_cell(cell, dialect) for cell in row]) for row in table.rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Sequence[Inline], dialect: Dialect) -> str:
    # A pipe inside code would end the cell, and cannot be escaped there.
    nodes = [Plain(node.text) if isinstance(node, Code) and "|" in node.text else node for node in _on_one_line(cell)]
    return _inlines(nodes, dialect)


def _inlines(nodes: Sequence[Inline], dialect: Dialect) -> str:
    """Return *nodes* one after the other; what stands on either side decides whether a stress is seen."""
    said = [_inline(node, dialect) for node in nodes]
    text = ""
    for index, node in enumerate(nodes):
        if isinstance(node, Styled):
            following = next((later for later in said[index + 1 :] if later), "")
            text += _stressed(node, said[index], text[-1:], following[:1], dialect)
        else:
            text += said[index]
    return text


def _inline(node: Inline, dialect: Dialect) -> str:
    if isinstance(node, Plain):
        return dialect.escape(node.text)
    if isinstance(node, Code):
        return _code(node.text, dialect)
    if isinstance(node, Link):
        if words(node.children) == node.url:
            return dialect.address.format(node.url)
        said = _inlines(node.children, dialect)
        return dialect.link(node.url, said) if said.strip() else said
    return _inlines(node.children, dialect) if isinstance(node, Styled) else dialect.line_end


def _code(text: str, dialect: Dialect) -> str:
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=0)
    if not text.strip() or (longest and not dialect.long_fences):
        return dialect.escape(text)
    ticks = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{ticks}{space}{harmless(text)}{space}{ticks}"


def _stressed(node: Styled, said: str, before: str, after: str, dialect: Dialect) -> str:
    marker = {"strong": dialect.strong, "emphasis": dialect.emphasis, "strike": dialect.strike}[node.style]
    inner = said.strip()
    if not marker or not inner or "\n\n" in inner:
        return said
    left, right = said[: len(said) - len(said.lstrip())], said[len(said.rstrip()) :]
    before, after = (left or before)[-1:], (right or after)[:1]
    if _joins(before, inner[0], dialect) or _joins(after, inner[-1], dialect):
        return said
    # Two markers that touch would be read as one.
    opening = INVISIBLE if _touches(before, dialect) else ""
    closing = INVISIBLE if _touches(after, dialect) else ""
    return f"{left}{opening}{marker}{inner}{marker}{closing}{right}"


def _joins(outer: str, inner: str, dialect: Dialect) -> bool:
    """
    Return whether a marker between the two would not be seen as one.

    https://spec.commonmark.org/0.31.2/#delimiter-run: not between a letter
    outside and a punctuation mark inside.
    """
    letter_outside = bool(outer) and not outer.isspace() and not _PUNCTUATION.match(outer)
    return letter_outside and bool(_PUNCTUATION.match(inner)) and not dialect.needs_word_boundary


def _touches(outer: str, dialect: Dialect) -> bool:
    if not outer or outer.isspace():
        return False
    return outer in "*_~`" or (dialect.needs_word_boundary and outer != INVISIBLE)
