"""
Fuzz the parsers with atheris, guided by what they cover: `make fuzz`.

An input that breaks one, or that takes too long, is left in its corpus, and
`make test` runs it from then on.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

#: Seconds for one input, which has at most so many bytes.
_LONGEST, _MAX_BYTES = 10, 2048
_WORK = Path(".cache/fuzz/work")
_WORDS = Path(__file__).with_name("words.dict")


def fuzz(name: str, seconds: int) -> int:
    """Fuzz one target in a process of its own, as the fuzzer ends its process; return the exit code."""
    from fuzzing import CORPUS

    work = _WORK / name
    work.mkdir(parents=True, exist_ok=True)
    options = {
        "max_total_time": seconds,
        "max_len": _MAX_BYTES,
        "timeout": _LONGEST,
        "artifact_prefix": f"{CORPUS / name}/",
        "print_final_stats": 1,
        "verbosity": 0,
        "dict": _WORDS,
    }
    command = [sys.executable, __file__, "target", name, str(work), str(CORPUS / name)]
    return subprocess.run([*command, *(f"-{key}={value}" for key, value in options.items())], check=False).returncode


def become(name: str, arguments: list[str]) -> None:
    """Fuzz one target in this process, until it is over."""
    import atheris  # type: ignore[import-untyped]

    with atheris.instrument_imports(include=["digest", "markdown_it"]):
        from fuzzing import TARGETS
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()


def main(arguments: list[str]) -> int:
    """Fuzz every target for an equal share of the seconds given."""
    if arguments[:1] == ["target"]:
        become(arguments[1], arguments[2:])
    from fuzzing import TARGETS

    share = int(arguments[0]) // len(TARGETS)
    codes = {name: fuzz(name, share) for name in TARGETS}
    print(json.dumps(codes))
    return max(codes.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
