"""
Messages as each chat gets them: `kinds/<kind>/<case>.json`, and `kinds/mail/<case>.html`.

A case is Markdown as a template would render it, `kinds/cases/<case>.md`, with
`⟦text⟧` for text from outside; or the default template with the answers of
`golden/<case>`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from payloads import READERS, URLS, bodies, check_says, expected, message, normal, payloads, read_html, shielded
from test_golden import FOLDER as ANSWERS
from test_golden import digested, load

from digest.destinations import DESTINATIONS, Message
from digest.mail import page
from digest.render import Template
from digest.standin import sample
from digest.templates import locate

FOLDER = Path(__file__).with_name("kinds")
TEMPLATED = ("weekly", "quiet-week", "hostile-names")
CASES = sorted([*TEMPLATED, *(file.stem for file in FOLDER.glob("cases/*.md"))])
LONGEST_LINE = 140
#: Characters that nobody sees, and that the files should show.
INVISIBLE = "\u200b\u200c\u200d\u2060\ufe0f"


@cache
def rendered(case: str) -> str:
    """Return the shielded Markdown of *case*."""
    if case not in TEMPLATED:
        return shielded((FOLDER / "cases" / f"{case}.md").read_text(encoding="utf-8"))
    context, _ = digested(sample() if case == "weekly" else load(case))
    return Template(locate("weekly.md.j2", ANSWERS)).render(context)


@cache
def sent(case: str) -> Message:
    """Return the message of *case*."""
    return message(rendered(case))


def shown(value: Any) -> str:
    """Return *value* as JSON for people to read: what is short on one line."""
    text = "\n".join(json_lines(value)) + "\n"
    return text.translate({ord(char): f"\\u{ord(char):04x}" for char in INVISIBLE})


def json_lines(value: Any, indent: str = "", name: str = "") -> Iterator[str]:
    """Yield the lines of *value*."""
    line = indent + name + json.dumps(value, ensure_ascii=False)
    if len(line) <= LONGEST_LINE or not isinstance(value, dict | list | tuple):
        yield line
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    pairs = [(f"{json.dumps(key)}: ", item) for key, item in value.items()] if isinstance(value, dict) else None
    yield indent + name + opening
    for index, (key, item) in enumerate(pairs or [("", item) for item in value]):
        lines = list(json_lines(item, indent + " ", key))
        yield from lines[:-1]
        yield lines[-1] + ("," if index < len(value) - 1 else "")
    yield indent + closing


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", DESTINATIONS)
def test_payloads__are_the_golden_ones(kind: str, case: str, golden: Callable[[Path, str], None]) -> None:
    """Each case becomes its bodies, part by part, to the last character."""
    parts = [
        {"body": part.body, **({"simpler": part.simpler} if part.simpler else {}), **omitted(part.omitted)}
        for part in payloads(kind, sent(case))
    ]
    text = shown(parts)
    assert json.loads(text) == json.loads(json.dumps(parts))
    golden(FOLDER / kind / f"{case}.json", text)


def omitted(count: int) -> dict[str, int]:
    """Return what the files say of *count* characters that were left out."""
    return {"omitted": count} if count else {}


@pytest.mark.parametrize("case", CASES)
def test_mail__is_the_golden_one(case: str, golden: Callable[[Path, str], None]) -> None:
    """Each case becomes its page, to the last character."""
    golden(FOLDER / "mail" / f"{case}.html", page(sent(case).title, sent(case).blocks))


def test_folders__one_for_each_kind() -> None:
    """A new kind of chat needs golden files, a webhook to test with and a reader; none is left over of an old one."""
    folders = {folder.name for folder in FOLDER.iterdir()}
    assert folders == {*DESTINATIONS, "cases", "mail"}
    assert set(READERS) == set(URLS) == set(DESTINATIONS)


@pytest.mark.parametrize("kind", [*DESTINATIONS, "mail"])
def test_folder__holds_the_cases(kind: str) -> None:
    """No file is left of a case that is gone."""
    assert sorted(file.stem for file in (FOLDER / kind).iterdir()) == CASES


@pytest.mark.parametrize("case", [case for case in CASES if case not in ("several-parts", "long-table")])
@pytest.mark.parametrize("kind", DESTINATIONS)
def test_payloads__say_it_all(kind: str, case: str) -> None:
    """Read as the chat shows it, the message and its simpler forms hold every word, in order, and nothing else."""
    [part] = payloads(kind, sent(case))
    for body in bodies(part):
        check_says(kind, body, sent(case).blocks)


@pytest.mark.parametrize("case", CASES)
def test_mail__says_it_all(case: str) -> None:
    """The page holds every word of the message, whatever its length."""
    assert normal(expected(sent(case).blocks)) == normal(read_html(page("", sent(case).blocks)))
