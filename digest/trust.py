"""Load whom to trust: the certificates that the runner's own settings name, or those of certifi."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from digest.errors import InputError


def certificates() -> ssl.SSLContext:
    """
    Return what TLS is verified with, https://www.python-httpx.org/advanced/ssl/.

    This takes 40 ms, most of it outside of the interpreter.

    Raises:
        InputError:
            If `SSL_CERT_FILE` or `SSL_CERT_DIR` lead to nothing that can be used.
    """
    with settings_of_the_runner():
        return httpx.create_ssl_context()


@contextmanager
def settings_of_the_runner() -> Iterator[None]:
    """Raise InputError, with what to look at, if the runner's own certificates or proxies cannot be used."""
    try:
        yield
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:  # ImportError: a proxy of SOCKS
        message = (
            f"the network settings of the runner cannot be used ({type(error).__name__});"
            " look at the variables SSL_CERT_FILE, SSL_CERT_DIR, HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY"
        )
        raise InputError(message) from None
