"""
Play each chat: take what the real one takes, refuse what it refuses, answer as it does.

`digest.chats.kinds` is the data, one entry for each kind of
`digest.destinations`; `digest.chats.rules` reads messages as the chats do, and
`digest.chats.replies` answers in their words. Where a vendor does not say, the
strictest report is followed. The modules of the destinations name the sources.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from digest.chats.kinds import CHATS, Manners
from digest.chats.replies import ANYWHERE, SILENCE
from digest.chats.rules import Body, read
from digest.standin import Reply, Request

__all__ = ["ANYWHERE", "CHATS", "SILENCE", "Body", "Chat", "Manners"]


class Chat:
    """
    A chat of some kind, and what came of each request.

    Attributes:
        received:
            The requests, in the order of their arrival.
        shown:
            What people in the channel see.
    """

    def __init__(self, kind: str, faults: Sequence[str] = (), *, lacking: Sequence[str] = ()) -> None:
        """
        Play a chat of *kind*.

        Args:
            faults:
                What befalls the first requests, one each: the names of replies,
                `silence`, or nothing if empty.
            lacking:
                The features that it lacks.
        """
        self._manners = CHATS[kind]
        self._replies = {**ANYWHERE, **self._manners.replies}
        self._faults = deque(self._replies[name] if name else None for name in faults)
        self._rules = [*(self._manners.lacking[feature] for feature in lacking), *self._manners.rules]
        self._answered: dict[str, Reply] = {}
        self.received: list[Request] = []
        self.shown: list[Body] = []

    def __call__(self, request: Request) -> Reply:
        """Answer *request*."""
        self.received.append(request)
        fault = self._faults.popleft() if self._faults else None
        if fault is None:
            return self._judge(request)
        if fault is SILENCE:
            self._judge(request)  # worst of all: the message was taken
        return fault

    def _judge(self, request: Request) -> Reply:
        body = read(request.body)
        if request.method != "POST":
            return self._replies["method not allowed"]
        if body is None:
            return self._replies[self._manners.unread]
        refusal = next((name for name, rule in self._rules if rule(request, body)), None)
        return self._take(request, body) if refusal is None else self._replies[refusal]

    def _take(self, request: Request, body: Body) -> Reply:
        """Show the message, unless one of the same name was taken before: that one is answered again."""
        name = self._manners.name(request)
        if name in self._answered:
            return self._answered[name]
        reply = self._manners.takes(request, len(self.shown))
        self.shown += self._manners.shows(body)
        if name:
            self._answered[name] = reply
        return reply
