"""What was delivered is not posted again by a re-run; what cannot be known is not guessed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fakes import API, FakeClock, FakeNetwork, Run, answer_from
from hub import GITHUB, TOKEN, Hub, run_environ

from digest.clock import Clock
from digest.config import Webhook
from digest.ledger import OPENING, LedgerError, notices, receipt, receipts
from digest.standin import API_KEY, sample
from digest.workflow import WorkflowRun

Runs = Callable[..., Run]

SLACK = "https://hooks.slack.com/services/T0123/B0123/s3cr3t0fSlack0123456789"
DISCORD = f"https://discord.com/api/webhooks/12345678901234567890/{'d1sc0rd' * 10}"
BOTH = f"{SLACK}\n{DISCORD}"
OK = httpx.Response(200, text="ok")
POSTED = httpx.Response(200, json={"id": "1"})
GONE = httpx.Response(404, json={"message": "Unknown Webhook", "code": 10015})
#: What a re-run says that may not look.
PERMISSIONS = "the job needs `permissions:` `actions: read` and `checks: read`"


@pytest.fixture
def chats(network: FakeNetwork) -> FakeNetwork:
    """Return the network on which Slack takes messages and Discord has lost its webhook, at first."""
    network.on("POST", SLACK, OK)
    network.on("POST", DISCORD, GONE, POSTED)
    return network


def attempt(run: Runs, number: int, webhook_url: str = BOTH, **inputs: str) -> Run:
    """Run that attempt."""
    return run(run_environ(number), webhook_url=webhook_url, github_token=TOKEN, **inputs)


def statuses(result: Run) -> list[str]:
    """Return how the deliveries ended."""
    return [one["status"] for one in json.loads(result.outputs["results"])]


def counts(network: FakeNetwork, *urls: str) -> list[int]:
    """Return how many messages each of *urls* got."""
    return [len(network.to(url)) for url in urls]


def test_rerun__posts_what_failed(run: Runs, chats: FakeNetwork) -> None:
    """Slack had accepted and Discord had not: the re-run posts to Discord alone, and says so."""
    first = attempt(run, 1)
    assert (first.code, statuses(first), counts(chats, SLACK, DISCORD)) == (1, ["accepted", "failed"], [1, 1])
    Hub(chats).remember(1, 11, first)
    second = attempt(run, 2)
    assert (second.code, statuses(second), counts(chats, SLACK, DISCORD)) == (0, ["skipped", "accepted"], [1, 2])
    assert "slack (hooks.slack.com): skipped; an earlier attempt of this run posted it" in second.log
    assert second.annotations("warning") == []


def test_rerun__third_attempt(run: Runs, chats: FakeNetwork) -> None:
    """All earlier attempts count: what the first and what the second delivered."""
    hub = Hub(chats)
    hub.remember(1, 11, attempt(run, 1))
    hub.remember(2, 12, attempt(run, 2))
    third = attempt(run, 3)
    assert (third.code, statuses(third), counts(chats, SLACK, DISCORD)) == (0, ["skipped", "skipped"], [1, 2])


def test_rerun__mended_webhook(run: Runs, chats: FakeNetwork) -> None:
    """A webhook that is mended between the attempts changes nothing for the others."""
    Hub(chats).remember(1, 11, attempt(run, 1))
    mended = DISCORD.replace("d1sc0rd", "m3nd3d0")
    chats.on("POST", mended, POSTED)
    second = attempt(run, 2, f"{mended}\n{SLACK}")
    assert (statuses(second), counts(chats, SLACK, DISCORD, mended)) == (["accepted", "skipped"], [1, 1, 1])


def test_new_run__posts_all(run: Runs, chats: FakeNetwork) -> None:
    """Next week's run, or one started by hand, is another run: it posts, and does not ask GitHub."""
    attempt(run, 1)
    again = run(run_environ(1, GITHUB_RUN_ID="4712"), webhook_url=BOTH, github_token=TOKEN)
    assert (statuses(again), counts(chats, SLACK, DISCORD)) == (["accepted", "accepted"], [2, 2])
    assert Hub(chats).requests == []


def test_new_run__rerun_of_it(run: Runs, chats: FakeNetwork) -> None:
    """Receipts of another run are not this run's."""
    first = attempt(run, 1)
    hub = Hub(chats, run_id="4712")
    hub.remember(1, 11, first)
    run(run_environ(2, GITHUB_RUN_ID="4712"), webhook_url=BOTH, github_token=TOKEN)
    assert counts(chats, SLACK, DISCORD) == [2, 2]


def test_rerun__matrix(run: Runs, chats: FakeNetwork) -> None:
    """Two organisations in a matrix post to the same webhook: what one delivered is not the other's."""
    organisations = {"base_url": API}, {"base_url": "https://eu.creatoraudit.test/v2"}
    answer_from(chats, sample(), organisations[1]["base_url"])
    first = attempt(run, 1, SLACK, **organisations[0])
    Hub(chats).remember(1, 11, first)
    assert statuses(attempt(run, 2, SLACK, **organisations[0])) == ["skipped"]
    assert statuses(attempt(run, 2, SLACK, **organisations[1])) == ["accepted"]


def test_rerun__two_uses_in_a_job(run: Runs, chats: FakeNetwork) -> None:
    """Two uses of the action in one job share its annotations, and each finds its own."""
    first, second = ({"GITHUB_ACTION": f"__OWNER_creatoraudit-digest{end}"} for end in ("", "_2"))
    one = run(run_environ(1, **first), webhook_url=SLACK)
    Hub(chats).remember(1, 11, one)
    again = [run(run_environ(2, **step), webhook_url=SLACK, github_token=TOKEN) for step in (first, second)]
    assert [statuses(result) for result in again] == [["skipped"], ["accepted"]]
    assert counts(chats, SLACK) == [2]


def test_rerun__unknown_is_posted(run: Runs, chats: FakeNetwork) -> None:
    """A delivery whose answer was lost leaves no receipt: the person who re-runs has looked into the chat."""
    chats.on("POST", DISCORD, httpx.ReadTimeout(""), POSTED)
    first = attempt(run, 1, DISCORD)
    assert (first.code, statuses(first), first.annotations("notice")) == (1, ["unknown"], [])
    Hub(chats).remember(1, 11, first)
    assert statuses(attempt(run, 2, DISCORD)) == ["accepted"]


def test_rerun__same_webhook_twice(run: Runs, chats: FakeNetwork) -> None:
    """A webhook that is listed twice gets one message."""
    result = attempt(run, 1, f"{SLACK}\n{SLACK}")
    assert (statuses(result), counts(chats, SLACK)) == (["accepted", "accepted"], [1])


def test_rerun__dry(run: Runs, chats: FakeNetwork) -> None:
    """A dry run asks GitHub nothing, and leaves no receipt."""
    result = attempt(run, 2, dry_run="true")
    assert (result.code, Hub(chats).requests, result.annotations("notice")) == (0, [], [])


def test_rerun__outside_of_github(run: Runs, chats: FakeNetwork) -> None:
    """Outside of GitHub there is nobody to ask, and no annotation."""
    result = run({"GITHUB_RUN_ATTEMPT": "2"}, webhook_url=SLACK, github_token=TOKEN)
    assert (result.code, Hub(chats).requests, result.annotations("notice")) == (0, [], [])


def test_rerun__enterprise_server(run: Runs, chats: FakeNetwork) -> None:
    """On an Enterprise server its own API is asked, with its path."""
    root = "https://ghes.example.test/api/v3"
    hub = Hub(chats, root=root)
    hub.remember(1, 11, attempt(run, 1))
    second = run(run_environ(2, GITHUB_API_URL=root), webhook_url=BOTH, github_token=TOKEN)
    assert statuses(second) == ["skipped", "accepted"]
    assert {request.url.host for request in hub.requests} == {"ghes.example.test"}
    assert not any(request.url.host == "api.github.com" for request in chats.requests)


def test_rerun__secrets_stay_apart(run: Runs, chats: FakeNetwork) -> None:
    """GitHub gets the token and no key, the API the key and no token, the chats neither; no URL is in a notice."""
    hub = Hub(chats)
    first = attempt(run, 1)
    hub.remember(1, 11, first)
    second = attempt(run, 2)
    holders = {
        secret: {request.url.host for request in chats.requests if secret in _all_of(request)}
        for secret in (API_KEY, TOKEN, SLACK, DISCORD)
    }
    assert holders == {
        API_KEY: {"api.creatoraudit.com"},
        TOKEN: {"api.github.com"},
        SLACK: {"hooks.slack.com"},
        DISCORD: {"discord.com"},
    }
    assert {request.headers["authorization"] for request in hub.requests} == {f"Bearer {TOKEN}"}
    for notice in (*first.annotations("notice"), *second.annotations("notice")):
        words = notice.removeprefix(OPENING).split()
        assert [word for word in words if not (len(word) == 24 and int(word, 16))] == []


def found(network: FakeNetwork, attempt: int = 2) -> frozenset[str]:
    """Return the receipts that an attempt finds."""
    with httpx.Client(transport=network, base_url=GITHUB) as github:
        return receipts(github, WorkflowRun.from_environ(run_environ(attempt)), FakeClock().clock())


def _all_of(request: httpx.Request) -> str:
    return f"{request.url} {request.headers.raw} {request.content.decode()}"


@pytest.mark.parametrize(
    ("on_rerun", "status", "end"),
    [("post", "accepted", "all is posted again"), ("skip", "skipped", "nothing is posted")],
)
def test_rerun__may_not_look(run: Runs, chats: FakeNetwork, on_rerun: str, status: str, end: str) -> None:
    """Where GitHub does not tell, one warning says why, and `on-rerun` decides."""
    chats.on("GET", Hub(chats).jobs_url(1), httpx.Response(403))
    result = attempt(run, 2, SLACK, on_rerun=on_rerun)
    assert (result.code, statuses(result)) == (0, [status])
    why = f"GitHub's API answered 403; {PERMISSIONS}; so what earlier attempts delivered is not known, and {end}"
    assert result.annotations("warning") == [f"{why} (`on-rerun`)"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.Response(401), f"GitHub's API answered 401; {PERMISSIONS}"),
        (httpx.Response(403), f"GitHub's API answered 403; {PERMISSIONS}"),
        (httpx.Response(404), f"GitHub's API answered 404; {PERMISSIONS}"),
        (httpx.Response(302, headers={"Location": "https://evil.test/"}), "GitHub's API answered 302"),
        (httpx.Response(502), "GitHub's API answered 502"),
        (httpx.ConnectError(TOKEN), "GitHub's API gave no answer (no connection (ConnectError))"),
        (httpx.ReadTimeout(TOKEN), "GitHub's API gave no answer (no answer in time (ReadTimeout))"),
        (httpx.Response(200, html="<h1>Unicorn!</h1>"), "GitHub's API sent something else than a list"),
        (httpx.Response(200, json={"jobs": {}}), "GitHub's API sent something else than a list"),
        (httpx.Response(200, json=7), "GitHub's API sent something else than a list"),
        (httpx.Response(200, content=b"[" * 9_000_000), "GitHub's API sent something else than a list"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("stage", ["jobs", "annotations"])
def test_receipts__cannot_be_read(stage: str, answer: Any, why: str, clock: FakeClock) -> None:
    """Whatever GitHub says instead is named, with what to do; no redirect is followed, no secret told."""
    network = FakeNetwork()
    hub = Hub(network)
    hub.add_job(1, 11)
    network.on("GET", hub.jobs_url(1) if stage == "jobs" else hub.annotations_url(11), answer)
    with httpx.Client(transport=network, base_url=GITHUB) as github, pytest.raises(LedgerError) as caught:
        receipts(github, WorkflowRun.from_environ(run_environ(2)), clock.clock())
    assert str(caught.value) == why
    assert {request.url.host for request in network.requests} == {"api.github.com"}


@pytest.mark.parametrize(("on_rerun", "status"), [("post", "accepted"), ("skip", "skipped")])
def test_rerun__no_token(run: Runs, chats: FakeNetwork, on_rerun: str, status: str) -> None:
    """Without a token nobody is asked, and one warning says so."""
    result = run(run_environ(2), webhook_url=SLACK, github_token="", on_rerun=on_rerun)
    assert (result.code, statuses(result), Hub(chats).requests) == (0, [status], [])
    [warning] = result.annotations("warning")
    assert warning.startswith("`github-token` is empty; so what earlier attempts delivered is not known, and ")


def test_rerun__skipped_in_doubt_says_so(run: Runs, chats: FakeNetwork) -> None:
    """What is not posted for want of knowledge says that it may have been posted, not that it was."""
    result = run(run_environ(2), webhook_url=SLACK, on_rerun="skip")
    assert "skipped; an earlier attempt may have posted it" in result.log
    assert counts(chats, SLACK) == [0]


@pytest.mark.parametrize("count", [100, 250])
def test_rerun__many_jobs_and_annotations(run: Runs, chats: FakeNetwork, count: int) -> None:
    """Jobs and annotations are read page by page: the receipt is the last annotation of the last job."""
    hub = Hub(chats)
    for job in range(count - 1):
        hub.add_job(1, job)
    first = attempt(run, 1, SLACK)
    noise = replace(first, log="::warning title=CreatorAudit digest::noise\n" * 200)
    hub.remember(1, count, noise, first)
    assert statuses(attempt(run, 2, SLACK)) == ["skipped"]
    pages = [request.url.params["page"] for request in chats.to(hub.annotations_url(count))]
    assert pages == ["1", "2", "3"]
    assert len(chats.to(hub.jobs_url(1))) == count // 100 + 1


def test_rerun__too_many_jobs(run: Runs, chats: FakeNetwork) -> None:
    """A run with more jobs than a token may ask about is not searched."""
    hub = Hub(chats)
    for job in range(301):
        hub.add_job(1, job)
    result = attempt(run, 2, SLACK)
    [warning] = result.annotations("warning")
    assert warning.startswith("the run has 301 jobs, more than the 300 that are searched; ")
    assert len(hub.requests) == 4


@pytest.mark.parametrize(
    "annotations",
    [
        [7, None, [], {}, {"message": None}, {"message": 7}],
        [{"message": f"x {OPENING} {'0' * 24}"}],
        [{"message": f"{OPENING} {'g' * 24} {'0' * 23} {'0' * 25}"}],
    ],
    ids=lambda value: str(value)[:20],
)
def test_receipts__other_annotations(annotations: list[Any], chats: FakeNetwork) -> None:
    """Annotations of others, and nonsense, are passed over."""
    hub = Hub(chats)
    hub.add_job(1, 11)
    hub.annotations[11] = [{"message": text} for text in notices(["a" * 24])]
    hub.annotations[11][:0] = annotations
    assert len(found(chats)) == 1
    hub.annotations[11] = annotations
    assert found(chats) == frozenset()


@pytest.mark.parametrize("jobs", [[], [7, None, {}, {"id": "11"}, {"id": None}]], ids=str)
def test_receipts__no_jobs(jobs: list[Any], chats: FakeNetwork) -> None:
    """An attempt without jobs that have an id delivered nothing."""
    chats.on("GET", Hub(chats).jobs_url(1), httpx.Response(200, json={"jobs": jobs}))
    assert found(chats) == frozenset()


def test_notices__fit(run: Runs, network: FakeNetwork) -> None:
    """The receipts of very many webhooks are spread over notices that no cut can reach, and all are found again."""
    urls = [f"https://chat.example.test/in/{number:024}" for number in range(230)]
    for url in urls:
        network.on("POST", url, OK)
    first = attempt(run, 1, "\n".join(urls))
    texts = first.annotations("notice")
    assert [len(text.split()) - len(OPENING.split()) for text in texts] == [100, 100, 30]
    assert max(map(len, texts)) < 3000
    Hub(network).remember(1, 11, first)
    assert set(statuses(attempt(run, 2, "\n".join(urls)))) == {"skipped"}


def test_notices__none() -> None:
    """Where nothing was accepted there is no notice."""
    assert list(notices([])) == []


def test_receipt__depends_on() -> None:
    """A receipt tells message, kind and URL apart, has no part of them, and is the same each time."""
    webhook = Webhook("slack", "hooks.slack.com", SLACK)
    others = [replace(webhook, kind="json"), replace(webhook, url=SLACK + "x")]
    made = {receipt("id", one) for one in (webhook, *others)} | {receipt("other", webhook)}
    assert len(made) == 4
    assert receipt("id", webhook) == receipt("id", replace(webhook, host="shown otherwise"))
    assert all(len(one) == 24 and int(one, 16) for one in made)


class Silent(httpx.BaseTransport):
    """GitHub's API that does not answer until the test is over, as when it sends its headers one byte a minute."""

    def __init__(self) -> None:
        """Wait for a request."""
        self.asked, self.over = threading.Event(), threading.Event()

    def handle_request(self, _: httpx.Request) -> httpx.Response:
        """Hang."""
        self.asked.set()
        self.over.wait(30)
        return httpx.Response(500)


@pytest.mark.parametrize("why", ["the run was cancelled", "the time for it is up"])
def test_receipts__api_that_hangs(why: str) -> None:
    """An API that hangs is given up when the run is cancelled, or when half of its time is gone."""
    silent = Silent()
    asked = silent.asked.is_set
    clocks = {
        "the run was cancelled": Clock(stopped=asked),
        "the time for it is up": Clock(monotonic=lambda: 5.0 if asked() else 0.0).within(8),
    }
    run = WorkflowRun.from_environ(run_environ(2))
    with httpx.Client(transport=silent, base_url=GITHUB) as github:
        with pytest.raises(LedgerError, match=f"GitHub's API gave no answer, and {why}"):
            receipts(github, run, clocks[why])
        silent.over.set()


@pytest.mark.parametrize(("left", "most"), [(300.0, 60.0), (30.0, 15.0)])
def test_receipts__leaves_time_for_the_chats(left: float, most: float, clock: FakeClock) -> None:
    """However long GitHub's API is busy, the chats keep at least half of what is left, and the ledger a minute."""
    network = FakeNetwork()
    hub = Hub(network)
    network.on("GET", hub.jobs_url(1), httpx.Response(429, headers={"Retry-After": "14"}))
    run = WorkflowRun.from_environ(run_environ(2))
    with httpx.Client(transport=network, base_url=GITHUB) as github, pytest.raises(LedgerError, match="429"):
        receipts(github, run, clock.clock().within(left))
    assert sum(clock.waits) <= most


def test_receipts__first_attempt() -> None:
    """A first attempt has none before it; nobody is asked."""
    assert found(FakeNetwork(), attempt=1) == frozenset()
