"""
Parse Markdown into the tree of `digest.document`.

Raw HTML is text, and only http, https and mailto links live.
https://spec.commonmark.org/0.31.2/ and https://github.github.com/gfm/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Literal
from urllib.parse import quote as percent_encode

from digest.document import (
    Alignment,
    Block,
    Break,
    Cell,
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
    joined,
    stripped,
    unlinked,
    words,
)
from digest.text import quote, unshield

#: Lists and quotes that are nested deeper than this are dissolved, their text kept.
DEEPEST = 8
#: Characters. A longer address has no room in every chat; its words remain.
LONGEST_ADDRESS = 1_500
#: Not `https://name@host`, which leads elsewhere than it seems to.
_SAFE_LINK = re.compile(r"(?:https?://[^\s/?#@]+(?:[/?#].*)?|mailto:\S+)", re.IGNORECASE)
#: https://github.github.com/gfm/#autolinks-extension-: no closing punctuation, and brackets in pairs.
_BARE_LINK = re.compile(r"\bhttps?://[\w\[](?:[^\s<>()]|\([^\s<>()]*\))*(?<=[\w/=&#%+\])~-])")
_STYLES: dict[str, Literal["strong", "emphasis", "strike"]] = {
    "strong_open": "strong",
    "em_open": "emphasis",
    "s_open": "strike",
}
_TASK = re.compile(r"\[([ xX])\] ")
_PATH = re.compile(r"(?<![:/])[/?#].*")
#: What is left as it is in an address, beside letters and digits. Brackets,
#: asterisks and pipes mean something in one chat or another.
_UNQUOTED = "%/:?#[]@!$&'+,;=~"


def parse(markdown: str) -> tuple[Block, ...]:
    """
    Return the blocks of *markdown*, whose text may hold shielded characters.

    Nothing in Markdown is an error; a message of blank lines has no block.
    """
    return _blocks(_Tokens(_parser().parse(markdown)), 0)


@cache
def _parser() -> Any:
    """Return the Markdown parser. Importing it takes 40 ms, so nothing pays for it before it is used."""
    from markdown_it import MarkdownIt

    # Text that is nested deeper than this is lost. An image in an image takes
    # three calls in calls, and Python allows for a thousand.
    options = {"html": False, "maxNesting": 100}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    parser.normalizeLink = _address  # type: ignore[method-assign]
    parser.normalizeLinkText = lambda link: link  # type: ignore[method-assign]
    parser.validateLink = _is_safe  # type: ignore[method-assign]
    return parser


def _address(url: str) -> str:
    """
    Return *url* in ASCII, without what a chat could take for markup, a mention or an entity.

    >>> _address("https://example.test/@zoë?a=(b)&lt;")
    'https://example.test/%40zo%C3%AB?a=%28b%29&lt%3B'
    """
    # Shielded characters first, as UTF-8 would be made of them.
    url = percent_encode(quote(url), safe=_UNQUOTED, errors="surrogatepass")
    url = re.sub(r"(&#?\w+);", r"\1%3B", url)
    # In a mail's address it has to stay, and a name before a host is not safe.
    return url if url.lower().startswith("mailto:") else _PATH.sub(lambda path: path[0].replace("@", "%40"), url)


def _is_safe(url: str) -> bool:
    return _SAFE_LINK.fullmatch(url) is not None


class _Tokens:
    """A flat list of tokens, read from the front."""

    def __init__(self, tokens: Sequence[Any]) -> None:
        self._tokens = tokens
        self._next = 0

    def peek(self, ahead: int = 0) -> Any:
        return self._tokens[self._next + ahead]

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


def _blocks(tokens: _Tokens, depth: int, end: str | None = None) -> tuple[Block, ...]:
    return tuple(block for token in tokens.until(end) for block in _block(token, tokens, depth))


def _block(token: Any, tokens: _Tokens, depth: int) -> Iterator[Block]:
    """Yield the block that *token* opens, if there is anything in it."""
    if token.type in ("paragraph_open", "heading_open"):
        children = _inlines(tokens.take())
        tokens.take()
        if children:
            yield Heading(int(token.tag[1:]), children) if token.type == "heading_open" else Paragraph(children)
    elif token.type in ("bullet_list_open", "ordered_list_open"):
        yield from _list(token, tokens, depth)
    elif token.type == "blockquote_open":
        blocks = _blocks(tokens, depth + 1, "blockquote_close")
        yield from blocks if depth >= DEEPEST or not blocks else (Quote(blocks),)
    elif token.type in ("fence", "code_block"):
        language = token.info.split(maxsplit=1)[:1]
        yield CodeBlock(unshield(token.content).removesuffix("\n"), unshield(language[0]) if language else "")
    elif token.type == "table_open":
        yield _table(tokens)
    else:
        yield Rule()


def _list(token: Any, tokens: _Tokens, depth: int) -> Iterator[Block]:
    start = int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None
    items = tuple(_item(tokens, depth) for _ in tokens.until(token.type.replace("open", "close")))
    if depth < DEEPEST:
        yield List(start, items)
    else:
        yield from (block for item in items for block in item.blocks)


def _item(tokens: _Tokens, depth: int) -> Item:
    done = _take_task(tokens)
    return Item(_blocks(tokens, depth + 1, "list_item_close"), done)


def _take_task(tokens: _Tokens) -> bool | None:
    """
    Take `[x] ` off the front of an item.

    What was written decides: an escaped or a shielded bracket makes no task.
    """
    if tokens.peek().type != "paragraph_open":
        return None
    inline = tokens.peek(1)
    task = _TASK.match(inline.content)
    if task is None or inline.children[0].type != "text":  # it may be a link: `[x]: https://…`
        return None
    inline.children[0].content = inline.children[0].content[task.end() :]
    return task[1] != " "


def _table(tokens: _Tokens) -> Table:
    rows: list[tuple[Cell, ...]] = []
    alignments: list[Alignment] = []
    cells: list[Cell] = []
    for token in tokens.until("table_close"):
        if token.type in ("th_open", "td_open"):
            if token.type == "th_open":
                alignments.append(_alignment(str(token.attrs.get("style", ""))))
            cells.append(_inlines(tokens.take()))
        elif token.type == "tr_close":
            rows.append(tuple(cells))
            cells = []
    return Table(rows[0], tuple(rows[1:]), tuple(alignments))


def _alignment(style: str) -> Alignment:
    if style.endswith("right"):
        return "right"
    return "center" if style.endswith("center") else "left"


def _inlines(token: Any) -> tuple[Inline, ...]:
    """
    Return what stands inside *token*.

    Not by recursion: Markdown nests as deep as it likes. A style inside the
    same style adds nothing, so the tree stays flat.
    """
    opened: list[tuple[Any, list[Inline]]] = [(None, [])]
    for inner in token.children or ():
        if inner.nesting > 0:
            opened.append((inner, []))
        elif inner.nesting < 0:
            opening, children = opened.pop()
            outer = [around.type for around, _ in opened if around is not None]
            opened[-1][1].extend(_closed(opening, joined(children), outer))
        else:
            opened[-1][1].extend(_leaf(inner))
    return stripped(joined(opened[0][1]))


def _closed(opening: Any, children: tuple[Inline, ...], outer: Sequence[str]) -> Iterator[Inline]:
    """Yield the style or the link that *opening* opened, or its *children* alone."""
    if opening.type == "link_open":
        yield from _link(str(opening.attrs["href"]), unlinked(children))
    elif children and opening.type not in outer:
        yield Styled(_STYLES[opening.type], children)
    else:
        yield from children


def _link(url: str, children: tuple[Inline, ...]) -> Iterator[Inline]:
    """Yield a link, if it may be one; the parser lets an empty address through."""
    if not _is_safe(url) or len(url) > LONGEST_ADDRESS:
        yield from children
    else:
        yield Link(url, children if words(children).strip() else (Plain(url),))


def _leaf(token: Any) -> Iterator[Inline]:
    if token.type == "image":
        # No chat takes an image inside text; its words and its address remain.
        said = _line(words(_inlines(token)))
        yield from _link(str(token.attrs["src"]), (Plain(said),) if said else ())
    elif token.type == "code_inline":
        yield Code(_line(token.content))
    elif token.type in ("softbreak", "hardbreak"):
        yield Break()
    elif token.content:
        yield from _linked(token.content)


def _linked(text: str) -> Iterator[Inline]:
    """
    Yield *text* with its bare addresses as links, as GitHub does.

    A shielded address is none: its colon is another character.
    """
    done = 0
    for match in _BARE_LINK.finditer(text):
        if match.start() > done:
            yield Plain(_line(text[done : match.start()]))
        yield from _link(_address(match[0]), (Plain(_line(match[0])),))
        done = match.end()
    if done < len(text):
        yield Plain(_line(text[done:]))


def _line(text: str) -> str:
    """Return *text* literal, on one line: an entity such as `&#10;` can hold a line's end."""
    return re.sub(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]", " ", unshield(text))
