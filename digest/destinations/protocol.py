"""What every destination provides, and what it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import SplitResult


@dataclass(frozen=True, slots=True)
class Message:
    """
    What is to be said, in no chat's own form.

    Attributes:
        title:
            The headline, as one line of plain text.
        markdown:
            The whole message, its headline included, as CommonMark.
    """

    title: str
    markdown: str


class Destination(Protocol):
    """What every module of this package provides."""

    def claims(self, url: SplitResult) -> bool:
        """Return whether *url*, whose host is lower case, is a webhook of this chat."""

    def payloads(self, message: Message) -> Sequence[Mapping[str, Any]]:
        """Return the JSON bodies to post, in order; at least one."""

    def accepted(self, status: int, body: bytes) -> bool:
        """Return whether the chat took the message; a 2xx alone may prove nothing."""
