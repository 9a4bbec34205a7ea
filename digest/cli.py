"""Build the real collaborators, run the line, and turn errors into exit codes."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from digest import HOME, __version__
from digest.clock import Clock
from digest.config import Config
from digest.destinations import DESTINATIONS
from digest.errors import BUG, DeliveryError, DigestError, OutputError, StaleDataError, TemplateError
from digest.masks import secrets
from digest.report import Runner, results_json, summary
from digest.workflow import WorkflowRun

# httpx takes 130 ms to import. What needs it is imported where it is used, so
# that bad input is answered before.
if TYPE_CHECKING:
    import httpx

    from digest.audit import Audit
    from digest.clients import Clients
    from digest.context import Context
    from digest.deliver import Result
    from digest.destinations import Message

#: Seconds in which the requests go out, before anything else takes turns with them.
_MOMENT = 0.03
_USAGE = f"""\
usage: python -m digest               post the digest that the DIGEST_* variables describe
       python -m digest demo [KIND]   show the whole line on this machine, without a key,
                                      and what a chat of that kind receives:
                                      {", ".join(DESTINATIONS)}
"""


def main(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    log: TextIO,
    *,
    transport: httpx.BaseTransport | None = None,
    clock: Clock | None = None,
) -> int:
    """
    Run the command line and return the exit code; see `digest.errors`.

    Args:
        arguments:
            What follows the program's name.
        environ:
            The environment of the process; nothing else reads it.
        log:
            Standard output.
        transport:
            The network, or None for the real one.
        clock:
            The time, or None for the real one, which a signal to end stops.
    """
    match list(arguments):
        case ["demo", *kinds] if tuple(kinds) in {(), *((kind,) for kind in DESTINATIONS)}:
            from digest.demo import demo

            return demo(log, main, *kinds)
        case [_, *_]:
            log.write(_USAGE)
            return 2
    runner = Runner.from_environ(environ, log, secrets(environ))
    runner.mask()
    try:
        run(environ, runner, transport=transport, clock=clock or _stoppable_clock())
    except DigestError as error:
        for fault in error.faults:
            runner.annotate("error", fault)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the boundary: whatever is left is a bug
        runner.annotate("error", _bug(error))
        # Frames only: the text of an error may hold a secret.
        runner.debug("".join(traceback.format_tb(error.__traceback__)))
        return BUG
    return 0


def run(environ: Mapping[str, str], runner: Runner, *, transport: httpx.BaseTransport | None, clock: Clock) -> None:
    """
    Run the line once: inputs, API, template, chats, report.

    Raises:
        DigestError:
            If any of it fails. When a delivery does, the outputs and the job
            summary are written before.
    """
    config = Config.from_environ(environ)
    job = _Job(config, WorkflowRun.from_environ(environ), runner, clock.within(config.max_time))
    from digest.sandbox import Renderer

    # The child compiles the template while this process imports and fetches.
    with Renderer(config.template, environ, job.clock) as renderer, _clients(job, transport) as clients:
        threading.Timer(_MOMENT, _load).start()
        audit = _fetch(job, clients)
        context = _context(job, audit)
        message = _message(job, context, renderer.render(context))
        _set_outputs(job, environ, message, audit)
        results = _post(job, clients, message, audit)
    _report(job, message, results)
    if job.config.on_stale == "fail" and _stale(job, audit):
        error = f"nothing was posted, as `on-stale` is fail: {_stale(job, audit)}"
        raise StaleDataError(error)


@dataclass(frozen=True)
class _Job:
    """What every station of the line needs."""

    config: Config
    workflow_run: WorkflowRun
    runner: Runner
    clock: Clock
    #: What could not be written, one line each; told at the end, as the chats come first.
    lost: list[str] = field(default_factory=list)

    @contextmanager
    def writing(self, what: str) -> Iterator[None]:
        """Note that *what* is lost if it cannot be written, as on a full disk."""
        try:
            yield
        except OSError as error:
            self.lost.append(f"{what} could not be written: {error.strerror}; see to the runner's disk")


def _load() -> None:
    """Load what is needed once the answers are there, while they are on their way."""
    import uuid  # noqa: F401 - for those who import it later, as the next

    from digest import audit, context, deliver, freshness, ledger, mail, models  # noqa: F401
    from digest.markdown import parse

    parse("")


def _clients(job: _Job, transport: httpx.BaseTransport | None) -> Clients:
    from digest.together import begin
    from digest.trust import certificates

    trusted = begin(certificates)
    # Meanwhile, as that leaves the interpreter free; `_fetch` needs the second.
    from digest import client, clients  # noqa: F401

    return clients.Clients(job.config, job.workflow_run, trusted.result(), transport)


def _fetch(job: _Job, clients: Clients) -> Audit:
    from digest.client import fetch

    config = job.config
    freshness = config.on_stale != "ignore"
    audit = fetch(clients.api, period=config.period, limit=config.limit, clock=job.clock, freshness=freshness)
    for warning in audit.warnings:
        job.runner.annotate("warning", warning)
    return audit


def _context(job: _Job, audit: Audit) -> Context:
    from digest.context import build

    config = job.config
    return build(
        audit,
        title=config.title,
        period=config.period,
        zone=config.timezone,
        variables=config.variables,
        now=job.clock.now(),
    )


def _message(job: _Job, context: Context, shielded: str) -> Message:
    from digest.context import plain
    from digest.destinations import Message
    from digest.markdown import parse
    from digest.text import reveal
    from digest.together import together

    # Some Markdown takes the square of its length to parse.
    (parsing,) = together([(partial(parse, shielded), job.clock)])
    if not parsing.done():
        message = f"{job.config.template.name}: the message could not be read as Markdown, as {job.clock.over()}"
        raise TemplateError(message)
    return Message(
        title=context.title.raw,
        markdown=reveal(shielded),
        blocks=parsing.result(),
        data=plain(context),
        id=job.workflow_run.message_id(job.config.inputs),
        sent_at=job.clock.now().isoformat(timespec="seconds"),
        overflow=job.config.overflow,
        more_url=job.workflow_run.url,
    )


def _set_outputs(job: _Job, environ: Mapping[str, str], message: Message, audit: Audit) -> None:
    """Write the digest to files that later steps can read, and name them."""
    from digest.mail import page

    files = {
        "message-file": ("message.md", message.markdown),
        "html-file": ("message.html", page(message.title, message.blocks)),
        "data-file": ("data.json", json.dumps(message.data, indent=2)),
    }
    with job.writing("the outputs"):
        folder = Path(tempfile.mkdtemp(prefix="creatoraudit-digest-", dir=environ.get("RUNNER_TEMP") or None))
        for output, (name, content) in files.items():
            (folder / name).write_text(content, encoding="utf-8", newline="\n")
            job.runner.set_output(output, str(folder / name))
        job.runner.set_output("message", message.markdown.rstrip("\n"))
        job.runner.set_output("stale-accounts", "" if audit.freshness is None else str(audit.freshness.stale))


def _post(job: _Job, clients: Clients, message: Message, audit: Audit) -> Sequence[Result]:
    """Post the message where it has not been posted yet; return how each delivery ended."""
    from digest.deliver import deliver, skipped
    from digest.ledger import notices, receipt

    webhooks = () if job.config.dry_run else job.config.webhooks
    withheld = _withheld(job, audit)
    if withheld:
        return [skipped(webhook, withheld) for webhook in webhooks]
    known = _delivered_before(job, clients) if webhooks else frozenset()
    receipts = {webhook: receipt(message.id, webhook) for webhook in webhooks}
    to_do = [webhook for webhook in receipts if known is not None and receipts[webhook] not in known]
    done = dict(zip(to_do, deliver(clients.chats, message, to_do, job.clock), strict=True))
    accepted = [receipts[webhook] for webhook, result in done.items() if result.status == "accepted"]
    for notice in notices(accepted) if job.workflow_run.url else ():
        job.runner.annotate("notice", notice)
    why = "an earlier attempt may have posted it" if known is None else "an earlier attempt of this run posted it"
    return [done.get(webhook) or skipped(webhook, why) for webhook in webhooks]


def _withheld(job: _Job, audit: Audit) -> str:
    """Return why the message is not to be posted because of stale data, or nothing."""
    on_stale, said = job.config.on_stale, _stale(job, audit)
    if said and on_stale in ("warn", "skip"):
        job.runner.annotate("warning", said)
    return f"data are stale, and `on-stale` is {on_stale}" if said and on_stale in ("skip", "fail") else ""


def _stale(job: _Job, audit: Audit) -> str:
    """Return the sentence about stale data, or nothing."""
    if audit.freshness is None or not audit.freshness.stale:
        return ""
    from digest.notices import stale
    from digest.text import unshield

    return unshield(stale(audit.freshness, job.config.timezone))


def _delivered_before(job: _Job, clients: Clients) -> frozenset[str] | None:
    """Return the receipts of earlier attempts, or None if nothing is to be posted as they cannot be read."""
    from digest.ledger import LedgerError, receipts

    if job.workflow_run.attempt == 1 or not job.workflow_run.url:
        return frozenset()
    why = "`github-token` is empty"
    if job.config.github_token:
        try:
            return receipts(clients.github, job.workflow_run, job.clock)
        except LedgerError as error:
            why = str(error)
    post = job.config.on_rerun == "post"
    does = "all is posted again" if post else "nothing is posted"
    job.runner.annotate("warning", f"{why}; so what earlier attempts delivered is not known, and {does} (`on-rerun`)")
    return frozenset() if post else None


def _report(job: _Job, message: Message, results: Sequence[Result]) -> None:
    with job.writing("the output `results`"):
        job.runner.set_output("results", results_json(results))
    with job.writing("the job summary"):
        job.runner.summarize(summary(message.markdown, results, dry_run=job.config.dry_run))
    if job.config.dry_run:
        job.runner.say(f"Dry run: nothing is posted. The message is:\n\n{message.markdown}")
    failures = [result for result in results if result.status in ("failed", "unknown")]
    for result in results:
        if result not in failures:
            said = f"{result.status}; {result.note}" if result.note else result.status
            job.runner.say(f"{result.kind} ({result.host}): {said}")
    if failures:
        raise DeliveryError(*(f"{result.kind} ({result.host}): {result.error}" for result in failures), *job.lost)
    if job.lost:
        raise OutputError(*job.lost)


def _stoppable_clock() -> Clock:
    """Return the real clock; a signal to end, as a cancelled run gets, stops it."""
    stop = threading.Event()

    def end(*_: object) -> None:
        stop.set()

    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), end)
    return replace(Clock(), sleep=_sleep_until(stop), stopped=stop.is_set)


def _sleep_until(stop: threading.Event) -> Callable[[float], None]:
    def sleep(seconds: float) -> None:
        stop.wait(seconds)

    return sleep


def _bug(error: Exception) -> str:
    """Return one line for a bug report. Not the error's text, which may hold a secret."""
    import platform

    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else "?"
    versions = f"digest {__version__}, Python {platform.python_version()}, {sys.platform}"
    what = f"{type(error).__name__} at {place} ({versions})"
    return f"this is a bug of the action: {what}; please report it at {HOME}/issues"
