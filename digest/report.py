"""
Tell the runner what happened: masks, annotations, the job summary, outputs.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from digest.masks import hidden_text
from digest.text import Text, clean, reveal

# It brings httpx along; bad input is reported before that is needed.
if TYPE_CHECKING:
    from digest.deliver import Result

#: Bytes. The runner drops a summary above 1 MiB whole.
_MAX_SUMMARY = 1000 * 1024
#: Characters. The runner cuts annotations at 4,096.
_MAX_ANNOTATION = 3000


@dataclass(frozen=True, slots=True)
class Runner:
    """
    The runner's ends that a step can write to.

    Attributes:
        log:
            The step's standard output, in which the runner looks for commands.
        output:
            The file of `GITHUB_OUTPUT`, or None outside a runner.
        summary:
            The file of `GITHUB_STEP_SUMMARY`, or None outside a runner.
        secrets:
            What no annotation may show.
        debugging:
            Whether the run was started with debug logging (`RUNNER_DEBUG`).
    """

    log: TextIO
    output: Path | None = None
    summary: Path | None = None
    secrets: Sequence[str] = field(default=(), repr=False)
    debugging: bool = False

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], log: TextIO, secrets: Sequence[str] = ()) -> Runner:
        """Find the runner's files."""
        output, summary = environ.get("GITHUB_OUTPUT"), environ.get("GITHUB_STEP_SUMMARY")
        return cls(
            log,
            Path(output) if output else None,
            Path(summary) if summary else None,
            secrets,
            debugging=environ.get("RUNNER_DEBUG") == "1",
        )

    def mask(self) -> None:
        """Have the runner replace each secret by *** from now on."""
        for secret in self.secrets:
            self._line(f"::add-mask::{_data(secret)}")

    def annotate(self, level: Literal["error", "warning", "notice"], text: str) -> None:
        """Show *text* as one line above the log and on the run's page, without the secrets that a server echoed."""
        self._line(f"::{level} title=CreatorAudit digest::{_data(inert(hidden_text(text, self.secrets)))}")

    def say(self, text: str) -> None:
        """Write text that may come from outside, with workflow commands switched off around it."""
        with self._commands_stopped():
            for line in text.splitlines():
                self._line(line)

    def debug(self, text: str) -> None:
        """Write *text* if the run has debug logging switched on."""
        if self.debugging:
            self.say(text)

    def set_output(self, name: str, value: str) -> None:
        """Set an output of the step; the delimiter is random, so no value can end it early."""
        if self.output is not None:
            delimiter = f"digest_{secrets.token_hex(16)}"
            _append(self.output, f"{name}<<{delimiter}\n{value}\n{delimiter}\n")

    def summarize(self, markdown: str) -> None:
        """Append to the job summary, as much of it as fits."""
        if self.summary is not None:
            _append(self.summary, _cut(markdown, _MAX_SUMMARY))

    @contextmanager
    def _commands_stopped(self) -> Iterator[None]:
        token = secrets.token_hex(16)
        self._line(f"::stop-commands::{token}")
        try:
            yield
        finally:
            self._line(f"::{token}::")

    def _line(self, line: str) -> None:
        self.log.write(f"{line}\n")
        self.log.flush()


def summary(markdown: str, results: Sequence[Result], *, dry_run: bool) -> str:
    """Return the job summary: the digest as rendered, then one row a destination."""
    if dry_run:
        return f"{markdown}\n---\n\nDry run: nothing was posted.\n"
    rows = "".join(
        f"| {row.kind} | {row.host} | {row.status} | {row.parts} | {_cell(row.error or row.note)} |\n"
        for row in results
    )
    return f"{markdown}\n---\n\n| kind | host | status | parts | remark |\n| --- | --- | --- | --- | --- |\n{rows}"


def results_json(results: Sequence[Result]) -> str:
    """Return the output `results`."""
    return json.dumps([asdict(result) for result in results])


def inert(text: str) -> str:
    """
    Return *text* as one line in which the runner finds no command.

    It looks for ``##[`` anywhere in a line, for ``::`` at its start only.

    >>> inert("no such creator ##[add-mask]e")
    'no such creator # #[add-mask]e'
    """
    return clean(text, longest=_MAX_ANNOTATION).replace("##[", "# #[")


def _data(text: str) -> str:
    """Escape the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _cell(text: str) -> str:
    return reveal(Text(text)) or " "


def _cut(markdown: str, limit: int) -> str:
    """Cut at a line's end."""
    content = markdown.encode("utf-8", "replace")
    if len(content) <= limit:
        return markdown
    kept = content[:limit].decode("utf-8", "ignore").rpartition("\n")[0]
    return f"{kept}\n\n*The rest does not fit into a job summary.*\n"


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(text)
