"""
Zapier, Make, n8n and any other receiver of JSON: the message in every form, under stable names.

| name | content |
| --- | --- |
| `text` | plain text |
| `markdown` | CommonMark |
| `html` | a page for a mail |
| `title` | the headline, plain |
| `data` | what the template saw |
| `id` | the same for each try of this message, and the `Idempotency-Key` |
| `sent_at` | ISO 8601, UTC |
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import SplitResult

from digest.destinations.plain import plain
from digest.destinations.protocol import Endpoint, Message, Payload, nothing_to_check, usual_verdict
from digest.mail import page

#: The key lets a receiver drop what it has; one that ignores it is the team's own.
idempotent = True
pause = 0.0
check = nothing_to_check
verdict = usual_verdict


def claims(_url: SplitResult) -> bool:
    """Claim nothing: this is what a URL is when no other destination knows it."""
    return False


def payloads(message: Message, _url: SplitResult) -> Sequence[Payload]:
    """Return one part: there is no limit to keep."""
    return [
        Payload(
            {
                "text": plain(message.blocks),
                "markdown": message.markdown,
                "html": page(message.title, message.blocks),
                "title": message.title,
                "data": message.data,
                "id": message.id,
                "sent_at": message.sent_at,
            }
        )
    ]


def endpoint(url: str, part_id: str) -> Endpoint:
    """Name the message in a header."""
    return Endpoint(url, {"Idempotency-Key": part_id})
