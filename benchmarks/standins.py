"""
Serve the stand-in API and chat in a process of their own, each answer late by a fixed time.

`python -m benchmarks.standins MILLISECONDS` prints the root of the API and the
URL of the webhook as JSON, serves until its standard input ends, and then
prints how many messages with a text the chat got.
"""

from __future__ import annotations

import json
import sys
import time

from digest.standin import App, CreatorAudit, Receiver, Reply, Request, serving


def main(milliseconds: int) -> None:
    """Serve until standard input ends, which it also does when the parent dies."""
    chat = Receiver()
    with serving(_late(CreatorAudit(), milliseconds)) as api, serving(_late(chat, milliseconds)) as hook:
        print(json.dumps({"api": f"{api}/v2", "webhook": f"{hook}/hooks/bench_0123456789"}), flush=True)
        sys.stdin.read()
    print(sum(bool(request.json()["text"]) for request in chat.received), flush=True)


def _late(app: App, milliseconds: int) -> App:
    def answer(request: Request) -> Reply:
        time.sleep(milliseconds / 1000)
        return app(request)

    return answer


if __name__ == "__main__":
    main(int(sys.argv[1]))
