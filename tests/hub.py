"""GitHub's API as far as the ledger asks it: jobs of attempts, annotations of check runs, in pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from fakes import FakeNetwork, Run

TOKEN = "ghs_0123456789abcdefABCDEF"
GITHUB = "https://api.github.com"
REPOSITORY = "acme/digests"
RUN_ID = "4711"


def run_environ(attempt: int = 1, /, **more: str) -> dict[str, str]:
    """Return the variables that the runner sets in that attempt of the run."""
    return {
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_API_URL": GITHUB,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_RUN_ID": RUN_ID,
        "GITHUB_RUN_ATTEMPT": str(attempt),
        "GITHUB_WORKFLOW": "Weekly digest",
        "GITHUB_JOB": "digest",
        "GITHUB_ACTION": "__OWNER_creatoraudit-digest",
        **more,
    }


@dataclass
class Hub:
    """
    One run of a workflow, as GitHub remembers it.

    Attributes:
        network:
            Where it answers.
        root:
            The root of its API.
        attempts:
            The ids of the jobs, by attempt.
        annotations:
            The annotations, by job.
    """

    network: FakeNetwork
    root: str = GITHUB
    run_id: str = RUN_ID
    attempts: dict[int, list[int]] = field(default_factory=dict)
    annotations: dict[int, list[Mapping[str, Any]]] = field(default_factory=dict)

    def remember(self, attempt: int, job: int, *runs: Run) -> None:
        """Keep what *runs* of the action, steps of one *job*, annotated."""
        self.add_job(attempt, job)
        for run in runs:
            for level in ("error", "warning", "notice"):
                texts = run.annotations(level)
                self.annotations[job] += [_annotation(job, level, text) for text in texts]

    def add_job(self, attempt: int, job: int) -> None:
        """Add a job without annotations."""
        self.attempts.setdefault(attempt, []).append(job)
        self.annotations.setdefault(job, [])
        self.network.on("GET", self.jobs_url(attempt), lambda request: self._jobs(attempt, request))
        self.network.on("GET", self.annotations_url(job), lambda request: _page(self.annotations[job], request))

    def jobs_url(self, attempt: int) -> str:
        """Return where the jobs of an attempt are listed."""
        return f"{self.root}/repos/{REPOSITORY}/actions/runs/{self.run_id}/attempts/{attempt}/jobs"

    def annotations_url(self, job: int) -> str:
        """Return where the annotations of a job are listed."""
        return f"{self.root}/repos/{REPOSITORY}/check-runs/{job}/annotations"

    @property
    def requests(self) -> list[httpx.Request]:
        """The requests that reached it."""
        return [request for request in self.network.requests if str(request.url).startswith(self.root)]

    def _jobs(self, attempt: int, request: httpx.Request) -> httpx.Response:
        jobs = [{"id": job, "run_id": int(self.run_id), "status": "completed"} for job in self.attempts[attempt]]
        page = _page(jobs, request)
        return httpx.Response(200, json={"total_count": len(jobs), "jobs": page.json()})


def _annotation(job: int, level: str, text: str) -> Mapping[str, Any]:
    levels = {"error": "failure", "warning": "warning", "notice": "notice"}
    return {
        "path": ".github",
        "blob_href": f"https://github.com/{REPOSITORY}/blob/{job}/.github",
        "start_line": 1,
        "end_line": 1,
        "start_column": None,
        "annotation_level": levels[level],
        "title": "CreatorAudit digest",
        # https://github.com/actions/runner: ExecutionContext cuts longer ones.
        "message": text[:4096],
        "raw_details": "",
    }


def _page(entries: Sequence[Any], request: httpx.Request) -> httpx.Response:
    size, number = int(request.url.params["per_page"]), int(request.url.params["page"])
    return httpx.Response(200, json=entries[(number - 1) * size : number * size])
