"""Guess which name somebody meant who wrote another."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """
    Return a question about the name of *known* that is the most like *name*, to end a sentence, or nothing.

    >>> did_you_mean("ovreview", ["overview", "creators"]), did_you_mean("x", ["overview"])
    ("; did you mean 'overview'?", '')
    """
    names = [other for other in known if isinstance(other, str)]
    near = difflib.get_close_matches(str(name), names, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
