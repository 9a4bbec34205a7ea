"""
What the CreatorAudit API said, as plain values: read off the live body, never assumed.

The public tutorial reads keys that the documented body does not have, and
prints zeros. So nothing here asks for a figure by its name: each figure of the
overview is whatever number the API sent, under the name that it sent. Rows of
`/creators/top` are not documented at all; they are searched for likely names.

https://docs.creatoraudit.com/api-reference/overview/organization-overview-stats
https://docs.creatoraudit.com/tutorials/creator-leaderboard
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from digest.answer import UnexpectedShapeError
from digest.names import is_rate, words
from digest.text import clean

Number: TypeAlias = int | float

#: Numbers written as strings, of a size that int() and float() take at once.
_NUMERIC = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
#: Nothing that is counted comes near, nor near the inverse; far beyond, arithmetic overflows.
_ABSURD = 10**60

#: The objects, one level down in a row of `/creators/top`, that may hold what is looked for.
_NESTED_IDENTITY = "creator"
_NESTED_METRICS = ("metrics", "stats", "analytics", "creator")
_ID_KEYS = ("creator_id", "id", "uuid")
_NAME_KEYS = ("creator_name", "name", "display_name", "username", "handle", "creator")
#: Numbers that say who, where or when, not how much.
_NOT_METRICS = frozenset({*_ID_KEYS, *_NAME_KEYS, "rank", "position", "index", "platform", "type", "period", "limit"})
_NOT_METRICS_ENDING = ("_id", "_ids", "_at", "_date", "_rank", "_position")
_VIEWS = frozenset({"views", "view", "plays", "play"})
#: Words that make a views-like name mean something else (`views_change_pct`, `previous_views`).
_NOT_VIEWS = frozenset(
    {"rate", "pct", "percent", "percentage", "change", "delta", "growth", "previous", "prev", "average", "avg", "per"}
)
#: Letters and symbols that show nothing: the Hangul fillers and the empty Braille pattern.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
#: Cf joiners, Mn and Me marks (variation selectors among them), Zs the space: alone, they show nothing either.
_NEEDS_OTHERS = frozenset({"Cf", "Mn", "Me", "Zs"})


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One figure of the organisation's overview.

    Attributes:
        name:
            The API's name of it, such as `total_views`.
        current:
            Its value in this window, or None if the API sent null.
        previous:
            Its value in the window of equal length directly before, or None
            if the API sent none.
        reported_change:
            What `changes.<name>_pct` said, as sent, or None.
    """

    name: str
    current: Number | None
    previous: Number | None = None
    reported_change: Number | None = None

    @property
    def is_rate(self) -> bool:
        """Whether the figure is a share of something, rather than a count."""
        return is_rate(self.name)


@dataclass(frozen=True, slots=True)
class Overview:
    """
    The organisation's headline figures.

    Attributes:
        figures:
            In the order sent; at least one.
        body:
            The decoded answer.
    """

    figures: tuple[Figure, ...]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Metric:
    """
    One number of a creator.

    Attributes:
        name:
            The API's name of it.
        value:
            The number, or None if the API sent null.
    """

    name: str
    value: Number | None


@dataclass(frozen=True, slots=True)
class Creator:
    """
    One row of the ranking.

    Attributes:
        id:
            The creator's id, or None if no likely name held one.
        name:
            The creator's name; its id if it has none that can be seen; None
            without either. One printable line, like the id.
        metrics:
            All its numbers, in the order sent; a name stands once.
        headline:
            The number that the row is about: the first views-like one, else
            the first that has a value, else None.
        keys:
            The names in the row, to tell the user when no figure was found.
    """

    id: str | None
    name: str | None
    metrics: tuple[Metric, ...]
    headline: Metric | None
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """
    The top creators, best first, in the API's order.

    Attributes:
        creators:
            May be empty.
        body:
            The decoded answer.
    """

    creators: tuple[Creator, ...]
    body: Mapping[str, Any]


def parse_overview(body: object) -> Overview:
    """
    Return the figures of an answer of `GET /overview`.

    With `data.current`, these are its numbers, with `previous` and
    `changes.<name>_pct` beside them; without, the numbers of `data` itself.
    A null in `current` is a figure without a value.

    Raises:
        UnexpectedShapeError:
            If the body has no `data` object, or that holds no figure.
    """
    envelope = _object(body, "the body")
    data = _object(_member(envelope, "data"), "data")
    documented = "current" in data
    current = _object(data["current"], "data.current") if documented else data
    previous, changes = (_optional_object(data, name) if documented else {} for name in ("previous", "changes"))
    figures = tuple(
        Figure(name, value, number(previous.get(name)), number(changes.get(f"{name}_pct")))
        for name, value in _metrics(current)
        if documented or value is not None
    )
    if not figures:
        message = f"the overview holds no figure; its keys are {_names(current)}"
        raise UnexpectedShapeError(message)
    return Overview(figures, envelope)


def parse_ranking(body: object, limit: int) -> Ranking:
    """
    Return the first *limit* rows of an answer of `GET /creators/top`.

    Raises:
        UnexpectedShapeError:
            If the body has no `data` list, or a row is not an object.
    """
    envelope = _object(body, "the body")
    rows = _member(envelope, "data")
    if not isinstance(rows, list):
        message = f"data is {_kind(rows)}, not a list"
        raise UnexpectedShapeError(message)
    creators = tuple(_creator(_object(row, f"data[{index}]")) for index, row in enumerate(rows[:limit]))
    return Ranking(creators, envelope)


def number(value: object) -> Number | None:
    """
    Return *value* if it is a number, or one written as a string; else None.

    >>> number("1284530"), number("4.23"), number(True), number("NaN"), number("12 k")
    (1284530, 4.23, None, None, None)
    """
    if isinstance(value, str):
        value = _from_string(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if value == 0 or 1 / _ABSURD <= abs(value) <= _ABSURD else None


def _from_string(text: str) -> Number | None:
    match = _NUMERIC.fullmatch(text)
    if match is None:
        return None
    return float(text) if match[1] or match[2] else int(text)


def _creator(row: Mapping[str, Any]) -> Creator:
    nested = row.get(_NESTED_IDENTITY)
    people = [nested, row] if isinstance(nested, Mapping) else [row]
    identity = _first_text(people, _ID_KEYS)
    metrics = _row_metrics(row)
    return Creator(
        id=identity,
        name=_first_text(people, _NAME_KEYS) or identity,
        metrics=metrics,
        headline=_headline(metrics),
        keys=tuple(_keys(row)),
    )


def _first_text(sources: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> str | None:
    for source in sources:
        for key in keys:
            value = source.get(key)
            if isinstance(value, int) and number(value) is not None:
                value = str(value)
            if isinstance(value, str) and _visible(text := clean(value)):
                return text
    return None


def _visible(text: str) -> bool:
    """Return whether people see anything of *text*, which is clean."""
    return any(unicodedata.category(char) not in _NEEDS_OTHERS and char not in _BLANK for char in text)


def _row_metrics(row: Mapping[str, Any]) -> tuple[Metric, ...]:
    sources = [row, *(row[key] for key in _NESTED_METRICS if isinstance(row.get(key), Mapping))]
    found: dict[str, Number | None] = {}
    for source in sources:
        for name, value in _metrics(source):
            if found.get(name) is None:
                found[name] = value
    return tuple(Metric(name, value) for name, value in found.items())


def _metrics(source: Mapping[str, Any]) -> Iterator[tuple[str, Number | None]]:
    """Yield the names of metrics that hold a number or null, in order."""
    for name, value in source.items():
        parsed = number(value)
        if (parsed is not None or value is None) and _is_metric(name):
            yield name, parsed


def _is_metric(name: str) -> bool:
    told = name not in _NOT_METRICS and name not in _NESTED_METRICS and not name.endswith(_NOT_METRICS_ENDING)
    return told and _visible(clean(" ".join(words(name))))


def _headline(metrics: Sequence[Metric]) -> Metric | None:
    for metric in metrics:
        said = words(metric.name)
        if not _VIEWS.isdisjoint(said) and _NOT_VIEWS.isdisjoint(said):
            return metric
    return next((metric for metric in metrics if metric.value is not None), None)


def _keys(row: Mapping[str, Any]) -> Iterator[str]:
    for key, value in row.items():
        yield key
        if key in _NESTED_METRICS and isinstance(value, Mapping):
            yield from (f"{key}.{inner}" for inner in value)


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        message = f"{where} is {_kind(value)}, not an object"
        raise UnexpectedShapeError(message)
    return value


def _optional_object(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return {} if data.get(name) is None else _object(data[name], f"data.{name}")


def _member(envelope: Mapping[str, Any], name: str) -> object:
    if name not in envelope:
        message = f"there is no {name!r} in the body; its keys are {_names(envelope)}"
        raise UnexpectedShapeError(message)
    return envelope[name]


def _names(source: Mapping[str, Any]) -> str:
    return ", ".join(source) or "none"


def _kind(value: object) -> str:
    """Return what JSON calls *value*."""
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")
