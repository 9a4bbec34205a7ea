"""Ask the CreatorAudit API one question, and say what went wrong and what to do about it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NoReturn, TypeVar

import httpx

from digest.answer import Answer, UnexpectedShapeError
from digest.clock import Clock
from digest.errors import ApiError
from digest.exchange import exchange
from digest.text import clean

#: Bytes. A page of 200 accounts has about 300 KB; more than this is not an answer.
MAX_BODY = 8 * 1024 * 1024
#: The documented bodies have 4 levels. What follows walks them by recursion.
MAX_DEPTH = 32

_Parsed = TypeVar("_Parsed")

#: What to do, by the problem's `code` and else by the status.
#: https://docs.creatoraudit.com/api-reference/authentication and .../errors
_ADVICE: Mapping[str | int, str] = {
    401: "the key in `api-key` is missing a part, was deleted or is not one of CreatorAudit's;"
    " copy it again from https://app.creatoraudit.com/app/api-keys into the secret",
    "FORBIDDEN": "the key is disabled or the subscription is not active; look at https://app.creatoraudit.com",
    "INSUFFICIENT_SCOPE": "the key may not read; give it the scope `read`, or make a key that has it",
    "QUOTA_EXCEEDED": "the organisation's quota is used up; wait for the next billing period or raise it",
    403: "the key may not do this; look at it on https://app.creatoraudit.com/app/api-keys",
    404: "`base-url` does not lead to the v2 API; leave it out to use the real one",
    422: "this may be a fault of the action; report it with the request id",
    429: "other programs use up the key's rate limit; run at another time, or give the digest its own key",
    500: "the fault is CreatorAudit's; re-run the job later",
    502: "the fault is CreatorAudit's; re-run the job later",
    503: "the API is not available for now; re-run the job later",
    504: "the API is not available for now; re-run the job later",
}
_UNREACHABLE = "check `base-url`, the runner's network and its proxy; then re-run the job"
_CANCELLED = "re-run the job"
_TOO_SLOW = "the API is slow for now; re-run the job later"
_WRONG_BODY = "check `base-url`; if it is right, the API has changed: report it with the request id"


def get(
    api: httpx.Client,
    path: str,
    params: Mapping[str, str | int],
    parse: Callable[[object], _Parsed],
    clock: Clock,
) -> tuple[_Parsed, Mapping[str, str]]:
    """
    Return what *parse* makes of the answer to a GET, and its headers.

    Args:
        api:
            A client with the API's root as base URL and the key in its headers.
        path:
            Such as `/overview`.
        parse:
            Raises UnexpectedShapeError for a body that it does not know.

    Raises:
        ApiError:
            If there is no such answer. One fault, which says what to do.
    """
    request = api.build_request("GET", path.removeprefix("/"), params=params)
    key = request.headers.get("authorization", "").rpartition(" ")[2]
    outcome = exchange(api, request, limit=MAX_BODY, repeatable=True, clock=clock, secrets=[key])
    answer = outcome.answer
    if answer is None:
        tried = f", tried {_times(outcome.attempts)}" if outcome.attempts else ""
        advice = _CANCELLED if clock.stopped() else _TOO_SLOW if clock.left() <= 0 else _UNREACHABLE
        message = f"GET {path}: {outcome.failure}{tried}; {advice}"
        raise ApiError(message)
    if answer.status != httpx.codes.OK:
        raise ApiError(_refusal(path, answer, outcome.failure, outcome.attempts), status=answer.status)
    try:
        return parse(_decode(answer)), answer.headers
    except UnexpectedShapeError as error:
        _fail(path, answer, clean(str(error)))


def _decode(answer: Answer) -> object:
    if answer.cut:
        message = f"the body is larger than {MAX_BODY // 1024**2} MiB"
        raise UnexpectedShapeError(message)
    try:
        body = json.loads(answer.body, **_NUMBERS)
    except (ValueError, RecursionError):  # ValueError: not JSON, not UTF-8, a number that is none
        content_type = clean(answer.headers.get("content-type", "")) or "no content type"
        message = f"the body is not JSON ({content_type}, {len(answer.body):,} bytes)"
        raise UnexpectedShapeError(message) from None
    if _is_deeper(body, MAX_DEPTH):
        message = f"the body is nested deeper than {MAX_DEPTH} levels"
        raise UnexpectedShapeError(message)
    return body


def _finite(kind: Callable[[str], _Parsed], text: str) -> _Parsed:
    """Refuse NaN and Infinity, which are not JSON, and 1e400, which Python would make one of them."""
    if not math.isfinite(float(text)):
        raise ValueError(text)
    return kind(text)


_NUMBERS: Mapping[str, Any] = {
    "parse_int": partial(_finite, int),
    "parse_float": partial(_finite, float),
    "parse_constant": partial(_finite, float),
}


def _is_deeper(value: object, levels: int) -> bool:
    layer = [value]
    for _ in range(levels + 1):
        layer = [child for parent in layer for child in _children(parent)]
    return bool(layer)


def _children(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _refusal(path: str, answer: Answer, failure: str, attempts: int) -> str:
    """Return one line about an answer that is not 200: status, code, detail, request id, what to do."""
    problem = _problem(answer)
    code = _said(problem, "code")
    detail = _said(problem, "detail") or _said(problem, "title")
    if answer.headers.get("location") and 300 <= answer.status < 400:  # noqa: PLR2004 - redirects, RFC 9110
        detail = "a redirect, which is not followed with the key attached"
        advice = "check `base-url`"
    else:
        advice = _ADVICE.get(code) or _ADVICE.get(answer.status) or "see https://docs.creatoraudit.com"
    parts = [f"GET {path} answered {answer.status}"]
    parts += [f" {code}"] if code else []
    parts += [f": {detail}"] if detail else []
    parts += [f" ({failure})"] if failure else []
    parts += [f" [tried {_times(attempts)}]"] if attempts > 1 else []
    return f"{''.join(parts)}{_request_id(answer, problem)}; {advice}"


def _fail(path: str, answer: Answer, what: str) -> NoReturn:
    message = f"GET {path} answered {answer.status}, but {what}{_request_id(answer, {})}; {_WRONG_BODY}"
    raise ApiError(message) from None


def _problem(answer: Answer) -> Mapping[str, Any]:
    """Return the problem document of RFC 9457, or nothing: a proxy may answer in HTML."""
    try:
        problem = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return problem if isinstance(problem, Mapping) else {}


def _request_id(answer: Answer, problem: Mapping[str, Any]) -> str:
    """https://docs.creatoraudit.com/api-reference/introduction: quote it to support."""
    found = _said(problem, "request_id") or clean(answer.headers.get("x-request-id", ""))
    return f" (request id {found})" if found else ""


def _said(problem: Mapping[str, Any], name: str) -> str:
    value = problem.get(name)
    return clean(value) if isinstance(value, str) else ""


def _times(attempts: int) -> str:
    return "once" if attempts == 1 else f"{attempts} times"
