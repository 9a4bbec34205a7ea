"""
Answers of the API as files, and the messages that they become: `golden/<case>/`.

`api.json` holds the API's answers as `digest.standin` takes them, and may hold
`inputs` of the action. Where the overview's body is not as documented,
`undocumented` says how.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from fakes import API, NOW, FakeClock, FakeNetwork, answer_from, compare
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from digest.client import fetch
from digest.config import DEFAULTS, TITLES
from digest.context import Context, build
from digest.render import Template
from digest.standin import API_KEY, sample
from digest.templates import locate
from digest.text import reveal

FOLDER = Path(__file__).with_name("golden")
CASES = sorted(file.parent.name for file in FOLDER.glob("*/api.json"))
#: What a message may be made of; a name that became anything else would show here.
NODES = {
    *("root", "heading", "paragraph", "bullet_list", "ordered_list", "list_item"),
    *("inline", "text", "strong", "em"),
}
#: https://docs.creatoraudit.com/api-reference/overview/organization-overview-stats
FIGURES = ("total_views", "engagement_rate", "active_accounts", "account_videos", "tracked_videos")


@pytest.mark.parametrize("case", CASES)
def test_message__is_the_golden_one(case: str, golden: Callable[[Path, str], None]) -> None:
    """Each case's answers become its message, byte for byte."""
    _, message = digested(load(case))
    golden(FOLDER / case / "message.md", message)


@pytest.mark.parametrize("case", CASES)
def test_message__is_what_it_looks_like(case: str) -> None:
    """To a CommonMark parser, a message is a title, figures and ranks, whatever names are in it."""
    context, message = digested(load(case))
    tree = SyntaxTreeNode(MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(message))
    assert {node.type for node in tree.walk()} <= NODES
    assert texts(tree, "heading") == [context.title.raw, "Top creators"]
    figures, *ranking = [node for node in tree.children if node.type.endswith("list")]
    labels = [text.partition(":")[0] for text in texts(figures, "list_item")]
    assert labels == [figure.label.raw.partition(":")[0] for figure in context.figures]
    names = [text for creators in ranking for text in texts(creators, "strong")]
    assert names == [creator.name.raw for creator in context.creators]


@pytest.mark.parametrize("case", CASES)
def test_case__says_when_its_overview_is_not_documented(case: str) -> None:
    """A case whose overview is not as the API documents it says so, and no other does."""
    content = load(case)
    assert ("undocumented" in content) == bool(deviations(content["overview"]))


def test_sample__is_documented() -> None:
    """The sample that demo, README and tests show has the documented overview."""
    assert deviations(sample()["overview"]) == []


def test_update_golden__rewrites_and_fails(tmp_path: Path) -> None:
    """`--update-golden` writes what differs and fails; without it, nothing is written."""
    file = tmp_path / "message.md"
    with pytest.raises(AssertionError, match=r"message\.md is missing"):
        compare(file, "new\n", update=False)
    file.write_bytes(b"old\n")
    with pytest.raises(AssertionError, match=r"-old\n\+new"):
        compare(file, "new\n", update=False)
    assert file.read_bytes() == b"old\n"
    with pytest.raises(pytest.fail.Exception, match=r"rewrote .*/message\.md"):
        compare(file, "new\n", update=True)
    assert file.read_bytes() == b"new\n"
    compare(file, "new\n", update=True)
    compare(file, "new\n", update=False)
    file.write_bytes(b"new\r\n")
    with pytest.raises(AssertionError, match=r"message\.md: line ends"):
        compare(file, "new\n", update=False)


def load(case: str) -> dict[str, Any]:
    """Return what `api.json` of *case* holds."""
    content: dict[str, Any] = json.loads((FOLDER / case / "api.json").read_text(encoding="utf-8"))
    return content


def digested(answers: Mapping[str, Any]) -> tuple[Context, str]:
    """Return what templates see of *answers*, and the default template's message."""
    network = FakeNetwork()
    answer_from(network, answers)
    inputs = {**DEFAULTS, **answers.get("inputs", {})}
    with httpx.Client(base_url=API, transport=network, headers={"Authorization": f"Bearer {API_KEY}"}) as api:
        audit = fetch(
            api,
            period=inputs["period"],
            limit=int(inputs["limit"]),
            clock=FakeClock().clock(),
            freshness="accounts" in answers,
        )
    context = build(
        audit,
        title=inputs["title"] or TITLES[inputs["period"]],
        period=inputs["period"],
        zone=ZoneInfo(inputs["timezone"]),
        variables={},
        now=NOW,
    )
    return context, reveal(Template(locate(inputs["template"], FOLDER)).render(context))


def texts(tree: SyntaxTreeNode, kind: str) -> list[str]:
    """Return the visible text of each node of *kind*."""
    found = [node for node in tree.walk() if node.type == kind]
    return ["".join(part.content for part in node.walk() if part.type == "text") for node in found]


def deviations(body: Mapping[str, Any]) -> list[str]:
    """Return where *body* is not what the documentation shows for `GET /overview`."""
    data = body["data"]
    expected: Mapping[str, Mapping[str, int | None]] = {
        "current": dict.fromkeys(FIGURES, 0),
        "previous": dict.fromkeys(FIGURES, 0),
        "changes": {f"{name}_pct": None for name in FIGURES},
    }
    found = [] if data.get("type") == "overview" else ["data.type"]
    found += ["data"] if set(data) != {"type", *expected} else []
    return found + [where for where, least in expected.items() for where in wrong_items(data, where, least)]


def wrong_items(data: Mapping[str, Any], where: str, least: Mapping[str, int | None]) -> Iterator[str]:
    """Yield what in `data.<where>` is not a number or null of a documented name, or is below *least*."""
    items = data.get(where)
    if not isinstance(items, dict) or set(items) != set(least):
        yield f"data.{where}"
        return
    for name, value in items.items():
        whole = where != "changes" and name != "engagement_rate"
        right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if value is not None and not (right and (least[name] is None or value >= 0)):
            yield f"data.{where}.{name}"
