"""Run shellcheck on the scripts in action.yml; actionlint reads those of workflows only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

ACTION = Path(__file__).resolve().parents[1] / "action.yml"


def main() -> int:
    """Return how many scripts shellcheck finds fault with; it says what."""
    steps = yaml.safe_load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"]
    shellcheck = Path(sys.executable).with_name("shellcheck")
    # SC2154: what the scripts use, the runner and `env:` assign.
    command = [str(shellcheck), "--shell=bash", "--enable=all", "--exclude=SC2154", "-"]
    return sum(subprocess.run(command, input=step["run"], check=False, text=True).returncode != 0 for step in steps)


if __name__ == "__main__":
    sys.exit(main())
