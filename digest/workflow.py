"""
Say which run of which workflow this is.

https://docs.github.com/actions/reference/workflows-and-actions/variables
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

_MAKE_THE_MESSAGE = ("api-key", "base-url", "limit", "period", "template", "timezone", "title", "variables")


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """
    One run of a workflow; all of it is empty outside GitHub.

    Attributes:
        server_url, api_url:
            The roots of github.com and of its API, or of an Enterprise server's.
        repository:
            `owner/name`.
        run_id:
            The same for each attempt of this run, and no other's.
        attempt:
            1, and more by 1 for each re-run.
        job, step:
            The job's key in the workflow, and the step's id or number in it.
    """

    server_url: str
    api_url: str
    repository: str
    run_id: str
    attempt: int
    job: str
    step: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> WorkflowRun:
        """Read the variables that the runner sets."""
        attempt = environ.get("GITHUB_RUN_ATTEMPT", "")
        return cls(
            server_url=environ.get("GITHUB_SERVER_URL") or "https://github.com",
            api_url=environ.get("GITHUB_API_URL") or "https://api.github.com",
            repository=environ.get("GITHUB_REPOSITORY", ""),
            run_id=environ.get("GITHUB_RUN_ID", ""),
            attempt=int(attempt) if attempt.isascii() and attempt.isdigit() else 1,
            job=environ.get("GITHUB_JOB", ""),
            step=environ.get("GITHUB_ACTION", ""),
        )

    @property
    def url(self) -> str | None:
        """The page of this run, which shows the job summary, or None outside GitHub."""
        if not self.repository or not self.run_id:
            return None
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}"

    def message_id(self, inputs: Mapping[str, str]) -> str:
        """
        Return the id of the message that this step posts, the same for each attempt of the run.

        The jobs of a matrix share all that is known of a job but its *inputs*,
        so those that make the message are part of it, as a hash. The webhooks
        are not: to mend one of them must not change what the others are sent.
        Outside GitHub each call is another run.
        """
        import uuid  # 4 ms, which no answer needs to wait for

        if not self.run_id:
            return str(uuid.uuid4())
        made_of = [f"{name}={inputs[name]}" for name in _MAKE_THE_MESSAGE]
        what = [self.repository, self.run_id, self.job, self.step, *made_of]
        digest = hashlib.sha256("\0".join(what).encode("utf-8", "surrogateescape")).digest()
        return str(uuid.UUID(bytes=digest[:16], version=5))
