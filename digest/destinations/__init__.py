"""
Turn a message into the bodies that each chat takes: one module a chat, one dict.

A destination is a module that provides what `Destination` asks for. Adding a
chat is one file, one entry here, one golden folder and one row in the README.
"""

from __future__ import annotations

import re
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


#: Hosts of the chats, wherever they stand: in another host's name, or in a path.
_RESEMBLES = re.compile(
    r"(?<![a-z0-9])(hooks\.slack(-gov)?\.com|discord(app)?\.com|(webhook|outlook)\.office(365)?\.com|logic\.azure\.com"
    r"|powerplatform\.com|powerautomate\.com|chat\.googleapis\.com|api\.telegram\.org|webexapis\.com"
    r"|open\.(feishu\.cn|larksuite\.com|larkoffice\.com))(?![a-z0-9])"
)
#: Their receivers take JSON, and have paths like those of the self-hosted chats.
_AUTOMATION = re.compile(r"hooks\.zapier\.com|hook(\.[a-z]{2}\d)?\.(make|integromat)\.(com|celonis\.com)", re.ASCII)
_LIKE_A_HOOK = re.compile(r"(/[^/]+)*/hooks/[^/]+(/[^/]+)?/?")
_LIKE_ZULIP = re.compile(r"(/[^/]+)*/api/v1/external/.+")


def detect(url: SplitResult) -> str:
    """
    Return the kind of the destination that *url* belongs to; `json` if none claims it.

    Raises:
        ValueError:
            If it looks like a chat's, but is none that is known. A stand-in
            without TLS may look as it likes.
    """
    kind = next((kind for kind, destination in DESTINATIONS.items() if destination.claims(url)), "json")
    if kind == "json" and url.scheme == "https" and not _AUTOMATION.fullmatch(url.hostname or ""):
        _check_unclaimed(url)
    return kind


def _check_unclaimed(url: SplitResult) -> None:
    message = ""
    if _RESEMBLES.search(f"{url.hostname}{url.path}"):
        message = "the URL looks like one of a chat, but host or port is another; copy it again, or write `KIND URL`"
    elif _LIKE_ZULIP.fullmatch(url.path):
        message = "of Zulip's integrations the Slack-compatible one is needed, whose path ends in /slack_incoming"
    elif _LIKE_A_HOOK.fullmatch(url.path):
        message = (
            "several self-hosted chats have such paths; write which one it is in front:"
            " `mattermost URL`, `rocketchat URL` or, for any other receiver, `json URL`"
        )
    if message:
        raise ValueError(message)
