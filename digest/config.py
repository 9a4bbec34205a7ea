"""Turn the action's inputs into one validated `Config`, or name every bad input at once."""

from __future__ import annotations

import contextlib
import io
import ipaddress
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar, cast
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from digest.destinations import DESTINATIONS, detect
from digest.errors import InputError
from digest.templates import TemplateFile, locate

#: The defaults of action.yml; a test compares them. An input that is given but
#: empty, as `${{ vars.UNSET }}` is, counts as not given.
DEFAULTS: Mapping[str, str] = {
    "api-key": "",
    "webhook-url": "",
    "template": "weekly.md.j2",
    "period": "7d",
    "limit": "5",
    "title": "",
    "timezone": "UTC",
    "variables": "",
    "dry-run": "false",
    "base-url": "https://api.creatoraudit.com/v2",
    "timeout": "30",
    "overflow": "split",
    "on-stale": "note",
    "max-time": "300",
    "github-token": "",
    "on-rerun": "post",
}
#: The headline when `title` is empty, by period: the only periods the API knows.
#: https://docs.creatoraudit.com/api-reference/overview/organization-overview-stats
TITLES: Mapping[str, str] = {
    "7d": "CreatorAudit — weekly recap",
    "30d": "CreatorAudit — monthly recap",
    "90d": "CreatorAudit — quarterly recap",
}
#: https://docs.creatoraudit.com/limits-and-quotas
MAX_LIMIT = 25
MAX_TIMEOUT = 300
#: Seconds: as long as a job may run.
MAX_MAX_TIME = 6 * 60 * 60
#: Characters. Shorter ones would be masked all over the log.
_SHORTEST_MASK = 8
#: Words such as `messages`, the end of each Google Chat URL, are no secrets.
_LONGEST_WORD = 15

Overflow: TypeAlias = Literal["split", "truncate"]
OnStale: TypeAlias = Literal["note", "warn", "skip", "fail", "ignore"]
OnRerun: TypeAlias = Literal["post", "skip"]
OVERFLOW: Sequence[Overflow] = ("split", "truncate")
ON_STALE: Sequence[OnStale] = ("note", "warn", "skip", "fail", "ignore")
ON_RERUN: Sequence[OnRerun] = ("post", "skip")

_Value = TypeVar("_Value")
_Choice = TypeVar("_Choice", bound=str)
_VARIABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PRINTABLE = re.compile(r"[!-~]+")
_HOST_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_MAX_HOST = 253
_NOT_SHOWN = "the one given is not shown, as it may hold a secret"
_KIND_AND_URL = re.compile(r"(?:([A-Za-z-]{1,20})\s+)?(\S.*)")
#: From a file of RFC 9636: the default zone has to work where there is no time
#: zone database, as in a container of Alpine.
_TZIF = b"TZif" + bytes(16) + struct.pack(">6L", 0, 0, 0, 0, 1, 4) + bytes(6) + b"UTC\0"
_UTC = ZoneInfo.from_file(io.BytesIO(_TZIF), key="UTC")


@dataclass(frozen=True, slots=True)
class Webhook:
    """
    One destination of the message.

    Attributes:
        kind:
            A key of `digest.destinations.DESTINATIONS`.
        host:
            The host to show in reports.
        url:
            The whole URL: a secret.
    """

    kind: str
    host: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Config:
    """
    The inputs of one run; action.yml says what each is for.

    Attributes:
        webhooks:
            In the order given; empty only in a dry run.
        title:
            Never empty.
        timeout, max_time:
            Seconds.
        github_token:
            May be empty.
        inputs:
            All inputs as they were given, secrets included.
    """

    api_key: str = field(repr=False)
    webhooks: tuple[Webhook, ...]
    template: TemplateFile
    period: str
    limit: int
    title: str
    timezone: ZoneInfo
    variables: Mapping[str, str]
    dry_run: bool
    base_url: str
    timeout: float
    overflow: Overflow
    on_stale: OnStale
    max_time: float
    github_token: str = field(repr=False)
    on_rerun: OnRerun
    inputs: Mapping[str, str] = field(repr=False)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Config:
        """
        Read the inputs from the `DIGEST_*` variables that action.yml sets.

        Raises:
            InputError:
                If any is missing or malformed; one fault for each, which never
                holds a secret.
        """
        inputs = _Inputs(environ)
        dry_run = inputs.read("dry-run", _boolean)
        workspace = Path(environ.get("GITHUB_WORKSPACE") or ".")
        period = inputs.read("period", _period)
        config = cls(
            api_key=inputs.read("api-key", lambda text: _api_key(text, environ)),
            webhooks=inputs.read("webhook-url", lambda text: _webhooks(text, environ, dry_run=dry_run)),
            template=inputs.read("template", lambda text: _template(text, workspace)),
            period=period,
            limit=inputs.read("limit", _limit),
            title=inputs.given("title") or TITLES.get(period, ""),
            timezone=inputs.read("timezone", _timezone),
            variables=inputs.read("variables", _variables),
            dry_run=dry_run,
            base_url=inputs.read("base-url", _base_url),
            timeout=inputs.read("timeout", _timeout),
            overflow=inputs.read("overflow", lambda text: _choice(text, OVERFLOW)),
            on_stale=inputs.read("on-stale", lambda text: _choice(text, ON_STALE)),
            max_time=inputs.read("max-time", _max_time),
            github_token=inputs.read("github-token", _token),
            on_rerun=inputs.read("on-rerun", lambda text: _choice(text, ON_RERUN)),
            inputs={name: inputs.given(name) for name in DEFAULTS},
        )
        inputs.raise_faults()
        return config


def variable(name: str) -> str:
    """
    Return the environment variable that carries an input.

    >>> variable("api-key")
    'DIGEST_API_KEY'
    """
    return f"DIGEST_{name.upper().replace('-', '_')}"


def secrets(environ: Mapping[str, str]) -> list[str]:
    """
    Return all that the log must mask, longest first, whether or not the inputs are valid.

    GitHub masks registered secrets, but no parts of them: the path of a
    webhook's URL is as good as the whole.
    """
    found = {environ.get(variable(name), "").strip() for name in ("api-key", "github-token")}
    for line in environ.get(variable("webhook-url"), "").splitlines():
        url = "".join(line.split()[-1:])
        found |= {line.strip(), url, *_secret_parts(url)}
    return sorted((text for text in found if len(text) >= _SHORTEST_MASK), key=lambda text: (-len(text), text))


def _secret_parts(url: str) -> Iterator[str]:
    _, _, after_scheme = url.partition("://")
    path = after_scheme[after_scheme.find("/") :] if "/" in after_scheme else ""
    yield path
    path, _, query = path.partition("?")
    yield path
    yield query
    words = [path.rstrip("/").rpartition("/")[2], *(pair.partition("=")[2] for pair in query.split("&"))]
    yield from (word for word in words if len(word) > _LONGEST_WORD or not word.isalpha())


class _Inputs:
    """Read inputs one by one, and keep the faults for the end."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._faults: list[str] = []

    def given(self, name: str) -> str:
        return self._environ.get(variable(name), "").strip() or DEFAULTS[name]

    def read(self, name: str, parse: Callable[[str], _Value]) -> _Value:
        """Return the parsed input; after a fault, nothing that may be used: call `raise_faults`."""
        try:
            return parse(self.given(name))
        except ValueError as fault:
            self._faults += [f"{name}: {line}" for line in str(fault).splitlines()]
            return cast("_Value", None)

    def raise_faults(self) -> None:
        if self._faults:
            raise InputError(*self._faults)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(_expected("true or false", text))
    return text == "true"


def _period(text: str) -> str:
    if text not in TITLES:
        raise ValueError(_expected("7d, 30d or 90d", text))
    return text


def _limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise ValueError(_expected(f"a whole number from 1 to {MAX_LIMIT}", text))
    return int(text)


def _timeout(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", text) or not 0 < float(text) <= MAX_TIMEOUT:
        raise ValueError(_expected(f"a number of seconds, more than 0 and at most {MAX_TIMEOUT}", text))
    return float(text)


def _choice(text: str, choices: Sequence[_Choice]) -> _Choice:
    for choice in choices:
        if choice == text:
            return choice
    *first, last = choices
    raise ValueError(_expected(f"{', '.join(first)} or {last}", text))


def _max_time(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= MAX_MAX_TIME:
        raise ValueError(_expected(f"a whole number of seconds from 1 to {MAX_MAX_TIME}", text))
    return float(text)


def _token(text: str) -> str:
    if text and not _PRINTABLE.fullmatch(text):
        message = "holds a space, a line break or a character outside ASCII; leave it out to use the workflow's own"
        raise ValueError(message)
    return text


def _timezone(text: str) -> ZoneInfo:
    try:
        return _UTC if text == _UTC.key else ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: "Europe" is a folder
        expected = "an IANA time zone, such as Europe/Paris, that this machine's time zone database has"
        raise ValueError(_expected(expected, text)) from None


def _variables(text: str) -> dict[str, str]:
    variables: dict[str, str] = {}
    faults = []
    for number, line in enumerate(text.splitlines(), start=1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not line.strip():
            continue
        if not equals or not _VARIABLE_NAME.fullmatch(name):
            expected = "name=value, with a name of letters, digits and _ that starts with a letter"
            faults.append(f"line {number}: {_expected(expected, line.strip())}")
        elif name in variables:
            faults.append(f"line {number}: {name!r} is given twice; keep one")
        variables[name] = value
    if faults:
        raise ValueError("\n".join(faults))
    return variables


def _template(text: str, workspace: Path) -> TemplateFile:
    file = locate(text, workspace)
    file.read()
    return file


def _api_key(text: str, environ: Mapping[str, str]) -> str:
    if not text:
        raise ValueError(_empty_secret("CREATORAUDIT_API_KEY", environ))
    if not _PRINTABLE.fullmatch(text):
        message = "holds a space, a line break or a character outside ASCII; paste the key into the secret again"
        raise ValueError(message)
    return text


def _webhooks(text: str, environ: Mapping[str, str], *, dry_run: bool) -> tuple[Webhook, ...]:
    if not text and not dry_run:
        raise ValueError(_empty_secret("DIGEST_WEBHOOK_URL", environ))
    webhooks, faults = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            webhooks += [_webhook(line.strip())] if line.strip() else []
        except ValueError as fault:
            faults.append(f"line {number}: {fault}")
    if faults:
        raise ValueError("\n".join(faults))
    return tuple(webhooks)


def _webhook(line: str) -> Webhook:
    match = _KIND_AND_URL.fullmatch(line)
    kind, text = match.groups() if match else (None, line)
    if kind is not None and kind not in DESTINATIONS:
        raise ValueError(_expected(f"URL, or KIND URL with a kind of {', '.join(DESTINATIONS)}", kind))
    url = _url(text)
    kind = kind or detect(url)
    DESTINATIONS[kind].check(url)
    return Webhook(kind, url.hostname or "", text)


def _base_url(text: str) -> str:
    url = _url(text)
    if url.query or url.fragment:
        message = f"expected the API's root without ? and #; {_NOT_SHOWN}"
        raise ValueError(message)
    return text.rstrip("/")


def _url(text: str) -> SplitResult:
    """
    Return *text* parsed, its host in lower case.

    Raises:
        ValueError:
            If it may not be called. Says why, but never what.
    """
    if not _PRINTABLE.fullmatch(text):
        message = "the URL holds a space or a character outside ASCII; copy it again"
        raise ValueError(message)
    url = _split(text)
    if url.scheme == "http" and not _is_loopback(url.hostname or ""):
        message = f"http:// is accepted for loopback hosts only, use https://; {_NOT_SHOWN}"
        raise ValueError(message)
    return url._replace(netloc=url.netloc.lower().rstrip("."))


def _split(text: str) -> SplitResult:
    with contextlib.suppress(ValueError):  # half an IPv6 address, a port that is no number
        url = urlsplit(text)
        if url.scheme in ("https", "http") and url.netloc.lower() == _authority(url.hostname or "", url.port):
            return url
    message = f"expected https://HOST/PATH, without a user name or a password; {_NOT_SHOWN}"
    raise ValueError(message)


def _authority(host: str, port: int | None) -> str | None:
    """Return how a URL writes *host* and *port*, or None if they are none."""
    if not _is_host(host) or port == 0:
        return None
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        # A last label of digits is what is left of an IPv4 address.
        names = all(_HOST_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit()
        return len(host) <= _MAX_HOST and names
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _expected(expected: str, given: str) -> str:
    return f"expected {expected}, got {given!r}"


def _empty_secret(secret: str, environ: Mapping[str, str]) -> str:
    """Return that an input made of a secret is empty, and why that usually is."""
    if environ.get("GITHUB_ACTOR") == "dependabot[bot]":
        why = "runs that Dependabot starts get no Actions secrets; run the digest on schedule only"
    elif environ.get("GITHUB_EVENT_NAME") in ("pull_request", "pull_request_review"):
        why = "pull requests from forks get no secrets; run the digest on schedule only"
    else:
        pass_it = f"${{{{ secrets.{secret} }}}}"
        why = f"add the secret to the repository, or name its environment in the job, and pass {pass_it}"
    return f"is empty; {why}"
