"""
Exchange one request for one bounded answer, trying again where that is safe.

Used by `digest.client` and `digest.deliver`, which alone talk to the network.
Texts of httpx exceptions may hold a URL or a header, and both are secrets
here, so only the name of their class leaves this module.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import httpx

from digest.clock import Clock

TRIES = 4
#: Seconds. A server that asks for more than this is not waited for.
LONGEST_WAIT = 90.0
#: Seconds before the second try; doubled for each later one.
FIRST_WAIT = 0.5
#: https://docs.creatoraudit.com/api-reference/rate-limits asks for this on 429
#: and 503; the others are the usual passing failures of a gateway or a server.
RETRIED = frozenset({429, 500, 502, 503, 504})
#: What a client of this module asks for, and the only packing that is unpacked.
ACCEPT_ENCODING = "gzip"


@dataclass(frozen=True, slots=True)
class Answer:
    """
    An HTTP response, read whole or up to the limit.

    Attributes:
        status:
            The status code.
        headers:
            The headers; look-ups ignore case.
        body:
            The decoded body, at most as long as the limit.
        cut:
            Whether the body went on after the limit.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False


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
            How many requests were made, from 1 to `TRIES`.
        answer:
            The last answer, whatever its status, or None.
        failure:
            Why there is no answer, or why it was not waited for; else empty.
        unknown:
            True if a request that must not be repeated may have been received.
    """

    attempts: int
    answer: Answer | None = None
    failure: str = ""
    unknown: bool = False


def exchange(client: httpx.Client, request: httpx.Request, *, limit: int, repeatable: bool, clock: Clock) -> Outcome:
    """
    Send *request* until it is answered for good.

    Connection failures, time-outs and the statuses in `RETRIED` are tried
    again, at most `TRIES` times in all. A request that is not *repeatable* is
    sent again only when it certainly did not arrive, or was answered.

    Args:
        limit:
            How many bytes of the body to read.
        repeatable:
            Whether receiving the request twice does no harm (a GET).
    """
    for attempt in range(1, TRIES + 1):
        try:
            answer = _send(client, request, limit)
        except NoAnswerError as lost:
            if lost.sent and not repeatable:
                return Outcome(attempt, failure=lost.reason, unknown=True)
            outcome = Outcome(attempt, failure=lost.reason)
            wait = _backoff(attempt, clock)
        else:
            outcome = Outcome(attempt, answer)
            if answer.status not in RETRIED:
                return outcome
            wait = max(retry_after(answer, clock.now()), _backoff(attempt, clock))
        if wait > LONGEST_WAIT:
            failure = f"asked to wait {wait:.0f} s, longer than the {LONGEST_WAIT:.0f} s that this action waits"
            return Outcome(attempt, outcome.answer, failure)
        if attempt < TRIES:
            clock.sleep(wait)
    return outcome


def retry_after(answer: Answer, now: datetime) -> float:
    """
    Return the seconds that *answer* asks to wait; 0 if it does not say, or says nonsense.

    A date is compared with the server's own `Date`, if it sent one: the clock
    of the runner may be wrong. RFC 9110, section 10.2.3.
    """
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:12])
    until = _http_date(value)
    if until is None:
        return 0.0
    since = _http_date(answer.headers.get("date", "")) or now
    return max(0.0, (until - since).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (TypeError, ValueError):  # TypeError: Python 3.10 says so of an empty string
        return None
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)


def _backoff(attempt: int, clock: Clock) -> float:
    """Return 0.5 s, 1 s, 2 s ..., each with up to as much again at random."""
    return float(FIRST_WAIT * 2 ** (attempt - 1) * (1 + clock.jitter()))


def _send(client: httpx.Client, request: httpx.Request, limit: int) -> Answer:
    """
    Send *request* once and read at most *limit* bytes of the answer.

    Raises:
        NoAnswerError:
            If there is no complete answer. Redirects are answers.
    """
    try:
        response = client.send(request, stream=True, follow_redirects=False)
    except httpx.HTTPError as error:
        raise _no_answer(error) from None
    with closing(response):
        try:
            body, cut = _read(_decoded(response, limit), limit)
        except httpx.HTTPError as error:
            if response.is_success:
                raise NoAnswerError(f"the answer broke off ({type(error).__name__})", sent=True) from None
            body, cut = b"", True  # the status says enough
    return Answer(response.status_code, response.headers, body, cut)


def _no_answer(error: httpx.HTTPError) -> NoAnswerError:
    name = type(error).__name__
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError | httpx.PoolTimeout | httpx.ProxyError):
        return NoAnswerError(f"no connection ({name})", sent=False)
    if isinstance(error, httpx.WriteError | httpx.WriteTimeout):
        return NoAnswerError(f"the connection broke while the request was sent ({name})", sent=False)
    if isinstance(error, httpx.TimeoutException):
        return NoAnswerError(f"no answer in time ({name})", sent=True)
    return NoAnswerError(f"the connection broke before the answer ({name})", sent=True)


def _decoded(response: httpx.Response, limit: int) -> Iterator[bytes]:
    """
    Yield the body of *response*, unpacked by at most *limit* bytes at a time.

    httpx would unpack each chunk whole: a few kilobytes can hold gigabytes.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        yield from response.iter_raw()
    elif encoding == ACCEPT_ENCODING:
        yield from _unpacked(response.iter_raw(), limit)
    else:
        message = "the content encoding was not asked for"
        raise httpx.DecodingError(message)


def _unpacked(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    gzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    for chunk in chunks:
        try:
            yield gzip.decompress(chunk, limit + 1)
        except zlib.error:
            message = "the body is not gzip"
            raise httpx.DecodingError(message) from None


def _read(chunks: Iterator[bytes], limit: int) -> tuple[bytes, bool]:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            return bytes(body[:limit]), True
    return bytes(body), False
