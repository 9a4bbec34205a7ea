from __future__ import annotations

import uuid

import pytest
from hub import run_environ

from digest.config import DEFAULTS
from digest.workflow import WorkflowRun

INPUTS = {**DEFAULTS, "api-key": "key", "webhook-url": "https://a.test/"}
#: What makes the message; another one is another message.
OTHERS = {
    "api-key": "other",
    "base-url": "https://api.test/v2",
    "limit": "6",
    "period": "30d",
    "template": "ours.j2",
    "timezone": "Europe/Paris",
    "title": "Ours",
    "variables": "a=b",
}


def test_workflow_run__from_environ() -> None:
    """The variables of the runner say which run this is."""
    run = WorkflowRun.from_environ(run_environ(3))
    assert (run.repository, run.run_id, run.attempt) == ("acme/digests", "4711", 3)
    assert (run.job, run.step) == ("digest", "__OWNER_creatoraudit-digest")
    assert run.url == "https://github.com/acme/digests/actions/runs/4711"


def test_workflow_run__enterprise_server() -> None:
    """An Enterprise server's own roots are used."""
    environ = run_environ(GITHUB_SERVER_URL="https://ghes.test", GITHUB_API_URL="https://ghes.test/api/v3")
    run = WorkflowRun.from_environ(environ)
    assert (run.url, run.api_url) == (
        "https://ghes.test/acme/digests/actions/runs/4711",
        "https://ghes.test/api/v3",
    )


def test_workflow_run__outside_of_github() -> None:
    """Without the runner's variables it is a first attempt of nothing, which has no page."""
    run = WorkflowRun.from_environ({})
    assert (run.server_url, run.api_url) == ("https://github.com", "https://api.github.com")
    assert (run.url, run.attempt) == (None, 1)


@pytest.mark.parametrize("name", ["GITHUB_REPOSITORY", "GITHUB_RUN_ID"])
def test_workflow_run__half_of_it(name: str) -> None:
    """A run that is half known has no page."""
    assert WorkflowRun.from_environ(run_environ(**{name: ""})).url is None


@pytest.mark.parametrize(("given", "attempt"), [("", 1), ("2", 2), ("x", 1), ("-3", 1), ("²", 1), ("0", 0)])
def test_workflow_run__attempt(given: str, attempt: int) -> None:
    """What is no number counts as a first attempt."""
    assert WorkflowRun.from_environ({"GITHUB_RUN_ATTEMPT": given}).attempt == attempt


def message_id(inputs: dict[str, str], attempt: int = 1, /, **environ: str) -> str:
    """Return the id of the message of a run."""
    return WorkflowRun.from_environ(run_environ(attempt, **environ)).message_id(inputs)


def test_message_id__same_for_each_attempt() -> None:
    """A re-run has the message of the run, so that it can be recognised."""
    assert message_id(INPUTS) == message_id(INPUTS, 2)
    assert uuid.UUID(message_id(INPUTS)).version == 5


@pytest.mark.parametrize("name", ["GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_JOB", "GITHUB_ACTION"])
def test_message_id__place(name: str) -> None:
    """Another run, job or step is another message: next week's, another use of the action in the job."""
    assert message_id(INPUTS) != message_id(INPUTS, **{name: "other"})


@pytest.mark.parametrize("name", OTHERS)
def test_message_id__inputs_that_make_the_message(name: str) -> None:
    """The jobs of a matrix differ in their inputs alone; what makes the message tells them apart."""
    assert message_id(INPUTS) != message_id({**INPUTS, name: OTHERS[name]})


def test_message_id__inputs_that_do_not_make_the_message() -> None:
    """To mend a webhook, or to allow more time, does not make another message."""
    mended = {name: f"{value} changed" for name, value in INPUTS.items() if name not in OTHERS}
    assert set(INPUTS) - set(OTHERS) == set(mended)
    assert message_id(INPUTS) == message_id({**INPUTS, **mended})


def test_message_id__not_utf8() -> None:
    """An input with a byte that is not UTF-8 has an id like any other."""
    assert message_id({**INPUTS, "title": "caf\udce9"}) != message_id(INPUTS)


def test_message_id__outside_of_github() -> None:
    """Without a run, each call is a message of its own."""
    run = WorkflowRun.from_environ({})
    assert run.message_id(INPUTS) != run.message_id(INPUTS)
