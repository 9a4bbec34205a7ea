"""
Remember across the attempts of a run what was delivered, so that a re-run does not post it twice.

A step has no store of its own, but its annotations stay with the run. So each
attempt ends with a notice that holds a receipt for each accepted delivery, and
a later attempt reads the notices of the earlier ones. A receipt is a hash of
what was to be posted where: the webhook's URL is in it, and cannot be got out.

https://docs.github.com/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run-attempt
https://docs.github.com/rest/checks/runs#list-check-run-annotations
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import httpx

from digest.answer import Answer
from digest.clock import Clock
from digest.config import Webhook
from digest.exchange import exchange
from digest.together import together
from digest.workflow import WorkflowRun

_Result = TypeVar("_Result")

#: How a notice that holds receipts begins.
OPENING = "delivered, and not to be sent again by a re-run:"
#: Bytes; a page of 100 jobs with their steps can have 1 MB.
_MAX_BODY = 8 * 1024 * 1024
_PAGE = 100
#: A run with more jobs is not searched: a token may ask 1,000 times an hour.
_MOST_JOBS = 300
_AT_ONCE = 4
#: Seconds, and a share of what is left: the chats have to wait for the answer.
_LONGEST, _SHARE = 60.0, 0.5
#: A notice with more would be cut. The runner keeps ten notices of a step.
_RECEIPTS_A_NOTICE = 100
#: A receipt has this many hexadecimal digits.
_DIGITS = 24
_RECEIPT = re.compile(rf"\b[0-9a-f]{{{_DIGITS}}}\b")


class LedgerError(Exception):
    """The earlier attempts cannot be read; the text says why, and what to do."""


def receipt(message_id: str, webhook: Webhook) -> str:
    """Return the receipt of a message at a webhook."""
    what = f"{message_id}\0{webhook.kind}\0{webhook.url}"
    return hashlib.sha256(what.encode()).hexdigest()[:_DIGITS]


def notices(receipts: Sequence[str]) -> Iterator[str]:
    """Yield the texts of the annotations that keep *receipts*."""
    for start in range(0, len(receipts), _RECEIPTS_A_NOTICE):
        yield f"{OPENING} {' '.join(receipts[start : start + _RECEIPTS_A_NOTICE])}"


def receipts(github: httpx.Client, run: WorkflowRun, clock: Clock) -> frozenset[str]:
    """
    Return the receipts of all earlier attempts of *run*.

    Args:
        github:
            A client with the root of GitHub's API as base URL and the token in
            its headers.

    Raises:
        LedgerError:
            If they cannot be read, or not soon.
    """
    clock = clock.within(min(_LONGEST, clock.left() * _SHARE))
    (jobs,) = _all([lambda: sorted(set(_jobs(github, run, clock)))], clock)
    if len(jobs) > _MOST_JOBS:
        message = f"the run has {len(jobs)} jobs, more than the {_MOST_JOBS} that are searched"
        raise LedgerError(message)
    shares = [jobs[first::_AT_ONCE] for first in range(_AT_ONCE)]
    found = _all([partial(_found, github, run, share, clock) for share in shares], clock)
    return frozenset().union(*found)


def _all(tasks: Sequence[Callable[[], _Result]], clock: Clock) -> list[_Result]:
    """Return the results of *tasks*; a server that hangs holds nobody up for longer than there is time."""
    futures = together([(task, clock) for task in tasks])
    if not all(future.done() for future in futures):
        message = f"GitHub's API gave no answer, and {clock.over()}"
        raise LedgerError(message)
    return [future.result() for future in futures]


def _jobs(github: httpx.Client, run: WorkflowRun, clock: Clock) -> Iterator[int]:
    """Yield the ids of the jobs of all earlier attempts."""
    for attempt in range(1, run.attempt):
        path = f"repos/{run.repository}/actions/runs/{run.run_id}/attempts/{attempt}/jobs"
        yield from _ids(_pages(github, path, clock))


def _found(github: httpx.Client, run: WorkflowRun, jobs: Sequence[int], clock: Clock) -> set[str]:
    """Return the receipts among the annotations of *jobs*."""
    paths = [f"repos/{run.repository}/check-runs/{job}/annotations" for job in jobs]
    return {one for path in paths for one in _receipts(_pages(github, path, clock))}


def _ids(jobs: Iterable[object]) -> Iterator[int]:
    """Yield the ids of *jobs*, which are those of their check runs too."""
    for job in jobs:
        if isinstance(job, Mapping) and isinstance(job.get("id"), int):
            yield job["id"]


def _receipts(annotations: Iterable[object]) -> Iterator[str]:
    for annotation in annotations:
        message = annotation.get("message") if isinstance(annotation, Mapping) else None
        if isinstance(message, str) and message.startswith(OPENING):
            yield from _RECEIPT.findall(message)


def _pages(github: httpx.Client, path: str, clock: Clock) -> Iterator[object]:
    """Yield the entries of a list, page by page."""
    page = 1
    while True:
        entries = _page(github, path, page, clock)
        yield from entries
        if len(entries) < _PAGE:
            return
        page += 1


def _page(github: httpx.Client, path: str, page: int, clock: Clock) -> Sequence[Any]:
    request = github.build_request("GET", path, params={"per_page": _PAGE, "page": page})
    outcome = exchange(github, request, limit=_MAX_BODY, repeatable=True, clock=clock)
    if outcome.answer is None or not outcome.answer.success:
        raise LedgerError(_why(outcome.answer, outcome.failure))
    body = outcome.answer.json()
    entries = body.get("jobs") if isinstance(body, Mapping) else body
    if not isinstance(entries, list):
        message = "GitHub's API sent something else than a list"
        raise LedgerError(message)
    return entries


def _why(answer: Answer | None, failure: str) -> str:
    if answer is None:
        return f"GitHub's API gave no answer ({failure})"
    if answer.status in (401, 403, 404):
        return f"GitHub's API answered {answer.status}; the job needs `permissions:` `actions: read` and `checks: read`"
    return f"GitHub's API answered {answer.status}"
