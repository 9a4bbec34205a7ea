"""Parse the inputs that are plain values; what is wrong with one is the text of a ValueError."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Sequence
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: https://docs.creatoraudit.com/limits-and-quotas
MAX_LIMIT = 25
MAX_TIMEOUT = 300
#: Seconds: as long as a job may run.
MAX_MAX_TIME = 6 * 60 * 60

_Choice = TypeVar("_Choice", bound=str)
_VARIABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
#: From a file of RFC 9636: the default zone has to work where there is no time
#: zone database, as in a container of Alpine.
_TZIF = b"TZif" + bytes(16) + struct.pack(">6L", 0, 0, 0, 0, 1, 4) + bytes(6) + b"UTC\0"
_UTC = ZoneInfo.from_file(io.BytesIO(_TZIF), key="UTC")


def variable(name: str) -> str:
    """
    Return the environment variable that carries an input.

    >>> variable("api-key")
    'DIGEST_API_KEY'
    """
    return f"DIGEST_{name.upper().replace('-', '_')}"


def mismatch(expected: str, given: str) -> str:
    """Return what was expected and what was given."""
    return f"expected {expected}, got {given!r}"


def choice(text: str, choices: Sequence[_Choice]) -> _Choice:
    """Return the one of *choices* that *text* is."""
    for one in choices:
        if one == text:
            return one
    *first, last = choices
    raise ValueError(mismatch(f"{', '.join(first)} or {last}", text))


def boolean(text: str) -> bool:
    """Return true or false, of exactly these words."""
    if text not in ("true", "false"):
        raise ValueError(mismatch("true or false", text))
    return text == "true"


def limit(text: str) -> int:
    """Return how many creators."""
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise ValueError(mismatch(f"a whole number from 1 to {MAX_LIMIT}", text))
    return int(text)


def timeout(text: str) -> float:
    """Return seconds for a request."""
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", text) or not 0 < float(text) <= MAX_TIMEOUT:
        raise ValueError(mismatch(f"a number of seconds, more than 0 and at most {MAX_TIMEOUT}", text))
    return float(text)


def max_time(text: str) -> float:
    """Return seconds for all of it."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= MAX_MAX_TIME:
        raise ValueError(mismatch(f"a whole number of seconds from 1 to {MAX_MAX_TIME}", text))
    return float(text)


def timezone(text: str) -> ZoneInfo:
    """Return a zone of the machine's database; UTC is known without."""
    try:
        return _UTC if text == _UTC.key else ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: "Europe" is a folder
        expected = "an IANA time zone, such as Europe/Paris, that this machine's time zone database has"
        raise ValueError(mismatch(expected, text)) from None


def variables(text: str) -> dict[str, str]:
    """Return the values by name, of lines `name=value`."""
    variables: dict[str, str] = {}
    faults = []
    for number, line in enumerate(text.splitlines(), start=1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not line.strip():
            continue
        if not equals or not _VARIABLE_NAME.fullmatch(name):
            expected = "name=value, with a name of letters, digits and _ that starts with a letter"
            faults.append(f"line {number}: {mismatch(expected, line.strip())}")
        elif name in variables:
            faults.append(f"line {number}: {name!r} is given twice; keep one")
        variables[name] = value
    if faults:
        raise ValueError("\n".join(faults))
    return variables
