"""What every destination provides, and what it is given."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import SplitResult

from digest.answer import BUSY, Answer
from digest.document import Block

#: What to do when a chat stays busy.
BUSY_ADVICE = "the chat is busy or out of order; re-run the job later"
TOO_LONG_ADVICE = "the message is too long for this chat; lower `limit` or shorten the template"


@dataclass(frozen=True, slots=True)
class Message:
    """
    What is to be said, in no chat's own form.

    Attributes:
        title:
            The headline, as one line of plain text.
        markdown:
            The whole message, its headline included, as CommonMark.
        blocks:
            The same as a tree.
        data:
            What the template saw, as JSON can hold it.
        id:
            The same for each try to send this message, and no other's.
        sent_at:
            The time of the run, ISO 8601 in UTC.
        overflow:
            What to do with a message that is too long for a chat.
        more_url:
            Where the whole message can be read, or None.
    """

    title: str
    markdown: str
    blocks: tuple[Block, ...]
    data: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    sent_at: str = ""
    overflow: Literal["split", "truncate"] = "split"
    more_url: str | None = None


@dataclass(frozen=True, slots=True)
class Payload:
    """
    One part of a message as a chat takes it.

    Attributes:
        body:
            The JSON body to post.
        simpler:
            Bodies that say the same with less, to be tried in turn when the
            chat refuses the one before.
        omitted:
            How many visible characters were left out after this part.
    """

    body: Mapping[str, Any]
    simpler: tuple[Mapping[str, Any], ...] = ()
    omitted: int = 0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a part goes: the URL, which is a secret, and headers of its own."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What an answer means.

    Attributes:
        outcome:
            `accepted`; `busy`, so that the same may be sent again; `simplify`,
            so that a simpler body may be taken; or `refused`.
        wait:
            Seconds to wait at least, if busy.
        advice:
            What the user should do, if it stays so; of an accepted message,
            what to know.
    """

    outcome: Literal["accepted", "busy", "simplify", "refused"]
    wait: float = 0.0
    advice: str = ""


class Destination(Protocol):
    """
    What every module of this package provides.

    Attributes:
        idempotent:
            Whether the chat drops a part that it already has, so that a part
            whose answer was lost may be sent again.
        pause:
            Seconds between two parts.
    """

    idempotent: bool
    pause: float

    def claims(self, url: SplitResult, /) -> bool:
        """Return whether *url*, whose host is lower case, is a webhook of this chat."""

    def check(self, url: SplitResult, /) -> None:
        """Raise ValueError, with what to do, if *url* cannot work; never show any of it."""

    def payloads(self, message: Message, url: SplitResult, /) -> Sequence[Payload]:
        """Return the parts to post, in order; at least one, each within the chat's limits."""

    def endpoint(self, url: str, part_id: str, /) -> Endpoint:
        """Return where to post a part; *part_id* is the same for each try of that part."""

    def verdict(self, answer: Answer, /) -> Verdict:
        """Return what *answer* means; a 2xx alone may prove nothing."""


def nothing_to_check(_url: SplitResult) -> None:
    """Find no fault, for a chat all of whose URLs look alike."""


def is_at(url: SplitResult, host: re.Pattern[str]) -> bool:
    """Return whether *url* is on a chat's own *host*, where that is served."""
    return bool(host.fullmatch(url.hostname or "")) and url.port in (None, 443)


def check_path(url: SplitResult, host: re.Pattern[str], path: re.Pattern[str], expected: str) -> None:
    """Raise ValueError if *url* is on a chat's own *host*, but has another *path* than its webhooks."""
    if is_at(url, host) and not path.fullmatch(url.path):
        message = f"not the URL of a webhook of this chat, whose path is {expected}; copy it again"
        raise ValueError(message)


def as_given(url: str, _part_id: str) -> Endpoint:
    """Post to the webhook's own URL."""
    return Endpoint(url)


def usual_verdict(answer: Answer) -> Verdict:
    """Judge by the status alone."""
    if answer.success:
        return Verdict("accepted")
    if answer.status in BUSY:
        return Verdict("busy", advice=BUSY_ADVICE)
    return Verdict("refused", advice=usual_advice(answer.status))


def usual_advice(status: int) -> str:
    """Return what to do about a refusal of that status."""
    if status in (401, 403, 404, 410):
        return "the webhook was removed or may not post; make a new one and put its URL into the secret"
    if 300 <= status < 400:  # noqa: PLR2004 - RFC 9110, section 15.4
        return "redirects are not followed; put the final URL into the secret"
    if status == 413:  # noqa: PLR2004 - content too large
        return TOO_LONG_ADVICE
    return "the receiver did not like the message; check that the URL is of this kind of chat"
