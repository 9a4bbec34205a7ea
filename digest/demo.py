"""Show the whole line on one machine: stand-in API, real action, stand-in chat."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from digest.chats import CHATS, Chat
from digest.standin import API_KEY, CreatorAudit, serving


def demo(log: TextIO, main: Callable[..., int], kind: str = "json") -> int:
    """
    Run the job against stand-ins, print what the chat received, and return the exit code.

    What a chat of some kind received can be pasted into that chat's own
    builder, as https://app.slack.com/block-kit-builder and
    https://adaptivecards.io/designer/ are.

    Args:
        main:
            `digest.cli.main`, which starts this and so cannot be imported here.
        kind:
            The kind of the chat; of `json`, the text alone is printed.
    """
    import httpx

    chat = Chat(kind)
    with (
        tempfile.TemporaryDirectory(prefix="creatoraudit-digest-demo-") as folder,
        serving(CreatorAudit()) as api,
        serving(chat) as hook,
    ):
        environ = {
            "DIGEST_API_KEY": API_KEY,
            "DIGEST_WEBHOOK_URL": f"{kind} {hook}{CHATS[kind].path}",
            "DIGEST_BASE_URL": f"{api}/v2",
            "RUNNER_TEMP": folder,
            "GITHUB_STEP_SUMMARY": str(Path(folder, "summary.md")),
        }
        log.write("What the runner's log shows:\n\n")
        # Of its own, as the one that main makes would ask a proxy of this machine for the loopback.
        code = main([], environ, log, transport=httpx.HTTPTransport(trust_env=False))
    for request in chat.received:
        log.write("\nWhat the chat received:\n\n")
        body = request.json()
        log.write(f"{body['text'] if kind == 'json' else json.dumps(body, ensure_ascii=False, indent=2)}\n")
    return code
