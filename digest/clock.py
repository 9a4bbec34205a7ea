"""Time as an argument: what is now, how to wait, and how to spread waits."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
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
    """

    now: Callable[[], datetime] = _utc_now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
