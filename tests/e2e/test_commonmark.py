"""The examples of the CommonMark specification, 0.31.2, through every kind of chat."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from payloads import bodies, check_says, message, payloads

from digest.destinations import DESTINATIONS

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / ".cache" / "cards" / "node_modules" / "commonmark-spec" / "spec.txt"
#: An example stands in a fence of 32 back-ticks, with a line of one dot between Markdown and HTML.
_EXAMPLE = re.compile(r"^`{32} example\n(.*?)^\.\n.*?^`{32}$", re.MULTILINE | re.DOTALL)


def examples() -> list[str]:
    """Return the Markdown of all examples; the specification writes a tab as an arrow."""
    return [text.replace("→", "\t") for text in _EXAMPLE.findall(SPEC.read_text(encoding="utf-8"))]


def test_examples__all_there() -> None:
    """The specification has 652 examples."""
    assert len(examples()) == 652


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_examples__arrive_whole(kind: str) -> None:
    """No example breaks a destination or loses a word, in its native form or a simpler one."""
    broken = []
    for number, markdown in enumerate(examples(), start=1):
        sent = message(markdown)
        if not sent.blocks:
            continue
        [part] = payloads(kind, sent)
        for body in bodies(part):
            try:
                check_says(kind, body, sent.blocks)
            except AssertionError as error:
                broken.append((number, markdown, str(error)[:300]))
    assert broken == []
