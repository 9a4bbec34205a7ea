"""
Turn a message into the bodies that each chat takes: one module a chat, one dict.

A destination is a module that provides what `Destination` asks for. Adding a
chat is one file, one entry here, one golden folder and one row in the README.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult

from digest.destinations import json
from digest.destinations.protocol import Destination, Message

__all__ = ["DESTINATIONS", "Destination", "Message", "detect"]

#: The destinations, by the `KIND` that a line of `webhook-url` may start with.
#: They are asked in this order whether a URL is theirs.
DESTINATIONS: Mapping[str, Destination] = {"json": json}


def detect(url: SplitResult) -> str:
    """Return the kind of the destination that *url* belongs to; `json` if none claims it."""
    return next((kind for kind, destination in DESTINATIONS.items() if destination.claims(url)), "json")
