from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fakes import FakeClock

from digest.clock import Clock
from digest.together import together

#: Seconds that no test comes near, unless it hangs.
LONG = 20


def ticking(seconds: float, look: Callable[[int], None] = lambda _: None) -> Clock:
    """Return a clock on which a second passes whenever somebody looks, and that has that many; *look* is told."""
    looks = 0

    def monotonic() -> float:
        nonlocal looks
        looks += 1
        look(looks)
        return float(looks)

    return Clock(monotonic=monotonic, deadline=seconds)


@contextmanager
def hanging() -> Iterator[Callable[[], str]]:
    """Yield a task that does not end before the test does."""
    end = threading.Event()

    def hang() -> str:
        end.wait(LONG)
        return "late"

    try:
        yield hang
    finally:
        end.set()


def test_together__in_order(clock: FakeClock) -> None:
    """Results come in the order of the tasks, whichever was done first."""
    done = [threading.Event() for _ in range(4)]

    def task(index: int) -> int:
        if index + 1 < len(done):
            assert done[index + 1].wait(LONG)
        done[index].set()
        return index

    tasks = [(lambda index=index: task(index), clock.clock()) for index in range(4)]
    assert [future.result(0) for future in together(tasks)] == [0, 1, 2, 3]


def test_together__nothing() -> None:
    """No tasks have no results."""
    assert together([]) == []


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt()])
def test_together__errors_belong_to_their_task(error: BaseException, clock: FakeClock) -> None:
    """Whatever a task raises is raised where its result is asked for, and spoils no other."""

    def fail() -> str:
        raise error

    failed, fine = together([(fail, clock.clock()), (lambda: "fine", clock.clock())])
    assert failed.exception(0) is error
    assert fine.result(0) == "fine"


def test_together__what_hangs_is_left_behind() -> None:
    """A task that hangs is waited for as long as its clock has time, and its future is not done."""
    looks: list[int] = []
    with hanging() as hang:
        late, fine = together([(hang, ticking(3, looks.append)), (lambda: "fine", ticking(0))])
        assert not late.done()
        assert fine.result(0) == "fine"
    assert looks == [1, 2, 3]


def test_together__each_has_its_own_time() -> None:
    """A task whose time is up takes none from one that still has some."""
    finish = threading.Event()

    def look(number: int) -> None:
        if number == 3:
            finish.set()

    def work() -> str:
        return "in time" if finish.wait(LONG) else "too late"

    with hanging() as hang:
        late, fine = together([(hang, ticking(0)), (work, ticking(9, look))])
        assert fine.result(0) == "in time"
        assert not late.done()


def test_together__a_cancelled_run_waits_for_nothing() -> None:
    """Once the run is cancelled, what hangs is left behind, however much time there was."""
    with hanging() as hang:
        (late,) = together([(hang, Clock(stopped=lambda: True, monotonic=lambda: 0.0))])
        assert not late.done()
