"""
Say which run of which workflow this is.

https://docs.github.com/actions/reference/workflows-and-actions/variables
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

_SERVER = "https://github.com"


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """
    One run of a workflow; all of it is empty outside GitHub.

    Attributes:
        server_url:
            The root of github.com, or of an Enterprise server.
        repository:
            `owner/name`.
        run_id:
            The same for each attempt of this run, and no other's.
        job, step:
            The job's key in the workflow, and the step's id or number in it.
    """

    server_url: str
    repository: str
    run_id: str
    job: str
    step: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> WorkflowRun:
        """Read the variables that the runner sets."""
        return cls(
            server_url=environ.get("GITHUB_SERVER_URL") or _SERVER,
            repository=environ.get("GITHUB_REPOSITORY", ""),
            run_id=environ.get("GITHUB_RUN_ID", ""),
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
        so these are part of it, as a hash. Outside GitHub each call is another
        run.
        """
        if not self.run_id:
            return str(uuid.uuid4())
        what = [
            self.repository,
            self.run_id,
            self.job,
            self.step,
            *(f"{name}={inputs[name]}" for name in sorted(inputs)),
        ]
        digest = hashlib.sha256("\0".join(what).encode("utf-8", "surrogateescape")).digest()
        return str(uuid.UUID(bytes=digest[:16], version=5))
