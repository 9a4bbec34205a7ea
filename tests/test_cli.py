"""The whole line: what is posted, said, written and returned, when all goes well and when it does not."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import pytest
from fakes import API, HOOK, FakeNetwork, Run, posted
from steps import ROOT, clean_environ

from digest.cli import main
from digest.clock import Clock
from digest.standin import API_KEY, CreatorAudit, Receiver, Reply, Request, serving

Runs = Callable[..., Run]

OVERVIEW, TOP = f"{API}/overview", f"{API}/creators/top"
TOKEN = "tok_0123456789abcdef"
OTHER = "https://other.example.test/in/other_0123456789"
#: The key, and each part of the webhook's URL that is as good as the whole.
CANARIES = (API_KEY, HOOK, f"/in/{TOKEN}", TOKEN)


def _spoken(log: str) -> str:
    """Return the log without the masks, which hold the secrets for the runner to hide them."""
    return "".join(line for line in log.splitlines(keepends=True) if not line.startswith("::add-mask::"))


def _workspace(tmp_path: Path) -> Path:
    """Return the workspace that the fixture `run` uses."""
    folder = tmp_path / "workspace"
    folder.mkdir(exist_ok=True)
    return folder


def test_main__done(run: Runs, network: FakeNetwork) -> None:
    """The digest is posted once, the outputs and the summary hold it, and the log says so without showing it."""
    result = run()
    assert (result.code, result.errors, result.annotations("warning")) == (0, [], [])
    [body] = posted(network)
    message = result.outputs["message"]
    assert message.startswith("# CreatorAudit — weekly recap\n")
    assert (body["title"], "Zoë Nguyễn" in body["text"]) == ("CreatorAudit — weekly recap", True)
    assert Path(result.outputs["message-file"]).read_text(encoding="utf-8") == f"{message}\n"
    data = json.loads(Path(result.outputs["data-file"]).read_text(encoding="utf-8"))
    assert data == body["data"]
    assert [creator["name"] for creator in data["creators"]][:2] == ["Zoë Nguyễn", "さくら & Co. <studio>"]
    assert result.summary.startswith(message)
    assert "json (hooks.example.test): accepted" in result.log
    assert "Zoë" not in result.log


def test_main__masks_first(run: Runs) -> None:
    """The secrets are masked before anything else is written."""
    lines = run().log.splitlines()
    masks = [line.removeprefix("::add-mask::") for line in lines if line.startswith("::add-mask::")]
    assert set(masks) == set(CANARIES)
    assert all(line.startswith("::add-mask::") for line in lines[: len(masks)])


def test_main__asks_and_posts_as_configured(run: Runs, network: FakeNetwork) -> None:
    """Period, limit and title are those given; the key goes to the API alone, and the agent is named."""
    result = run(period="30d", limit="2", title="Our month", variables="a=b")
    assert result.code == 0
    [overview], [hook] = network.to(OVERVIEW), network.to(HOOK)
    assert dict(overview.url.params) == {"period": "30d"}
    assert {"period": "30d", "limit": "2"} in [dict(request.url.params) for request in network.to(TOP)]
    asked = [request for request in network.requests if request is not hook]
    assert {request.headers["authorization"] for request in asked} == {f"Bearer {API_KEY}"}
    assert "authorization" not in hook.headers
    assert API_KEY not in hook.content.decode()
    assert {request.headers["user-agent"].partition("/")[0] for request in network.requests} == {"creatoraudit-digest"}
    assert result.outputs["message"].startswith("# Our month\n\nLast 30 days, to 22 Nov 2026")
    assert "3. " not in result.outputs["message"]


def test_main__several_destinations(run: Runs, network: FakeNetwork) -> None:
    """Every destination is tried; one that fails fails the run, by an annotation of its own, after all were tried."""
    third = "https://chat.example.test/hooks/third_0123456789"
    network.on("POST", OTHER, httpx.Response(410, text="gone\n::error::forged ##[error]"))
    network.on("POST", third, httpx.ReadTimeout("lost"))
    result = run(webhook_url=f"{OTHER}\n{HOOK}\nmattermost {third}")
    assert (result.code, len(posted(network))) == (1, 1)
    gone, lost = result.errors
    assert gone.startswith("json (other.example.test): answered 410: gone ::error::forged # #[error]; ")
    assert lost.startswith(
        "mattermost (chat.example.test): no answer in time (ReadTimeout); the message may have been posted"
    )
    assert "json (hooks.example.test): accepted" in result.log
    results = json.loads(result.outputs["results"])
    assert [(one["host"], one["status"]) for one in results] == [
        ("other.example.test", "failed"),
        ("hooks.example.test", "accepted"),
        ("chat.example.test", "unknown"),
    ]
    assert result.summary.startswith(result.outputs["message"])
    rows = [line.split(" | ") for line in result.summary.splitlines() if ".example.test | " in line]
    assert [row[2] for row in rows] == ["failed", "accepted", "unknown"]


def test_main__warns_about_gaps(run: Runs, network: FakeNetwork) -> None:
    """A creator without a figure is listed, and one warning names the keys seen."""
    network.on("GET", TOP, httpx.Response(200, json={"data": [{"name": "A", "colour": "s3cr3t"}]}))
    result = run()
    assert result.code == 0
    [warning] = result.annotations("warning")
    assert "name, colour" in warning
    assert "s3cr3t" not in warning


def test_main__says_what_is_to_know_of_an_accepted_message(run: Runs, network: FakeNetwork) -> None:
    """A chat that takes a message without a receipt is accepted, and the log and the summary say so."""
    teams = "https://prod-01.westeurope.logic.azure.com/workflows/0123456789/triggers/manual/paths/invoke"
    network.on("POST", teams, httpx.Response(202))
    result = run(webhook_url=f"teams {teams}?sig=sig_0123456789")
    assert result.code == 0, result.errors
    [note] = [one["note"] for one in json.loads(result.outputs["results"])]
    assert note
    assert f"teams (prod-01.westeurope.logic.azure.com): accepted; {note}" in result.log.splitlines()


@pytest.mark.parametrize("name", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
def test_main__posts_first_where_the_report_cannot_be_written(
    run: Runs, network: FakeNetwork, tmp_path: Path, name: str
) -> None:
    """A file of the runner's that cannot be written fails the run, but only after the message was posted."""
    result = run({name: str(tmp_path)})
    assert (result.code, len(posted(network))) == (1, 1)
    assert all("could not be written: Is a directory" in error for error in result.errors)
    assert "json (hooks.example.test): accepted" in result.log


@pytest.mark.parametrize(("hook", "faults"), [(200, 1), (404, 2)])
def test_main__tells_lost_reports_with_failed_deliveries(
    run: Runs, network: FakeNetwork, tmp_path: Path, hook: int, faults: int
) -> None:
    """What could not be written is told beside what was not delivered."""
    network.on("POST", HOOK, httpx.Response(hook))
    result = run({"GITHUB_STEP_SUMMARY": str(tmp_path)})
    assert (result.code, len(result.errors)) == (1, faults)
    assert result.errors[-1].startswith("the job summary could not be written")


def test_main__dry_run(run: Runs, network: FakeNetwork) -> None:
    """A dry run shows the message, sets every output, writes the summary, and posts nothing."""
    dry, wet = run(dry_run="true"), run()
    assert (dry.code, dry.outputs["results"]) == (0, "[]")
    assert len(network.to(HOOK)) == 1
    assert dry.outputs.keys() == wet.outputs.keys()
    assert dry.outputs["message"] in dry.log
    assert dry.summary == f"{dry.outputs['message']}\n\n---\n\nDry run: nothing was posted.\n"


def test_main__dry_run_shows_text_from_outside_with_commands_stopped(run: Runs, network: FakeNetwork) -> None:
    """What the API sent is printed only while the runner takes no commands."""
    network.on("GET", TOP, httpx.Response(200, json={"data": [{"name": "x ##[add-mask]e", "views": 7}]}))
    lines = run(dry_run="true").log.splitlines()
    [start] = [index for index, line in enumerate(lines) if line.startswith("::stop-commands::")]
    end = lines.index(f"::{lines[start].removeprefix('::stop-commands::')}::")
    assert [start < index < end for index, line in enumerate(lines) if "add-mask\\]e" in line] == [True]


@pytest.mark.parametrize(
    ("environ", "inputs", "expected"),
    [
        ({}, {"api_key": ""}, "api-key: is empty; add the secret to the repository"),
        ({}, {"webhook_url": " \n"}, "webhook-url: is empty; add the secret to the repository"),
        ({"GITHUB_EVENT_NAME": "pull_request"}, {"api_key": ""}, "api-key: is empty; pull requests from forks"),
        (
            {"GITHUB_ACTOR": "dependabot[bot]"},
            {"webhook_url": ""},
            "webhook-url: is empty; runs that Dependabot starts",
        ),
        ({}, {"webhook_url": "http://chat.example.test/x"}, "webhook-url: line 1: http:// is accepted for loopback"),
        (
            {},
            {"webhook_url": "https://u:p4ssw0rd@chat.example.test/"},
            "webhook-url: line 1: expected https://HOST/PATH",
        ),
        ({}, {"base_url": "https://u:p4ssw0rd@chat.example.test/"}, "base-url: expected https://HOST/PATH"),
        ({}, {"webhook_url": "not a url"}, "webhook-url: line 1: expected URL, or KIND URL"),
        ({}, {"period": "1d"}, "period: expected 7d, 30d or 90d, got '1d'"),
        ({}, {"limit": "26"}, "limit: expected a whole number from 1 to 25, got '26'"),
        ({}, {"dry_run": "yes"}, "dry-run: expected true or false, got 'yes'"),
        ({}, {"timezone": "Paris\n::error::x"}, "timezone: expected an IANA time zone"),
        ({}, {"variables": "a"}, "variables: line 1: expected name=value"),
        ({}, {"template": "no.j2"}, "template: there is no file no.j2 in the workspace"),
        ({}, {"template": "../temp"}, "template: ../temp lies outside the workspace"),
        ({}, {"template": "/etc/hosts"}, "template: /etc/hosts lies outside the workspace"),
        ({}, {"template": "link"}, "template: link lies outside the workspace"),
        ({}, {"template": "folder"}, "template: folder is a folder"),
        ({}, {"template": "pipe"}, "template: pipe is not a regular file"),
        ({}, {"template": "binary"}, "template: binary is a binary file"),
        ({}, {"template": "latin"}, "template: latin:2: a byte is not UTF-8"),
        ({}, {"template": "large"}, "template: large is larger than 256 KiB"),
    ],
)
def test_main__bad_input(
    run: Runs,
    network: FakeNetwork,
    tmp_path: Path,
    environ: Mapping[str, str],
    inputs: Mapping[str, str],
    expected: str,
) -> None:
    """Bad input ends with 2 and one annotation that names it, before any request, output or summary."""
    workspace = _workspace(tmp_path)
    (workspace / "folder").mkdir()
    (workspace / "link").symlink_to("/etc/hosts")
    os.mkfifo(workspace / "pipe")
    (workspace / "binary").write_bytes(b"\x7fELF\0")
    (workspace / "latin").write_bytes(b"one\n\xe9")
    (workspace / "large").write_bytes(b"x" * 300_000)
    result = run(environ, **inputs)
    assert (result.code, network.requests, result.outputs, result.summary) == (2, [], {}, "")
    [error] = result.errors
    assert error.startswith(expected)
    assert len(_spoken(result.log).splitlines()) == 1
    assert "chat.example.test" not in _spoken(result.log)
    assert "p4ssw0rd" not in _spoken(result.log)


def test_main__all_bad_inputs_at_once(run: Runs, network: FakeNetwork) -> None:
    """Several bad inputs are as many annotations."""
    result = run(limit="0", period="x", api_key="", webhook_url="")
    assert [error.partition(":")[0] for error in result.errors] == ["period", "api-key", "webhook-url", "limit"]
    assert network.requests == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("# x\n{% if %}", "ours.j2:2: Expected an expression"),
        ("\n{{ title | shout }}", "ours.j2:2: No filter named 'shout'."),
        ("\n\n{{ figurs }}", "ours.j2:3: 'figurs' is undefined; did you mean 'figures'?"),
        ("{% for creator in creators %}\n{{ creator.nam }}{% endfor %}", "ours.j2:2: this creator has no 'nam'; did"),
        ("{{ ''.__class__.__mro__ }}", "ours.j2:1: access to attribute '__class__' of 'str' object is unsafe."),
        ("{{ cycler }}", "ours.j2:1: 'cycler' is undefined"),
        ("{{ raw.overview.clear() }}", "ours.j2:1: "),
        ('{% include "ours.j2" %}', "ours.j2:1: the template includes or calls itself without end"),
        ('{% include "../secret" %}', "ours.j2:1: ../secret lies outside the workspace"),
        ("{% for i in range(99999) %}{{ raw }}{% endfor %}", "ours.j2:1: the message grew over 900 KiB"),
        ("{# nothing #}", "ours.j2: the template rendered nothing"),
    ],
)
def test_main__template_with_a_fault(run: Runs, network: FakeNetwork, tmp_path: Path, text: str, error: str) -> None:
    """A template with a fault ends with 1 and one line that says where, and nothing is posted or put out."""
    (tmp_path / "secret").write_text("s3cr3t", encoding="utf-8")
    (_workspace(tmp_path) / "ours.j2").write_text(text, encoding="utf-8")
    result = run(template="ours.j2")
    assert (result.code, network.to(HOOK), result.outputs, result.summary) == (1, [], {}, "")
    assert [found.startswith(error) for found in result.errors] == [True], result.errors
    assert len(_spoken(result.log).splitlines()) == 1
    assert "s3cr3t" not in result.log


def test_main__template_of_the_team(run: Runs, network: FakeNetwork, tmp_path: Path) -> None:
    """A team's file overrides a block of the built-in template, sees `vars`, and includes files beside it."""
    folder = _workspace(tmp_path) / "digest"
    folder.mkdir()
    text = '{% extends "weekly.md.j2" %}{% block title %}\n# {{ vars.team }} {% include "sign.j2" %}\n\n{% endblock %}'
    (folder / "weekly.md.j2").write_text(text, encoding="utf-8")
    (folder / "sign.j2").write_text("🚀", encoding="utf-8")
    ours, built_in = run(template="digest/weekly.md.j2", variables="team=Growth"), run()
    assert (ours.code, posted(network)[0]["title"]) == (0, "CreatorAudit — weekly recap")
    assert ours.outputs["message"].splitlines()[0] == "# Growth 🚀"
    assert ours.outputs["message"].splitlines()[1:] == built_in.outputs["message"].splitlines()[1:]


GITHUB = "https://api.github.com/repos/o/r"
RUN = {"GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "1"}
RERUN = {**RUN, "GITHUB_RUN_ATTEMPT": "2"}


def test_main__rerun_does_not_post_again(run: Runs, network: FakeNetwork) -> None:
    """What an attempt delivered is kept in a notice without any secret; a re-run posts what failed alone."""
    network.on("POST", OTHER, httpx.Response(410))
    first = run(RUN, webhook_url=f"{HOOK}\n{OTHER}", github_token="ghs_0123456789")
    [notice] = first.annotations("notice")
    network.on("GET", f"{GITHUB}/actions/runs/7/attempts/1/jobs", httpx.Response(200, json={"jobs": [{"id": 8}]}))
    network.on("GET", f"{GITHUB}/check-runs/8/annotations", httpx.Response(200, json=[{"message": notice}]))
    network.on("POST", OTHER, httpx.Response(200))
    second = run(RERUN, webhook_url=f"{HOOK}\n{OTHER}", github_token="ghs_0123456789")
    assert (first.code, second.code) == (1, 0), second.errors
    assert (len(network.to(HOOK)), len(network.to(OTHER))) == (1, 2)
    assert [one["status"] for one in json.loads(second.outputs["results"])] == ["skipped", "accepted"]
    assert "json (hooks.example.test): skipped; an earlier attempt of this run posted it" in second.log.splitlines()


@pytest.mark.parametrize(("on_rerun", "posts"), [("post", 1), ("skip", 0)])
@pytest.mark.parametrize(("token", "why"), [("", "`github-token` is empty"), ("ghs_0123", "GitHub's API answered 403")])
def test_main__rerun_that_cannot_know(
    run: Runs, network: FakeNetwork, on_rerun: str, posts: int, token: str, why: str
) -> None:
    """Where a re-run cannot know what was delivered, it warns, and the user has decided whether it posts."""
    network.on("GET", f"{GITHUB}/actions/runs/7/attempts/1/jobs", httpx.Response(403))
    result = run(RERUN, on_rerun=on_rerun, github_token=token)
    assert (result.code, len(posted(network))) == (0, posts)
    [warning] = result.annotations("warning")
    assert warning.startswith(why)


@pytest.mark.parametrize("path", [OVERVIEW, TOP])
def test_main__api_failed(run: Runs, network: FakeNetwork, path: str) -> None:
    """Without the overview or the top creators the run ends with 1, and nothing is posted or put out."""
    network.on("GET", path, httpx.Response(403, json={"code": "INSUFFICIENT_SCOPE", "detail": "a\n##[error]b"}))
    result = run()
    assert (result.code, network.to(HOOK), result.outputs, result.summary) == (1, [], {}, "")
    [error] = result.errors
    assert "403 INSUFFICIENT_SCOPE: a # #[error]b" in error


@pytest.mark.parametrize("stage", [("GET", OVERVIEW), ("GET", TOP), ("POST", HOOK)], ids=str)
def test_main__bug(run: Runs, network: FakeNetwork, capfd: pytest.CaptureFixture[str], stage: tuple[str, str]) -> None:
    """What nobody foresaw ends with 3 and one line for a report: type and place, but no text and no traceback."""
    network.on(*stage, LookupError(f"s3cr3t of {HOOK}"))
    result = run()
    assert result.code == 3
    [error] = result.errors
    assert error.startswith("this is a bug of the action: LookupError at fakes.py:")
    assert error.endswith("/issues")
    assert "s3cr3t" not in result.log
    assert "Traceback" not in result.log
    assert capfd.readouterr() == ("", "")


def test_main__bug_with_debug_logging(run: Runs, network: FakeNetwork) -> None:
    """With debug logging, a bug shows its frames too, and still not its text."""
    network.on("GET", OVERVIEW, LookupError(f"s3cr3t of {HOOK}"))
    log = run({"RUNNER_DEBUG": "1"}).log
    assert 'fakes.py", line ' in log
    assert "s3cr3t" not in log
    assert TOKEN not in _spoken(log)


def _echo(request: httpx.Request) -> httpx.Response:
    """Answer as servers do that tell what they were asked."""
    words = f"no such thing {request.url} {request.url.path} {request.headers.get('authorization')}"
    return httpx.Response(404, json={"code": "NOT_FOUND", "detail": words}, headers={"x-request-id": words})


def _redirect(request: httpx.Request) -> httpx.Response:
    return httpx.Response(307, headers={"location": f"{request.url}?{request.headers.get('authorization')}"})


FAILURES: Mapping[str, Callable[[httpx.Request], httpx.Response] | Exception] = {
    "echo": _echo,
    "redirect": _redirect,
    "html": lambda _: httpx.Response(200, html="<h1>Hi</h1>"),
    "server error": lambda _: httpx.Response(500, text="oops"),
    "connect": httpx.ConnectError(f"cannot connect to {HOOK} with {API_KEY}"),
    "time-out": httpx.ReadTimeout(f"no answer from {HOOK} with {API_KEY}"),
    "broken": httpx.RemoteProtocolError(f"illegal header value {API_KEY} for {HOOK}"),
    "invalid": httpx.InvalidURL(f"{HOOK} {API_KEY}"),
    "encoding": UnicodeEncodeError("ascii", f"{HOOK} {API_KEY}", 0, 1, "x"),
    "bug": ZeroDivisionError(f"{HOOK} {API_KEY}"),
}
STAGES = {"overview": ("GET", OVERVIEW), "top": ("GET", TOP), "hook": ("POST", HOOK)}


@pytest.mark.parametrize(
    "inputs", [{}, {"dry_run": "true"}, {"limit": "0"}, {"base_url": "x"}, {"template": "x"}], ids=str
)
def test_secrets__in_no_output(
    run: Runs, network: FakeNetwork, tmp_path: Path, capfd: pytest.CaptureFixture[str], inputs: Mapping[str, str]
) -> None:
    """No secret is in the log, on the standard streams, in outputs, the summary or any file."""
    _assert_no_secret(run(**inputs), network, tmp_path, capfd)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("failure", FAILURES)
def test_secrets__in_no_output_of_a_failure(
    run: Runs, network: FakeNetwork, tmp_path: Path, capfd: pytest.CaptureFixture[str], stage: str, failure: str
) -> None:
    """Whatever fails, and wherever, no secret is in the log, on the standard streams, in outputs or any file."""
    network.on(*STAGES[stage], FAILURES[failure])
    result = run()
    assert (result.code != 0) is ((stage, failure) != ("hook", "html"))
    _assert_no_secret(result, network, tmp_path, capfd)


@pytest.mark.parametrize(
    ("inputs", "canary"),
    [
        ({"api_key": "“c4nary”"}, "c4nary"),
        ({"api_key": "c4nary c4nary"}, "c4nary"),
        ({"webhook_url": "c4nary"}, "c4nary"),
        ({"webhook_url": "json c4nary"}, "c4nary"),
        ({"webhook_url": "https://chat.test/ c4nary"}, "c4nary"),
        ({"webhook_url": "https://c4nary:c4nary@chat.test/"}, "c4nary"),
        ({"webhook_url": "http://chat.test/c4nary"}, "c4nary"),
        ({"webhook_url": "https://[chat.test/c4nary"}, "c4nary"),
        ({"base_url": "https://c4nary@api.test/"}, "c4nary"),
        ({"base_url": "https://api.test/?key=c4nary"}, "c4nary"),
    ],
)
def test_secrets__refused_ones_are_not_shown(run: Runs, inputs: Mapping[str, str], canary: str) -> None:
    """A secret that is refused is not part of the reason."""
    result = run(**inputs)
    assert result.code == 2
    assert canary not in _spoken(result.log)


def _assert_no_secret(result: Run, network: FakeNetwork, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    shown = [_spoken(result.log), str(dict(result.outputs)), result.summary, *capfd.readouterr()]
    shown += [f"{path}\n{path.read_text(encoding='utf-8')}" for path in files]
    shown += [request.content.decode() for request in network.requests]
    for text in shown:
        assert [canary for canary in CANARIES if canary in text] == []
    for request in network.requests:
        asked = f"{request.url}{request.headers.raw}"
        assert (API_KEY in asked, TOKEN in asked) == (request.method == "GET", request.method == "POST")


def test_secrets__not_logged_by_the_http_client(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """However much somebody logs, the HTTP client says nothing: it would log URLs and headers."""
    caplog.set_level(logging.DEBUG)
    with serving(CreatorAudit()) as api, serving(Receiver()) as hook:
        environ = {
            "DIGEST_API_KEY": API_KEY,
            "DIGEST_BASE_URL": f"{api}/v2",
            "DIGEST_WEBHOOK_URL": f"{hook}/in/{TOKEN}",
            "RUNNER_TEMP": str(tmp_path),
        }
        with httpx.HTTPTransport(trust_env=False) as transport:
            assert main([], environ, io.StringIO(), transport=transport, clock=Clock()) == 0
    assert [record.name for record in caplog.records if record.name.startswith("http")] == []


def _process(
    environ: Mapping[str, str], *arguments: str, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run `python -m digest` in a process of its own, with a key, a webhook that refuses and *environ*."""
    world = {
        **clean_environ(),
        "DIGEST_API_KEY": API_KEY,
        "DIGEST_WEBHOOK_URL": f"http://127.0.0.1:9/{TOKEN}",
        "DIGEST_BASE_URL": "http://127.0.0.1:9",
        **environ,
    }
    command = [sys.executable, "-m", "digest", *arguments]
    return subprocess.run(
        command, check=False, cwd=ROOT, env=world, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60
    )


@pytest.mark.parametrize("arguments", [("--help",), ("demo", "x"), ("",)], ids=str)
def test_process__usage(arguments: tuple[str, ...]) -> None:
    """Arguments that it does not know are answered with those that it does, and 2."""
    done = _process({}, *arguments)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith("usage: python -m digest ")


@pytest.mark.parametrize(
    ("environ", "what"),
    [
        ({"SSL_CERT_FILE": "/nowhere.pem"}, "FileNotFoundError"),
        ({"HTTP_PROXY": "nonsense://127.0.0.1"}, "ValueError"),
        ({"HTTP_PROXY": "socks5://127.0.0.1"}, "ImportError"),
        ({"HTTP_PROXY": f"http://user:{TOKEN}:x@:y"}, "InvalidURL"),
    ],
)
def test_process__network_settings(environ: Mapping[str, str], what: str) -> None:
    """Settings of the runner's network that cannot be used are bad input, named by their variables."""
    done = _process(environ)
    assert (done.returncode, done.stderr) == (2, "")
    assert (
        f"the network settings of the runner cannot be used ({what}); look at the variables SSL_CERT_FILE"
        in done.stdout
    )
    assert TOKEN not in _spoken(done.stdout)


def test_process__log_that_nobody_reads() -> None:
    """Where standard output is closed at its other end, the process ends with 1 and without a traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = _process({}, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_process__bad_input() -> None:
    """A process without inputs ends with 2 and names the secrets that are missing."""
    done = _process({"DIGEST_API_KEY": "", "DIGEST_WEBHOOK_URL": "", "GITHUB_EVENT_NAME": "schedule"})
    assert (done.returncode, done.stderr) == (2, "")
    assert [line.split("::")[2].partition(":")[0] for line in done.stdout.splitlines()] == ["api-key", "webhook-url"]


def test_process__cancelled() -> None:
    """A run that is told to end while it waits for its next try ends at once, says so, and posts nothing."""
    seen: set[str] = set()
    again, chat = threading.Event(), Receiver()

    def busy(request: Request) -> Reply:
        if request.path in seen:
            again.set()
        seen.add(request.path)
        return Reply(503, b"", {"Retry-After": "60" if again.is_set() else "0"})

    with serving(busy) as api, serving(chat) as hook:
        inputs = {"DIGEST_API_KEY": API_KEY, "DIGEST_BASE_URL": api, "DIGEST_WEBHOOK_URL": f"{hook}/in"}
        with subprocess.Popen(
            [sys.executable, "-m", "digest"],
            cwd=ROOT,
            env={**clean_environ(), **inputs},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert again.wait(timeout=30)
            process.terminate()
            out, err = process.communicate(timeout=30)
    assert (process.returncode, err, chat.received) == (1, "", [])
    assert "cancelled" in out


def test_process__message_that_takes_long_to_read(tmp_path: Path) -> None:
    """A template whose Markdown takes too long to parse is stopped in time, and nothing is posted."""
    (tmp_path / "ours.j2").write_text("{{ '[' * 200000 }}", encoding="utf-8")
    chat = Receiver()
    with serving(CreatorAudit()) as api, serving(chat) as hook:
        done = _process(
            {
                "DIGEST_BASE_URL": f"{api}/v2",
                "DIGEST_WEBHOOK_URL": f"{hook}/in/{TOKEN}",
                "DIGEST_TEMPLATE": "ours.j2",
                "DIGEST_MAX_TIME": "6",
                "GITHUB_WORKSPACE": str(tmp_path),
            }
        )
    assert (done.returncode, done.stderr, chat.received) == (1, "", [])
    assert "ours.j2: the message could not be read as Markdown, as the time for it is up" in done.stdout
