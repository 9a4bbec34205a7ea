"""Any document: trees as the parser could make them, and Markdown that is likely to mean something."""

from __future__ import annotations

from functools import cache

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
        "–",
    ),
    *("👩\u200d👩\u200d👧", "e\u0301", "🇫🇷", "👍🏽", "\u2060", "𝕏"),
    *("@everyone", "<!channel>", "<@U1>", "&lt;", "&#42;", "1. item", "- item", "# heading", "> quote", "| a | b |"),
    *("**bold**", "_it_", "~~no~~", "`code`", "```", "[x](https://evil.test)", "https://x.test/_a_", ":smile:"),
    *("---", "===", ":--", "[x] task", "<b>", "    indented", "\\*", "a word", "two words "),
)
texts = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=3).map("".join)
urls = st.sampled_from(
    [
        *("https://x.test/", "https://x.test/a_b/_c_?d=e&f=g#h", "mailto:a@x.test", "https://x.test/%40all/%28~%29"),
        *("https://x.test/" + "a" * 300, "http://[::1]:80/", "https://x.test/&lt%3B"),
    ]
)
_ALIGNMENTS: st.SearchStrategy[Alignment] = st.sampled_from(["left", "center", "right"])


@cache
def _nodes(styles: frozenset[str], *, links: bool, breaks: bool) -> st.SearchStrategy[tuple[Inline, ...]]:
    """Return nodes as they can stand inside *styles*: no text beside a text, no style in itself, no link in a link."""
    kinds: list[st.SearchStrategy[Inline]] = [texts.map(Plain), texts.map(Plain), texts.map(Code)]
    kinds += [st.just(Break())] if breaks else []
    kinds += [
        st.deferred(
            lambda style=style: st.builds(  # type: ignore[misc]
                Styled, st.just(style), _nodes(styles | {style}, links=links, breaks=breaks).filter(_says_something)
            )
        )
        for style in ("strong", "emphasis", "strike")
        if style not in styles
    ]
    if links:
        inside = st.deferred(lambda: _nodes(styles, links=False, breaks=breaks).filter(_says_something))
        kinds += [st.builds(Link, urls, inside), urls.map(lambda url: Link(url, (Plain(url),)))]
    return st.lists(st.one_of(kinds), min_size=1, max_size=3).map(_trimmed)


def _trimmed(nodes: list[Inline]) -> tuple[Inline, ...]:
    while nodes and isinstance(nodes[0], Break):
        nodes = nodes[1:]
    while nodes and isinstance(nodes[-1], Break):
        nodes = nodes[:-1]
    kept: list[Inline] = []
    for node in nodes:
        if kept and isinstance(node, Plain) and isinstance(kept[-1], Plain):
            kept[-1] = Plain(kept[-1].text + node.text)
        else:
            kept.append(node)
    return tuple(kept)


def _says_something(nodes: tuple[Inline, ...]) -> bool:
    return bool(words(nodes).strip())


_lines = _nodes(frozenset(), links=True, breaks=True).filter(_says_something)
_line = _lines.map(on_one_line)
_code = st.lists(texts | st.just(""), min_size=1, max_size=3).map("\n".join)


@st.composite
def _tables(draw: st.DrawFn) -> Table:
    width = draw(st.integers(1, 3))
    rows = st.lists(_line | st.just(()), min_size=width, max_size=width).map(tuple)
    alignments = draw(st.lists(_ALIGNMENTS, min_size=width, max_size=width))
    return Table(draw(rows), tuple(draw(st.lists(rows, max_size=3))), tuple(alignments))


def _containers(blocks: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    inside = st.lists(blocks, min_size=1, max_size=3).map(tuple)
    paragraph = st.builds(Paragraph, _lines)
    tasks = st.builds(lambda first, others: (first, *others), paragraph, inside | st.just(()))
    items = st.builds(Item, inside | st.just(())) | st.builds(Item, tasks, st.booleans())
    starts = st.none() | st.sampled_from([0, 1, 1, 9, 123])
    return st.builds(Quote, inside) | st.builds(List, starts, st.lists(items, min_size=1, max_size=3).map(tuple))


_blocks: st.SearchStrategy[Block] = st.recursive(
    st.builds(Paragraph, _lines)
    | st.builds(Heading, st.integers(1, 6), _lines)
    | st.builds(CodeBlock, _code, st.sampled_from(["", "py", "c++", "`x", 'a"b']))
    | _tables()
    | st.just(Rule()),
    _containers,
    max_leaves=4,
)
#: Trees, as `parse` could return them.
documents = st.lists(_blocks, min_size=1, max_size=3).map(tuple)

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
