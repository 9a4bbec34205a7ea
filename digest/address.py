"""Say whether a URL may be called, and why not without showing it: it may be a secret."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_PRINTABLE = re.compile(r"[!-~]+")
_HOST_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_MAX_HOST = 253
NOT_SHOWN = "the one given is not shown, as it may hold a secret"


def parse_url(text: str) -> SplitResult:
    """
    Return *text* parsed, its host in lower case.

    Raises:
        ValueError:
            If it may not be called. Says why, but never what.
    """
    if not _PRINTABLE.fullmatch(text):
        message = "the URL holds a space or a character outside ASCII; copy it again"
        raise ValueError(message)
    url = _split(text)
    if url.scheme == "http" and not _is_loopback(url.hostname or ""):
        message = f"http:// is accepted for loopback hosts only, use https://; {NOT_SHOWN}"
        raise ValueError(message)
    return url._replace(netloc=url.netloc.lower().rstrip("."))


def _split(text: str) -> SplitResult:
    with contextlib.suppress(ValueError):  # half an IPv6 address, a port that is no number
        url = urlsplit(text)
        if url.scheme in ("https", "http") and url.netloc.lower() == _authority(url.hostname or "", url.port):
            return url
    message = f"expected https://HOST/PATH, without a user name or a password; {NOT_SHOWN}"
    raise ValueError(message)


def _authority(host: str, port: int | None) -> str | None:
    """Return how a URL writes *host* and *port*, or None if they are none."""
    if not _is_host(host) or port == 0:
        return None
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        # A last label of digits is what is left of an IPv4 address.
        names = all(_HOST_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit()
        return len(host) <= _MAX_HOST and names and _is_idna(host)
    return True


def _is_idna(host: str) -> bool:
    """Return whether the labels that begin with xn-- are names of other scripts."""
    try:
        host.encode("ascii").decode("idna")
    except UnicodeError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
