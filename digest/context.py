"""
Decide what a template may see: plain values, changes, ranks, and nothing else.

Every attribute below is a variable of the templates; README lists them. Text
that came from the API is `digest.text.Text`: safe as it is, raw under `.raw`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from digest.changes import LARGEST_FRACTION, Change, change_between, rates_are_fractions, reported, scaled
from digest.movers import LONGER, Pace, paces
from digest.names import is_rate, label, noun
from digest.notices import notices
from digest.text import Text

# The renderer's process, which has to be quick, loads this module too, but not what reads the answers.
if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from digest.audit import Audit
    from digest.freshness import Freshness
    from digest.models import Creator, Figure, Metric, Number, Overview


@dataclass(frozen=True, slots=True)
class ShownFigure:
    """
    One headline figure.

    Attributes:
        name:
            The API's name of it: `total_views`. To compare with, not to show.
        label:
            The same for people: `Total views`.
        value:
            Its value; None if the API sent null.
        previous:
            Its value in the window before; None if the API sent none.
        unit:
            `%` for rates, whose values are percents; else empty.
        change:
            Against `previous`; None if they cannot be compared.
    """

    name: str
    label: Text
    value: Number | None
    previous: Number | None
    unit: Literal["%", ""]
    change: Change | None


@dataclass(frozen=True, slots=True)
class ShownMetric:
    """
    One number of a creator.

    Attributes:
        name:
            The API's name of it: `total_views`. To compare with, not to show.
        label:
            The same inside a sentence, after the value: `views`, `view` after a 1.
        value:
            The number; None if the API sent null.
        unit:
            `%` for rates, whose values are percents; else empty.
    """

    name: str
    label: Text
    value: Number | None
    unit: Literal["%", ""]


@dataclass(frozen=True, slots=True)
class ShownCreator:
    """
    One creator of the ranking.

    Attributes:
        rank:
            The position in the API's order, from 1.
        id:
            The creator's id, or None.
        name:
            The creator's name, else its id, else `Unnamed creator`.
        headline:
            The number to show; None if the row held none.
        metrics:
            All numbers of the row, by the API's names.
        pace:
            How it does against the next longer period (`days`, `ratio`,
            `places`); None if that is not known.
    """

    rank: int
    id: Text | None
    name: Text
    headline: ShownMetric | None
    metrics: Mapping[str, ShownMetric]
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class ShownAccount:
    """
    One account that is not as it should be.

    Attributes:
        name:
            Its handle.
        platform:
            `instagram` or `tiktok`, or empty.
        state:
            `never collected`, `unavailable` or `stale`.
        collected:
            The day of its last collection in the chosen zone, or None.
    """

    name: Text
    platform: Text
    state: str
    collected: date | None


@dataclass(frozen=True, slots=True)
class ShownFreshness:
    """
    How fresh the data of the active accounts are.

    Attributes:
        total:
            How many there are; the next five add up to it.
        fresh, new, stale, never_collected, unavailable:
            How many are in each state.
        oldest, newest:
            The days of the oldest and newest collection, or None.
        named:
            The first few that are not as they should be.
    """

    total: int
    fresh: int
    new: int
    stale: int
    never_collected: int
    unavailable: int
    oldest: date | None
    newest: date | None
    named: Sequence[ShownAccount]


@dataclass(frozen=True, slots=True)
class Context:
    """
    The variables of a template.

    Attributes:
        title:
            The headline of the message.
        period:
            `7d`, `30d` or `90d`.
        days:
            The same as a number.
        date:
            The day of the run in the chosen zone. The API does not say whether
            it is inside the window, so no first day is given.
        timezone:
            The IANA name of that zone.
        figures:
            The overview, in the order sent; at least one.
        compared:
            Whether any figure has a change other than `new`: not in the first
            week, when there is nothing to compare with.
        creators:
            The ranking, best first; may be empty.
        notices:
            What readers must know about gaps in the message; often empty.
        vars:
            The input `variables`.
        raw:
            The API's answers as sent, by name: `overview`, `creators_top`.
            Names in them are not shielded.
        movers:
            Those of them whose pace is known, fastest first.
        freshness:
            How fresh the data are, or None if that is not known.
    """

    title: Text
    period: str
    days: int
    date: date
    timezone: str
    figures: Sequence[ShownFigure]
    compared: bool
    creators: Sequence[ShownCreator]
    notices: Sequence[str]
    vars: Mapping[str, str]
    raw: Mapping[str, Mapping[str, Any]]
    movers: Sequence[ShownCreator] = ()
    freshness: ShownFreshness | None = None


def build(
    audit: Audit, *, title: str, period: str, zone: ZoneInfo, variables: Mapping[str, str], now: datetime
) -> Context:
    """Return what the template may see of *audit* at the moment *now*."""
    fractions = rates_are_fractions(audit.overview)
    figures = tuple(_figure(figure, audit.overview, fractions=fractions) for figure in audit.overview.figures)
    creators = _creators(audit, period, fractions=fractions)
    today = now.astimezone(zone).date()
    return Context(
        title=Text(title),
        period=period,
        days=_days(period),
        date=today,
        timezone=zone.key,
        figures=figures,
        compared=any(figure.change is not None and figure.change.direction != "new" for figure in figures),
        creators=creators,
        movers=_movers(creators),
        freshness=None if audit.freshness is None else _freshness(audit.freshness, zone),
        notices=tuple(notices(audit, zone)),
        vars=dict(variables),
        raw={"overview": audit.overview.body, "creators_top": audit.ranking.body},
    )


def plain(value: object) -> Any:
    """Return *value* as JSON can hold it, with texts as they arrived: this is the output `data-file`."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Text):
        return value.raw
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def _figure(figure: Figure, overview: Overview, *, fractions: bool) -> ShownFigure:
    scale = 100 if figure.is_rate and fractions else 1
    current, previous = scaled(figure.current, scale), scaled(figure.previous, scale)
    return ShownFigure(
        name=figure.name,
        label=Text(label(figure.name)),
        value=current,
        previous=previous,
        unit="%" if figure.is_rate else "",
        change=change_between(current, previous, rate=figure.is_rate) or reported(figure, overview),
    )


def _days(period: str) -> int:
    return int(period.removesuffix("d"))


def _creators(audit: Audit, period: str, *, fractions: bool) -> tuple[ShownCreator, ...]:
    creators = audit.ranking.creators
    rates = [metric.value for creator in creators for metric in creator.metrics if is_rate(metric.name)]
    if any(rate is not None and abs(rate) > LARGEST_FRACTION for rate in rates):
        fractions = False
    against = _paces(audit, period)
    return tuple(
        _creator(rank, creator, pace, fractions=fractions)
        for rank, (creator, pace) in enumerate(zip(creators, against, strict=True), start=1)
    )


def _paces(audit: Audit, period: str) -> Sequence[Pace | None]:
    if audit.longer is None:
        return [None] * len(audit.ranking.creators)
    return paces(audit.ranking, audit.longer, days=_days(period), longer_days=_days(LONGER[period]))


def _movers(creators: Sequence[ShownCreator]) -> tuple[ShownCreator, ...]:
    paced = [(creator.pace.ratio, creator) for creator in creators if creator.pace is not None]
    known = [(ratio, creator) for ratio, creator in paced if ratio is not None]
    return tuple(creator for _, creator in sorted(known, key=lambda pair: -pair[0]))


def _freshness(freshness: Freshness, zone: ZoneInfo) -> ShownFreshness:
    counts = freshness.counts
    return ShownFreshness(
        total=freshness.total,
        fresh=counts.get("fresh", 0),
        new=counts.get("new", 0),
        stale=counts.get("stale", 0),
        never_collected=counts.get("never collected", 0),
        unavailable=counts.get("unavailable", 0),
        oldest=_day(freshness.oldest, zone),
        newest=_day(freshness.newest, zone),
        named=tuple(
            ShownAccount(
                Text(account.username), Text(account.platform), account.state, _day(account.last_scrape_time, zone)
            )
            for account in freshness.named
        ),
    )


def _day(moment: datetime | None, zone: ZoneInfo) -> date | None:
    return None if moment is None else moment.astimezone(zone).date()


def _creator(rank: int, creator: Creator, pace: Pace | None, *, fractions: bool) -> ShownCreator:
    return ShownCreator(
        rank=rank,
        id=None if creator.id is None else Text(creator.id),
        name=Text(creator.name or "Unnamed creator"),
        headline=None if creator.headline is None else _metric(creator.headline, fractions=fractions),
        metrics={metric.name: _metric(metric, fractions=fractions) for metric in creator.metrics},
        pace=pace,
    )


def _metric(metric: Metric, *, fractions: bool) -> ShownMetric:
    rate = is_rate(metric.name)
    said = noun(metric.name)
    return ShownMetric(
        name=metric.name,
        label=Text(said.removesuffix("s") if metric.value == 1 else said),
        value=scaled(metric.value, 100 if rate and fractions else 1),
        unit="%" if rate else "",
    )
