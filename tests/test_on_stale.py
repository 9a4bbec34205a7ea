from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import API, HOOK, NOW, FakeClock, FakeNetwork, Run, answer_from, posted

from digest.notices import UNKNOWN_FRESHNESS
from digest.standin import sample, tracked_accounts

ACCOUNTS = f"{API}/accounts"
NEVER = {"last_scrape_time": None}
STALE = {"last_scrape_time": "2026-11-17T12:00:00Z"}
GONE = {"is_unavailable": True}
NEW = {"last_scrape_time": None, "added_at": "2026-11-22T06:00:00Z"}
#: What is said of `OFF`.
SAID = (
    "3 of 412 accounts have no data yet, 2 are stale (oldest: 17 Nov) — totals may be understated:"
    " account_00000, account_00001, account_00002, account_00003, account_00004."
)
OFF: Sequence[Mapping[str, Any]] = [NEVER, NEVER, NEVER, STALE, STALE]


def serve(network: FakeNetwork, changes: Sequence[Mapping[str, Any]], count: int = 412) -> None:
    """Have the API answer with *count* accounts, of which the first are changed as *changes* say."""
    rows = tracked_accounts(count, NOW)
    for row, change in zip(rows, changes, strict=False):
        row.update(change)
    answer_from(network, {**sample(), "accounts": {"data": rows}})


def line(message: str) -> str:
    """Return the last line of a message as it reads: emphasis and escapes left out."""
    last = message.splitlines()[-1]
    assert last.startswith("*")
    assert last.endswith("*")
    return last[1:-1].replace("\\", "")


def statuses(run: Run) -> list[tuple[str, str]]:
    """Return status and note of each destination, from the output `results`."""
    return [(result["status"], result["note"]) for result in json.loads(run.outputs["results"])]


def test_note(network: FakeNetwork, run: Callable[..., Run]) -> None:
    """By default, the message closes with one line about the accounts, and nothing else is said."""
    serve(network, OFF)
    used = run()
    assert used.code == 0
    assert line(used.outputs["message"]) == SAID
    assert [body["text"].splitlines()[-1] for body in posted(network)] == [SAID]
    assert used.outputs["stale-accounts"] == "5"
    assert statuses(used) == [("accepted", "")]
    assert used.annotations("warning") == used.errors == []
    assert run(on_stale="note").outputs["message"] == used.outputs["message"]


def test_warn(network: FakeNetwork, run: Callable[..., Run]) -> None:
    """With `warn`, the same line is an annotation too."""
    serve(network, OFF)
    used = run(on_stale="warn")
    assert used.code == 0
    assert line(used.outputs["message"]) == SAID
    assert used.annotations("warning") == [SAID]
    assert used.outputs["stale-accounts"] == "5"
    assert statuses(used) == [("accepted", "")]
    assert len(posted(network)) == 1


def test_skip(network: FakeNetwork, run: Callable[..., Run]) -> None:
    """With `skip`, nothing is posted, the step succeeds, and log, annotation, summary and results say so."""
    serve(network, OFF)
    second = "https://chat.example.test/in/tok_2"
    used = run(on_stale="skip", webhook_url=f"{HOOK}\n{second}")
    assert used.code == 0
    assert posted(network) == []
    why = "data are stale, and `on-stale` is skip"
    assert statuses(used) == [("skipped", why), ("skipped", why)]
    assert used.annotations("warning") == [SAID]
    assert used.errors == []
    assert f"(hooks.example.test): skipped; {why}" in used.log
    assert used.outputs["stale-accounts"] == "5"
    assert line(used.outputs["message"]) == SAID
    assert used.summary.count("| skipped | 0 |") == 2


def test_fail(network: FakeNetwork, run: Callable[..., Run]) -> None:
    """With `fail`, nothing is posted, and the step fails with the line; later steps can read the message."""
    serve(network, OFF)
    used = run(on_stale="fail")
    assert used.code == 1
    assert posted(network) == []
    assert used.errors == [f"nothing was posted, as `on-stale` is fail: {SAID}"]
    assert used.annotations("warning") == []
    assert used.outputs["stale-accounts"] == "5"
    assert line(used.outputs["message"]) == SAID


def test_ignore(network: FakeNetwork, run: Callable[..., Run]) -> None:
    """With `ignore`, the accounts are not asked for, and nothing is said of them."""
    serve(network, OFF)
    used = run(on_stale="ignore")
    assert used.code == 0
    assert network.to(ACCOUNTS) == []
    assert used.outputs["stale-accounts"] == ""
    assert "account" not in used.outputs["message"].partition("## Top creators")[2]
    assert statuses(used) == [("accepted", "")]
    assert used.annotations("warning") == []
    data = json.loads(Path(used.outputs["data-file"]).read_text(encoding="utf-8"))
    assert (data["freshness"], data["notices"]) == (None, [])


@pytest.mark.parametrize(
    ("on_stale", "changes", "count"),
    [
        ("note", [NEW], 2),
        ("warn", [NEW, NEW], 412),
        ("skip", [NEW, NEW], 2),
        ("fail", [NEW, NEW], 412),
        ("fail", [], 1),
        ("skip", [], 0),
    ],
)
def test_all_is_well(on_stale: str, changes: Any, count: int, network: FakeNetwork, run: Callable[..., Run]) -> None:
    """When all accounts are fresh or new, or there are none, the digest is posted and says nothing of them."""
    serve(network, changes, count)
    used = run(on_stale=on_stale)
    assert used.code == 0
    assert len(posted(network)) == 1
    assert statuses(used) == [("accepted", "")]
    assert used.outputs["stale-accounts"] == "0"
    assert used.annotations("warning") == used.errors == []
    data = json.loads(Path(used.outputs["data-file"]).read_text(encoding="utf-8"))
    assert data["notices"] == []
    assert data["freshness"]["total"] == count
    assert data["freshness"]["new"] == len(changes)


@pytest.mark.parametrize("change", [NEVER, STALE, GONE])
def test_any_of_them_is_enough(change: Mapping[str, Any], network: FakeNetwork, run: Callable[..., Run]) -> None:
    """One account of 412 that was never collected, is stale or unavailable is enough to withhold the message."""
    serve(network, [change])
    used = run(on_stale="skip")
    assert (used.code, used.outputs["stale-accounts"], posted(network)) == (0, "1", [])
    assert used.annotations("warning")[0].startswith("1 of 412 accounts ")


def test_data_file(network: FakeNetwork, run: Callable[..., Run]) -> None:
    """The output `data-file` holds all counters and days, and who is named; handles stand there as they arrived."""
    serve(network, [NEVER, STALE, {**GONE, "username": "*gone*"}, NEW], 9)
    used = run()
    data = json.loads(Path(used.outputs["data-file"]).read_text(encoding="utf-8"))
    assert data["freshness"] == {
        "total": 9,
        "fresh": 5,
        "new": 1,
        "stale": 1,
        "never_collected": 1,
        "unavailable": 1,
        "oldest": "2026-11-17",
        "newest": "2026-11-22",
        "named": [
            {"name": "account_00000", "platform": "instagram", "state": "never collected", "collected": None},
            {"name": "account_00001", "platform": "tiktok", "state": "stale", "collected": "2026-11-17"},
            {"name": "*gone*", "platform": "instagram", "state": "unavailable", "collected": "2026-11-22"},
        ],
    }
    assert used.outputs["stale-accounts"] == "3"


def test_hostile_names(network: FakeNetwork, run: Callable[..., Run]) -> None:
    """A handle is neither a command of the runner nor markup of the message."""
    name = "a\n::error::b ##[add-mask]c *d* <!channel> @here"
    serve(network, [{**STALE, "username": name}], 1)
    used = run(on_stale="warn")
    shown = "a ::error::b ##[add-mask]c *d* <!channel> @here"
    assert line(used.outputs["message"]).endswith(f": {shown}.")
    assert used.annotations("warning")[0].endswith(f": {shown.replace('##[', '# #[')}.")
    assert not [text for text in used.log.splitlines() if text.startswith("::error")]


def page(**fields: Any) -> httpx.Response:
    """Return a page that says there is a next one, but for *fields* of its body."""
    body = {"data": [], "pagination": {"has_next": True, "next_cursor": "2"}, **fields}
    return httpx.Response(200, json=body, headers={"X-Request-ID": "r1"})


def refusal(status: int, code: str, **headers: str) -> httpx.Response:
    """Return a documented refusal."""
    return httpx.Response(status, json={"status": status, "code": code, "request_id": "r1"}, headers=headers)


FAILURES: Mapping[str, tuple[tuple[Any, ...], str]] = {
    "forbidden": (
        (refusal(403, "FORBIDDEN"),),
        "GET /accounts answered 403 FORBIDDEN (request id r1); the key is disabled",
    ),
    "no scope": (
        (refusal(403, "INSUFFICIENT_SCOPE"),),
        "GET /accounts answered 403 INSUFFICIENT_SCOPE (request id r1); the key may not read",
    ),
    "time-out": ((httpx.ReadTimeout("secret"),), "GET /accounts: no answer in time (ReadTimeout), tried 4 times"),
    "time-out later": (
        (page(), httpx.ReadTimeout("secret")),
        "GET /accounts: no answer in time (ReadTimeout), tried 4 times",
    ),
    "429 for ever": (
        (httpx.Response(429, headers={"Retry-After": "1"}),),
        "GET /accounts answered 429 [tried 4 times]; other programs use up the key's rate limit",
    ),
    "429 for an hour": (
        (page(), httpx.Response(429, headers={"Retry-After": "3600", "X-Request-ID": "r1"})),
        "GET /accounts answered 429 (asked to wait 3600 s, but the time for it is up) (request id r1); other programs",
    ),
    "server error": ((httpx.Response(500),), "GET /accounts answered 500 [tried 4 times]; the fault is CreatorAudit's"),
    "not found": ((httpx.Response(404),), "GET /accounts answered 404; `base-url` does not lead to the v2 API"),
    "HTML": (
        (httpx.Response(200, html="<h1>Hotel Wi-Fi</h1>"),),
        "GET /accounts answered 200, but the body is not JSON (text/html; charset=utf-8, 20 bytes); check `base-url`",
    ),
    "cut off": (
        (httpx.Response(200, content=b'{"data": [', headers={"Content-Type": "application/json"}),),
        "GET /accounts answered 200, but the body is not JSON (application/json, 10 bytes)",
    ),
    "no pagination": (
        (page(pagination=None),),
        "GET /accounts answered 200, but pagination.has_next is neither true nor false (request id r1)",
    ),
    "no cursor": (
        (page(pagination={"has_next": True}),),
        "GET /accounts answered 200, but pagination.next_cursor is missing, though there is a next page (request",
    ),
    "a loop": (
        (page(),),
        "GET /accounts answered 200, but pagination.next_cursor came before, so the pages would never end",
    ),
    "cursors refused": (
        (page(), refusal(422, "VALIDATION_ERROR"), page(), refusal(422, "VALIDATION_ERROR")),
        "GET /accounts answered 422 VALIDATION_ERROR (request id r1); this may be a fault of the action",
    ),
    "nonsense time": (
        (page(data=[{"username": "zoe", "last_scrape_time": "secret"}]),),
        "GET /accounts answered 200, but last_scrape_time of an account is not a time (request id r1)",
    ),
    "the zero time of Go": (
        (page(data=[{"username": "zoe", "last_scrape_time": "0001-01-01T00:00:00Z"}]),),
        "GET /accounts answered 200, but last_scrape_time of an account is not a time (request id r1)",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_walk_fails(failure: str, network: FakeNetwork, clock: FakeClock, run: Callable[..., Run]) -> None:
    """Whatever goes wrong, the digest is posted with its figures, a warning, and a line that freshness is unknown."""
    answers, said = FAILURES[failure]
    network.on("GET", ACCOUNTS, *answers)
    used = run(timezone="America/New_York")
    assert used.code == 0
    (body,) = posted(network)
    assert body["text"].splitlines()[-1] == UNKNOWN_FRESHNESS
    assert line(used.outputs["message"]) == UNKNOWN_FRESHNESS
    assert "1.28M" in body["text"]
    (warning,) = used.annotations("warning")
    assert warning.startswith(f"the digest goes without the freshness of its data: {said}")
    assert "secret" not in used.log
    assert used.outputs["stale-accounts"] == ""
    assert statuses(used) == [("accepted", "")]
    assert sum(clock.waits) <= 60


@pytest.mark.parametrize("on_stale", ["note", "warn", "skip", "fail"])
def test_walk_fails__whatever_on_stale_says(on_stale: str, network: FakeNetwork, run: Callable[..., Run]) -> None:
    """What is not known to be stale is posted: a part that is optional keeps no digest back."""
    network.on("GET", ACCOUNTS, refusal(403, "FORBIDDEN"))
    used = run(on_stale=on_stale)
    assert (used.code, len(posted(network)), used.outputs["stale-accounts"]) == (0, 1, "")
    assert line(used.outputs["message"]) == UNKNOWN_FRESHNESS


def test_walk_fails__with_the_rest(network: FakeNetwork, run: Callable[..., Run]) -> None:
    """Where the overview fails too, the step fails with that, and there is no digest to warn about."""
    for path in ("overview", "accounts"):
        network.on("GET", f"{API}/{path}", refusal(403, "FORBIDDEN"))
    used = run()
    assert used.code == 1
    assert [error.partition(";")[0] for error in used.errors] == [
        "GET /overview answered 403 FORBIDDEN (request id r1)"
    ]
    assert posted(network) == []
