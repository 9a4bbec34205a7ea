"""
Read the names that the API gives its figures: what they are about, and how people say them.

Nothing here is a list of known names. `total_views`, `engagementRate` and what
comes next year are told apart by their words.
"""

from __future__ import annotations

import re

_RATE_WORDS = frozenset({"rate", "pct", "percent", "percentage"})
#: The documented names of the dashboard's cards, where they differ from the API's names.
#: https://docs.creatoraudit.com/dashboard/overview
_LABELS = {"tracked_videos": "Individual videos"}
#: Words that are names, and short forms of names, as the API writes them.
_BRANDS = {"instagram": "Instagram", "ig": "Instagram", "tiktok": "TikTok", "facebook": "Facebook", "fb": "Facebook"}


def words(name: str) -> list[str]:
    """
    Return the lower-case words of a name in snake_case or camelCase.

    >>> words("total_views"), words("engagementRate")
    (['total', 'views'], ['engagement', 'rate'])
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("_", " ").split()


def is_rate(name: str) -> bool:
    """
    Return whether a metric of that name is a share of something.

    >>> is_rate("engagement_rate"), is_rate("engagement"), is_rate("shares")
    (True, False, False)
    """
    return not _RATE_WORDS.isdisjoint(words(name))


def label(name: str) -> str:
    """
    Return a figure's name at the start of a line.

    >>> label("total_views"), label("engagementRate"), label("tracked_videos")
    ('Total views', 'Engagement rate', 'Individual videos')
    """
    said = _said(name)
    return _LABELS.get(name) or said[:1].upper() + said[1:]


def noun(name: str) -> str:
    """
    Return a metric's name inside a sentence.

    >>> noun("total_views"), noun("ig_play_count"), noun("engagement_rate"), noun("saved_count")
    ('views', 'Instagram plays', 'engagement rate', 'saved')
    """
    said = _said(name).removeprefix("total ")
    counted = said.removesuffix(" count")
    return said if counted == said else f"{counted.removesuffix('s')}{'' if counted.endswith('ed') else 's'}"


def _said(name: str) -> str:
    return " ".join(_BRANDS.get(word, word) for word in words(name))
