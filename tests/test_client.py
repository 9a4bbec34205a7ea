from __future__ import annotations

import json
import threading
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fakes import API, FakeClock, FakeNetwork, Run, answer_from

from digest import __version__
from digest.api import MAX_BODY, MAX_DEPTH
from digest.audit import Audit
from digest.client import fetch
from digest.errors import ApiError
from digest.standin import API_KEY, CreatorAudit, Receiver, Reply, Request, sample, serving

OVERVIEW, TOP = f"{API}/overview", f"{API}/creators/top"
REQUEST_ID = "0b54b4de-2a0f-4fd0-8d3f-6a4b3c9f1e11"
#: What `problem` says, as it is told.
OFF = f"Something is off. (request id {REQUEST_ID})"
WRONG_KEY = (
    "the key in `api-key` is missing a part, was deleted or is not one of CreatorAudit's; copy it again from"
    " https://app.creatoraudit.com/app/api-keys into the secret"
)
MAY_NOT = "the key may not do this; look at it on https://app.creatoraudit.com/app/api-keys"
WRONG_ROOT = "`base-url` does not lead to the v2 API; leave it out to use the real one"
BUSY = "other programs use up the key's rate limit; run at another time, or give the digest its own key"
SEE = "see https://docs.creatoraudit.com"
RETRY = "the fault is CreatorAudit's; re-run the job later"
CHANGED = "check `base-url`; if it is right, the API has changed: report it with the request id"


def fetched(
    network: httpx.BaseTransport, clock: FakeClock, *, period: str = "7d", limit: int = 5, base_url: str = API
) -> Audit:
    """Fetch over *network* as the action does."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    with httpx.Client(base_url=base_url, transport=network, headers=headers) as api:
        return fetch(api, period=period, limit=limit, clock=clock.clock())


def faults(network: httpx.BaseTransport, clock: FakeClock) -> tuple[str, ...]:
    """Return what is said when fetching over *network* fails."""
    with pytest.raises(ApiError) as caught:
        fetched(network, clock)
    for fault in caught.value.faults:
        assert API_KEY not in fault
        assert fault.isprintable()
    return tuple(caught.value.faults)


def fault(network: FakeNetwork, clock: FakeClock, *answers: Any) -> str:
    """Return the one thing that is said when `/overview` is answered so."""
    network.on("GET", OVERVIEW, *answers)
    (text,) = faults(network, clock)
    return text


def problem(status: int, code: str = "", **more: Any) -> httpx.Response:
    """Return a documented refusal."""
    body = {"title": "T", "status": status, "detail": "Something is off.", "request_id": REQUEST_ID, **more}
    return httpx.Response(status, json={**body, "code": code} if code else body)


def ok(overview: Any) -> httpx.Response:
    """Return an answer of `/overview`, whatever its body."""
    body = overview if isinstance(overview, bytes) else json.dumps(overview).encode()
    return httpx.Response(200, content=body, headers={"Content-Type": "application/json", "X-Request-ID": "r1"})


def nested(levels: int) -> bytes:
    """Return an overview that is nested that deep."""
    return b'{"data": {"views": 5, "x": ' + b"[" * (levels - 2) + b"1" + b"]" * (levels - 2) + b"}}"


def test_fetch__asks_for_both(network: FakeNetwork, run: Callable[..., Run]) -> None:
    """Both requests name period and limit, carry the key in a header, and say who asks."""
    assert run(period="90d", limit="3").code == 0
    asked = sorted((request for request in network.requests if request.method == "GET"), key=lambda r: r.url.path)
    queries = {request.url.path: dict(request.url.params) for request in asked}
    assert queries["/v2/overview"] == {"period": "90d"}
    assert queries["/v2/creators/top"] == {"period": "90d", "limit": "3"}
    for request in asked:
        assert request.headers["Authorization"] == f"Bearer {API_KEY}"
        assert request.headers["User-Agent"].startswith(f"creatoraudit-digest/{__version__} (+https://github.com/")
        assert request.headers["Accept"] == "application/json"
        assert request.headers["Accept-Encoding"] == "gzip"
        assert API_KEY not in str(request.url)


def test_fetch__at_the_same_time(clock: FakeClock) -> None:
    """Neither request waits for the other's answer."""
    network = Meeting(2)
    answer_from(network, sample())
    assert fetched(network, clock, period="90d").overview.body == sample()["overview"]


class Meeting(FakeNetwork):
    """A network that answers once so many requests are there at the same time."""

    def __init__(self, size: int) -> None:
        """Wait for *size* requests."""
        super().__init__()
        self._barrier = threading.Barrier(size, timeout=10)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer *request* when the others have come."""
        self._barrier.wait()
        return super().handle_request(request)


def test_fetch__the_sample(network: FakeNetwork, clock: FakeClock) -> None:
    """The answers are read and kept."""
    audit = fetched(network, clock, limit=3)
    assert [figure.name for figure in audit.overview.figures][:2] == ["total_views", "engagement_rate"]
    assert [creator.name for creator in audit.ranking.creators][:1] == ["Zoë Nguyễn"]
    assert len(audit.ranking.creators) == 3
    assert audit.overview.body == sample()["overview"]
    assert audit.warnings == ()


def test_fetch__base_url_with_a_path(clock: FakeClock) -> None:
    """The API's root may have any path."""
    network = FakeNetwork()
    for path in ("overview", "creators/top"):
        body: Any = {"data": {"views": 5}} if path == "overview" else {"data": []}
        network.on("GET", f"https://proxy.test/a/v2/{path}", httpx.Response(200, json=body))
    assert fetched(network, clock, base_url="https://proxy.test/a/v2").ranking.creators == ()


def test_fetch__warns_of_rows_without_figures(network: FakeNetwork, clock: FakeClock) -> None:
    """Rows without a figure are told once, with their keys on one line and without their values."""
    rows = [
        {"id": "secret", "a\n::error::b": "secret"},
        {"name": "secret", "metrics": {"x": "?"}},
        {"id": 1, "views": 2},
    ]
    network.on("GET", TOP, httpx.Response(200, json={"data": rows}))
    (warning,) = fetched(network, clock).warnings
    assert warning == (
        "GET /creators/top: found no figure in 2 of 3 rows; their keys are id, a ::error::b, name, metrics, metrics.x"
    )


def test_fetch__warns_of_empty_rows(network: FakeNetwork, clock: FakeClock) -> None:
    """Rows without any key are told, too."""
    network.on("GET", TOP, httpx.Response(200, json={"data": [{}]}))
    assert fetched(network, clock).warnings == (
        "GET /creators/top: found no figure in 1 of 1 rows; their keys are none",
    )


@pytest.mark.parametrize(
    ("ids", "repeated"),
    [(["a", "b", "a"], 1), (["a", "a", "a", "b", "b"], 3), ([7, "7"], 1), ([None, None], 0), (["a"], 0)],
)
def test_fetch__warns_of_repeated_ids(ids: list[Any], repeated: int, network: FakeNetwork, clock: FakeClock) -> None:
    """Rows that repeat an id are kept as sent, and told."""
    rows = [{"id": value, "name": "n", "views": 1} for value in ids]
    network.on("GET", TOP, httpx.Response(200, json={"data": rows}))
    audit = fetched(network, clock)
    assert len(audit.ranking.creators) == len(ids)
    said = f"GET /creators/top: {repeated} of {len(ids)} rows repeat an id; all are listed as sent"
    assert audit.warnings == ((said,) if repeated else ())


@pytest.mark.parametrize(
    ("answer", "said", "advice"),
    [
        (problem(401, "UNAUTHORIZED"), f"401 UNAUTHORIZED: {OFF}", WRONG_KEY),
        (
            problem(403, "FORBIDDEN"),
            f"403 FORBIDDEN: {OFF}",
            "the key is disabled or the subscription is not active; look at https://app.creatoraudit.com",
        ),
        (
            problem(403, "INSUFFICIENT_SCOPE"),
            f"403 INSUFFICIENT_SCOPE: {OFF}",
            "the key may not read; give it the scope `read`, or make a key that has it",
        ),
        (
            problem(403, "QUOTA_EXCEEDED"),
            f"403 QUOTA_EXCEEDED: {OFF}",
            "the organisation's quota is used up; wait for the next billing period or raise it",
        ),
        (problem(403, "NEW_CODE"), f"403 NEW_CODE: {OFF}", MAY_NOT),
        (problem(403), f"403: {OFF}", MAY_NOT),
        (problem(404, "NOT_FOUND"), f"404 NOT_FOUND: {OFF}", WRONG_ROOT),
        (
            problem(422, "VALIDATION_ERROR", errors=[{"field": "period", "message": "unknown"}]),
            f"422 VALIDATION_ERROR: {OFF}",
            "this may be a fault of the action; report it with the request id",
        ),
        (problem(418), f"418: {OFF}", SEE),
        (
            httpx.Response(302, headers={"Location": "https://evil.test/?key"}),
            "302: a redirect, which is not followed with the key attached",
            "check `base-url`",
        ),
        (httpx.Response(304), "304", SEE),
        (httpx.Response(204), "204", SEE),
        (
            httpx.Response(404, html="<h1>Not here</h1>", headers={"X-Request-ID": "from-header"}),
            "404 (request id from-header)",
            WRONG_ROOT,
        ),
        (
            httpx.Response(400, json={"title": "Bad Request", "detail": None, "code": 7, "request_id": {"a": [1]}}),
            "400: Bad Request",
            SEE,
        ),
        (httpx.Response(400, json=["Bad Request"]), "400", SEE),
        (httpx.Response(400, content=b"[" * 100_000), "400", SEE),
    ],
)
def test_fetch__refusals(
    answer: httpx.Response, said: str, advice: str, network: FakeNetwork, clock: FakeClock
) -> None:
    """A refusal is told at once, in one line: status, code, detail, request id, and what to do."""
    assert fault(network, clock, answer) == f"GET /overview answered {said}; {advice}"
    assert len(network.to(OVERVIEW)) == 1
    assert clock.waits == []


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (429, "RATE_LIMITED", BUSY),
        (500, "INTERNAL_ERROR", RETRY),
        (502, "UPSTREAM_ERROR", RETRY),
        (503, "SERVICE_UNAVAILABLE", "the API is not available for now; re-run the job later"),
        (504, "", "the API is not available for now; re-run the job later"),
    ],
)
def test_fetch__passing_refusals(status: int, code: str, advice: str, network: FakeNetwork, clock: FakeClock) -> None:
    """A refusal that may pass is tried four times before it is told."""
    name = f"{status} {code}".strip()
    text = f"GET /overview answered {name}: Something is off. [tried 4 times] (request id {REQUEST_ID}); {advice}"
    assert fault(network, clock, problem(status, code)) == text
    assert len(network.to(OVERVIEW)) == 4
    assert clock.waits == [0.5, 1.0, 2.0]


def test_fetch__recovers(network: FakeNetwork, clock: FakeClock) -> None:
    """What passes within four tries is no fault, and no warning."""
    good = ok(sample()["overview"])
    network.on("GET", OVERVIEW, httpx.ReadTimeout(""), problem(503), problem(429), good)
    assert fetched(network, clock).warnings == ()
    assert len(network.to(OVERVIEW)) == 4


def test_fetch__not_waited_for(network: FakeNetwork, clock: FakeClock) -> None:
    """A rate limit longer than the action waits is told at once, with how long it is."""
    answer = problem(429, "RATE_LIMITED")
    answer.headers["Retry-After"] = "3600"
    waited = "asked to wait 3600 s, longer than the 90 s that this action waits"
    said = f"429 RATE_LIMITED: Something is off. ({waited}) (request id {REQUEST_ID})"
    assert fault(network, clock, answer) == f"GET /overview answered {said}; {BUSY}"
    assert len(network.to(OVERVIEW)) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ConnectError, "no connection (ConnectError)"),
        (httpx.ConnectTimeout, "no connection (ConnectTimeout)"),
        (httpx.ReadTimeout, "no answer in time (ReadTimeout)"),
        (httpx.RemoteProtocolError, "the connection broke before the answer (RemoteProtocolError)"),
    ],
)
def test_fetch__no_answer(
    error: type[httpx.TransportError], reason: str, network: FakeNetwork, clock: FakeClock
) -> None:
    """An API that cannot be reached is told without any text of the exception, which may hold a secret."""
    text = fault(network, clock, error(f"{API_KEY} at https://secret.test"))
    advice = "check `base-url`, the runner's network and its proxy; then re-run the job"
    assert text == f"GET /overview: {reason}, tried 4 times; {advice}"


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ("a\n::error::b\r\n##[add-mask]c", "a ::error::b ##[add-mask]c"),
        ("\x1b[31mred\x07 \u202eevil\u2028line", "[31mred evil line"),
        ("d" * 100_000, "d" * 254 + "…"),
        ("\ud800 lone", "lone"),
    ],
)
def test_fetch__refusals_in_one_line(detail: str, shown: str, network: FakeNetwork, clock: FakeClock) -> None:
    """The API's own words become one short line that can be printed."""
    words = {"detail": detail, "code": detail, "request_id": detail}
    answer = httpx.Response(400, content=json.dumps(words).encode())
    expected = f"GET /overview answered 400 {shown}: {shown} (request id {shown}); see https://docs.creatoraudit.com"
    assert fault(network, clock, answer) == expected


def test_fetch__refusals_are_no_commands(network: FakeNetwork, run: Callable[..., Run]) -> None:
    """No word of the API is a command to the runner, or makes a line of its own."""
    words = "a\n::set-output name=x::y\r##[add-mask]e %0A::error::z"
    network.on("GET", OVERVIEW, httpx.Response(400, json={"detail": words, "code": words}))
    result = run()
    assert result.code == 1
    (error,) = result.errors
    lines = result.log.splitlines()
    assert [line for line in lines if "set-output" in line] == [line for line in lines if line.startswith("::error ")]
    assert "##[" not in result.log
    assert "%0A::error::z" in error
    assert API_KEY not in result.log.replace(f"::add-mask::{API_KEY}", "")


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<!doctype html><h1>Log in</h1>", "the body is not JSON (application/json, 30 bytes)"),
        (b"", "the body is not JSON (application/json, 0 bytes)"),
        (b'{"data": {"current"', "the body is not JSON (application/json, 19 bytes)"),
        (b'{"data": {"views": "\xff"}}', "the body is not JSON (application/json, 24 bytes)"),
        (b'{"data": {"views": NaN}}', "the body is not JSON (application/json, 24 bytes)"),
        (b'{"data": {"views": -Infinity}}', "the body is not JSON (application/json, 30 bytes)"),
        (b'{"data": {"views": 5, "x": 1e400}}', "the body is not JSON (application/json, 34 bytes)"),
        (b'{"data": {"views": %s}}' % (b"9" * 400), "the body is not JSON (application/json, 421 bytes)"),
        (b'{"data": {"views": %s}}' % (b"9" * 9000), "the body is not JSON (application/json, 9,021 bytes)"),
        (b'{"data": ' * 100_000, "the body is not JSON (application/json, 900,000 bytes)"),
        (nested(MAX_DEPTH + 1), f"the body is nested deeper than {MAX_DEPTH} levels"),
        ([], "the body is a list, not an object"),
        ("text", "the body is a string, not an object"),
        (None, "the body is null, not an object"),
        (7, "the body is a number, not an object"),
        ({"error": 1, "a\nb": 2}, "there is no 'data' in the body; its keys are error, a b"),
        ({"data": []}, "data is a list, not an object"),
        ({"data": {"current": 5}}, "data.current is a number, not an object"),
        ({"data": {"type": "overview"}}, "the overview holds no figure; its keys are type"),
    ],
)
def test_fetch__unexpected_bodies(body: Any, what: str, network: FakeNetwork, clock: FakeClock) -> None:
    """An answer that cannot be read is told in one line, and not asked for again."""
    assert fault(network, clock, ok(body)) == f"GET /overview answered 200, but {what} (request id r1); {CHANGED}"
    assert len(network.to(OVERVIEW)) == 1


def test_fetch__html(network: FakeNetwork, clock: FakeClock) -> None:
    """A page for people is told by its content type; a missing one is told too."""
    text = fault(network, clock, httpx.Response(200, html="<h1>Hotel Wi-Fi</h1>"))
    assert (
        text == f"GET /overview answered 200, but the body is not JSON (text/html; charset=utf-8, 20 bytes); {CHANGED}"
    )
    text = fault(network, clock, httpx.Response(200, stream=httpx.ByteStream(b"?")))
    assert text == f"GET /overview answered 200, but the body is not JSON (no content type, 1 bytes); {CHANGED}"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"data": {}}, "data is an object, not a list"),
        ({"data": [None]}, "data[0] is null, not an object"),
        ({"creators": []}, "there is no 'data' in the body; its keys are creators"),
    ],
)
def test_fetch__unexpected_rankings(body: Any, what: str, network: FakeNetwork, clock: FakeClock) -> None:
    """A ranking that cannot be read is as fatal as an overview."""
    network.on("GET", TOP, ok(body))
    assert faults(network, clock) == (f"GET /creators/top answered 200, but {what} (request id r1); {CHANGED}",)


@pytest.mark.parametrize("value", [10**308, 2**53 + 1, -0.0, 1e-300, 1e308])
def test_fetch__numbers_at_the_edge(value: float, network: FakeNetwork, clock: FakeClock) -> None:
    """Any number that a float can hold is read."""
    network.on("GET", OVERVIEW, ok({"data": {"views": 5, "x": value}}))
    assert fetched(network, clock).overview.body["data"]["x"] == value


def test_fetch__deep_but_readable(network: FakeNetwork, clock: FakeClock) -> None:
    """A body as deep as is allowed is read."""
    network.on("GET", OVERVIEW, ok(nested(MAX_DEPTH)))
    assert fetched(network, clock).overview.figures[0].current == 5


def test_fetch__100_megabytes(clock: FakeClock) -> None:
    """Of a body of 100 MB, no more is read than the cap, and memory is bounded; one clear line tells."""
    chunk = b'{"data": {"views": 1, "x": "' + b"x" * 65536

    class Huge(httpx.SyncByteStream):
        taken = 0

        def __iter__(self) -> Any:
            for _ in range(1600):
                type(self).taken += len(chunk)
                yield chunk

    network = FakeNetwork()
    answer_from(network, sample())
    network.on("GET", OVERVIEW, lambda _: httpx.Response(200, stream=Huge()))
    tracemalloc.start()
    try:
        text = faults(network, clock)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert text == (f"GET /overview answered 200, but the body is larger than 8 MiB; {CHANGED}",)
    assert MAX_BODY == 8 * 1024**2
    assert len(chunk) + MAX_BODY >= Huge.taken
    assert peak < 3 * MAX_BODY


def test_fetch__goes_without_a_longer_ranking(clock: FakeClock) -> None:
    """The ranking to compare with may be missing: the digest goes without, and warns."""
    network = FakeNetwork()
    answer_from(network, sample())
    good = CreatorAudit()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.params["period"] == "30d":
            return problem(403, "FORBIDDEN")
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = good(Request("GET", request.url.path, dict(request.url.params), headers))
        return httpx.Response(reply.status, content=reply.body)

    network.on("GET", TOP, answer)
    audit = fetched(network, clock)
    assert (len(audit.ranking.creators), audit.longer) == (5, None)
    (warning,) = audit.warnings
    assert warning.startswith(
        "the digest goes without the pace of creators: GET /creators/top answered 403 FORBIDDEN: "
    )


def test_fetch__a_server_that_hangs(network: FakeNetwork, clock: FakeClock) -> None:
    """A request that hangs does not hang the run: when time is up, that is what is told."""
    over = threading.Event()

    def hang(_: httpx.Request) -> httpx.Response:
        over.wait(30)
        return ok({"data": {"views": 5}})

    network.on("GET", OVERVIEW, hang)
    with httpx.Client(base_url=API, transport=network, headers={"Authorization": f"Bearer {API_KEY}"}) as api:
        cancelled = replace(clock.clock(), stopped=lambda: len(network.requests) == 2)
        with pytest.raises(ApiError, match="GET /overview: no answer, and the run was cancelled; re-run the job later"):
            fetch(api, period="90d", limit=5, clock=cancelled)
        over.set()


def test_fetch__no_time(network: FakeNetwork, clock: FakeClock) -> None:
    """Without time nothing is asked, and what is told is why, not how often it was tried."""
    over, cancelled = clock.clock().within(0), replace(clock.clock(), stopped=lambda: True)
    with httpx.Client(base_url=API, transport=network, headers={"Authorization": f"Bearer {API_KEY}"}) as api:
        with pytest.raises(ApiError) as late:
            fetch(api, period="7d", limit=5, clock=over)
        with pytest.raises(ApiError) as ended:
            fetch(api, period="7d", limit=5, clock=cancelled)
    assert late.value.faults == ("GET /overview: the time for it is up; the API is slow for now; re-run the job later",)
    assert ended.value.faults == ("GET /overview: the run was cancelled; re-run the job",)
    assert network.requests == []


def test_fetch__both_fail_the_same_way(network: FakeNetwork, clock: FakeClock) -> None:
    """A wrong key is told once, not once a path."""
    for url in (OVERVIEW, TOP):
        network.on("GET", url, problem(401, "UNAUTHORIZED"))
    (text,) = faults(network, clock)
    assert text.startswith("GET /overview answered 401 UNAUTHORIZED: ")


def test_fetch__both_fail_in_different_ways(network: FakeNetwork, clock: FakeClock) -> None:
    """Two different faults are both told, the overview's first."""
    network.on("GET", OVERVIEW, httpx.ConnectError(""))
    network.on("GET", TOP, problem(403, "INSUFFICIENT_SCOPE"))
    first, second = faults(network, clock)
    assert first.startswith("GET /overview: no connection (ConnectError), tried 4 times; ")
    assert second.startswith("GET /creators/top answered 403 INSUFFICIENT_SCOPE: ")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_fetch__key_stays_here(status: int, clock: FakeClock) -> None:
    """A redirect to another server is told; the other server gets nothing, the key least of all."""
    elsewhere = Receiver()
    with serving(elsewhere) as other:
        redirect = Reply(status, b"", {"Location": f"{other}/v2/overview"})
        api = CreatorAudit()

        def app(request: Request) -> Reply:
            return redirect if request.path == "/v2/overview" else api(request)

        with serving(app) as url, httpx.Client(trust_env=False) as client:
            client.base_url = httpx.URL(f"{url}/v2")
            client.headers["Authorization"] = f"Bearer {API_KEY}"
            with pytest.raises(ApiError, match="a redirect, which is not followed with the key attached"):
                fetch(client, period="7d", limit=5, clock=clock.clock())
    assert elsewhere.received == []


def test_fetch__over_sockets(clock: FakeClock) -> None:
    """The line to the stand-in works over real sockets."""
    with serving(CreatorAudit()) as url, httpx.Client(trust_env=False, base_url=f"{url}/v2") as client:
        client.headers["Authorization"] = f"Bearer {API_KEY}"
        assert len(fetch(client, period="7d", limit=25, clock=clock.clock()).ranking.creators) == 7
        client.headers["Authorization"] = "Bearer wrong"
        with pytest.raises(ApiError, match="answered 401 UNAUTHORIZED: The API key is not valid"):
            fetch(client, period="7d", limit=5, clock=clock.clock())
