"""
Be the child process of `digest.sandbox`: render within limits.

It reads a template with its limits, then a context, both pickled, and answers
in JSON: `{"markdown": …}` or `{"faults": […]}`.
"""

from __future__ import annotations

import _thread
import gc
import json
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn

from digest.errors import TemplateError
from digest.templates import TemplateFile

#: Characters. The text of an error can hold what the template made.
_LONGEST_FAULT = 4000


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What a template may take.

    Attributes:
        seconds:
            To compile, and again to render.
        mebibytes:
            Of memory for the whole child, where the system can bound it (POSIX).
    """

    seconds: int = 10
    mebibytes: int = 512


def main() -> None:
    """Be the child: read a template and its limits, then a context; write what came of it."""
    _serve(sys.stdin.buffer, sys.stdout.buffer)
    sys.stdout.flush()
    os._exit(0)  # the parent waits for the end, and to take all of it down would take 5 ms


def _serve(asked: BinaryIO, answer: BinaryIO) -> None:
    # What is unpickled comes from the parent alone.
    file, limits = pickle.load(asked)  # noqa: S301
    _bound(limits)
    try:
        said: Mapping[str, Any] = {"markdown": _rendered(file, limits, asked)}
    except TemplateError as error:
        said = {"faults": [fault[:_LONGEST_FAULT] for fault in error.faults]}
    except (MemoryError, TimeoutError) as error:  # not in the template's own code
        why = str(error) or f"the API's answers and the template need more than {limits.mebibytes} MiB"
        said = {"faults": [f"{file.name}: {why}"]}
    answer.write(json.dumps(said).encode())


def _rendered(file: TemplateFile, limits: Limits, asked: BinaryIO) -> str:
    from digest.render import Template

    # What is loaded stays, and need not be looked at again; what a template makes is collected.
    gc.freeze()
    gc.enable()

    with _within(limits.seconds):
        template = Template(file)
    context = pickle.load(asked)  # noqa: S301
    with _within(limits.seconds):
        return template.render(context)


def _bound(limits: Limits) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    bounds = {
        resource.RLIMIT_AS: limits.mebibytes * 1024 * 1024,
        # For what cannot be interrupted: one long computation outside of Python's loop.
        resource.RLIMIT_CPU: 2 * limits.seconds,
        # The system would write down the memory of a child that it ends for that.
        resource.RLIMIT_CORE: 0,
    }
    for what, most in bounds.items():
        with suppress(ValueError, OSError):  # macOS bounds no memory; elsewhere a lower bound may be set
            resource.setrlimit(what, (most, most))


@contextmanager
def _within(seconds: int) -> Iterator[None]:
    """Interrupt what takes longer, with an error that tells the template's line."""

    def interrupt(*_: object) -> NoReturn:
        message = f"the template took more than {seconds} s; is a loop running away?"
        raise TimeoutError(message)

    signal.signal(signal.SIGINT, interrupt)
    timer = threading.Timer(seconds, _thread.interrupt_main)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
