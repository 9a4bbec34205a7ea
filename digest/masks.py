"""Know what must never be shown, in whichever way others write it, and hide it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote

from digest.inputs import variable

#: Characters. Shorter ones would be masked all over the log.
_SHORTEST = 8
#: Words such as `messages`, the end of each Google Chat URL, are no secrets.
_LONGEST_WORD = 15
_MASK = b"***"


def secrets(environ: Mapping[str, str]) -> list[str]:
    """
    Return all that the log must mask, longest first, whether or not the inputs are valid.

    GitHub masks registered secrets, but no parts of them: the path of a
    webhook's URL is as good as the whole.
    """
    found = {environ.get(variable(name), "").strip() for name in ("api-key", "github-token")}
    for line in environ.get(variable("webhook-url"), "").splitlines():
        url = "".join(line.split()[-1:])
        found |= {line.strip(), *of_url(url)}
    return _longest_first(found)


def of_url(url: str) -> list[str]:
    """Return what of a webhook's URL is secret, longest first: all of it, and what is as good as that."""
    return _longest_first({url, *_parts(url)})


def written(secrets: Collection[str]) -> list[bytes]:
    """Return *secrets* in all forms in which servers repeat what they were asked, longest first."""
    forms = _longest_first({form for secret in secrets for form in _forms(secret)})
    return [form.encode("utf-8", "surrogatepass") for form in forms]


def hidden(content: bytes, forms: Collection[bytes]) -> bytes:
    """
    Return *content* without *forms*.

    >>> hidden(b"no /in/a%2Fb%3D0123 here", written(["a/b=0123"]))
    b'no /in/*** here'
    """
    for form in forms:
        content = content.replace(form, _MASK)
    return content


def hidden_text(text: str, secrets: Collection[str]) -> str:
    """Return *text* without *secrets*, in whichever form they are."""
    return hidden(text.encode("utf-8", "surrogatepass"), written(secrets)).decode("utf-8", "surrogatepass")


def _longest_first(texts: Collection[str]) -> list[str]:
    return sorted((text for text in texts if len(text) >= _SHORTEST), key=lambda text: (-len(text), text))


def _parts(url: str) -> Iterator[str]:
    _, _, after_scheme = url.partition("://")
    path = after_scheme[after_scheme.find("/") :] if "/" in after_scheme else ""
    yield path
    path, _, query = path.partition("?")
    yield path
    yield query
    *names, last = path.rstrip("/").split("/")
    words = [last, *(pair.partition("=")[2] for pair in query.split("&"))]
    yield from (word for word in words if len(word) > _LONGEST_WORD or not word.isalpha())
    # Inside of a path most are names, as `slack_incoming`, but Telegram has its token there.
    yield from (name for name in names if len(name) > _LONGEST_WORD)


def _forms(secret: str) -> Iterator[str]:
    """Yield the ways in which *secret* is written in URLs, JSON and HTML."""
    for text in (secret, unquote(secret)):
        quoted = (quote(text), quote(text, safe=""), quote_plus(text))
        yield from (text, *quoted)
        yield from (re.sub("%..", lambda code: code[0].lower(), form) for form in quoted)
        escaped = json.dumps(text)[1:-1]
        yield from (escaped, escaped.replace("/", "\\/"), html.escape(text))
