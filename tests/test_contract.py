"""What the client asks, and what it reads, held against `openapi.yaml`: the API as its public pages describe it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import yaml
from fakes import API, NOW, FakeClock, FakeNetwork, Run, answer_from
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from digest.accounts import walk_accounts
from digest.api import get
from digest.audit import Audit
from digest.context import build
from digest.errors import ApiError
from digest.models import parse_overview, parse_ranking
from digest.standin import API_KEY, CreatorAudit, Request, sample, tracked_accounts

FILE = Path(__file__).with_name("openapi.yaml")
DOCUMENT: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
CONTRACT = OpenAPI.from_dict(
    DOCUMENT, config=Config(extra_media_type_deserializers={"application/problem+json": json.loads})
)
HEADERS = {"Authorization": f"Bearer {API_KEY}"}


def request(url: str, headers: Mapping[str, str] = HEADERS, method: str = "GET") -> MockRequest:
    """Return a request as the validator takes it."""
    parsed = httpx.URL(url)
    host = f"{parsed.scheme}://{parsed.host}"
    return MockRequest(host, method, parsed.path, args=dict(parsed.params), headers=dict(headers))


def validate(asked: httpx.Request) -> None:
    """
    Validate a request: path, method, key, parameters.

    A parameter that the file does not know would be no fault to the validator.
    """
    CONTRACT.validate_request(request(str(asked.url), asked.headers, asked.method))
    assert set(asked.url.params) <= parameters(asked.url.path)
    assert len(asked.url.params) == len(asked.url.params.multi_items())


def parameters(path: str) -> set[str]:
    """Return the names of the query's parameters that the file knows for *path*."""
    found = [resolved(item) for item in DOCUMENT["paths"][path.removeprefix("/v2")]["get"]["parameters"]]
    return {item["name"] for item in found if item["in"] == "query"}


def resolved(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what *item* refers to, or itself."""
    found: Mapping[str, Any] = DOCUMENT
    if "$ref" not in item:
        return item
    for part in item["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def examples(path: str) -> dict[str, Any]:
    """Return the answers to *path* that the file shows, by name."""
    content = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    return {name: example["value"] for name, example in content["examples"].items()}


def refusals() -> dict[str, Any]:
    """Return the refusals that the file shows, by name."""
    shown = {name: answer.get("content", {}) for name, answer in DOCUMENT["components"]["responses"].items()}
    return {name: content["application/problem+json"]["example"] for name, content in shown.items() if content}


@pytest.mark.parametrize(("period", "limit"), [("7d", "1"), ("30d", "5"), ("90d", "25")])
def test_requests__are_valid(period: str, limit: str, network: FakeNetwork, run: Callable[..., Run]) -> None:
    """Every request of a run is valid, and a run asks for all that the file describes."""
    answer_from(network, {**sample(), "accounts": {"data": tracked_accounts(401, NOW)}})
    assert run(period=period, limit=limit).code == 0
    asked = [item for item in network.requests if item.method == "GET"]
    for item in asked:
        validate(item)
    assert {item.url.path.removeprefix("/v2") for item in asked} == set(DOCUMENT["paths"])
    assert len(asked) == (5 if period == "90d" else 6)
    assert sum("cursor" in item.url.params for item in asked) == 2


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("/overview?period=7d", {}),
        ("/overview?period=7d", {"Authorization": "Basic abc"}),
        ("/overview?period=14d", HEADERS),
        ("/creators/top?period=7d&limit=26", HEADERS),
        ("/creators/top?period=7d&limit=0", HEADERS),
        ("/creators/top?period=7d&limit=ten", HEADERS),
        ("/creators/top?period=custom&limit=5", HEADERS),
        ("/accounts?limit=201", HEADERS),
        ("/accounts?is_active=maybe", HEADERS),
        ("/accounts?order_by=colour", HEADERS),
        ("/accounts?order_direction=up", HEADERS),
        ("/whoami", HEADERS),
    ],
)
def test_requests__the_validator_refuses(url: str, headers: Mapping[str, str]) -> None:
    """The validator would tell: it refuses requests without a key, beyond a limit, or of another name."""
    with pytest.raises(OpenAPIError):
        CONTRACT.validate_request(request(API + url, headers))


def test_requests__unknown_parameters_are_refused() -> None:
    """A parameter that the file does not know is told by this test itself."""
    with pytest.raises(AssertionError):
        validate(httpx.Request("GET", f"{API}/accounts?active=true", headers=HEADERS))
    validate(httpx.Request("GET", f"{API}/accounts?is_active=true", headers=HEADERS))


def answered(path: str, body: object, status: int = 200, content_type: str = "application/json") -> None:
    """Validate an answer to *path*."""
    response = MockResponse(json.dumps(body).encode(), status, content_type=content_type)
    CONTRACT.validate_response(request(API + path), response)


@pytest.mark.parametrize("path", DOCUMENT["paths"])
def test_examples__are_valid(path: str) -> None:
    """Every answer that the file shows is one that its schema allows."""
    for body in examples(path).values():
        answered(path, body)
    for problem in refusals().values():
        answered(path, problem, problem["status"], "application/problem+json")
    with pytest.raises(OpenAPIError):
        answered(path, {"rows": []})


@pytest.mark.parametrize(
    "query",
    [
        "/overview?period=7d",
        "/creators/top?period=7d&limit=5",
        "/creators/top?period=30d",
        "/accounts?limit=200",
        "/accounts?limit=200&cursor=200",
        "/accounts?limit=200&cursor=nonsense",
        "/accounts?limit=201",
        "/overview?period=14d",
    ],
)
def test_stand_in__answers_as_the_file_says(query: str) -> None:
    """What the stand-in answers, refusals too, is what the schemas allow."""
    url = httpx.URL(API + query)
    app = CreatorAudit({**sample(), "accounts": {"data": tracked_accounts(401, NOW)}})
    for headers in ({"authorization": HEADERS["Authorization"]}, {}):
        reply = app(Request("GET", url.path, dict(url.params), headers))
        answered(url.path.removeprefix("/v2"), json.loads(reply.body), reply.status, reply.headers["Content-Type"])


#: By example: label, value in its unit, value before, how it moved.
FIGURES: Mapping[str, Sequence[tuple[object, ...]]] = {
    "growing": [
        ("Total views", 1284530, 1141800, ("up", 12.5, "%")),
        ("Engagement rate", 4.23, 4.61, ("down", 0.38, "pp")),
        ("Active accounts", 37, 35, ("up", 5.71, "%")),
        ("Account videos", 212, 198, ("up", 7.07, "%")),
        ("Individual videos", 21, 18, ("up", 16.67, "%")),
    ],
    "first_week": [
        ("Total views", 48210, 0, ("new", None, "%")),
        ("Engagement rate", 6.9, 0, ("new", None, "pp")),
        ("Active accounts", 4, 0, ("new", None, "%")),
        ("Account videos", 23, 0, ("new", None, "%")),
        ("Individual videos", 2, 0, ("new", None, "%")),
    ],
    "first_week_null": [
        ("Total views", 48210, 0, ("new", None, "%")),
        ("Engagement rate", 6.9, 0, ("new", None, "pp")),
        ("Active accounts", 4, 0, ("new", None, "%")),
        ("Account videos", 23, 0, ("new", None, "%")),
        ("Individual videos", 2, 0, ("new", None, "%")),
    ],
    "fraction_units": [
        ("Total views", 1284530, 1141800, ("up", 12.5, "%")),
        ("Engagement rate", 4.23, 4.61, ("down", 0.38, "pp")),
        ("Active accounts", 37, 35, ("up", 5.71, "%")),
        ("Account videos", 212, 198, ("up", 7.07, "%")),
        ("Individual videos", 21, 18, ("up", 16.67, "%")),
    ],
}

ZOE = ("1b0c7f5e-4f0a-4d55-8f43-0d2a8f7e1c01", "Zoë Nguyễn")
SAKURA = ("2c1d8a6f-5a1b-4e66-9a54-1e3b9a8f2d02", "さくら & Co. <studio>")
LUKASZ = ("4e3f0c81-7c3d-4088-9c76-305d1ca14f04", "Łukasz 🎥")
NAMELESS = "3d2e9b70-6b2c-4f77-8b65-2f4c0b903e03"
#: By example: id and name, the figure to show, all figures.
CREATORS: Mapping[str, Sequence[tuple[object, ...]]] = {
    "hypothetical_flat_views": [
        (
            ZOE,
            ("views", 412900),
            {"views": 412900, "likes": 21900, "comments": 1804, "shares": 1150, "engagement": 24854},
        ),
        (
            SAKURA,
            ("views", 287115),
            {"views": 287115, "likes": 8720, "comments": 640, "shares": 402, "engagement": 9762},
        ),
    ],
    "hypothetical_total_views": [
        (ZOE, ("total_views", 412900), {"total_views": 412900, "engagement_rate": 6.02, "total_followers": 88400}),
        (SAKURA, ("total_views", 287115), {"total_views": 287115, "engagement_rate": 3.4, "total_followers": 51200}),
        (
            (NAMELESS, NAMELESS),
            ("total_views", 90412),
            {"total_views": 90412, "engagement_rate": None, "total_followers": 7310},
        ),
    ],
    "hypothetical_nested_metrics": [
        (ZOE, ("total_views", 412900), {"total_views": 412900, "engagement_rate": 6.02, "total_followers": 88400}),
        (LUKASZ, ("total_views", 64380), {"total_views": 64380, "engagement_rate": 5.17, "total_followers": 12950}),
    ],
    "hypothetical_creator_object": [
        (ZOE, ("views", 412900), {"views": 412900, "engagement_rate": 6.02}),
        (SAKURA, ("views", 287115), {"views": 287115, "engagement_rate": 3.4}),
    ],
    "hypothetical_id_and_name_only": [(ZOE, None, {}), (SAKURA, None, {}), (LUKASZ, None, {})],
    "no_creators": [],
}

JUNE_15 = datetime(2026, 6, 15, 2, 0, tzinfo=timezone.utc)
#: By the example of the first page, which the last page follows: at what moment, the counters, who is named.
ACCOUNTS: Mapping[str, Sequence[tuple[datetime, Mapping[str, int], Sequence[str]]]] = {
    "last_page": [
        (JUNE_15, {"fresh": 1, "new": 1, "unavailable": 1}, ["gone.account"]),
        (
            JUNE_15 + timedelta(days=7),
            {"never collected": 1, "stale": 1, "unavailable": 1},
            ["new_face_77", "zoe.nguyen", "gone.account"],
        ),
    ],
    "first_page": [
        (
            JUNE_15,
            {"never collected": 1, "fresh": 1, "new": 1, "unavailable": 1},
            ["travel_and_tea", "gone.account"],
        ),
    ],
}
#: By the same: the cursors that are sent.
CURSORS = {"last_page": [None], "first_page": [None, "eyJvcGFxdWUiOjF9"]}

#: By name: what the step says of a refusal.
FAULTS = {
    "Unauthorized": "GET /overview answered 401 UNAUTHORIZED: The API key is not valid."
    " (request id 0b54b4de-2a0f-4fd0-8d3f-6a4b3c9f1e11); the key in `api-key` is missing a part, was deleted or is not"
    " one of CreatorAudit's; copy it again from https://app.creatoraudit.com/app/api-keys into the secret",
    "Forbidden": "GET /overview answered 403 FORBIDDEN: This key has been disabled."
    " (request id 1c65c5ef-3b10-40e1-9e40-7b5c4d0a2f22); the key is disabled or the subscription is not active;"
    " look at https://app.creatoraudit.com",
    "ValidationError": "GET /overview answered 422 VALIDATION_ERROR: One parameter is out of range."
    " (request id 3e87e701-5d32-4203-9062-9d7e6f2c4144); this may be a fault of the action;"
    " report it with the request id",
    "RateLimited": "GET /overview answered 429 RATE_LIMITED: The limit of this key is used up for now. [tried 4 times]"
    " (request id 4f98f812-6e43-4314-8173-ae8f703d5255); other programs use up the key's rate limit;"
    " run at another time, or give the digest its own key",
    "InternalError": "GET /overview answered 500 INTERNAL_ERROR: Something went wrong. [tried 4 times]"
    " (request id 50a90923-7f54-4425-9284-bf90814e6366); the fault is CreatorAudit's; re-run the job later",
    "ServiceUnavailable": "GET /overview answered 503 SERVICE_UNAVAILABLE: Please try again shortly. [tried 4 times]"
    " (request id 61ba1a34-8065-4536-8395-c0a1925f7477); the API is not available for now; re-run the job later",
}


def test_examples__all_are_expected_below() -> None:
    """No example of the file is left out here, and none that is expected is missing there."""
    expected = {"/overview": FIGURES, "/creators/top": CREATORS, "/accounts": ACCOUNTS}
    assert {path: set(examples(path)) for path in DOCUMENT["paths"]} == {
        path: set(names) for path, names in expected.items()
    }
    assert set(refusals()) == set(FAULTS)
    assert len(list(shown(DOCUMENT))) == sum(map(len, expected.values())) + len(FAULTS)


def shown(node: Any) -> Iterator[Any]:
    """Yield every example of a body."""
    if isinstance(node, dict):
        content = node.get("content", {})
        yield from (item["example"] for item in content.values() if "example" in item)
        yield from (value for item in content.values() for value in item.get("examples", {}).values())
        for child in node.values():
            yield from shown(child)


@pytest.mark.parametrize("name", FIGURES)
def test_examples__figures(name: str) -> None:
    """Each overview of the file has the expected figures and changes."""
    audit = Audit(parse_overview(examples("/overview")[name]), parse_ranking({"data": []}, 25))
    context = build(audit, title="t", period="7d", zone=ZoneInfo("UTC"), variables={}, now=NOW)
    found = []
    for figure in context.figures:
        change = figure.change
        assert change is not None
        amount = None if change.amount is None else round(change.amount, 2)
        found.append((figure.label, figure.value, figure.previous, (change.direction, amount, change.unit)))
    assert found == FIGURES[name]


@pytest.mark.parametrize("name", CREATORS)
def test_examples__creators(name: str) -> None:
    """Each ranking of the file has the expected creators, in order, with the expected figures."""
    found = [
        (
            (creator.id, creator.name),
            creator.headline and (creator.headline.name, creator.headline.value),
            {metric.name: metric.value for metric in creator.metrics},
        )
        for creator in parse_ranking(examples("/creators/top")[name], 25).creators
    ]
    assert found == CREATORS[name]


@pytest.mark.parametrize("name", ACCOUNTS)
def test_examples__accounts(name: str) -> None:
    """The accounts of the file are counted as expected; a page with a next one is followed by that."""
    pages = [httpx.Response(200, json=examples("/accounts")[key]) for key in (name, "last_page")]
    for now, counts, named in ACCOUNTS[name]:
        network = FakeNetwork()
        network.on("GET", f"{API}/accounts", *pages)
        with httpx.Client(base_url=API, transport=network) as api:
            freshness = walk_accounts(api, FakeClock(now).clock())
        assert freshness.counts == counts
        assert [account.username for account in freshness.named] == named
        assert [item.url.params.get("cursor") for item in network.requests] == CURSORS[name]


@pytest.mark.parametrize("name", FAULTS)
def test_examples__refusals(name: str, clock: FakeClock) -> None:
    """Each refusal of the file is told as expected."""
    problem = refusals()[name]
    network = FakeNetwork()
    network.on("GET", f"{API}/overview", httpx.Response(problem["status"], json=problem))
    with httpx.Client(base_url=API, transport=network) as api, pytest.raises(ApiError) as caught:
        get(api, "/overview", {"period": "7d"}, parse_overview, clock.clock())
    assert caught.value.faults == (FAULTS[name],)
