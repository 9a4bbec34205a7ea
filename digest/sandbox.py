"""
Render in a child process that may not take long, grow large, or know a secret.

Jinja's sandbox keeps a template from reaching out of its data, but bounds
neither time nor memory: https://jinja.palletsprojects.com/en/stable/sandbox/.
The child starts before the figures are fetched, so that it costs no time.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import wait
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from digest.clock import Clock
from digest.confined import Limits
from digest.errors import TemplateError
from digest.templates import TemplateFile
from digest.together import together

# The parent needs neither jinja2 nor what brings it along.
if TYPE_CHECKING:
    from digest.context import Context

#: The child imports what its parent does, from where its parent does.
_BOOT = "import gc, sys; gc.disable(); sys.path[:] = sys.argv[1:]; from digest.confined import main; main()"
#: Whoever else wants the processor has it first.
_NICENESS = 5
#: What the variables that hold secrets begin with; act sets the second kind.
_SECRET = ("DIGEST_", "INPUT_")


class Renderer:
    """
    A template that is being compiled in a child process.

    Args:
        file:
            The template.
        environ:
            The variables of the parent; the action's inputs do not reach the child.
        clock:
            When its time is up, the child is ended.
    """

    def __init__(
        self, file: TemplateFile, environ: Mapping[str, str], clock: Clock, limits: Limits | None = None
    ) -> None:
        """Start the child."""
        self._file = file
        self._clock = clock
        self._limits = limits or Limits()
        # As this process was started: in the action without the interpreter's own packages.
        site = ["-S"] if sys.flags.no_site else []
        self._child = subprocess.Popen(  # noqa: S603 - this interpreter, and a constant
            [sys.executable, "-I", *site, "-X", "utf8", "-c", _BOOT, *filter(None, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in environ.items() if not name.startswith(_SECRET)},
        )
        # To be ready is not urgent: this process has the figures to ask for.
        with suppress(AttributeError, OSError):  # Windows has no such thing, some containers forbid it
            os.setpriority(os.PRIO_PROCESS, self._child.pid, _NICENESS)
        self._tell(pickle.dumps((file, self._limits)))

    def render(self, context: Context) -> str:
        """
        Return what `digest.render.Template.render` makes of *context*.

        Raises:
            TemplateError:
                If the template cannot be compiled or rendered within its limits.
        """
        answer = self._ask(pickle.dumps(context))
        # Who ends the run with Ctrl-C ends the child too, in whichever way.
        if self._child.returncode < 0 or self._clock.stopped():
            raise self._stopped()
        if self._child.returncode > 0:
            message = "the renderer broke"
            raise RuntimeError(message)
        said: Mapping[str, Any] = json.loads(answer)
        if "faults" in said:
            raise TemplateError(*said["faults"])
        return str(said["markdown"])

    def close(self) -> None:
        """End the child, whether or not it was used."""
        self._child.kill()
        with suppress(OSError), self._child:  # what was not read any more cannot be written
            pass

    def __enter__(self) -> Renderer:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the child."""
        self.close()

    def _ask(self, data: bytes) -> bytes:
        """Return what the child answers to *data*."""
        # Compiling was bounded by itself, so twice the time and some for the start.
        clock = self._clock.within(2 * self._limits.seconds + 5)
        # In a thread, as `communicate` with a time-out forgets what it did not write within that.
        (asking,) = together([(partial(self._child.communicate, data), clock)])
        if not asking.done():
            self._child.kill()
            wait([asking])
            raise self._stopped()
        return asking.result()[0]

    def _tell(self, data: bytes) -> None:
        assert self._child.stdin is not None  # noqa: S101 - it is a pipe
        with suppress(OSError):  # the pipe is broken; the answer says why
            self._child.stdin.write(data)
            self._child.stdin.flush()

    def _stopped(self) -> TemplateError:
        limits = f"{self._limits.seconds} s or {self._limits.mebibytes} MiB"
        why = f"it took more than {limits}; is a loop running away?" if self._clock.left() > 0 else self._clock.over()
        return TemplateError(f"{self._file.name}: the template was stopped: {why}")
