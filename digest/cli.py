"""Build the real collaborators, run the line, and turn errors into exit codes."""

from __future__ import annotations

import json
import logging
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from digest import __version__
from digest.clock import Clock
from digest.config import Config, secrets
from digest.errors import BUG, DeliveryError, DigestError, InputError
from digest.report import Runner, results_json, summary

# httpx and jinja2 take 150 ms to import. They are imported where they are
# used, so that bad input is answered before.
if TYPE_CHECKING:
    import httpx

    from digest.deliver import Result
    from digest.destinations import Message

_HOME = "https://github.com/OWNER/creatoraudit-digest"
_USAGE = """\
usage: python -m digest        post the digest that the DIGEST_* variables describe
       python -m digest demo   show the whole line on this machine, without a key
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
            The time, or None for the real one.
    """
    if list(arguments) == ["demo"]:
        from digest.demo import demo

        return demo(log)
    if arguments:
        log.write(_USAGE)
        return 2
    runner = Runner.from_environ(environ, log)
    runner.mask(secrets(environ))
    try:
        run(environ, runner, transport=transport, clock=clock or Clock())
    except DigestError as error:
        for fault in error.faults:
            runner.annotate("error", fault)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the boundary: whatever is left is a bug
        runner.annotate("error", _bug(error))
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

    from digest.client import fetch
    from digest.context import build, plain
    from digest.deliver import deliver
    from digest.destinations import Message
    from digest.document import parse
    from digest.render import Template
    from digest.text import reveal
    from digest.workflow import WorkflowRun

    _silence_http_loggers()
    workflow_run = WorkflowRun.from_environ(environ)
    template = Template(config.template)
    with _Clients(config, transport) as clients:
        audit = fetch(clients.api, period=config.period, limit=config.limit, clock=clock)
        for warning in audit.warnings:
            runner.annotate("warning", warning)
        context = build(
            audit,
            title=config.title,
            period=config.period,
            zone=config.timezone,
            variables=config.variables,
            now=clock.now(),
        )
        shielded = template.render(context)
        message = Message(
            title=context.title.raw,
            markdown=reveal(shielded),
            blocks=parse(shielded),
            data=plain(context),
            id=workflow_run.message_id(config.inputs),
            sent_at=clock.now().isoformat(timespec="seconds"),
            overflow=config.overflow,
            more_url=workflow_run.url,
        )
        _set_outputs(runner, environ, message)
        results = deliver(clients.chats, message, () if config.dry_run else config.webhooks, clock)
    _report(runner, message.markdown, results, dry_run=config.dry_run)


class _Clients:
    """One HTTP client for the API, which has the key, and one for the chats, which has not."""

    def __init__(self, config: Config, transport: httpx.BaseTransport | None) -> None:
        import httpx

        from digest.exchange import ACCEPT_ENCODING

        headers = {"User-Agent": f"creatoraudit-digest/{__version__} (+{_HOME})", "Accept-Encoding": ACCEPT_ENCODING}
        try:
            # Loading the certificates takes 40 ms, so both clients share them.
            tls = httpx.create_ssl_context()
            self.chats = httpx.Client(headers=headers, timeout=config.timeout, verify=tls, transport=transport)
            self.api = httpx.Client(
                base_url=config.base_url,
                headers={**headers, "Authorization": f"Bearer {config.api_key}", "Accept": "application/json"},
                timeout=config.timeout,
                verify=tls,
                transport=transport,
            )
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:  # ImportError: a proxy of SOCKS
            message = (
                f"the network settings of the runner cannot be used ({type(error).__name__});"
                " look at the variables SSL_CERT_FILE, SSL_CERT_DIR, HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY"
            )
            raise InputError(message) from None

    def __enter__(self) -> _Clients:
        return self

    def __exit__(self, *_: object) -> None:
        self.api.close()
        self.chats.close()


def _set_outputs(runner: Runner, environ: Mapping[str, str], message: Message) -> None:
    """Write the digest to files that later steps can read, and name them."""
    from digest.mail import page

    folder = Path(tempfile.mkdtemp(prefix="creatoraudit-digest-", dir=environ.get("RUNNER_TEMP") or None))
    files = {
        "message-file": ("message.md", message.markdown),
        "html-file": ("message.html", page(message.title, message.blocks)),
        "data-file": ("data.json", json.dumps(message.data, indent=2)),
    }
    for output, (name, content) in files.items():
        (folder / name).write_text(content, encoding="utf-8", newline="\n")
        runner.set_output(output, str(folder / name))
    runner.set_output("message", message.markdown.rstrip("\n"))


def _report(runner: Runner, markdown: str, results: Sequence[Result], *, dry_run: bool) -> None:
    runner.set_output("results", results_json(results))
    runner.summarize(summary(markdown, results, dry_run=dry_run))
    if dry_run:
        runner.say(f"Dry run: nothing is posted. The message is:\n\n{markdown}")
    for result in results:
        if result.status == "accepted":
            runner.say(f"{result.kind} ({result.host}): accepted")
    failures = [result for result in results if result.status != "accepted"]
    if failures:
        raise DeliveryError(*(f"{result.kind} ({result.host}): {result.error}" for result in failures))


def _silence_http_loggers() -> None:
    """Switch off what httpx and httpcore log: URLs and headers, which are secrets here."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).disabled = True


def _bug(error: Exception) -> str:
    """Return one line for a bug report. Not the error's text, which may hold a secret."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    place = f"{Path(traceback.tb_frame.f_code.co_filename).name}:{traceback.tb_lineno}" if traceback else "?"
    versions = f"digest {__version__}, Python {platform.python_version()}, {sys.platform}"
    what = f"{type(error).__name__} at {place} ({versions})"
    return f"this is a bug of the action: {what}; please report it at {_HOME}/issues"
