"""Markdown becomes a tree of literal text, in which nothing is alive but safe links."""

from __future__ import annotations

import threading

import pytest

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
    Rule,
    Styled,
    Table,
    visible,
)
from digest.markdown import DEEPEST, LONGEST_ADDRESS, parse


def text(words: str) -> tuple[Paragraph, ...]:
    """Return a paragraph of *words*."""
    return (Paragraph((Plain(words),)),)


@pytest.mark.parametrize(
    ("markdown", "block"),
    [
        ("## Head", Heading(2, (Plain("Head"),))),
        ("Head\n===", Heading(1, (Plain("Head"),))),
        ("one\ntwo", Paragraph((Plain("one"), Break(), Plain("two")))),
        ("one  \ntwo", Paragraph((Plain("one"), Break(), Plain("two")))),
        ("---", Rule()),
        ("> said", Quote(text("said"))),
        ("- a\n- b", List(None, (Item(text("a")), Item(text("b"))))),
        ("7. a\n8. b", List(7, (Item(text("a")), Item(text("b"))))),
        ("- [x] a\n- [ ] b", List(None, (Item(text("a"), done=True), Item(text("b"), done=False)))),
        ("- \\[x] a", List(None, (Item(text("[x] a")),))),
        ("```py\na\n\nb\n```", CodeBlock("a\n\nb", "py")),
        ("    a", CodeBlock("a")),
        (
            "| a | b | c |\n|---|:-:|--:|\n| 1 |",
            Table(
                ((Plain("a"),), (Plain("b"),), (Plain("c"),)), (((Plain("1"),), (), ()),), ("left", "center", "right")
            ),
        ),
        ("<b>bold</b> &amp; &lt;i&gt;", *text("<b>bold</b> & <i>")),
        ("<!-- note -->", *text("<!-- note -->")),
    ],
)
def test_parse__blocks(markdown: str, block: Block) -> None:
    """Each kind of block has its place in the tree; HTML is text."""
    assert parse(markdown) == (block,)


@pytest.mark.parametrize(
    ("markdown", "inlines"),
    [
        ("*a* **b**", [Styled("emphasis", (Plain("a"),)), Styled("strong", (Plain("b"),))]),
        ("~~c~~", [Styled("strike", (Plain("c"),))]),
        ("**a **b** c**", [Styled("strong", (Plain("a b c"),))]),
        ("`a  b`", [Code("a  b")]),
        ("[a](https://x.test/y 'z')", [Link("https://x.test/y", (Plain("a"),))]),
        ("<https://x.test>", [Link("https://x.test", (Plain("https://x.test"),))]),
        ("see https://x.test/y.", [Plain("see "), Link("https://x.test/y", (Plain("https://x.test/y"),)), Plain(".")]),
        ("[](https://x.test)", [Link("https://x.test", (Plain("https://x.test"),))]),
        ("[a https://y.test](https://x.test)", [Link("https://x.test", (Plain("a https://y.test"),))]),
        ("[*a*](mailto:a@x.test)", [Link("mailto:a@x.test", (Styled("emphasis", (Plain("a"),)),))]),
        ("![seen](https://x.test/a.png)", [Link("https://x.test/a.png", (Plain("seen"),))]),
        ("![](https://x.test/a.png)", [Link("https://x.test/a.png", (Plain("https://x.test/a.png"),))]),
        ("![]()\na\n![]()", [Plain("a")]),
        ("&#32;*&#32;a*&#9;", [Styled("emphasis", (Plain("a"),))]),
        ("[a]()", [Plain("a")]),
        ("[a](javascript:b)", [Plain("[a](javascript:b)")]),
        ("[a](https://b@x.test)", [Plain("[a](https://b@x.test)")]),
        (f"[a](https://x.test/{'b' * LONGEST_ADDRESS})", [Plain("a")]),
    ],
)  # fmt: skip
def test_parse__inlines(markdown: str, inlines: list[Inline]) -> None:
    """Styles, code and safe links have their place; of all else the words remain."""
    [paragraph] = parse(markdown)
    assert isinstance(paragraph, Paragraph)
    assert [node for node in paragraph.children if node != Plain(" ")] == inlines


def test_parse__nothing() -> None:
    """Blank lines make no block, nor do headlines and quotes without a word."""
    assert parse("") == parse(" \n\n\t\n") == parse("#\n\n>\n\n![]()\n") == ()


@pytest.mark.parametrize("markdown", ["> " * 20 + "a", "- " * 20 + "a"])
def test_parse__nested_deeper(markdown: str) -> None:
    """What is nested deeper than chats can show it is dissolved, and its words remain."""
    [block] = parse(markdown)
    depth = 0
    while not isinstance(block, Paragraph):
        assert isinstance(block, Quote | List)
        [block] = block.blocks if isinstance(block, Quote) else block.items[0].blocks
        depth += 1
    assert (depth, block) == (DEEPEST, *text("a"))


def test_parse__nested_as_deep_as_it_gets() -> None:
    """No nesting is too much for the interpreter; 100 levels down, text is lost."""
    tangles = ["> " * 99 + "![a" * 99 + "](https://x.test)" * 99, "![" * 5000, "[" * 5000 + "](u)" * 5000, "> " * 5000]
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.extend(visible(parse(tangle)) for tangle in tangles))
    thread.start()
    thread.join()
    assert len(said) == len(tangles)
