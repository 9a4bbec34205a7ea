"""
The errors a user can act on.

```
DigestError         1   the text is the whole message; each fault is one line
  InputError        2   an input of the action is missing or malformed
  ApiError          1   the CreatorAudit API refused, or sent something else
  TemplateError     1   file:line: what is wrong in the template
  StaleDataError    1   the data are old, and `on-stale` says to fail then
  OutputError       1   the message was posted, but what later steps read is lost
  DeliveryError     1   at least one webhook did not accept the message
(anything else)     3   a bug of this action
```

The numbers are exit codes. No text here ever holds an API key or a webhook URL.
"""

from __future__ import annotations

from typing import ClassVar

#: The exit code of anything that is not a `DigestError`.
BUG = 3


class DigestError(Exception):
    """
    Something the user can act on.

    Attributes:
        faults:
            What went wrong and what to do, one line each; at least one.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, *faults: str) -> None:
        """Take all faults at once, so that the user mends them in one go."""
        super().__init__("; ".join(faults))
        self.faults = faults


class InputError(DigestError):
    """An input is missing or malformed; each fault starts with its name in action.yml."""

    exit_code = 2


class ApiError(DigestError):
    """
    The CreatorAudit API could not be reached, refused, or sent something else.

    Attributes:
        status:
            The status of the refusal, or None if it was none.
    """

    def __init__(self, *faults: str, status: int | None = None) -> None:
        """Keep the status, for who can do something about it."""
        super().__init__(*faults)
        self.status = status


class TemplateError(DigestError):
    """The template cannot be compiled or rendered."""


class StaleDataError(DigestError):
    """Data are old or missing, and the user wants no digest of such."""


class OutputError(DigestError):
    """An output of the step, or the job summary, could not be written."""


class DeliveryError(DigestError):
    """At least one destination did not accept the message."""
