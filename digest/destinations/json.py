"""Any receiver of JSON: `{"text": message}`, as the API's own tutorial posts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult

from digest.destinations.protocol import Message


def claims(_url: SplitResult) -> bool:
    """Claim nothing: this is what a URL is when no other destination knows it."""
    return False


def payloads(message: Message) -> Sequence[Mapping[str, Any]]:
    """Return one body."""
    return [{"text": message.markdown}]


def accepted(status: int, _body: bytes) -> bool:
    """Return whether the status is any 2xx."""
    return 200 <= status < 300  # noqa: PLR2004 - RFC 9110, section 15.3
