"""
Turn a message into the bodies that each chat takes: one module a chat, one dict.

A destination is a module that provides what `Destination` asks for. Adding a
chat is one file, one entry here, one golden folder and one row in the README.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult

from digest.destinations import (
    discord,
    envelope,
    google_chat,
    lark,
    mattermost,
    rocketchat,
    slack,
    slack_workflow,
    teams,
    telegram,
    webex,
    zulip,
)
from digest.destinations.protocol import Destination, Message

__all__ = ["DESTINATIONS", "Destination", "Message", "detect"]

#: The destinations, by the `KIND` that a line of `webhook-url` may start with.
#: They are asked in this order whether a URL is theirs, so those that know it
#: by its host stand before those that know it by its path.
DESTINATIONS: Mapping[str, Destination] = {
    "slack": slack,
    "slack-workflow": slack_workflow,
    "discord": discord,
    "teams": teams,
    "google-chat": google_chat,
    "telegram": telegram,
    "webex": webex,
    "lark": lark,
    "zulip": zulip,
    "rocketchat": rocketchat,
    "mattermost": mattermost,
    "json": envelope,
}


def detect(url: SplitResult) -> str:
    """Return the kind of the destination that *url* belongs to; `json` if none claims it."""
    return next((kind for kind, destination in DESTINATIONS.items() if destination.claims(url)), "json")
