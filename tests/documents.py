"""Any document: trees as the parser could make them, and Markdown that is likely to mean something."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from hypothesis import strategies as st

from digest.document import (
    Alignment,
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
    on_one_line,
    words,
)
from digest.text import Text

#: Words, marks of one chat or another, and what is longer than one unit; one draw each, as drawing takes the time.
_PIECES = (
    *(
        "a",
        "b ",
        " c",
        "zé",
        "世界",
        "1",
        ". ",
        ")",
        "#",
        ">",
        "+",
        "-",
        "=",
        "*",
        "_",
        "~",
        "`",
        "|",
        "[",
        "]",
        "(",
        "<",
    ),
    *(
        "!",
        "@",
        "&",
        ":",
        ";",
        "\\",
        "/",
        "{{",
        "}",
        "$",
        "%",
        "^",
        '"',
        "'",
        "?",
        ",",
        " ",
        "\u00a0",
        "\u3000",
        "▲ ",
    ),
    *("👩\u200d👩\u200d👧", "e\u0301", "🇫🇷", "👍🏽", "\u2060", "\U0001d54f"),
    *("@everyone", "<!channel>", "<@U1>", "&lt;", "&#42;", "1. item", "- item", "# heading", "> quote", "| a | b |"),
    *("**bold**", "_it_", "~~no~~", "`code`", "```", "[x](https://evil.test)", "https://x.test/_a_", ":smile:"),
    *("---", "===", ":--", "[x] task", "<b>", "    indented", "\\*", "a word", "two words "),
)
_piece = st.sampled_from(_PIECES)
texts = st.lists(_piece, min_size=1, max_size=3).map("".join)
urls = st.sampled_from(
    [
        *("https://x.test/", "https://x.test/a_b/_c_?d=e&f=g#h", "mailto:a@x.test", "https://x.test/%40all/%28~%29"),
        *("https://x.test/" + "a" * 60, "http://[::1]:80/", "https://x.test/&lt%3B"),
    ]
)
_few = st.integers(1, 3)
_INLINES = st.sampled_from(["plain", "plain", "plain", "code", "break", "strong", "emphasis", "strike", "link", "bare"])
_FLAT = st.sampled_from(["paragraph", "paragraph", "heading", "code", "table", "rule"])
_NESTED = st.sampled_from(["paragraph", "heading", "code", "table", "rule", "list", "list", "list", "quote"])
_STYLES: Mapping[str, Literal["strong", "emphasis", "strike"]] = {
    "strong": "strong",
    "emphasis": "emphasis",
    "strike": "strike",
}
_alignments: st.SearchStrategy[Alignment] = st.sampled_from(["left", "center", "right"])
_starts = st.sampled_from([None, None, 1, 1, 0, 9, 123])
_languages = st.sampled_from(["", "", "py", "c++", "`x", 'a"b'])
_yes = st.booleans()


def _nodes(draw: st.DrawFn, around: frozenset[str] = frozenset()) -> tuple[Inline, ...]:
    """Return nodes that say something, as they can stand inside *around*: no style in itself, no link in a link."""
    nodes = _joined([_node(draw, around) for _ in range(draw(_few))])
    return nodes if words(nodes).strip() else _joined([*nodes, Plain("word")])


def _node(draw: st.DrawFn, around: frozenset[str]) -> Inline:
    kind = draw(_INLINES)
    if kind in around or kind == "plain" or (kind == "bare" and "link" in around):
        return Plain(draw(texts))
    if kind == "code":
        return Code(draw(texts))
    if kind == "break":
        return Break()
    if kind == "link":
        return Link(draw(urls), _nodes(draw, around | {kind}))
    if kind == "bare":
        url = draw(urls)
        return Link(url, (Plain(url),))
    return Styled(_STYLES[kind], _nodes(draw, around | {kind}))


def _joined(nodes: Sequence[Inline]) -> tuple[Inline, ...]:
    """Return *nodes* without breaks at the ends, and with no text beside a text."""
    kept: list[Inline] = []
    for node in nodes:
        if kept and isinstance(node, Plain) and isinstance(kept[-1], Plain):
            kept[-1] = Plain(kept[-1].text + node.text)
        elif kept or not isinstance(node, Break):
            kept.append(node)
    while kept and isinstance(kept[-1], Break):
        kept.pop()
    return tuple(kept)


def _table(draw: st.DrawFn) -> Table:
    width = draw(_few)
    rows = [tuple(_cell(draw) for _ in range(width)) for _ in range(draw(_few))]
    return Table(rows[0], tuple(rows[1:]), tuple(draw(_alignments) for _ in range(width)))


def _cell(draw: st.DrawFn) -> tuple[Inline, ...]:
    return on_one_line(_nodes(draw)) if draw(_yes) else ()


def _item(draw: st.DrawFn, depth: int) -> Item:
    task = draw(_yes)
    first: list[Block] = [Paragraph(_nodes(draw))] if task or draw(_yes) else []
    others = [_block(draw, depth) for _ in range(draw(_few) - 1)]
    return Item((*first, *others), draw(_yes) if task else None)


def _code(draw: st.DrawFn) -> CodeBlock:
    return CodeBlock("\n".join(draw(st.lists(texts | st.just(""), min_size=1, max_size=3))), draw(_languages))


def _block(draw: st.DrawFn, depth: int) -> Block:
    makers: Mapping[str, Callable[[], Block]] = {
        "paragraph": lambda: Paragraph(_nodes(draw)),
        "heading": lambda: Heading(draw(st.integers(1, 6)), _nodes(draw)),
        "code": lambda: _code(draw),
        "table": lambda: _table(draw),
        "rule": Rule,
        "list": lambda: List(draw(_starts), tuple(_item(draw, depth - 1) for _ in range(draw(_few)))),
        "quote": lambda: Quote(tuple(_block(draw, depth - 1) for _ in range(draw(_few)))),
    }
    return makers[draw(_NESTED if depth else _FLAT)]()


@st.composite
def _documents(draw: st.DrawFn) -> tuple[Block, ...]:
    """Return a tree as `parse` could return it."""
    return tuple(_block(draw, 2) for _ in range(draw(_few)))


#: Trees, as `parse` could return them.
documents = _documents()

_pieces = st.sampled_from(
    [
        *(
            "# ",
            "## ",
            "- ",
            "* ",
            "+ ",
            "1. ",
            "9) ",
            "> ",
            "    ",
            "\t",
            "```",
            "~~~",
            "---",
            "***",
            "===",
            "\n",
            "\n\n",
        ),
        *(
            "*",
            "**",
            "***",
            "_",
            "__",
            "~~",
            "`",
            "``",
            "[",
            "]",
            "](",
            "](https://x.test/a)",
            "![",
            "<https://x.test/>",
            "(",
        ),
        *(
            "| ",
            "| --- | :-: |\n",
            "|",
            ")",
            "\\",
            "&amp;",
            "&#10;",
            "<b>",
            "<!-- ",
            "[x] ",
            "[ ] ",
            "[x]: https://x.test\n",
        ),
        *(
            "https://x.test/@a_b*c*",
            "@everyone",
            "<!here>",
            "word ",
            " and ",
            "é",
            "世界",
            "👩‍👩‍👧",
            "\u0301",
            "1",
            ".",
        ),
    ]
)
#: Markdown with and without shielded names.
markdown = st.lists(_pieces | texts | texts.map(Text), max_size=20).map("".join)
