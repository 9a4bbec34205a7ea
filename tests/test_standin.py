"""The stand-in is what the documentation says of the API: https://docs.creatoraudit.com/api-reference."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fakes import NOW

from digest.standin import API_KEY, CreatorAudit, Receiver, Reply, Request, sample, serving, tracked_accounts

#: Every path of the stand-in that needs the key.
CLOSED = ("/whoami", "/overview", "/creators/top", "/creators", "/accounts")
OPEN = ("/health", "/meta")


@pytest.fixture
def api() -> Iterator[httpx.Client]:
    """Return a client of a stand-in with the sample, three accounts and no creators, over real sockets."""
    answers = {**sample(), "accounts": {"data": [{"id": str(number)} for number in range(3)]}}
    with serving(CreatorAudit(answers)) as url, client(url) as api:
        yield api


def client(url: str, key: str = API_KEY) -> httpx.Client:
    """Return a client that has *key*."""
    return httpx.Client(base_url=f"{url}/v2", headers={"Authorization": f"Bearer {key}"}, trust_env=False)


def assert_problem(answer: httpx.Response, status: int, code: str, detail: str) -> dict[str, Any]:
    """Check a problem document: https://docs.creatoraudit.com/api-reference/errors."""
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"urn:creatoraudit:error:{code.lower().replace('_', '-')}"
    assert (problem["status"], problem["code"], problem["detail"]) == (status, code, detail)
    assert problem["title"]
    assert problem["instance"] == answer.request.url.path
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", problem["request_id"])
    return problem


@pytest.mark.parametrize("path", CLOSED)
def test_api__answers(path: str, api: httpx.Client) -> None:
    """Each documented path answers JSON with `data`, a request id and the key's rate limit."""
    answer = api.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    told = ("X-Request-ID", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    assert all(answer.headers[name] for name in told)
    assert "data" in answer.json()


@pytest.mark.parametrize("path", OPEN)
def test_api__open_paths(path: str, api: httpx.Client) -> None:
    """Liveness and version are told without a key."""
    assert httpx.get(f"{api.base_url}{path.lstrip('/')}", trust_env=False).status_code == 200


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", API_KEY, f"Basic {API_KEY}"])
def test_api__needs_the_key(path: str, header: str | None, api: httpx.Client) -> None:
    """Without the right key, every other path answers 401 and nothing else."""
    del api.headers["Authorization"]
    answer = api.get(path, headers={} if header is None else {"Authorization": header})
    assert_problem(answer, 401, "UNAUTHORIZED", "The API key is not valid.")


def test_api__unknown_path(api: httpx.Client) -> None:
    """A path that is not documented answers 404."""
    assert_problem(api.get("/creators/top/1"), 404, "NOT_FOUND", "No such resource.")


def test_api__only_reads(api: httpx.Client) -> None:
    """A POST to a path answers 405."""
    assert_problem(api.post("/overview", json={}), 405, "BAD_REQUEST", "Only GET is allowed here.")


@pytest.mark.parametrize("period", ["7d", "30d", "90d", None])
def test_overview__periods(period: str | None, api: httpx.Client) -> None:
    """The overview is there for each documented period; 7 days need no name."""
    params = {} if period is None else {"period": period}
    assert api.get("/overview", params=params).json() == sample()["overview"]


@pytest.mark.parametrize("path", ["/overview", "/creators/top"])
@pytest.mark.parametrize("period", ["1d", "7", "", "7D", "custom"])
def test_periods__that_are_none(path: str, period: str, api: httpx.Client) -> None:
    """A period that is not documented answers 422, and names the field."""
    said = "must be one of 7d, 30d, 90d"
    problem = assert_problem(api.get(path, params={"period": period}), 422, "VALIDATION_ERROR", f"period {said}.")
    assert problem["errors"] == [{"field": "period", "message": said}]


@pytest.mark.parametrize(("limit", "rows"), [(1, 1), (5, 5), (25, 7), (None, 7)])
def test_creators_top__limit(limit: int | None, rows: int, api: httpx.Client) -> None:
    """The ranking holds its first rows, as many as asked for."""
    params = {} if limit is None else {"limit": limit}
    assert api.get("/creators/top", params=params).json()["data"] == sample()["creators_top"]["data"][:rows]


def test_creators_top__default_limit() -> None:
    """Ten creators are ranked when no limit is given."""
    answers = {**sample(), "creators_top": {"data": [{"id": number} for number in range(30)]}}
    with serving(CreatorAudit(answers)) as url, client(url) as api:
        assert len(api.get("/creators/top").json()["data"]) == 10
        assert len(api.get("/creators/top", params={"limit": 25}).json()["data"]) == 25


def test_creators_top__by_period(api: httpx.Client) -> None:
    """Longer periods have rankings of their own, which are empty if there are none."""
    rankings = [api.get("/creators/top", params={"period": period}).json()["data"] for period in ("30d", "90d")]
    assert rankings == [sample().get(f"creators_top_{period}", {"data": []})["data"] for period in ("30d", "90d")]


@pytest.mark.parametrize("limit", ["0", "26", "-1", "five", "", "1.5", "9" * 5000])
def test_creators_top__limits_that_are_none(limit: str, api: httpx.Client) -> None:
    """A limit outside 1-25 answers 422."""
    answer = api.get("/creators/top", params={"limit": limit})
    assert_problem(answer, 422, "VALIDATION_ERROR", "limit must be from 1 to 25.")


def test_pages__walked(api: httpx.Client) -> None:
    """A list is walked by cursor until `has_next` is false."""
    first = api.get("/accounts", params={"limit": 2}).json()
    assert [row["id"] for row in first["data"]] == ["0", "1"]
    cursor = first["pagination"]["next_cursor"]
    assert first["pagination"] == {"has_next": True, "limit": 2, "next_cursor": cursor}
    last = api.get("/accounts", params={"limit": 2, "cursor": cursor}).json()
    assert [row["id"] for row in last["data"]] == ["2"]
    assert last["pagination"] == {"has_next": False, "limit": 2, "next_cursor": None}


def test_pages__that_just_fit(api: httpx.Client) -> None:
    """A page that holds the last row is the last page, and an empty list is one page."""
    assert api.get("/accounts", params={"limit": 3}).json()["pagination"]["has_next"] is False
    assert api.get("/creators").json()["pagination"] == {"has_next": False, "limit": 50, "next_cursor": None}


def test_pages__of_an_organisation_of_any_size() -> None:
    """Accounts are made up in any number, each once, all collected within a day."""
    accounts = tracked_accounts(201, NOW)
    with serving(CreatorAudit({**sample(), "accounts": {"data": accounts}})) as url, client(url) as api:
        first = api.get("/accounts", params={"limit": 200}).json()
        cursor = first["pagination"]["next_cursor"]
        last = api.get("/accounts", params={"limit": 200, "cursor": cursor}).json()
    assert first["data"] + last["data"] == accounts
    assert len({row["id"] for row in accounts}) == 201
    assert {row["last_scrape_time"] >= "2026-11-21T06:17:00Z" for row in accounts} == {True}


@pytest.mark.parametrize("path", ["/accounts", "/creators"])
@pytest.mark.parametrize(
    ("params", "field", "said"),
    [
        ({"limit": "0"}, "limit", "must be from 1 to 200"),
        ({"limit": "201"}, "limit", "must be from 1 to 200"),
        ({"limit": "x"}, "limit", "must be from 1 to 200"),
        ({"cursor": "x"}, "cursor", "is not valid for this request"),
        ({"cursor": "99"}, "cursor", "is not valid for this request"),
    ],
)
def test_pages__that_are_none(path: str, params: dict[str, str], field: str, said: str, api: httpx.Client) -> None:
    """A limit outside 1-200, or a cursor that is none, answers 422."""
    problem = assert_problem(api.get(path, params=params), 422, "VALIDATION_ERROR", f"{field} {said}.")
    assert problem["errors"] == [{"field": field, "message": said}]


def test_pages__left_out() -> None:
    """A list that was not given is empty."""
    with serving(CreatorAudit({"overview": sample()["overview"]})) as url, client(url) as api:
        assert api.get("/accounts").json()["data"] == []
        assert api.get("/creators/top").json()["data"] == []


def test_api__in_its_own_words_by_default() -> None:
    """Without answers of the caller's, the stand-in has the sample."""
    with serving(CreatorAudit()) as url, client(url) as api:
        assert api.get("/overview").json() == sample()["overview"]


def test_serving__many_at_once() -> None:
    """Requests on several connections are answered at the same time."""
    together = threading.Barrier(4, timeout=10)

    def app(_: Request) -> Reply:
        together.wait()
        return Reply(200, b"")

    statuses: list[int] = []
    with serving(app) as url:

        def ask() -> None:
            statuses.append(httpx.get(url, trust_env=False).status_code)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [200] * 4


def test_receiver__remembers() -> None:
    """The receiver takes any message and keeps it as it came, the last value of each parameter."""
    chat = Receiver()
    with serving(chat) as url:
        answer = httpx.post(f"{url}/in/x?a=1&a=2&b=", json={"text": "Zoë"}, headers={"X-Y": "z"}, trust_env=False)
    assert (answer.status_code, answer.text) == (200, "ok")
    (request,) = chat.received
    assert (request.method, request.path, request.query) == ("POST", "/in/x", {"a": "2", "b": ""})
    assert (request.json(), request.headers["x-y"]) == ({"text": "Zoë"}, "z")


def test_receiver__answers_as_told() -> None:
    """The receiver can answer otherwise, and remembers the message all the same."""
    chat = Receiver(Reply(429, b"slow down", {"Retry-After": "7"}))
    with serving(chat) as url:
        answer = httpx.post(url, trust_env=False)
    assert (answer.status_code, answer.text, answer.headers["Retry-After"]) == (429, "slow down", "7")
    assert [request.body for request in chat.received] == [b""]


@pytest.mark.parametrize("length", [b"-1", b"many", b""])
def test_serving__lengths_that_are_none(length: bytes) -> None:
    """A length that is none does not hang the stand-in: the body counts as empty."""
    chat = Receiver()
    with serving(chat) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            head = b"POST /in HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %s\r\n\r\n"
            connection.sendall(head % length)
            assert connection.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"
    assert [request.body for request in chat.received] == [b""]


def test_serving__is_silent_and_ends(capfd: pytest.CaptureFixture[str]) -> None:
    """The stand-in prints nothing, listens on the loopback alone, and is gone when its block ends."""
    with serving(Receiver()) as url:
        assert httpx.get(url, trust_env=False).status_code == 200
    assert url.startswith("http://127.0.0.1:")
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)
    assert capfd.readouterr() == ("", "")
