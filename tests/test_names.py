from __future__ import annotations

import pytest

from digest.names import is_rate, words


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("engagement_rate", True),
        ("engagementRate", True),
        ("total_views_pct", True),
        ("growth_percent", True),
        ("engagement", False),
        ("ratings", False),
        ("total_views", False),
        ("", False),
    ],
)
def test_is_rate(name: str, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """A rate is recognised by a whole word of its name: `engagement` is a count."""
    assert is_rate(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("total_views", ["total", "views"]),
        ("engagementRate", ["engagement", "rate"]),
        ("__a  B_", ["a", "b"]),
        ("", []),
    ],
)
def test_words(name: str, expected: list[str]) -> None:
    """Names in snake_case and camelCase have words; empty ones are dropped."""
    assert words(name) == expected
