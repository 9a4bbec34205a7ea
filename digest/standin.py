"""
Stand in for the CreatorAudit API and for a chat, on the loopback interface.

It answers as the public documentation says, from the sample beside the
templates: paths, key, limits, paging, error bodies. The demo, the tests and
the benchmarks all talk to it. https://docs.creatoraudit.com/api-reference
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from digest.templates import builtin_folder

#: The key that the stand-in takes.
API_KEY = "ca_demo_0123456789abcdef"  # not a secret: the stand-in's own
_PERIODS = ("7d", "30d", "90d")
_MAX_PAGE, _DEFAULT_PAGE = 200, 50
_MAX_TOP, _DEFAULT_TOP = 25, 10
#: The paths that need no key.
_OPEN = ("/v2/health", "/v2/meta")
_WHOAMI = {"type": "whoami", "organization_id": "org_demo", "api_key_name": "weekly-digest"}
_TITLES = {401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed", 422: "Unprocessable Entity"}


@dataclass(frozen=True, slots=True)
class Request:
    """
    A request that reached the stand-in.

    Attributes:
        path:
            Without the query.
        query:
            The last value of each parameter.
        headers:
            By lower-case name.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    def json(self) -> Any:
        """Return the decoded body."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the stand-in answers."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


App = Callable[[Request], Reply]


def sample() -> Mapping[str, Any]:
    """Return the API's answers that the demo, the tests and the README show, by name."""
    content = json.loads((builtin_folder() / "sample.json").read_text(encoding="utf-8"))
    return dict(content)


def tracked_accounts(count: int, now: datetime) -> list[dict[str, Any]]:
    """Return *count* rows of `/accounts`, all collected within the day before *now*."""
    return [
        {
            "id": f"9f0b1c2d-3e4f-4a5b-8c6d-{index:012}",
            "type": "account",
            "platform": "tiktok" if index % 2 else "instagram",
            "username": f"account_{index:05}",
            "is_active": True,
            "is_unavailable": False,
            "added_at": "2026-01-11T08:00:00Z",
            "last_scrape_time": (now - timedelta(minutes=index % 1440)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "scrape_interval_hours": 24,
        }
        for index in range(count)
    ]


class CreatorAudit:
    """
    The API's documented paths.

    Args:
        answers:
            Bodies by name: `overview`; `creators_top` for 7 days, and
            `creators_top_30d` and `creators_top_90d` for more; `accounts` and
            `creators`, which are paged. All but the overview are empty if left
            out. The sample if None.
    """

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        """Answer from *answers*."""
        self._answers = sample() if answers is None else answers
        self._paths: Mapping[str, App] = {
            "/v2/health": lambda _: _json(200, {"status": "ok"}),
            "/v2/meta": lambda _: _json(200, {"data": {"type": "api_meta", "api_version": "v2", "status": "current"}}),
            "/v2/whoami": lambda _: _json(200, {"data": _WHOAMI}),
            "/v2/overview": self._overview,
            "/v2/creators/top": self._creators_top,
            "/v2/creators": lambda request: self._page(request, "creators"),
            "/v2/accounts": lambda request: self._page(request, "accounts"),
        }

    def __call__(self, request: Request) -> Reply:
        """Answer *request*."""
        handle = self._paths.get(request.path)
        if handle is None:
            return _problem(request, 404, "NOT_FOUND", "No such resource.")
        if request.method != "GET":
            return _problem(request, 405, "BAD_REQUEST", "Only GET is allowed here.")
        if request.path not in _OPEN and request.headers.get("authorization") != f"Bearer {API_KEY}":
            return _problem(request, 401, "UNAUTHORIZED", "The API key is not valid.")
        return handle(request)

    def _overview(self, request: Request) -> Reply:
        if request.query.get("period", "7d") not in _PERIODS:
            return _invalid(request, "period", "must be one of 7d, 30d, 90d")
        return _json(200, self._answers["overview"])

    def _creators_top(self, request: Request) -> Reply:
        limit = _whole(request.query.get("limit"), _DEFAULT_TOP)
        period = request.query.get("period", "7d")
        if period not in _PERIODS:
            return _invalid(request, "period", "must be one of 7d, 30d, 90d")
        if not 1 <= limit <= _MAX_TOP:
            return _invalid(request, "limit", f"must be from 1 to {_MAX_TOP}")
        name = "creators_top" if period == "7d" else f"creators_top_{period}"
        answer = self._answers.get(name, {"data": []})
        return _json(200, {**answer, "data": answer["data"][:limit]})

    def _page(self, request: Request, name: str) -> Reply:
        limit = _whole(request.query.get("limit"), _DEFAULT_PAGE)
        start = _whole(request.query.get("cursor"), 0)
        if not 1 <= limit <= _MAX_PAGE:
            return _invalid(request, "limit", f"must be from 1 to {_MAX_PAGE}")
        rows: Sequence[Any] = self._answers.get(name, {"data": ()})["data"]
        if not 0 <= start <= len(rows):
            return _invalid(request, "cursor", "is not valid for this request")
        end = start + limit
        more = end < len(rows)
        page = {"has_next": more, "limit": limit, "next_cursor": str(end) if more else None}
        return _json(200, {"data": rows[start:end], "pagination": page, "filters": {}})


class Receiver:
    """
    A chat that takes any message and remembers it.

    Attributes:
        received:
            The requests, in the order of their arrival.
    """

    def __init__(self, reply: Reply | None = None) -> None:
        """Answer every message with *reply*, or `ok` if None."""
        self._reply = reply or Reply(200, b"ok", {"Content-Type": "text/plain"})
        self.received: list[Request] = []

    def __call__(self, request: Request) -> Reply:
        """Take *request*."""
        self.received.append(request)
        return self._reply


@contextmanager
def serving(app: App) -> Iterator[str]:
    """Serve *app* on a free port of the loopback interface; yield its root URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(app))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(app: App) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        #: Headers and body leave in one packet each; without this, Nagle's
        #: algorithm holds the second back for 40 ms.
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            url = urlsplit(self.path)
            length = max(0, _whole(self.headers.get("Content-Length"), 0))
            query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = app(Request(self.command, url.path, query, headers, self.rfile.read(length)))
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Stay silent: the log belongs to the digest."""

    return Handler


def _json(status: int, body: object, content_type: str = "application/json", **headers: str) -> Reply:
    rate = {"X-RateLimit-Limit": "600", "X-RateLimit-Remaining": "599", "X-RateLimit-Reset": "1781510400"}
    fixed = {"Content-Type": content_type, "X-Request-ID": "5c1a9a52-31d1-4a55-9d0c-4b4f3f2c7e10", **rate}
    return Reply(status, json.dumps(body).encode(), {**fixed, **headers})


def _problem(request: Request, status: int, code: str, detail: str, **more: object) -> Reply:
    """Answer with a problem document, https://docs.creatoraudit.com/api-reference/errors."""
    body = {
        "type": f"urn:creatoraudit:error:{code.lower().replace('_', '-')}",
        "title": _TITLES[status],
        "status": status,
        "detail": detail,
        "code": code,
        "instance": request.path,
        "request_id": "0b54b4de-2a0f-4fd0-8d3f-6a4b3c9f1e11",
    }
    return _json(status, {**body, **more}, "application/problem+json")


def _invalid(request: Request, name: str, message: str) -> Reply:
    errors = [{"field": name, "message": message}]
    return _problem(request, 422, "VALIDATION_ERROR", f"{name} {message}.", errors=errors)


def _whole(text: str | None, default: int) -> int:
    """Return *text* as a number, the default if it is missing, -1 if it is none."""
    if text is None:
        return default
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else -1
