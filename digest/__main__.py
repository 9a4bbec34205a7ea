"""Start the package: by name, or by path from the action's checkout."""

from __future__ import annotations

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
    # loaded: a tenth of the time of so short a process.
    gc.disable()

from digest.cli import main

# A terminal that knows no arrows shows \u25b2.
cast("io.TextIOWrapper", sys.stdout).reconfigure(errors="backslashreplace")
try:
    code = main(sys.argv[1:], os.environ, sys.stdout)
    sys.stdout.flush()
except BrokenPipeError:  # nobody reads the log any more, as after `| head`
    code = 1
# All is written. To take down what ends anyway would take 10 ms, and more with
# a thread that hangs on a server's answer; and Python would say once more that
# the pipe is broken.
os._exit(code)
