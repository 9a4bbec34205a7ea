"""Time as an argument: what is now, how to wait, and how to spread waits."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True)
class Clock:
    """
    The clock of one run; tests pass one that does not wait.

    Attributes:
        now:
            The current time, aware, in UTC.
        monotonic:
            Seconds since some fixed moment; never goes back.
        sleep:
            Wait that many seconds.
        jitter:
            A random number from 0 to 1, so that many runs that failed together
            do not try again together.
        stopped:
            Whether the run was cancelled, so that nothing new is begun.
        deadline:
            When time is up, in the seconds of `monotonic`.
    """

    now: Callable[[], datetime] = _utc_now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    stopped: Callable[[], bool] = bool
    deadline: float = math.inf

    def left(self) -> float:
        """Return the seconds until time is up; 0 once the run was cancelled."""
        return 0.0 if self.stopped() else max(0.0, self.deadline - self.monotonic())

    def over(self) -> str:
        """Return why there is no time left."""
        return "the run was cancelled" if self.stopped() else "the time for it is up"

    def within(self, seconds: float) -> Clock:
        """Return a clock whose time is up in that many seconds, or when this one's is."""
        return replace(self, deadline=min(self.deadline, self.monotonic() + seconds))
