"""Long documents are cut where no word, link, fence or number suffers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from documents import documents
from hypothesis import given, settings
from hypothesis import strategies as st
from payloads import MARKS, READERS, bodies, expected, fits, is_precise, links, message, normal, of_blocks, payloads

from digest.destinations import DESTINATIONS
from digest.destinations.parts import MOST_PARTS, utf16
from digest.document import Block, CodeBlock, List, Paragraph, Plain, Table, visible
from digest.markdown import parse
from digest.split import Blocks, Fits, split

UNITS: dict[str, Callable[[str], int]] = {
    "code points": len,
    "UTF-16 units": utf16,
    "bytes": lambda text: len(text.encode()),
}


def notice(omitted: int) -> Block:
    """Return the block that closes a cut message."""
    return Paragraph((Plain(f"{omitted} left out"),))


def at_most(limit: int, unit: Callable[[str], int] = len) -> Fits:
    """Return whether blocks fit, by what is visible of them."""
    return lambda blocks: unit(visible(blocks)) <= limit


def parts_of(markdown: str, limit: int, most: int = 99) -> list[Blocks]:
    """Return the parts of *markdown* with at most *limit* visible characters each."""
    return split(parse(markdown), at_most(limit), most=most, notice=notice)[0]


@pytest.mark.parametrize("unit", UNITS)
@given(blocks=documents, limit=st.integers(60, 400))
@settings(max_examples=12)
def test_split__loses_nothing(unit: str, blocks: Blocks, limit: int) -> None:
    """All parts together hold the words of the whole, in order, but for the header that each part of a table has."""
    within = at_most(limit, UNITS[unit])
    parts, omitted = split(blocks, within, most=10_000, notice=notice)
    assert omitted == 0
    assert all(part and within(part) for part in parts)
    said = "".join(normal(expected(part, numbers=False)) for part in parts)
    whole = normal(expected(blocks, numbers=False))
    tables = [block for block in _all(blocks) if isinstance(block, Table)]
    if not tables:
        assert said == whole
    elif all(within((replace(table, rows=(row,)),)) for table in tables for row in table.rows or ((),)):
        # Only headers are added: what there was is still there, in order.
        left = iter(said)
        assert all(char in left for char in whole)


@given(blocks=documents, limit=st.integers(60, 200), most=st.integers(1, 5))
@settings(max_examples=12)
def test_split__at_most_so_many_parts(blocks: Blocks, limit: int, most: int) -> None:
    """Beyond the last part the rest is counted, and the last part says so within the limit."""
    parts, omitted = split(blocks, at_most(limit), most=most, notice=notice)
    assert len(parts) <= most
    assert all(at_most(limit)(part) for part in parts)
    assert (omitted > 0) == (bool(parts) and parts[-1][-1:] == (notice(omitted),) and omitted > 0)
    if omitted:
        assert len(parts) == most


@pytest.mark.parametrize("kind", [kind for kind in DESTINATIONS if kind != "json"])
@given(blocks=documents, times=st.integers(2, 60))
@settings(max_examples=6)
def test_payloads__each_part_can_be_read(kind: str, blocks: Blocks, times: int) -> None:
    """Each part is within the chat's limits and is read by itself; all together say the whole, as far as they go."""
    whole = tuple(block for block in blocks if not any(isinstance(inner, Table) for inner in _all((block,)))) * times
    found = payloads(kind, of_blocks((*whole, *parse("the end"))))
    assert all(fits(kind, body) for part in found for body in bodies(part))
    marks = "" if is_precise(kind, found[0].body) else MARKS
    said = normal("\n".join(READERS[kind](part.body) for part in found), marks=marks)
    said, cut, _ = said.partition("Themessageiscuthere:")
    told = expected((*whole, *parse("the end")), numbers=kind != "slack", addresses=kind == "slack-workflow")
    assert bool(cut) == (found[-1].omitted > 0)
    assert normal(told, marks=marks).startswith(said) if cut else normal(told, marks=marks) == said


def test_split__at_blocks_first() -> None:
    """A block that fits a part of its own is not cut; a headline stays with what it is about."""
    assert [visible(part) for part in parts_of("one two\n\n# Head\n\nthree four", 15)] == [
        "one two",
        "Head\nthree four",
    ]


def test_split__list_keeps_its_numbers() -> None:
    """The items of a long list go on counting in the next part."""
    parts = parts_of("\n".join(f"{number}. item {number}" for number in range(7, 19)), 30)
    starts = [(block.start, len(block.items)) for part in parts for block in part if isinstance(block, List)]
    assert starts[0][0] == 7
    assert [start for start, _ in starts[1:]] == [
        7 + sum(length for _, length in starts[: index + 1]) for index in range(len(starts) - 1)
    ]


def test_split__table_repeats_its_header() -> None:
    """Each part of a long table has the header, and each row stands once."""
    rows = "\n".join(f"| creator {number} | {number} |" for number in range(20))
    tables = [block for part in parts_of(f"| name | views |\n|---|---:|\n{rows}", 60) for block in part]
    assert len(tables) > 1
    headers = [table.header for table in tables if isinstance(table, Table)]
    assert headers == headers[:1] * len(tables)
    assert sum(len(table.rows) for table in tables if isinstance(table, Table)) == 20


def test_split__row_too_long_is_told_in_words() -> None:
    """A row that no message holds becomes paragraphs with the names of its columns."""
    said = " ".join(
        visible(part) for part in parts_of(f"| name | note |\n|---|---|\n| Zoë | {'word ' * 30}|\n| B | c |", 40)
    )
    assert "name: Zoë" in said
    assert said.count("word") == 30


def test_split__header_alone_too_long() -> None:
    """A header that no message holds is told in words too."""
    parts = parts_of(f"| {'word ' * 30}| b |\n|---|---|", 40)
    assert " ".join(visible(part) for part in parts).count("word") == 30


def test_split__code_by_lines() -> None:
    """Code is cut between lines, and a line that is too long inside."""
    parts = parts_of("```py\na = 1\nb = 2\nc = 3\n" + "x" * 25 + "\n```", 12)
    codes = [block for part in parts for block in part]
    assert all(isinstance(code, CodeBlock) and code.language == "py" for code in codes)
    assert [visible((code,)) for code in codes][:2] == ["a = 1\nb = 2", "c = 3"]


def test_split__quote_stays_a_quote() -> None:
    """Both halves of a long quote are quotes."""
    parts = parts_of("> " + "word " * 20, 40)
    assert {type(block).__name__ for part in parts for block in part} == {"Quote"}


def test_split__item_that_is_too_long() -> None:
    """The rest of one item follows without a number of its own, and the next item has the next number."""
    parts = parts_of(f"1. {'word ' * 12}\n2. second", 30)
    assert isinstance(parts[0][0], List)
    assert parts[0][0].start == 1
    assert isinstance(parts[1][0], Paragraph)
    assert [block.start for part in parts[1:] for block in part if isinstance(block, List)] == [2]


def test_split__never_inside_a_link_that_fits() -> None:
    """A cut falls before a link, not in its words."""
    parts = parts_of("some words before [a link of words](https://x.test/) and after it", 30)
    said = ["".join(visible((block,)) for block in part) for part in parts]
    assert any("a link of words" in text for text in said)
    assert len(list(links(block for part in parts for block in part))) == 1


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_payloads__address_longer_than_a_message(kind: str) -> None:
    """Of a link whose address no message holds, the words remain."""
    found = payloads(kind, message(f"[words](https://x.test/{'a' * 30_000})"))
    assert "words" in str(found[0].body)
    assert kind == "json" or "aaaa" not in str(found[0].body)


@pytest.mark.parametrize("seen_as_one", ["👩\u200d👩\u200d👧", "e\u0301", "❤\ufe0f"])
def test_split__never_inside_what_is_seen_as_one(seen_as_one: str) -> None:
    """A family, an accent and a variant stay with their character."""
    parts = parts_of(seen_as_one * 20, 17)
    assert all(set(visible(part).split(seen_as_one)) == {""} for part in parts)


@pytest.mark.parametrize("markdown", ["words", "# words", "- words", "> words", "| a |\n|---|", "    code"])
def test_split__nothing_fits(markdown: str) -> None:
    """A limit that holds no character at all is a mistake of ours."""
    with pytest.raises(ValueError, match="not even one character"):
        split(parse(markdown), lambda _: False, most=5, notice=notice)


@pytest.mark.parametrize("block", ["> {}", "- {}", "```\n{}\n```", "| {} |\n|---|"])
def test_split__one_long_word_begins_a_part(block: str) -> None:
    """A word that has to be cut is not begun at the end of a part, in whatever block it is."""
    parts = parts_of("a" * 15 + "\n\n" + block.format("b" * 30), 20)
    assert [visible(part) for part in parts] == ["a" * 15, "b" * 20, "b" * 10]


@pytest.mark.parametrize("first", ["a", "# a"])
def test_split__no_rule_between_parts(first: str) -> None:
    """A line across has no place at the end of a part, nor at the beginning of the next."""
    parts, _ = split(parse(f"{first}\n\n---\n\nb"), lambda blocks: len(blocks) <= 1, most=5, notice=notice)
    assert [visible(part) for part in parts] == ["a", "b"]


def test_split__white_space_at_a_cut() -> None:
    """Of the white space around a cut nothing is left, behind styles too."""
    [first, second] = parts_of("**aaaa** &#32;&#32;bbbbbb", 8)
    assert (visible(first), visible(second)) == ("aaaa", "bbbbbb")


def test_split__no_blocks() -> None:
    """An empty document has no part."""
    assert split((), at_most(10), most=5, notice=notice) == ([], 0)


@pytest.mark.parametrize("kind", [kind for kind in DESTINATIONS if kind != "json"])
def test_payloads__cut_with_a_link_to_the_rest(kind: str) -> None:
    """A message beyond five parts says how much is left out, and where all of it can be read."""
    long = "\n\n".join(["word " * 400] * 60)
    found = payloads(kind, message(long, more_url="https://github.com/o/r/actions/runs/1"))
    assert len(found) == MOST_PARTS
    assert found[-1].omitted > 0
    last = str(found[-1].body)
    assert f"{found[-1].omitted:,}" in last
    assert "runs/1" in last


@pytest.mark.parametrize("kind", [kind for kind in DESTINATIONS if kind != "json"])
def test_payloads__truncate_makes_one_part(kind: str) -> None:
    """With `truncate` there is one part, whose end is left out."""
    [part] = payloads(kind, message("\n\n".join(["word " * 400] * 60), overflow="truncate"))
    assert part.omitted > 0
    assert "left out" in str(part.body)


def _all(blocks: Blocks) -> list[Block]:
    """Return all blocks, nested ones too."""
    found: list[Block] = []
    for block in blocks:
        found.append(block)
        for item in getattr(block, "items", ()):
            found += _all(item.blocks)
        found += _all(getattr(block, "blocks", ()))
    return found
