"""Show the whole line on one machine: stand-in API, real action, stand-in chat."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from digest.standin import API_KEY, CreatorAudit, Receiver, serving


def demo(log: TextIO, main: Callable[..., int]) -> int:
    """
    Run the job against stand-ins, print what the chat received, and return the exit code.

    Args:
        main:
            `digest.cli.main`, which starts this and so cannot be imported here.
    """
    import httpx

    chat = Receiver()
    with (
        tempfile.TemporaryDirectory(prefix="creatoraudit-digest-demo-") as folder,
        serving(CreatorAudit()) as api,
        serving(chat) as hook,
    ):
        environ = {
            "DIGEST_API_KEY": API_KEY,
            "DIGEST_WEBHOOK_URL": f"{hook}/hooks/demo_0123456789",
            "DIGEST_BASE_URL": f"{api}/v2",
            "RUNNER_TEMP": folder,
            "GITHUB_STEP_SUMMARY": str(Path(folder, "summary.md")),
        }
        log.write("What the runner's log shows:\n\n")
        # Of its own, as the one that main makes would ask a proxy of this machine for the loopback.
        code = main([], environ, log, transport=httpx.HTTPTransport(trust_env=False))
    for request in chat.received:
        log.write("\nWhat the chat received:\n\n")
        log.write(f"{json.loads(request.body)['text']}\n")
    return code
