"""Post messages to webhooks: all destinations at the same time, the parts of one in order."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import httpx

from digest.clock import Clock
from digest.config import Webhook
from digest.destinations import DESTINATIONS, Message
from digest.exchange import Answer, exchange
from digest.text import clean

#: Bytes. Chats answer with a word or a short object.
MAX_BODY = 64 * 1024
#: Characters of a server's own words that are shown.
_QUOTED = 200
#: A server of ours should not be met by hundreds of requests at once.
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Result:
    """
    How one delivery ended.

    Attributes:
        kind:
            The kind of the destination.
        host:
            Its host; never more of the URL.
        status:
            `accepted`, `failed`, or `unknown` if the answer was lost after the
            message was sent, so that it may have been posted.
        parts:
            How many parts were accepted.
        attempts:
            How many requests were made for all parts.
        error:
            What went wrong and what to do, or empty.
    """

    kind: str
    host: str
    status: Literal["accepted", "failed", "unknown"]
    parts: int
    attempts: int
    error: str = ""


def deliver(chats: httpx.Client, message: Message, webhooks: Sequence[Webhook], clock: Clock) -> tuple[Result, ...]:
    """Post *message* to every webhook; return how each ended, in the order given."""
    if not webhooks:
        return ()
    with ThreadPoolExecutor(max_workers=min(len(webhooks), _AT_ONCE)) as pool:
        return tuple(pool.map(lambda webhook: _deliver(chats, message, webhook, clock), webhooks))


def _deliver(chats: httpx.Client, message: Message, webhook: Webhook, clock: Clock) -> Result:
    destination = DESTINATIONS[webhook.kind]
    attempts = 0
    payloads = destination.payloads(message)
    for part, payload in enumerate(payloads):
        request = chats.build_request("POST", webhook.url, json=payload)
        outcome = exchange(chats, request, limit=MAX_BODY, repeatable=False, clock=clock)
        attempts += outcome.attempts
        answer = outcome.answer
        if answer is not None and destination.accepted(answer.status, answer.body):
            continue
        if outcome.unknown:
            error = f"{outcome.failure}; the message may have been posted: look into the chat before you re-run the job"
            return Result(webhook.kind, webhook.host, "unknown", part, attempts, error)
        error = outcome.failure if answer is None else _refusal(answer, outcome.failure)
        return Result(webhook.kind, webhook.host, "failed", part, attempts, error)
    return Result(webhook.kind, webhook.host, "accepted", len(payloads), attempts)


def _refusal(answer: Answer, failure: str) -> str:
    """Return status, the server's own words, and what to do, in one line."""
    words = clean(answer.body.decode("utf-8", "replace"), longest=_QUOTED)
    said = f"answered {answer.status}" + (f": {words}" if words else "") + (f" ({failure})" if failure else "")
    return f"{said}; {_advice(answer.status)}"


def _advice(status: int) -> str:
    if status in (401, 403, 404, 410):
        return "the webhook was removed or may not post; make a new one and put its URL into the secret"
    if 300 <= status < 400:  # noqa: PLR2004 - RFC 9110, section 15.4
        return "redirects are not followed; put the final URL into the secret"
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return "re-run the job later"
    return "the receiver did not like the message; check that the URL is of this kind"
