"""What must hold for any input of the parsers; `make fuzz` looks for inputs for which it does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx

from digest.accounts import walk_accounts
from digest.api import get
from digest.audit import Audit
from digest.clock import Clock
from digest.context import build, plain
from digest.destinations import DESTINATIONS, Message
from digest.destinations.parts import MOST_PARTS
from digest.document import (
    Block,
    Item,
    List,
    Paragraph,
    Plain,
    Quote,
    Rule,
    Table,
    visible,
)
from digest.errors import ApiError
from digest.mail import page
from digest.markdown import parse
from digest.models import parse_overview, parse_ranking
from digest.render import Template
from digest.split import split
from digest.templates import locate
from digest.text import Text, clean

CORPUS = Path(__file__).parent / "fuzz" / "corpus"
_NOW = datetime(2026, 11, 22, 6, 17, tzinfo=timezone.utc)
_CLOCK = Clock(now=lambda: _NOW, sleep=lambda _: None)
_JOINER = "\N{WORD JOINER}"
_Result = TypeVar("_Result")


class _Always(httpx.BaseTransport):
    """A server that answers everything alike."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def handle_request(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(self._body))


def shape(data: bytes) -> None:
    """Any body of the API is read, or refused in one line; what was read can be rendered and written as JSON."""
    with httpx.Client(transport=_Always(data), base_url="https://api.test") as api:
        overview = _read(lambda: get(api, "/overview", {}, parse_overview, _CLOCK)[0])
        ranking = _read(lambda: get(api, "/creators/top", {}, lambda body: parse_ranking(body, 25), _CLOCK)[0])
        freshness = _read(lambda: walk_accounts(api, _CLOCK))
    if overview is None:
        return
    audit = Audit(overview, ranking or parse_ranking({"data": []}, 1), longer=ranking, freshness=freshness)
    context = build(audit, title="T", period="7d", zone=ZoneInfo("UTC"), variables={}, now=_NOW)
    json.dumps(plain(context), allow_nan=False)
    if len(data) < 10_000:
        blocks = parse(_weekly().render(context))
        assert visible(blocks).strip()


def _read(ask: Callable[[], _Result]) -> _Result | None:
    try:
        return ask()
    except ApiError as error:
        faults = error.faults
    assert all(clean(fault, longest=len(fault)) == fault for fault in faults)
    return None


@cache
def _weekly() -> Template:
    return Template(locate("weekly.md.j2", Path()))


def tree(data: bytes) -> None:
    """Any Markdown has a tree that can be shown; a name is one text in it, and nothing else."""
    text = data.decode("utf-8", "replace")
    page("T", parse(text))
    name = Text(text)
    if name.raw:
        [block] = parse(name)
        assert isinstance(block, Paragraph), block
        assert all(isinstance(node, Plain) for node in block.children), block
        assert visible([block]).replace(_JOINER, "") == name.raw.replace(_JOINER, "")


def parts(data: bytes) -> None:
    """Any document is split into parts that fit, of which no word is lost; every chat can be sent it."""
    if len(data) < 3:
        return
    limit, most, kind = 24 + data[0], 1 + data[1] % MOST_PARTS, sorted(DESTINATIONS)[data[2] % len(DESTINATIONS)]
    markdown = data[3:].decode("utf-8", "replace")
    blocks = parse(markdown)

    def fits(some: tuple[Block, ...]) -> bool:
        return len(visible(some)) <= limit

    found, omitted = split(blocks, fits, most=most, notice=lambda count: Paragraph((Plain(f"{count} left"),)))
    assert len(found) <= most
    assert all(fits(part) for part in found)
    assert visible(blocks).strip() == "" or all(visible(part).strip() for part in found)
    whole, _ = split(blocks, fits, most=10_000, notice=lambda _: Rule())
    if not omitted and not _has_table(blocks):
        assert "".join(map(_letters, whole)) == _letters(blocks)
    message = Message("T", markdown, blocks, {"text": markdown}, id="1", more_url="https://a.test/")
    payloads = DESTINATIONS[kind].payloads(message, urlsplit("https://a.test/x?chat_id=1"))
    assert 1 <= len(payloads) <= MOST_PARTS
    for payload in payloads:
        httpx.Request("POST", "https://a.test", json=payload.body)


def _letters(blocks: Iterable[Block]) -> str:
    return "".join(visible(tuple(blocks)).split())


def _has_table(blocks: Iterable[Block | Item]) -> bool:
    """Return whether a table is among *blocks* or inside one: its header comes again in each part."""
    for block in blocks:
        inner = block.items if isinstance(block, List) else block.blocks if isinstance(block, Quote | Item) else ()
        if isinstance(block, Table) or _has_table(inner):
            return True
    return False


#: What is fuzzed, by the folder of its corpus.
TARGETS: Mapping[str, Callable[[bytes], None]] = {"shape": shape, "tree": tree, "parts": parts}
