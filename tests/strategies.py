"""Bodies that an API could send: any JSON, and JSON that is nearly what is expected."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

FIGURES = ("total_views", "engagement_rate", "active_accounts", "account_videos", "tracked_videos", "new_metric")
IDENTITY = ("id", "creator_id", "name", "creator_name", "username", "rank", "platform")
METRICS = ("views", "total_views", "play_count", "likes", "engagement", "engagement_rate", "total_followers")
NESTED = ("creator", "metrics", "stats", "analytics")

#: Any character, lone surrogates included; marks of Markdown more often than by chance.
texts = st.text(st.sampled_from("*_[]()<>`#|~\\!&:.@-+=1 \n\t\u202e\u200b\u200d\u3164") | st.characters(codec=None))
numbers = (
    st.integers(0, 10**7)
    | st.integers()
    | st.floats()
    | st.sampled_from([0, 0.0, -1, 1, 0.5, 1e21, 2**53 + 1, 10**60, 10**400, 1e-300, 5e-324, 1e308])
)
scalars = st.none() | st.booleans() | numbers | numbers.map(str) | texts
anything: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
_figures = st.dictionaries(st.sampled_from(FIGURES) | texts, numbers | scalars, max_size=6)
_changes = st.dictionaries(st.sampled_from([f"{name}_pct" for name in FIGURES]), numbers | scalars, max_size=6)
_documented = st.fixed_dictionaries(
    {"current": _figures}, optional={"previous": _figures | st.none(), "changes": _changes | st.none()}
)
#: Answers of `GET /overview` that mostly can be read.
readable_overviews = st.fixed_dictionaries({"data": _documented | _figures})
overviews = anything | st.fixed_dictionaries({"data": anything}) | readable_overviews

_flat = st.dictionaries(st.sampled_from(IDENTITY + METRICS) | texts, scalars, max_size=6)
_rows = st.builds(lambda flat, nested: {**flat, **nested}, _flat, st.dictionaries(st.sampled_from(NESTED), _flat))
#: Answers of `GET /creators/top` that can be read.
readable_rankings = st.fixed_dictionaries({"data": st.lists(_rows, max_size=5)})
rankings = anything | st.fixed_dictionaries({"data": anything | st.lists(anything)}) | readable_rankings
