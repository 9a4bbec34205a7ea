"""Start the package: by name, or by path from the action's checkout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if not __package__:
    # Started by path under -I: neither the checkout nor the folder of the
    # dependencies, which is the first argument, can be imported from yet.
    sys.path[:0] = [str(Path(__file__).resolve().parents[1]), sys.argv.pop(1)]

from digest.cli import main

sys.exit(main(sys.argv[1:], os.environ, sys.stdout))
