"""Post messages to webhooks: all destinations at the same time, the parts of one in order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

import httpx

from digest.answer import Answer
from digest.clock import Clock
from digest.config import Webhook
from digest.destinations import DESTINATIONS, Message
from digest.destinations.protocol import Payload, Verdict
from digest.exchange import Outcome, exchange
from digest.masks import hidden_text, of_url
from digest.text import clean
from digest.together import together

#: Bytes. Chats answer with a word or a short object.
MAX_BODY = 64 * 1024
#: Characters of a server's own words that are shown.
_QUOTED = 200
_MAY_BE_POSTED = "the message may have been posted: look into the chat before you re-run the job"


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
            `accepted`; `failed`; `unknown` if the answer was lost after the
            message was sent, so that it may have been posted; `skipped` if it
            was not to be posted.
        parts:
            How many parts were accepted.
        attempts:
            How many requests were made for all parts.
        error:
            What went wrong and what to do, or empty.
        note:
            What to know of a message that was accepted or skipped, or empty.
        truncated:
            Whether the message was too long, so that its end was left out.
    """

    kind: str
    host: str
    status: Literal["accepted", "failed", "unknown", "skipped"]
    parts: int
    attempts: int
    error: str = ""
    note: str = ""
    truncated: bool = False


def deliver(chats: httpx.Client, message: Message, webhooks: Sequence[Webhook], clock: Clock) -> list[Result]:
    """Post *message* to every webhook; return how each ended, in the order given."""
    tasks = [(partial(_deliver, chats, message, webhook, clock), clock) for webhook in webhooks]
    ended = zip(webhooks, together(tasks), strict=True)
    return [future.result() if future.done() else _hanging(webhook, clock) for webhook, future in ended]


def skipped(webhook: Webhook, why: str) -> Result:
    """Return the result of a delivery that was not to be."""
    return Result(webhook.kind, webhook.host, "skipped", parts=0, attempts=0, note=why)


def _hanging(webhook: Webhook, clock: Clock) -> Result:
    error = f"no answer, and {clock.over()}; {_MAY_BE_POSTED}"
    return Result(webhook.kind, webhook.host, "unknown", parts=0, attempts=1, error=error)


def _deliver(chats: httpx.Client, message: Message, webhook: Webhook, clock: Clock) -> Result:
    """Post the parts in order; a part is not sent after one that was not accepted."""
    destination = DESTINATIONS[webhook.kind]
    payloads = destination.payloads(message, urlsplit(webhook.url))
    total = Result(webhook.kind, webhook.host, "accepted", parts=0, attempts=0)
    for part, payload in enumerate(payloads):
        if part:
            clock.sleep(destination.pause)
        sent = _send(chats, webhook, payload, f"{message.id}-{part}", clock)
        total = replace(sent, parts=total.parts + sent.parts, attempts=total.attempts + sent.attempts)
        if total.status != "accepted":
            return total
    return replace(total, truncated=any(payload.omitted for payload in payloads))


def _send(chats: httpx.Client, webhook: Webhook, payload: Payload, part_id: str, clock: Clock) -> Result:
    """Post one part, in simpler and simpler form while the chat asks for that."""
    destination, secrets = DESTINATIONS[webhook.kind], of_url(webhook.url)
    endpoint = destination.endpoint(webhook.url, part_id)
    result = Result(webhook.kind, webhook.host, "failed", parts=0, attempts=0)
    for body in (payload.body, *payload.simpler):
        if result.attempts:
            clock.sleep(destination.pause)
        outcome = exchange(
            chats,
            chats.build_request("POST", endpoint.url, json=body, headers=endpoint.headers),
            limit=MAX_BODY,
            repeatable=destination.idempotent,
            clock=clock,
            secrets=secrets,
            wait=lambda answer: _wait(destination.verdict(answer)),
        )
        verdict = None if outcome.answer is None else destination.verdict(outcome.answer)
        result = _result(result, outcome, verdict, secrets)
        if verdict is None or verdict.outcome != "simplify":
            break
    return result


def _wait(verdict: Verdict) -> float | None:
    return verdict.wait if verdict.outcome == "busy" else None


def _result(before: Result, outcome: Outcome, verdict: Verdict | None, secrets: Collection[str]) -> Result:
    """Return how the part stands after one more exchange."""
    result = replace(before, attempts=before.attempts + outcome.attempts)
    accepted = verdict is not None and verdict.outcome == "accepted"
    if outcome.unknown and not accepted:
        error = f"{outcome.failure}; {_MAY_BE_POSTED}"
        return replace(result, status="unknown", error=error)
    if outcome.answer is None or verdict is None:
        return replace(result, error=f"{outcome.failure}; check the runner's network, then re-run the job")
    if verdict.outcome == "accepted":
        return replace(result, status="accepted", parts=1, error="", note=verdict.advice)
    return replace(result, error=_refusal(outcome.answer, outcome.failure, verdict.advice, secrets))


def _refusal(answer: Answer, failure: str, advice: str, secrets: Collection[str]) -> str:
    """Return status, the server's own words, and what to do, in one line."""
    # Once more: without its control characters a secret may be whole again.
    words = clean(hidden_text(clean(answer.text, longest=MAX_BODY), secrets), longest=_QUOTED)
    said = f"answered {answer.status}" + (f": {words}" if words else "") + (f" ({failure})" if failure else "")
    return f"{said}; {advice}"
