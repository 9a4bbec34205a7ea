"""Start the package: by name, or by path from the action's checkout."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from pathlib import Path
from typing import cast

if not __package__:
    # Started by path under -I: neither the checkout nor the folder of the
    # dependencies, which is the first argument, can be imported from yet.
    sys.path[:0] = [str(Path(__file__).resolve().parents[1]), sys.argv.pop(1)]
    # The collector would go through all modules again and again while they are
    # loaded, and once more at the end: a tenth of the time of so short a process.
    gc.disable()
    atexit.register(gc.freeze)

from digest.cli import main

# A terminal that knows no arrows shows \u25b2.
cast("io.TextIOWrapper", sys.stdout).reconfigure(errors="backslashreplace")
try:
    code = main(sys.argv[1:], os.environ, sys.stdout)
except BrokenPipeError:
    # Nobody reads the log any more, as after `| head`. Python would say so with
    # a traceback, now and once more when it closes standard output.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    code = 1
sys.exit(code)
