"""Payloads as people read them: what each chat would show of a body, read without our own writers."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from itertools import chain, zip_longest
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from digest.destinations import DESTINATIONS, Message
from digest.destinations.protocol import Payload
from digest.document import (
    Block,
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
    is_bare,
    visible,
    words,
)
from digest.markdown import parse
from digest.text import Text

Json: TypeAlias = Any
Body: TypeAlias = Mapping[str, Any]

#: A webhook of each kind.
URLS: Mapping[str, str] = {
    "slack": "https://hooks.slack.com/services/T000/B000/XXXXXXXX",
    "slack-workflow": "https://hooks.slack.com/triggers/T000/0000/0123456789abcdef",
    "discord": f"https://discord.com/api/webhooks/000000000000000000/{'x' * 68}",
    "teams": "https://prod-00.westeurope.logic.azure.com/workflows/0123/triggers/manual/paths/invoke?sig=0123",
    "google-chat": "https://chat.googleapis.com/v1/spaces/AAAA/messages?key=0123&token=0123",
    "telegram": f"https://api.telegram.org/bot00000:{'x' * 35}/sendMessage?chat_id=-1000",
    "webex": "https://webexapis.com/v1/webhooks/incoming/0123",
    "lark": "https://open.larksuite.com/open-apis/bot/v2/hook/0123",
    "zulip": "https://zulip.example.test/api/v1/external/slack_incoming?api_key=0123&stream=digest",
    "rocketchat": f"https://rocketchat.example.test/hooks/{'x' * 17}/{'x' * 43}",
    "mattermost": f"https://mattermost.example.test/hooks/{'x' * 26}",
    "json": "https://hooks.example.test/in/0123",
}
#: What stands for a list, a quote or a table without being said, and what nobody sees.
_UNSAID = re.compile(r"[\s|•☑☐│─>-]")
_ADDRESS = re.compile(r"(?:https?://|mailto:)\S+")
#: What stands for a mark where a chat has no escapes.
_ALIKE = str.maketrans("\u2217\u223c\u02cb\uff3b\uff3d\u02cd", "*~`[]_")
_SHOWN_SHIELDED = re.compile(r"⟦([^⟧]*)⟧")


def shielded(markdown: str) -> str:
    """Return *markdown* with each `⟦text⟧` as templates get it of a name."""
    return _SHOWN_SHIELDED.sub(lambda match: Text(match[1]), markdown)


def message(markdown: str, **more: Any) -> Message:
    """Return the message that *markdown*, which may hold shielded text, becomes."""
    return of_blocks(parse(markdown), **more)


def of_blocks(blocks: tuple[Block, ...], **more: Any) -> Message:
    """Return the message that says *blocks*."""
    fixed = {
        "title": "CreatorAudit — weekly recap",
        "markdown": "",
        "data": {"days": 7},
        "id": "0b54b4de",
        "sent_at": "2026-11-22T06:17:00+00:00",
        "more_url": "https://github.example.test/actions/runs/1",
    }
    return Message(blocks=blocks, **{**fixed, **more})


def payloads(kind: str, sent: Message) -> Sequence[Payload]:
    """Return the parts of *sent* for a chat of *kind*."""
    return DESTINATIONS[kind].payloads(sent, urlsplit(URLS[kind]))


def bodies(payload: Payload) -> tuple[Body, ...]:
    """Return the body of *payload* and the simpler ones."""
    return (payload.body, *payload.simpler)


def strings(value: Json) -> Iterator[str]:
    """Yield all texts in *value*, without names."""
    if isinstance(value, str):
        yield value
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    for item in inner:
        yield from strings(item)


def normal(text: str, *, marks: str = "") -> str:
    """Return what of *text* has to arrive, without *marks*: no white space, no invisible character, no bullet."""
    text = _ADDRESS.sub(lambda match: unquote(match[0]), text).translate(_ALIKE)
    text = _UNSAID.sub("", text)
    return "".join(char for char in text if unicodedata.category(char) != "Cf" and char not in marks)


def expected(blocks: Sequence[Block], *, numbers: bool = True, addresses: bool = False) -> str:
    """Return what a chat has to show of *blocks*: with the numbers of lists, and the addresses of links."""
    return "\n".join(_lines(blocks, numbers=numbers, addresses=addresses))


def _lines(blocks: Sequence[Block], *, numbers: bool, addresses: bool) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, List):
            for index, item in enumerate(block.items):
                yield f"{block.start + index}." if numbers and block.start is not None else ""
                yield from _lines(item.blocks, numbers=numbers, addresses=addresses)
        elif isinstance(block, Quote):
            yield from _lines(block.blocks, numbers=numbers, addresses=addresses)
        elif isinstance(block, Table):
            for row in (block.header, *block.rows):
                yield from (_words(cell, addresses=addresses) for cell in row)
        elif isinstance(block, CodeBlock):
            yield block.text
        elif not isinstance(block, Rule):
            yield _words(block.children, addresses=addresses)


def _words(nodes: Sequence[Inline], *, addresses: bool) -> str:
    if not addresses:
        return words(nodes)
    return "".join(_with_addresses(node) for node in nodes)


def _with_addresses(node: Inline) -> str:
    if isinstance(node, Link):
        said, address = words(node.children), node.url.removeprefix("mailto:")
        return said if is_bare(node) or said == address else f"{said}({address})"
    return _words(node.children, addresses=True) if isinstance(node, Styled) else words((node,))


def commonmark(markdown: str) -> SyntaxTreeNode:
    """Return *markdown* as GitHub reads it, with HTML alive."""
    return SyntaxTreeNode(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown))


def read_commonmark(markdown: str) -> str:
    """Return what a reader sees of *markdown*, with the numbers of lists."""
    return "\n".join(_read(commonmark(markdown)))


def _read(node: SyntaxTreeNode) -> Iterator[str]:
    if node.type == "ordered_list":
        for number, item in enumerate(node.children, start=int(node.attrs.get("start", 1))):
            yield f"{number}."
            yield from _read(item)
    elif node.type == "inline":
        yield "".join(
            "\n" if part.type.endswith("break") else part.content for part in node.walk() if not part.children
        )
    elif node.type in ("fence", "code_block", "html_block"):
        yield node.content
    else:
        for child in node.children:
            yield from _read(child)


class _Html(HTMLParser):
    """The words of HTML, with the numbers of lists."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self._numbers: list[int | None] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("ol", "ul"):
            self._numbers.append(int(dict(attrs).get("start") or 1) if tag == "ol" else None)
        elif tag == "li" and self._numbers[-1] is not None:
            self.said += f"{self._numbers[-1]}."
            self._numbers[-1] += 1
        elif tag == "br":
            self.said += "\n"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("ol", "ul"):
            self._numbers.pop()

    def handle_data(self, data: str) -> None:
        self.said += data


def read_html(text: str) -> str:
    """Return what a reader sees of *text* below its head."""
    return _Html(text.rpartition("</head>")[2]).said


def tags(text: str) -> list[tuple[str, dict[str, str | None]]]:
    """Return the tags of *text* with their attributes."""
    return _Html(text).tags


def read_slack(body: Body) -> str:
    """Return the words of blocks, or of the text alone."""
    if "blocks" not in body:
        return html.unescape(str(body["text"]))
    return "\n".join(_slack(body["blocks"]))


def _slack(value: Json) -> Iterator[str]:
    if isinstance(value, list):
        yield "".join(text for item in value for text in _slack(item))
    elif value.get("type") in ("text", "link", "plain_text"):
        yield value["text"]
    else:
        for name in ("text", "elements", "rows"):
            yield from _slack(value[name]) if name in value else ()


def read_teams(body: Body) -> str:
    """Return the text runs of a card, in order."""
    (attachment,) = body["attachments"]
    return "\n".join(_teams(attachment["content"]["body"]))


def _teams(value: Json) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _teams(item)
    elif value["type"] == "RichTextBlock":
        yield "".join(run["text"] for run in value["inlines"])
    else:
        for name in ("items", "columns", "rows", "cells"):
            # The columns of a table say how wide they are, not what they hold.
            yield from _teams(value[name]) if name in value and not (name == "columns" and "rows" in value) else ()


def read_lark(body: Body) -> str:
    """Return title and lines of a post, or its text."""
    if body["msg_type"] == "text":
        return str(body["content"]["text"])
    post = body["content"]["post"]["en_us"]
    return "\n".join([post["title"], *("".join(element["text"] for element in line) for line in post["content"])])


def read_telegram(body: Body) -> str:
    """Return a text without its tags."""
    return _Html(body["text"]).said if "parse_mode" in body else str(body["text"])


#: A code span or a fence; what is followed by an invisible character is none.
_CODE = re.compile(r"(?s)(?<!`)(`+)(?![`\u200b])(.*?)(?<!`)\1(?!`)")


def read_marks(text: str) -> str:
    """Return a text in a dialect without a public parser: links are their words, entities their characters."""
    code = [re.sub(r"\A[\w+#.-]*\n", "", match[2]) for match in _CODE.finditer(text)]
    text = _CODE.sub("\0", text)
    text = re.sub(r"(?m)^[> ]*\|( :?-+:? \|)+$", "", text)
    text = re.sub(r"<(?:https?:|mailto:)[^|>\s]+\|([^>]*)>", r"\1", text)
    text = re.sub(r"\[([^\n]*?)\]\((?:https?:|mailto:)[^)\s]*\)", r"\1", text)
    text = re.sub(r"<((?:https?:|mailto:)[^>\s]*)>", r"\1", text)
    text = re.sub(r"&#?\w+;", lambda match: html.unescape(match[0]), text)
    return "".join(chain.from_iterable(zip_longest(text.split("\0"), code, fillvalue="")))


#: What no reader below can tell from a character of the text.
MARKS = "*_~`#[]<\\"
#: How a body of each kind is read. The simpler ones of a kind are read by the second.
READERS: Mapping[str, Callable[[Body], str]] = {
    "slack": read_slack,
    "slack-workflow": lambda body: str(body["text"]),
    "discord": lambda body: read_commonmark(body["content"]),
    "teams": read_teams,
    "google-chat": lambda body: (read_commonmark if "markupSyntax" in body else read_marks)(body["text"]),
    "telegram": read_telegram,
    "webex": lambda body: read_commonmark(body["markdown"]),
    "lark": read_lark,
    "zulip": lambda body: read_marks(body["text"]),
    "rocketchat": lambda body: read_marks(body["text"]),
    "mattermost": lambda body: read_commonmark(body["text"]),
    "json": lambda body: read_commonmark(body["markdown"]),
}
#: Kinds, or their simpler bodies, that say an address behind the words that lead to it.
_SAY_ADDRESSES = ("slack-workflow",)


def is_commonmark(kind: str, body: Body) -> bool:
    """Return whether *body* is read as CommonMark."""
    return kind in ("discord", "webex", "mattermost", "json") or (kind == "google-chat" and "markupSyntax" in body)


def says_addresses(kind: str, body: Body) -> bool:
    """Return whether *body* is plain text, with addresses behind words."""
    simple = {
        "slack": "blocks" not in body,
        "telegram": "parse_mode" not in body,
        "lark": "text" in body.get("content", ()),
    }
    return kind == "slack-workflow" or simple.get(kind, False)


def is_precise(kind: str, body: Body) -> bool:
    """Return whether every character that *body* says can be told from markup."""
    return kind not in ("zulip", "rocketchat") and not (kind == "google-chat" and "markupSyntax" not in body)


def check_says(kind: str, body: Body, blocks: Sequence[Block]) -> None:
    """Check that *body* says *blocks*, all of it, in order, and nothing else."""
    marks = "" if is_precise(kind, body) else MARKS
    if kind != "json" and not visible(blocks).strip():
        blocks = (Paragraph((Plain("CreatorAudit — weekly recap"),)),)  # no chat takes a message without a word
    numbers = not (kind == "slack" and "blocks" in body)
    told = expected(blocks, numbers=numbers, addresses=says_addresses(kind, body))
    shown, told = normal(READERS[kind](body), marks=marks), normal(told, marks=marks)
    if not says_addresses(kind, body):
        for link in links(blocks):  # where words cannot be a link, the address stands behind them
            address = normal(f"({link.url.removeprefix('mailto:')})", marks=marks)
            shown, told = shown.replace(address, ""), told.replace(address, "")
    assert shown == told


def links(nodes: Iterable[Block | Inline | Item]) -> Iterator[Link]:
    """Yield all links in *nodes*."""
    for node in nodes:
        if isinstance(node, Link):
            yield node
        elif isinstance(node, Styled | Paragraph | Heading):
            yield from links(node.children)
        elif isinstance(node, Quote | Item):
            yield from links(node.blocks)
        elif isinstance(node, List):
            yield from links(node.items)
        elif isinstance(node, Table):
            yield from links([inner for row in (node.header, *node.rows) for cell in row for inner in cell])


def fits(kind: str, body: Body) -> bool:
    """Return whether *body* is within the limits that the chat's documentation, or the strictest report, names."""
    limits: Mapping[str, tuple[int, Callable[[], int]]] = {
        "slack": (40_000, lambda: utf16(body["text"])),
        "slack-workflow": (4_000, lambda: utf16(body["text"])),
        "discord": (2_000, lambda: utf16(body["content"])),
        "teams": (20_000, lambda: utf8(body)),
        "google-chat": (4_000, lambda: utf16(body["text"])),
        "telegram": (4_096, lambda: utf16(body["text"])),
        "webex": (7_439, lambda: len(body["markdown"].encode())),
        "lark": (20_000, lambda: utf8(body)),
        "zulip": (10_000, lambda: len(body["text"])),
        "rocketchat": (5_000, lambda: utf16(body["text"])),
        "mattermost": (16_383, lambda: len(body["text"])),
        "json": (5_000_000, lambda: utf8(body)),
    }
    most, size = limits[kind]
    return size() <= most and (kind != "slack" or _fits_slack(body.get("blocks", [])))


def utf16(text: str) -> int:
    """Return the length of *text* as JavaScript counts it."""
    return len(text.encode("utf-16-le")) // 2


def utf8(body: Body) -> int:
    """Return the length of *body* in bytes."""
    return len(json.dumps(body, ensure_ascii=False).encode())


def _fits_slack(blocks: Sequence[Json]) -> bool:
    tables = [block for block in blocks if block["type"] == "table"]
    headers = [block["text"]["text"] for block in blocks if block["type"] == "header"]
    return (
        len(blocks) <= 50
        and sum(utf16(text) for text in strings(blocks)) <= 13_200
        and all(0 < utf16(text) <= 150 for text in headers)
        and len(tables) <= 1
        and all(len(table["rows"]) <= 100 and len(table["column_settings"]) <= 20 for table in tables)
        and all(sum(utf16(text) for text in strings(table["rows"])) <= 10_000 for table in tables)
    )
