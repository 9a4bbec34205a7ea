"""Whatever a document holds, every chat shows all of it, within its limits, and nothing in it comes alive."""

from __future__ import annotations

import re

import pytest
from documents import documents, markdown
from hypothesis import given, settings
from payloads import bodies, check_says, expected, message, normal, of_blocks, payloads, read_html, strings
from payloads import fits as fits_limits

from digest.destinations import DESTINATIONS, Message
from digest.document import Block, Link, Paragraph, Plain
from digest.mail import page
from digest.markdown import LONGEST_ADDRESS, parse

#: What calls somebody in one chat or another, if no invisible character is inside.
CALLS = re.compile(r"@(everyone|here|channel|all|\*\*)|<(!|@|#|at\b|users/)")


def check(sent: Message) -> None:
    """Check what every chat is sent of *sent*."""
    for kind in DESTINATIONS:
        parts = payloads(kind, sent)
        for part in parts:
            for body in bodies(part):
                assert fits_limits(kind, body)
                assert not any(CALLS.search(text) for text in strings({**body, "html": "", "data": ""}))
                if len(parts) == 1:  # `test_split` is about more
                    check_says(kind, body, sent.blocks)
    assert normal(expected(sent.blocks)) == normal(read_html(page("", sent.blocks)))


@settings(max_examples=100)
@given(documents)
def test_tree__is_said_by_all(blocks: tuple[Block, ...]) -> None:
    """Every chat shows every word of any tree, in order, with the numbers of its lists."""
    check(of_blocks(blocks))


@settings(max_examples=100)
@given(markdown)
def test_markdown__is_said_by_all(text: str) -> None:
    """Every chat shows every word of any Markdown, in order, with the numbers of its lists."""
    check(message(text))


@settings(max_examples=200)
@given(markdown)
def test_parse__keeps_its_promises(text: str) -> None:
    """Texts are lines, never empty; addresses are ASCII, of a safe scheme, and no longer than fits everywhere."""
    check_promises(parse(text))


def check_promises(node: object) -> None:
    """Check what the documentation of the tree says, of *node* and of all in it."""
    if isinstance(node, Plain):
        assert node.text
        assert len(node.text.splitlines()) == 1
    elif isinstance(node, Link):
        assert re.fullmatch(r"(https?://|mailto:)[!-~]+", node.url)
        assert len(node.url) <= LONGEST_ADDRESS
    if isinstance(node, tuple):
        for inner in node:
            check_promises(inner)
    elif hasattr(node, "__slots__"):
        for name in type(node).__slots__:
            check_promises(getattr(node, name))


@pytest.mark.parametrize(
    "mark", ["*a ", "**a ", "_a ", "~~a ", "[", "![", "<", "> ", "- ", "1. ", "`", "```\n", "|", "\\"]
)
def test_nesting__has_no_end(mark: str) -> None:
    """Markdown that nests as deep as it likes does not break the line, and its last word is still there."""
    text = f"{mark * 100}end"
    close = {"[": "](https://x.test)", "![": "](https://x.test)"}.get(mark, mark.strip(" a")[::-1])
    for markdown_text in (text, text + close * 100):
        sent = message(markdown_text)
        for kind in DESTINATIONS:
            assert payloads(kind, sent)


@pytest.mark.parametrize("mark", ["> ", "- ", "1. ", "> - "])
def test_nesting__keeps_the_text(mark: str) -> None:
    """What is nested deeper than chats show is shown less deep."""
    sent = message(f"{mark * 20}end")
    for kind in DESTINATIONS:
        [part] = payloads(kind, sent)
        for body in bodies(part):
            assert any("end" in text for text in strings(body))


@pytest.mark.parametrize("blank", ["---", "&nbsp;", "![](https://x.test/", "<!-- -->"[:0], "- \n- ", "[]()"])
def test_blank__is_the_title(blank: str) -> None:
    """No chat takes a message without a word, so one that says nothing says its title."""
    for kind in set(DESTINATIONS) - {"json"}:
        [part] = payloads(kind, message(blank))
        for body in bodies(part):
            check_says(
                kind, body, (Paragraph((Plain("CreatorAudit — weekly recap"),)),) if "(" not in blank else parse(blank)
            )
