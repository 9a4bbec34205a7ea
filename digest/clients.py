"""Make the HTTP clients, one for each side, so that no side can get another's credential."""

from __future__ import annotations

import logging
import ssl
import urllib.request  # noqa: F401 - httpx imports these two with its first client; see `digest.cli`
from http.cookiejar import DefaultCookiePolicy

import httpcore  # noqa: F401
import httpx

from digest import HOME, __version__
from digest.config import Config
from digest.exchange import ACCEPT_ENCODING
from digest.trust import settings_of_the_runner
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

    def __init__(
        self, config: Config, run: WorkflowRun, tls: ssl.SSLContext, transport: httpx.BaseTransport | None
    ) -> None:
        """
        Make them, on *transport* or the real network; all trust whom *tls* trusts.

        Raises:
            InputError:
                If the runner's own settings of proxies cannot be used.
        """
        _silence_loggers()
        key, token = f"Bearer {config.api_key}", f"Bearer {config.github_token}"
        with settings_of_the_runner():
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
