"""Do several things at the same time, and wait for them no longer than there is time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import TypeVar

from digest.clock import Clock

_Result = TypeVar("_Result")

#: Seconds between two looks at the clock, which a cancelled run is stopped by.
_LOOK = 0.1
#: Seconds for what is under way when time is up.
_GRACE = 1.0
#: Seconds of a thread's turn once one computes in vain, so that the rest need not wait for it.
_SHORT_TURN = 1e-5


def together(tasks: Sequence[tuple[Callable[[], _Result], Clock]]) -> list[Future[_Result]]:
    """
    Do all *tasks*, each in a thread of its own, and return their futures, in order.

    Each is waited for as long as its clock has time. A future that is not done
    by then belongs to a task that hangs, as when a server sends its headers one
    byte a minute. Its thread ends with the process.
    """
    futures = [begin(task) for task, _ in tasks]
    clocks = dict(zip(futures, (clock for _, clock in tasks), strict=True))
    while any(clocks[future].left() > 0 for future in wait(futures, timeout=_LOOK).not_done):
        pass
    if wait(futures, timeout=_GRACE).not_done:
        sys.setswitchinterval(_SHORT_TURN)
    return futures


def begin(task: Callable[[], _Result]) -> Future[_Result]:
    """Begin *task* in a thread of its own, which ends with the process."""
    future: Future[_Result] = Future()
    threading.Thread(target=_do, args=(task, future), daemon=True).start()
    return future


def _do(task: Callable[[], _Result], future: Future[_Result]) -> None:
    try:
        future.set_result(task())
    except BaseException as error:  # noqa: BLE001 - whoever asks for the result gets it
        future.set_exception(error)
