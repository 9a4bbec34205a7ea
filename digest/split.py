"""
Split a document into parts that each fit one message.

Cuts fall between blocks where they can; else between the items of a list,
which keep their numbers, the rows of a table, each with the header again, or
the lines of code; and only inside a text that is too long by itself between
its words. As the tree is cut, and not what is made of it, no cut can fall
inside a fence, a link's address, an escape or a character.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeAlias

from digest.document import (
    Block,
    Cell,
    CodeBlock,
    Heading,
    Inline,
    Item,
    Link,
    List,
    Paragraph,
    Plain,
    Quote,
    Rule,
    Styled,
    Table,
    cut,
    stripped,
    visible,
    words,
)

Blocks: TypeAlias = "tuple[Block, ...]"
#: Whether these blocks fit one message. Blocks of which some are left out fit too.
Fits: TypeAlias = Callable[[Blocks], bool]

#: A cut inside a text moves back to the end of a word, but not by more than this part of it.
_GIVE_UP = 0.5
_JOINER = "\N{ZERO WIDTH JOINER}"
#: No character that people see is made of more.
_LONGEST_CHARACTER = 32


def split(blocks: Blocks, fits: Fits, *, most: int, notice: Callable[[int], Block]) -> tuple[list[Blocks], int]:
    """
    Return at most *most* parts of *blocks*, and how many visible characters were left out.

    Args:
        blocks:
            May be empty; then there is no part.
        fits:
            Whether some blocks fit one message.
        most:
            How many parts there may be, at least 1.
        notice:
            Makes the block that closes the last part when something is left
            out, from the number of characters.
    """
    parts: list[Blocks] = []
    rest = _without_edges(blocks)
    while rest:
        if len(parts) == most - 1 and not fits(rest):
            all_of_it = len(visible(rest))
            part, rest = _fill(rest, _leaving_room(fits, notice(all_of_it)), tidy=False)
            # What is left of a table has its header again.
            omitted = min(all_of_it, len(visible(rest)))
            return [*parts, (*part, notice(omitted))], omitted
        part, rest = _fill(rest, fits)
        part, rest = _without_edges(part), _without_edges(rest)
        parts += [part] if part else []
    return parts, 0


def _without_edges(blocks: Blocks) -> Blocks:
    """Return *blocks* without those at either end that say nothing: chats refuse a part that has no others."""
    while blocks and _says_nothing(blocks[0]):
        blocks = blocks[1:]
    while blocks and _says_nothing(blocks[-1]):
        blocks = blocks[:-1]
    return blocks


def _says_nothing(block: Block) -> bool:
    return isinstance(block, Rule | CodeBlock | Paragraph | Heading) and not visible((block,)).strip()


def _leaving_room(fits: Fits, block: Block) -> Fits:
    return lambda part: fits((*part, block))


def _fill(blocks: Blocks, fits: Fits, *, tidy: bool = True, force: bool = True) -> tuple[Blocks, Blocks]:
    """
    Return as much of the front of *blocks* as fits, at least something, and the rest.

    A headline stays with what it is about; a block that fits the next part
    whole is not cut, where the parts are to be *tidy*.

    Args:
        force:
            Whether the part is still empty, so that there is no better place
            for what has to be cut inside an item, a row, a line or a word.

    Raises:
        ValueError:
            If nothing fits.
    """
    count = _most(len(blocks), lambda count: fits(blocks[:count]))
    if count == len(blocks):
        return blocks, ()
    whole = blocks[:count]
    kept = whole
    while kept and isinstance(kept[-1], Heading):
        kept = kept[:-1]
    following = blocks[count]
    if tidy and kept and fits((following,)):
        return kept, blocks[len(kept) :]
    divided = _divide(following, lambda part: fits((*whole, *part)), force=force and not whole)
    if divided:
        first, rest = divided
        return (*whole, first), (*rest, *blocks[count + 1 :])
    front = kept or whole
    if not front:
        message = "not even one character fits a message"
        raise ValueError(message)
    return front, blocks[len(front) :]


def _divide(block: Block, fits: Fits, *, force: bool) -> tuple[Block, Blocks] | None:
    """Return the largest front of *block* that fits, and what is left of it; None if nothing fits."""
    if isinstance(block, Paragraph | Heading):
        return _divide_text(block, fits, force=force)
    if isinstance(block, List):
        return _divide_list(block, fits, force=force)
    if isinstance(block, Table):
        return _divide_table(block, fits, force=force)
    if isinstance(block, CodeBlock):
        return _divide_code(block, fits, force=force)
    if isinstance(block, Quote):
        divided = _front(block.blocks, lambda part: fits((Quote(part),)), force=force)
        return divided and (Quote(divided[0]), (Quote(divided[1]),))
    return None


def _front(blocks: Blocks, fits: Fits, *, force: bool) -> tuple[Blocks, Blocks] | None:
    """Return what `_fill` does, or None if nothing fits."""
    try:
        return _fill(blocks, fits, force=force)
    except ValueError:
        return None


def _divide_list(block: List, fits: Fits, *, force: bool) -> tuple[Block, Blocks] | None:
    count = _most(len(block.items), lambda count: fits((List(block.start, block.items[:count]),)))
    if count:
        return List(block.start, block.items[:count]), (List(_number(block, count), block.items[count:]),)
    if not force:
        return None
    first, others = block.items[0], block.items[1:]
    divided = _front(first.blocks, lambda part: fits((List(block.start, (Item(part, first.done),)),)), force=force)
    if divided is None:
        return None
    # What is left of an item follows without a number of its own.
    following = (List(_number(block, 1), others),) if others else ()
    return List(block.start, (Item(divided[0], first.done),)), (*divided[1], *following)


def _number(block: List, count: int) -> int | None:
    return None if block.start is None else block.start + count


def _divide_table(block: Table, fits: Fits, *, force: bool) -> tuple[Block, Blocks] | None:
    count = _most(len(block.rows), lambda count: fits((dataclasses.replace(block, rows=block.rows[:count]),)))
    if count:
        first, rest = block.rows[:count], block.rows[count:]
        return dataclasses.replace(block, rows=first), (dataclasses.replace(block, rows=rest),)
    if not force:
        return None
    # A row that is too long for a message is told in words.
    row, others = (block.rows[0], block.rows[1:]) if block.rows else (block.header, ())
    told = _told(block.header, row) if block.rows and any(row) else _told([()] * len(row), block.header)
    divided = _front(told, fits, force=force) if told else None
    if divided is None:
        return None
    following = (dataclasses.replace(block, rows=others),) if others else ()
    return divided[0][0], (*divided[0][1:], *divided[1], *following)


def _told(header: Sequence[Cell], row: Sequence[Cell]) -> Blocks:
    """Return one paragraph for each cell that is not empty, with its column's name before it."""
    pairs = [(name, cell) for name, cell in zip(header, row, strict=True) if cell]
    return tuple(Paragraph((*name, Plain(": "), *cell) if name else cell) for name, cell in pairs)


def _divide_code(block: CodeBlock, fits: Fits, *, force: bool) -> tuple[Block, Blocks] | None:
    # Blank lines at either end say nothing; by themselves they would be a message that chats refuse.
    text = block.text.strip("\n")
    lines = text.split("\n")
    count = _most(len(lines), lambda count: fits((dataclasses.replace(block, text="\n".join(lines[:count])),)))
    if not count and not force:
        return None
    if count:
        first, rest = "\n".join(lines[:count]), "\n".join(lines[count:])
    else:
        longest = _most(len(lines[0]), lambda at: fits((dataclasses.replace(block, text=lines[0][:at]),)))
        at = _between_characters(lines[0], longest)
        first, rest = text[:at], text[at:]
    if rest and not first:
        return None
    return dataclasses.replace(block, text=first), (dataclasses.replace(block, text=rest),) if rest else ()


def _divide_text(block: Paragraph | Heading, fits: Fits, *, force: bool) -> tuple[Block, Blocks] | None:
    text = words(block.children)
    longest = _most(len(text) - 1, lambda at: fits((dataclasses.replace(block, children=cut(block.children, at)[0]),)))
    at = _boundary(text, longest, block.children)
    if not force and not text[at : at + 1].isspace():
        return None
    first, rest = cut(block.children, at)
    first, rest = stripped(first), stripped(rest)
    if not first:
        return None
    return dataclasses.replace(block, children=first), (dataclasses.replace(block, children=rest),) if rest else ()


def _boundary(text: str, longest: int, nodes: Sequence[Inline]) -> int:
    """Return the best place for a cut at or before *longest*: between lines, words, or characters."""
    least = int(longest * _GIVE_UP)
    links = _links(nodes)
    for space in ("\n", " "):
        at = text.rfind(space, least, longest + 1)
        while at > least and _inside(at, links):
            at = text.rfind(space, least, at)
        if at > least:
            return at
    outside = _inside(longest, links)
    return outside[0] if outside and outside[0] > 0 else _between_characters(text, longest)


def _between_characters(text: str, at: int) -> int:
    """Return the last place at or before *at* that is not inside what people see as one character."""
    least = max(1, at - _LONGEST_CHARACTER)
    found = at
    while least < found < len(text) and _is_one(text[found - 1], text[found]):
        found -= 1
    return found if found > least else at


def _is_one(before: str, after: str) -> bool:
    """
    Return whether the two are seen as one character.

    Less than https://www.unicode.org/reports/tr29/ knows, but marks, emoji
    families, skin tones and flags stay whole.
    """
    return (
        _JOINER in (before, after)
        or unicodedata.category(after).startswith("M")
        or "\N{EMOJI MODIFIER FITZPATRICK TYPE-1-2}" <= after <= "\N{EMOJI MODIFIER FITZPATRICK TYPE-6}"
        or (_is_half_flag(before) and _is_half_flag(after))
    )


def _is_half_flag(char: str) -> bool:
    return "\N{REGIONAL INDICATOR SYMBOL LETTER A}" <= char <= "\N{REGIONAL INDICATOR SYMBOL LETTER Z}"


def _links(nodes: Sequence[Inline]) -> list[tuple[int, int]]:
    """Return where links stand in the visible text of *nodes*."""
    found, at = [], 0
    for node in nodes:
        length = len(words((node,)))
        if isinstance(node, Link):
            found.append((at, at + length))
        elif isinstance(node, Styled):
            found += [(at + start, at + end) for start, end in _links(node.children)]
        at += length
    return found


def _inside(at: int, links: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    return next(((start, end) for start, end in links if start < at < end), None)


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """Return the largest number up to *limit* that fits, 0 if none does; smaller ones fit too."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
