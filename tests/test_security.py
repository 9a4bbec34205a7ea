from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from steps import ROOT

TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/\w+\.py)::(\w+)`", TEXT)))


@cache
def _tests(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_security__named_tests_exist(file: str, name: str) -> None:
    """Each test that SECURITY.md names is one."""
    assert name in _tests(file)


def test_security__each_claim_names_its_test() -> None:
    """Each asset, each paragraph about secrets, and each one that is trusted has a test that holds what is said."""
    protected = TEXT[TEXT.index("## What is protected") : TEXT.index("## Out of scope")]
    rows = [line for line in protected.splitlines() if line.startswith("| ")][2:]
    bullets = re.split(r"\n- (?=\*\*)", protected[protected.index("## Who is trusted") :].partition("\n## Nothing")[0])[
        1:
    ]
    paragraphs = [text for text in re.split(r"\n\n", protected) if text[:1].isupper()]
    claims = [*rows, *bullets, *paragraphs]
    assert len(claims) >= 12
    assert [claim for claim in claims if "`tests/" not in claim] == []


def test_security__one_page() -> None:
    """The threat model stays one page."""
    assert len(TEXT.splitlines()) <= 75
