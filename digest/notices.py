"""Say in a sentence what readers must know about gaps in the figures, and nothing when there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from digest.text import Text

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from digest.audit import Audit
    from digest.freshness import Freshness

#: Not strftime's %b, which speaks the language of the runner.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
UNKNOWN_FRESHNESS = "How fresh the data are could not be found out this time."


def notices(audit: Audit, zone: ZoneInfo) -> Iterator[str]:
    """Yield the sentences, whose names are shielded."""
    missing = sum(creator.headline is None for creator in audit.ranking.creators)
    if missing:
        who = "1 creator is" if missing == 1 else f"{missing} creators are"
        yield f"{who} listed without a figure: the API sent none that this digest knows."
    if audit.freshness_failed:
        yield UNKNOWN_FRESHNESS
    elif audit.freshness is not None and audit.freshness.stale:
        yield stale(audit.freshness, zone)


def stale(freshness: Freshness, zone: ZoneInfo) -> str:
    """
    Return the sentence about accounts whose data are old or missing; its names are shielded.

    Such as "3 of 412 accounts have no data yet, 2 are stale (oldest: 17 Nov) —
    totals may be understated: anna, ben, chris, dora, emil."
    """
    counts = freshness.counts
    said = [
        (counts.get("never collected", 0), "has", "have", "no data yet"),
        (counts.get("stale", 0), "is", "are", f"stale{_since(freshness, zone)}"),
        (counts.get("unavailable", 0), "is", "are", "unavailable"),
        (counts.get("new", 0), "is", "are", "too new to have data"),
    ]
    accounts = f" of {freshness.total:,} {'account' if freshness.total == 1 else 'accounts'}"
    parts: list[str] = []
    for count, one, many, what in said:
        if count:
            parts.append(f"{count:,}{'' if parts else accounts} {one if count == 1 else many} {what}")
    names = [Text(account.username) or "one without a name" for account in freshness.named]
    others = freshness.stale - len(names)
    more = f" and {others:,} more" if others > 0 else ""
    return f"{', '.join(parts)} — totals may be understated: {', '.join(names)}{more}."


def _since(freshness: Freshness, zone: ZoneInfo) -> str:
    """Return the day of the oldest collection of a stale account, with its year unless it is this one."""
    if freshness.oldest_stale is None:
        return ""
    day = freshness.oldest_stale.astimezone(zone).date()
    year = "" if day.year == freshness.at.astimezone(zone).year else f" {day.year}"
    return f" (oldest: {day.day} {MONTHS[day.month - 1]}{year})"
