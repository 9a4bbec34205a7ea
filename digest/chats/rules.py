"""Read messages as the chats do: their limits, each in its own unit, and what they do not take."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from html.parser import HTMLParser
from typing import Any, TypeAlias

from digest.standin import Request

Body: TypeAlias = "Mapping[str, Any]"
#: Whether a chat says no to a message.
Rule: TypeAlias = Callable[[Request, Body], bool]

_SLACK_BLOCKS = {"context", "divider", "header", "image", "markdown", "rich_text", "section", "table"}
_SLACK_RICH = {"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"}
_SLACK_TEXTS = {"text", "link", "plain_text", "mrkdwn", "raw_text"}
_SLACK_MOST_BLOCKS, _SLACK_LONGEST_HEADER, _SLACK_DEEPEST = 50, 150, 8
_SLACK_MOST_ROWS, _SLACK_MOST_CELLS, _SLACK_LONGEST_TABLE = 100, 20, 10_000
#: Not documented: the shortest that was refused.
_SLACK_LONGEST = 13_200

_CARD = "application/vnd.microsoft.card.adaptive"
_CARD_VERSIONS = {"1.2", "1.3", "1.4", "1.5"}
_CARD_TYPES = {
    *("Action.OpenUrl", "Column", "ColumnSet", "Container", "Image", "RichTextBlock"),
    *("Table", "TableCell", "TableRow", "TextBlock", "TextRun"),
}
#: Bytes. 28 KB are documented; this is the least that was seen to fail.
_CARD_LARGEST = 21_000

_TELEGRAM_TAGS = {"a", "b", "blockquote", "code", "em", "i", "pre", "s", "strong", "u"}
#: What custom bots are documented to know.
_LARK_TAGS = {"a", "at", "img", "text"}


def read(body: bytes) -> Body | None:
    """Return the JSON object that *body* is, or None."""
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def utf16(text: str) -> int:
    """Return the length of *text* as Java, JavaScript and .NET count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf8(text: str) -> int:
    """Return the length of *text* in bytes."""
    return len(text.encode())


def lacks(*names: str) -> Rule:
    """Say no to a message without any text under *names*."""
    return lambda _, body: not any(str(body.get(name) or "").strip() for name in names)


def longer(name: str, most: int, unit: Callable[[str], int]) -> Rule:
    """Say no to a text of more than *most* units."""
    return lambda _, body: unit(str(body.get(name) or "").strip()) > most


def larger(most: int) -> Rule:
    """Say no to a body of more than *most* bytes."""
    return lambda _, body: _size(body) > most


def holds(*names: str) -> Rule:
    """Say no to a body with any of these names."""
    return lambda _, body: any(name in body for name in names)


def without(name: str) -> Rule:
    """Say no to a URL without a value for *name* in its query."""
    return lambda request, _: not request.query.get(name)


def slack_has(kind: str, most: int = 0) -> Rule:
    """Say no to more than *most* blocks of *kind*."""
    return lambda _, body: len(_slack_blocks(body, kind)) > most


def slack_malformed(_: Request, body: Body) -> bool:
    """Say no to blocks that the reference does not allow."""
    blocks = body.get("blocks", [])
    nodes = list(_nodes(blocks))
    return (
        len(blocks) > _SLACK_MOST_BLOCKS
        or any(block.get("type") not in _SLACK_BLOCKS for block in blocks)
        or any(not node.get("text") for node in nodes if node.get("type") in _SLACK_TEXTS)
        or any(not node.get("url") for node in nodes if node.get("type") == "link")
        or any(not 0 <= node.get("indent", 0) <= _SLACK_DEEPEST for node in nodes)
        or any(part.get("type") not in _SLACK_RICH for block in _slack_rich(nodes) for part in block["elements"])
        or any(utf16(block["text"]["text"]) > _SLACK_LONGEST_HEADER for block in _slack_blocks(body, "header"))
        or any(map(_slack_bad_table, _slack_blocks(body, "table")))
    )


def slack_long(_: Request, body: Body) -> bool:
    """Say no to more text than all blocks may hold."""
    texts = (node["text"] for node in _nodes(body.get("blocks", [])) if isinstance(node.get("text"), str))
    return sum(map(utf16, texts)) > _SLACK_LONGEST


def _slack_blocks(body: Body, kind: str) -> list[Body]:
    return [block for block in body.get("blocks", ()) if block.get("type") == kind]


def _slack_rich(nodes: Sequence[Body]) -> list[Body]:
    return [node for node in nodes if node.get("type") == "rich_text"]


def _slack_bad_table(table: Body) -> bool:
    rows, columns = table["rows"], table.get("column_settings", [])
    texts = (node["text"] for node in _nodes(rows) if "text" in node)
    return (
        not 1 <= len(rows) <= _SLACK_MOST_ROWS
        or any(len(row) > _SLACK_MOST_CELLS for row in [*rows, columns])
        or None in columns
        or sum(map(utf16, texts)) > _SLACK_LONGEST_TABLE
    )


def teams_shows(body: Body) -> Sequence[Body]:
    """Lose a card that the workflow cannot post: nobody tells the sender."""
    attachments = body.get("attachments") or [{}]
    cards = [attachment.get("content", {}) for attachment in attachments]
    nodes = list(_nodes([card.get("body", []) for card in cards]))
    well = (
        all(attachment.get("contentType") == _CARD for attachment in attachments)
        and all(card.get("version") in _CARD_VERSIONS and card.get("body") for card in cards)
        and all(node["type"] in _CARD_TYPES for node in nodes if "type" in node)
        and all(node.get("inlines") for node in nodes if node.get("type") == "RichTextBlock")
        and _size(body) <= _CARD_LARGEST
    )
    return [body] if well else []


def workflow_shows(body: Body) -> Sequence[Body]:
    """Lose what is no text: the workflow fails after it was started."""
    return [body] if all(isinstance(value, str) for value in body.values()) else []


def cut(name: str, most: int) -> Callable[[Body], Sequence[Body]]:
    """Show the first *most* characters of a text."""
    return lambda body: [{name: body[name][:most]}]


def chopped(name: str, most: int) -> Callable[[Body], Sequence[Body]]:
    """Show a text in several messages, cut wherever the limit is."""
    return lambda body: [{name: body[name][at : at + most]} for at in range(0, len(body[name]), most)]


class _TelegramHtml(HTMLParser):
    """Telegram's HTML: what is said, and whether it can be parsed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self.said, self.broken = "", False
        self.feed(html)
        self.close()
        self.broken |= bool(self._open)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.broken |= tag not in _TELEGRAM_TAGS
        self.broken |= tag == "blockquote" and tag in self._open
        self.broken |= tag == "a" and not dict(attrs).get("href")
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.broken |= self._open[-1:] != [tag]
        del self._open[-1:]

    def handle_data(self, data: str) -> None:
        self.said += data

    def handle_comment(self, _data: str) -> None:
        self.broken = True

    def handle_decl(self, _decl: str) -> None:
        self.broken = True

    def handle_pi(self, _data: str) -> None:
        self.broken = True


def telegram_broken(_: Request, body: Body) -> bool:
    """Say no to HTML that is not balanced, or has a tag that Telegram does not know."""
    return _telegram(body).broken


def telegram_silent(_: Request, body: Body) -> bool:
    """Say no to a text without a word."""
    return not _telegram(body).said.strip()


def telegram_longer(most: int) -> Rule:
    """Say no to a text of more than *most* UTF-16 units beside its tags."""
    return lambda _, body: utf16(_telegram(body).said) > most


def _telegram(body: Body) -> _TelegramHtml:
    text = str(body.get("text", ""))
    return _TelegramHtml(text if body.get("parse_mode") == "HTML" else escape(text))


def lark_malformed(_: Request, body: Body) -> bool:
    """Say no to what is neither a text nor a post of lines of known elements."""
    content = body.get("content", {})
    if body.get("msg_type") == "text":
        return not content.get("text")
    lines = [line for post in content.get("post", {}).values() for line in post.get("content", ())]
    elements = [element for line in lines for element in line]
    return (
        body.get("msg_type") != "post"
        or not lines
        or [] in lines
        or any(element.get("tag") not in _LARK_TAGS for element in elements)
        or any(not element.get("text") for element in elements if element.get("tag") in ("a", "text"))
    )


def _size(body: Body) -> int:
    return utf8(json.dumps(body, ensure_ascii=False))


def _nodes(value: object) -> Iterator[Body]:
    """Yield all objects in *value*, itself included."""
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for node in inner:
        yield from _nodes(node)
