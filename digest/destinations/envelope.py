"""
Zapier, Make, n8n and any other receiver of JSON: the message in every form, under stable names.

| name | content |
| --- | --- |
| `text` | plain text |
| `markdown` | CommonMark with tables |
| `html` | a page for a mail |
| `title` | the headline, plain |
| `data` | what the template saw |
| `id` | the same for each try of this message, and the `Idempotency-Key` |
| `sent_at` | ISO 8601, UTC |
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import SplitResult

from digest.answer import Answer
from digest.destinations.markup import Dialect, backslashed, bracketed, markup
from digest.destinations.plain import plain
from digest.destinations.protocol import Endpoint, Message, Payload, Verdict, nothing_to_check, usual_verdict
from digest.mail import page

#: The key lets a receiver drop what it has; one that ignores it is the team's own.
idempotent = True
pause = 0.0
check = nothing_to_check

#: CommonMark with GitHub's tables and strikethrough. Not what the template
#: rendered: who passes it on to a chat must not call anybody.
_DIALECT = Dialect(
    strong="**",
    emphasis="*",
    strike="~~",
    escape=backslashed,
    guard="\\",
    link=bracketed,
    address="<{}>",
    headings=6,
    tables=True,
)


def claims(_url: SplitResult) -> bool:
    """Claim nothing: this is what a URL is when no other destination knows it."""
    return False


def payloads(message: Message, _url: SplitResult) -> Sequence[Payload]:
    """Return one part: there is no limit to keep."""
    return [
        Payload(
            {
                "text": plain(message.blocks),
                "markdown": markup(message.blocks, _DIALECT),
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


def verdict(answer: Answer) -> Verdict:
    """Take any 2xx for a yes."""
    if answer.status == 404 and "not registered" in answer.text:  # noqa: PLR2004 - as n8n says it
        return Verdict("refused", advice="switch the workflow on, and use the URL for production, not that for tests")
    return usual_verdict(answer)
