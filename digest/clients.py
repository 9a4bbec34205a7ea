"""Make the HTTP clients, one for each side, so that no side can get another's credential."""

from __future__ import annotations

import logging
from http.cookiejar import DefaultCookiePolicy

import httpx

from digest import HOME, __version__
from digest.config import Config
from digest.errors import InputError
from digest.exchange import ACCEPT_ENCODING
from digest.workflow import WorkflowRun

_USER_AGENT = f"creatoraudit-digest/{__version__} (+{HOME})"


class Clients:
    """
    The clients of one run.

    Attributes:
        api:
            Asks the CreatorAudit API; it alone has the key.
        chats:
            Posts to webhooks; it has no credential, as their URLs are that.
        github:
            Asks GitHub's API; it alone has the token.
    """

    def __init__(self, config: Config, run: WorkflowRun, transport: httpx.BaseTransport | None) -> None:
        """
        Make them, on *transport* or the real network.

        Raises:
            InputError:
                If the runner's own settings of certificates and proxies cannot
                be used.
        """
        _silence_loggers()
        key, token = f"Bearer {config.api_key}", f"Bearer {config.github_token}"
        try:
            # Loading the certificates takes 40 ms, so the clients share them.
            tls = httpx.create_ssl_context()
            self.chats = httpx.Client(headers=_headers(), timeout=config.timeout, verify=tls, transport=transport)
            self.api = httpx.Client(
                base_url=config.base_url,
                headers=_headers(Authorization=key, Accept="application/json"),
                timeout=config.timeout,
                verify=tls,
                transport=transport,
            )
            self.github = httpx.Client(
                base_url=run.api_url,
                headers=_headers(Authorization=token, Accept="application/vnd.github+json"),
                timeout=config.timeout,
                verify=tls,
                transport=transport,
            )
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:  # ImportError: a proxy of SOCKS
            message = (
                f"the network settings of the runner cannot be used ({type(error).__name__});"
                " look at the variables SSL_CERT_FILE, SSL_CERT_DIR, HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY"
            )
            raise InputError(message) from None
        for client in (self.api, self.chats, self.github):
            # No side needs cookies, and none is to be remembered by one.
            client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def __enter__(self) -> Clients:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        for client in (self.api, self.chats, self.github):
            client.close()


def _headers(**more: str) -> dict[str, str]:
    return {"User-Agent": _USER_AGENT, "Accept-Encoding": ACCEPT_ENCODING, **more}


def _silence_loggers() -> None:
    """Switch off what httpx and httpcore log, and their children: URLs and headers, which are secrets here."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
