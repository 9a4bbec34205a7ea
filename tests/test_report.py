"""What the runner is told: escaped, bounded, and never a command that came from outside."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import parse_outputs

from digest.deliver import Result
from digest.report import Runner, inert, results_json, summary

ACCEPTED = Result("json", "chat.example.test", "accepted", parts=1, attempts=1)
FAILED = Result("json", "other.example.test", "failed", parts=0, attempts=4, error="answered 500: | *oops* <b>")


class Tee(io.StringIO):
    """A log that fails at its n-th line."""

    def __init__(self, good: int) -> None:
        """Fail after *good* lines."""
        super().__init__()
        self._left = good

    def write(self, text: str) -> int:
        """Write *text*, or fail once."""
        self._left -= 1
        if self._left == -1:
            raise ValueError(text)
        return super().write(text)


@pytest.fixture
def log() -> io.StringIO:
    """Return an empty log."""
    return io.StringIO()


def _commands(log: io.StringIO) -> list[str]:
    return log.getvalue().splitlines()


def test_runner__outside_of_github(log: io.StringIO) -> None:
    """Without the runner's files, only the log is written."""
    for environ in ({}, {"GITHUB_OUTPUT": "", "GITHUB_STEP_SUMMARY": ""}):
        runner = Runner.from_environ(environ, log)
        runner.set_output("message", "x")
        runner.summarize("x")
        assert runner == Runner(log)
    assert log.getvalue() == ""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("100%", "100%25"),
        ("%0A::error::x", "%250A::error::x"),
        ("a\nb\r\nc\rd", "a b c d"),
        ("a\n::error::b", "a ::error::b"),
        ("::stop-commands::x", "::stop-commands::x"),
        ("x ##[add-mask]e", "x # #[add-mask]e"),
        ("###[x]##[y]", "## #[x]# #[y]"),
        ("a\u2028b\x1b[31mc\x00", "a b[31mc"),
        ("Zoë ▲ 🎥", "Zoë ▲ 🎥"),
    ],
)
@pytest.mark.parametrize("level", ["error", "warning", "notice"])
def test_annotate__is_one_inert_line(log: io.StringIO, level: str, text: str, line: str) -> None:
    """An annotation is one line, in which the runner finds one command: ours."""
    annotate: Callable[[str, str], None] = Runner(log).annotate  # type: ignore[assignment] # level is one of three
    annotate(level, text)
    assert log.getvalue() == f"::{level} title=CreatorAudit digest::{line}\n"


def test_annotate__length(log: io.StringIO) -> None:
    """An annotation stays below the 4,096 characters at which the runner would cut it."""
    Runner(log).annotate("error", "x" * 10_000)
    [line] = _commands(log)
    assert len(line) < 4096
    assert line.endswith("x…")


def test_inert__no_command_survives() -> None:
    """However often it is nested, the mark of a command is broken."""
    assert "##[" not in inert("####[[##[#" * 50)


@pytest.mark.parametrize(
    ("value", "line"),
    [("tok_0123456789", "tok_0123456789"), ("100%_sure", "100%25_sure"), ("two\r\nlines", "two%0D%0Alines")],
)
def test_mask__is_escaped(log: io.StringIO, value: str, line: str) -> None:
    """A mask holds exactly the value, whatever characters that has."""
    Runner(log, secrets=[value]).mask()
    assert log.getvalue() == f"::add-mask::{line}\n"


def test_annotate__hides_secrets(log: io.StringIO) -> None:
    """A secret that a server has echoed is not shown, though the runner would mask it: some logs are no runner's."""
    secrets = ["https://chat.test/in/tok_0123", "tok_0123"]
    Runner(log, secrets=secrets).annotate("error", f"no {secrets[0]}, no TOK tok_0123tok_0123" + " x" * 2000)
    assert log.getvalue().startswith("::error title=CreatorAudit digest::no ***, no TOK ****** x x")
    assert secrets[1] not in repr(Runner(log, secrets=secrets))


@pytest.mark.parametrize(("debug", "lines"), [("1", 3), ("0", 0), ("", 0), ("true", 0)])
def test_debug__when_asked_for(log: io.StringIO, debug: str, lines: int) -> None:
    """What helps to find a bug is written when the run has debug logging, with commands stopped."""
    Runner.from_environ({"RUNNER_DEBUG": debug}, log).debug("::error::x")
    assert len(_commands(log)) == lines
    assert log.getvalue().startswith("::stop-commands::") is bool(lines)


def test_say__stops_commands(log: io.StringIO) -> None:
    """Text from outside stands between stop-commands and a token that nobody can guess."""
    Runner(log).say("::add-mask::e\n##[error]x\r\n::stop-commands::y\n::endgroup::")
    start, *said, end = _commands(log)
    token = start.removeprefix("::stop-commands::")
    assert end == f"::{token}::"
    assert said == ["::add-mask::e", "##[error]x", "::stop-commands::y", "::endgroup::"]
    assert len(token) == 32
    Runner(log).say("again")
    assert token not in _commands(log)[6]


def test_say__starts_commands_again_after_an_error() -> None:
    """Commands work again even if the text could not be written."""
    log = Tee(good=1)
    with pytest.raises(ValueError, match=r"^text\n$"):
        Runner(log).say("text")
    start, end = _commands(log)
    assert end == f"::{start.removeprefix('::stop-commands::')}::"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "plain",
        "two\nlines",
        "\n\n",
        "name=value\nother=value",
        "x<<EOF\ny\nEOF",
        "message<<digest_\nx",
        "digest_0123456789abcdef0123456789abcdef",
        "ends with\n",
        "Zoë\r\n▲",
        "::set-output name=x::y",
    ],
)
def test_set_output__any_value(tmp_path: Path, value: str) -> None:
    """A value arrives as it is, sets no other output, and follows what was set before."""
    file = tmp_path / "output"
    runner = Runner(io.StringIO(), output=file)
    runner.set_output("first", "1")
    runner.set_output("message", value)
    runner.set_output("last", "2")
    assert parse_outputs(file) == {"first": "1", "message": value, "last": "2"}
    assert b"\r\n" not in file.read_bytes().replace(value.encode(), b"")


def test_set_output__no_delimiter_twice(tmp_path: Path) -> None:
    """Each output has a delimiter of its own."""
    file = tmp_path / "output"
    for _ in range(2):
        Runner(io.StringIO(), output=file).set_output("x", "y")
    delimiters = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("digest_")]
    assert len(set(delimiters)) == 2


def test_summarize__appends(tmp_path: Path) -> None:
    """What other steps wrote stays."""
    file = tmp_path / "summary"
    file.write_text("before\n", encoding="utf-8")
    Runner(io.StringIO(), summary=file).summarize("# Zoë\n")
    assert file.read_text(encoding="utf-8") == "before\n# Zoë\n"


def test_summarize__cap(tmp_path: Path) -> None:
    """A summary over the limit, which the runner would drop whole, is cut at a line's end and says so."""
    file = tmp_path / "summary"
    line = "é" * 499 + "\n"
    Runner(io.StringIO(), summary=file).summarize(line * 1100)
    text = file.read_text(encoding="utf-8")
    assert 1_000_000 < len(text.encode()) < 1024 * 1024
    *kept, empty, last = text.splitlines()
    assert {f"{text}\n" for text in kept} == {line}
    assert (empty, last) == ("", "*The rest does not fit into a job summary.*")


def test_summarize__just_not_capped(tmp_path: Path) -> None:
    """A summary of the largest size is written whole."""
    file = tmp_path / "summary"
    Runner(io.StringIO(), summary=file).summarize("x" * 1024 * 1000)
    assert file.stat().st_size == 1024 * 1000


def test_summary__digest_and_table() -> None:
    """The summary shows the digest, then a row for each destination, whose words cannot break the table."""
    noted = Result("teams", "third.example.test", "accepted", parts=2, attempts=2, note="no receipt")
    text = summary("# Week\n\ntext\n", [ACCEPTED, noted, FAILED], dry_run=False)
    assert text.startswith("# Week\n\ntext\n\n---\n\n| kind | host | status | parts | remark |\n| --- |")
    assert text.splitlines()[-3:] == [
        "| json | chat.example.test | accepted | 1 |   |",
        "| teams | third.example.test | accepted | 2 | no receipt |",
        "| json | other.example.test | failed | 0 | answered 500: \\| \\*oops\\* \\<b> |",
    ]


def test_summary__dry_run() -> None:
    """The summary of a dry run says that nothing was posted."""
    assert summary("# Week\n", [], dry_run=True) == "# Week\n\n---\n\nDry run: nothing was posted.\n"


def test_results_json__one_object_each() -> None:
    """The output `results` is a list of objects with the documented keys."""
    accepted, failed = json.loads(results_json([ACCEPTED, FAILED]))
    documented = {
        "kind": "json",
        "host": "chat.example.test",
        "status": "accepted",
        "parts": 1,
        "attempts": 1,
        "error": "",
    }
    assert accepted.items() >= documented.items()
    assert (failed["status"], failed["error"]) == ("failed", FAILED.error)
    assert "\n" not in results_json([ACCEPTED, FAILED])
