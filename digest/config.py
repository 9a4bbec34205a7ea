"""Turn the action's inputs into one validated `Config`, or name every bad input at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar, cast
from zoneinfo import ZoneInfo

from digest.address import NOT_SHOWN, parse_url
from digest.destinations import DESTINATIONS, detect
from digest.errors import InputError
from digest.inputs import boolean, choice, limit, max_time, mismatch, timeout, timezone, variable, variables
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

Overflow: TypeAlias = Literal["split", "truncate"]
OnStale: TypeAlias = Literal["note", "warn", "skip", "fail", "ignore"]
OnRerun: TypeAlias = Literal["post", "skip"]
OVERFLOW: Sequence[Overflow] = ("split", "truncate")
ON_STALE: Sequence[OnStale] = ("note", "warn", "skip", "fail", "ignore")
ON_RERUN: Sequence[OnRerun] = ("post", "skip")

_Value = TypeVar("_Value")
_PRINTABLE = re.compile(r"[!-~]+")
_KIND_AND_URL = re.compile(r"(?:([A-Za-z-]{1,20})\s+)?(\S.*)")


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
        dry_run = inputs.read("dry-run", boolean)
        workspace = Path(environ.get("GITHUB_WORKSPACE") or ".")
        period = inputs.read("period", lambda text: choice(text, tuple(TITLES)))
        config = cls(
            api_key=inputs.read("api-key", lambda text: _api_key(text, environ)),
            webhooks=inputs.read("webhook-url", lambda text: _webhooks(text, environ, dry_run=dry_run)),
            template=inputs.read("template", lambda text: _template(text, workspace)),
            period=period,
            limit=inputs.read("limit", limit),
            title=inputs.given("title") or TITLES.get(period, ""),
            timezone=inputs.read("timezone", timezone),
            variables=inputs.read("variables", variables),
            dry_run=dry_run,
            base_url=inputs.read("base-url", _base_url),
            timeout=inputs.read("timeout", timeout),
            overflow=inputs.read("overflow", lambda text: choice(text, OVERFLOW)),
            on_stale=inputs.read("on-stale", lambda text: choice(text, ON_STALE)),
            max_time=inputs.read("max-time", max_time),
            github_token=inputs.read("github-token", _token),
            on_rerun=inputs.read("on-rerun", lambda text: choice(text, ON_RERUN)),
            inputs={name: inputs.given(name) for name in DEFAULTS},
        )
        inputs.raise_faults()
        return config


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


def _template(text: str, workspace: Path) -> TemplateFile:
    file = locate(text, workspace)
    file.read()
    return file


def _token(text: str) -> str:
    if text and not _PRINTABLE.fullmatch(text):
        message = "holds a space, a line break or a character outside ASCII; leave it out to use the workflow's own"
        raise ValueError(message)
    return text


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
        raise ValueError(mismatch(f"URL, or KIND URL with a kind of {', '.join(DESTINATIONS)}", kind))
    url = parse_url(text)
    kind = kind or detect(url)
    DESTINATIONS[kind].check(url)
    return Webhook(kind, url.hostname or "", text)


def _base_url(text: str) -> str:
    url = parse_url(text)
    if url.query or url.fragment:
        message = f"expected the API's root without ? and #; {NOT_SHOWN}"
        raise ValueError(message)
    return text.rstrip("/")


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
