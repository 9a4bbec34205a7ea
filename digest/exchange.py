"""
Exchange one request for one bounded answer, trying again where that is safe.

Used by `digest.client` and `digest.deliver`, which alone talk to the network.
Texts of httpx exceptions may hold a URL or a header, and both are secrets
here, so only the names of their classes leave this module.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import httpx

from digest.answer import Answer, retry_after
from digest.clock import Clock
from digest.masks import hidden, written

TRIES = 4
#: https://docs.creatoraudit.com/api-reference/rate-limits asks for this on 429
#: and 503; the others are the usual passing failures of a gateway or a server.
RETRIED = frozenset({429, 500, 502, 503, 504})
#: Seconds. A server that asks for more than this is not waited for.
LONGEST_WAIT = 90.0
#: Seconds before the second try; doubled for each later one.
FIRST_WAIT = 0.5
#: Seconds; what a socket can be told to wait at most is not infinite.
_LONGEST_TIMEOUT = 3600.0
#: What a client of this module asks for, and the only packing that is unpacked.
ACCEPT_ENCODING = "gzip"


class NoAnswerError(Exception):
    """
    The request got no usable answer.

    Attributes:
        reason:
            What happened, without any part of the URL.
        sent:
            Whether the server may have received the whole request.
    """

    def __init__(self, reason: str, *, sent: bool) -> None:
        """Keep the reason and whether the request went out."""
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    How an exchange ended.

    Attributes:
        attempts:
            How many requests were made, up to `TRIES`; 0 if there was no time.
        answer:
            The last answer, whatever its status, or None.
        failure:
            Why there is no answer, or why another was not waited for; else empty.
        unknown:
            Whether a request may have been received whose answer was lost.
    """

    attempts: int
    answer: Answer | None = None
    failure: str = ""
    unknown: bool = False


def usual_wait(answer: Answer) -> float | None:
    """Return the seconds to wait at least before another try, beside `Retry-After`; None if there is to be none."""
    return 0.0 if answer.status in RETRIED else None


def exchange(  # noqa: PLR0913 - but two by name
    client: httpx.Client,
    request: httpx.Request,
    *,
    limit: int,
    repeatable: bool,
    clock: Clock,
    wait: Callable[[Answer], float | None] = usual_wait,
    secrets: Collection[str] = (),
) -> Outcome:
    """
    Send *request* until it is answered for good.

    Connection failures, time-outs and what *wait* says of an answer are tried
    again, at most `TRIES` times in all. A request that is not *repeatable* is
    sent again only when it certainly did not arrive, or was answered.

    Args:
        limit:
            How many bytes of the body to read.
        repeatable:
            Whether receiving the request twice does no harm (a GET).
        wait:
            Whether, and how long at least, to wait after an answer.
        secrets:
            What is hidden in every answer: some servers say what they were asked.
    """
    outcome, forms = Outcome(0, failure=clock.over()), written(secrets)
    for attempt in range(1, TRIES + 1):
        if clock.left() <= 0:
            return replace(outcome, failure=outcome.failure or clock.over())
        try:
            answer = _send(client, request, limit, clock, forms)
        except NoAnswerError as lost:
            outcome = Outcome(attempt, failure=lost.reason, unknown=outcome.unknown or lost.sent)
            if lost.sent and not repeatable:
                return outcome
            pause = _backoff(attempt, clock)
        else:
            outcome = Outcome(attempt, answer, unknown=outcome.unknown)
            asked = wait(answer)
            if asked is None:
                return outcome
            pause = max(asked, retry_after(answer, clock.now()), _backoff(attempt, clock))
        if attempt < TRIES:
            if pause > min(LONGEST_WAIT, clock.left()):
                return replace(outcome, failure=_too_long(pause, outcome.failure, clock))
            clock.sleep(pause)
    return outcome


def _too_long(pause: float, failure: str, clock: Clock) -> str:
    """Return why *pause* is not waited for."""
    asked = f"asked to wait {pause:.0f} s"
    if clock.left() < LONGEST_WAIT:
        return f"{failure or asked}, but {clock.over()}"
    return f"{asked}, longer than the {LONGEST_WAIT:.0f} s that this action waits"


def _backoff(attempt: int, clock: Clock) -> float:
    """Return 0.5 s, 1 s, 2 s ..., each with up to as much again at random."""
    return float(FIRST_WAIT * 2 ** (attempt - 1) * (1 + clock.jitter()))


def _send(client: httpx.Client, request: httpx.Request, limit: int, clock: Clock, forms: Collection[bytes]) -> Answer:
    """
    Send *request* once and read at most *limit* bytes of the answer.

    The client's time-out bounds each wait for the other side, and once more
    all of them together while the body is read.

    Raises:
        NoAnswerError:
            If there is no complete answer. Redirects are answers.
    """
    # What was sent before the run was cancelled is read to its end: a message that was accepted must be known.
    clock = replace(clock.within(client.timeout.read or math.inf), stopped=bool)
    request.extensions["timeout"] = httpx.Timeout(min(clock.left(), _LONGEST_TIMEOUT)).as_dict()
    try:
        response = client.send(request, stream=True, follow_redirects=False)
    except httpx.HTTPError as error:
        raise _no_answer(error) from None
    with closing(response):
        try:
            body, cut = _read(_decoded(response, limit), limit, clock)
        except httpx.HTTPError as error:
            if response.is_success:
                raise NoAnswerError(f"the answer broke off ({type(error).__name__})", sent=True) from None
            body, cut = b"", True  # the status says enough
    headers = httpx.Headers([(name, hidden(value, forms)) for name, value in response.headers.raw])
    return Answer(response.status_code, headers, hidden(body, forms), cut)


def _no_answer(error: httpx.HTTPError) -> NoAnswerError:
    name = _named(error)
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError | httpx.PoolTimeout | httpx.ProxyError):
        return NoAnswerError(f"no connection ({name})", sent=False)
    if isinstance(error, httpx.WriteError | httpx.WriteTimeout):
        return NoAnswerError(f"the connection broke while the request was sent ({name})", sent=False)
    if isinstance(error, httpx.TimeoutException):
        return NoAnswerError(f"no answer in time ({name})", sent=True)
    return NoAnswerError(f"the connection broke before the answer ({name})", sent=True)


def _named(error: BaseException) -> str:
    """Return the class of *error* and of what lay under it: a refusal, an unknown host, a certificate."""
    root = error
    while below := root.__cause__ or root.__context__:
        root = below
    return ": ".join(dict.fromkeys((type(error).__name__, type(root).__name__)))


def _decoded(response: httpx.Response, limit: int) -> Iterator[bytes]:
    """
    Yield the body of *response*, unpacked by at most *limit* bytes at a time.

    httpx would unpack each chunk whole: a few kilobytes can hold gigabytes.
    Other encodings were not asked for: they are mistaken names for none
    (`utf-8`), or lead to a body that is not JSON.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    chunks = response.iter_raw()
    return _unpacked(chunks, limit) if encoding == ACCEPT_ENCODING else chunks


def _unpacked(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    gzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    for chunk in chunks:
        try:
            yield gzip.decompress(chunk, limit + 1)
        except zlib.error:
            message = "the body is not gzip"
            raise httpx.DecodingError(message) from None


def _read(chunks: Iterator[bytes], limit: int, clock: Clock) -> tuple[bytes, bool]:
    body = bytearray()
    for chunk in chunks:
        if clock.left() <= 0:
            message = "the body does not end"
            raise httpx.ReadTimeout(message)
        body += chunk
        if len(body) > limit:
            del body[limit:]
            return bytes(body), True
    return bytes(body), False
