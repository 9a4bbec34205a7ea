"""The HTTP clients: whose credential goes where, what they trust, what of the machine they honour."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path

import httpx
import pytest
from hub import TOKEN, run_environ
from wire import Authority, Peer, Proxy, answering, listening

from digest.clients import Clients
from digest.config import Config
from digest.errors import InputError
from digest.standin import API_KEY, Reply, Request
from digest.trust import certificates
from digest.workflow import WorkflowRun

HOOK = "https://hooks.example.test/in/tok_0123456789abcdef"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _environ(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no proxy and no certificates of this machine's."""
    for name in (*PROXIES, *map(str.upper, PROXIES), "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Return a certificate authority that nobody trusts yet."""
    return Authority()


def made(**inputs: str) -> Clients:
    """Return the clients of a run."""
    given = {"api_key": API_KEY, "webhook_url": HOOK, "github_token": TOKEN, "timeout": "5", **inputs}
    environ = {f"DIGEST_{name.upper()}": value for name, value in given.items()}
    return Clients(Config.from_environ(environ), WorkflowRun.from_environ(run_environ()), certificates(), None)


class Heard:
    """
    A server that remembers what it was asked.

    Attributes:
        requests:
            The requests, in order.
    """

    def __init__(self, reply: Reply | None = None) -> None:
        """Answer each request with *reply*, or 204 if None."""
        self._reply = reply or Reply(204, b"")
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Reply:
        """Take *request*."""
        self.requests.append(request)
        return self._reply


def test_clients__credentials() -> None:
    """The key is the API's client's alone, the token GitHub's alone, and the chats' client has neither."""
    with made() as clients:
        assert clients.api.headers["authorization"] == f"Bearer {API_KEY}"
        assert clients.github.headers["authorization"] == f"Bearer {TOKEN}"
        assert "authorization" not in clients.chats.headers
        for client, others in (
            (clients.api, (TOKEN, HOOK)),
            (clients.github, (API_KEY, HOOK)),
            (clients.chats, (TOKEN, API_KEY, HOOK)),
        ):
            assert [secret for secret in others if secret in repr(client.headers.raw)] == []
            assert (client.headers["accept-encoding"], client.follow_redirects) == ("gzip", False)
            assert client.headers["user-agent"].startswith("creatoraudit-digest/")


def test_clients__roots() -> None:
    """The API's client asks below `base-url`, GitHub's below the root that the runner names."""
    with made(base_url="https://api.test/v9/") as clients:
        assert str(clients.api.build_request("GET", "overview").url) == "https://api.test/v9/overview"
        assert str(clients.github.build_request("GET", "repos/x").url) == "https://api.github.com/repos/x"


def test_clients__closed() -> None:
    """At the end of the run all are closed."""
    with made() as clients:
        assert not clients.api.is_closed
    assert (clients.api.is_closed, clients.chats.is_closed, clients.github.is_closed) == (True, True, True)


def test_clients__silent() -> None:
    """Nothing that the HTTP client would log is logged, whoever listens: it holds URLs and headers."""
    with made():
        names = ("httpx", "httpcore", "httpcore.connection", "httpcore.http11")
        assert not any(logging.getLogger(name).isEnabledFor(logging.ERROR) for name in names)


def test_clients__no_cookies() -> None:
    """A cookie that a server sets is not sent back."""
    heard = Heard(Reply(200, b"", {"Set-Cookie": "tracked=yes; Path=/"}))
    with listening(answering(heard)) as port, made() as clients:
        for client in (clients.chats, clients.chats, clients.api, clients.github):
            client.get(f"http://127.0.0.1:{port}/")
    assert len(heard.requests) == 4
    assert [request.headers.get("cookie") for request in heard.requests] == [None] * 4


def test_clients__no_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials in a .netrc are sent nowhere, be it at home, in the workspace or named by NETRC."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login l0gin password p4ssword\n", encoding="utf-8")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.chdir(tmp_path)
    heard = Heard()
    with listening(answering(heard)) as port, made() as clients:
        clients.chats.post(f"http://127.0.0.1:{port}/")
        clients.api.get(f"http://127.0.0.1:{port}/")
    assert [request.headers.get("authorization") for request in heard.requests] == [None, f"Bearer {API_KEY}"]


@pytest.mark.parametrize("side", ["api", "chats", "github"])
def test_clients__unknown_authority(side: str, authority: Authority) -> None:
    """A certificate of an authority that is not trusted is refused, and the request is not sent."""
    heard = Heard()
    with listening(answering(heard), authority.server("localhost")) as port, made() as clients:
        client: httpx.Client = getattr(clients, side)
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            client.get(f"https://localhost:{port}/")
    assert heard.requests == []


def test_clients__authority_of_the_company(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An authority in SSL_CERT_FILE is trusted, as runners behind a company's proxy need it."""
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    heard = Heard()
    with listening(answering(heard), authority.server("localhost")) as port, made() as clients:
        assert clients.chats.get(f"https://localhost:{port}/").status_code == 204
    assert len(heard.requests) == 1


@pytest.mark.parametrize(
    ("host", "options", "why"),
    [
        ("other.test", {}, "Hostname mismatch"),
        ("localhost", {"not_after": datetime(2020, 1, 1, tzinfo=timezone.utc)}, "certificate has expired"),
    ],
    ids=["wrong host", "expired"],
)
def test_clients__wrong_certificate(
    host: str,
    options: Mapping[str, object],
    why: str,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A certificate for another host, or of another time, is refused although its authority is trusted."""
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    heard = Heard()
    with (
        listening(answering(heard), authority.server(host, **options)) as port,
        made() as clients,
        pytest.raises(httpx.ConnectError, match=why),
    ):
        clients.chats.get(f"https://localhost:{port}/")
    assert heard.requests == []


@pytest.fixture
def proxy() -> Iterator[tuple[Proxy, str]]:
    """Yield a proxy and its URL."""
    proxy = Proxy()
    with listening(proxy) as port:
        yield proxy, f"http://127.0.0.1:{port}"


def test_clients__https_proxy(
    proxy: tuple[Proxy, str], authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTPS_PROXY is honoured: it opens a tunnel, and sees neither path nor credential."""
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("HTTPS_PROXY", proxy[1])
    heard = Heard()
    with listening(answering(heard), authority.server("localhost")) as port, made() as clients:
        clients.api.get(f"https://localhost:{port}/s3cr3t")
    [head] = proxy[0].heads
    assert head.startswith(b"CONNECT localhost:%d " % port)
    assert (b"s3cr3t" in head, API_KEY.encode() in head) == (False, False)
    assert [request.path for request in heard.requests] == ["/s3cr3t"]


def test_clients__http_proxy(proxy: tuple[Proxy, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY is honoured for http."""
    monkeypatch.setenv("HTTP_PROXY", proxy[1])
    with made() as clients:
        assert clients.chats.get("http://127.0.0.1:9/x").text == "by the proxy"
    assert [head.split(b" ")[1] for head in proxy[0].heads] == [b"http://127.0.0.1:9/x"]


def test_clients__no_proxy(proxy: tuple[Proxy, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY is honoured: a host in it is asked directly."""
    monkeypatch.setenv("HTTP_PROXY", proxy[1])
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    heard = Heard()
    with listening(answering(heard)) as port, made() as clients:
        clients.chats.get(f"http://127.0.0.1:{port}/")
    assert (len(heard.requests), proxy[0].heads) == (1, [])


def test_clients__tls_through_a_proxy_is_verified(
    proxy: tuple[Proxy, str], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that puts a certificate of its own in the way is refused like anybody."""
    monkeypatch.setenv("HTTPS_PROXY", proxy[1])
    heard = Heard()
    with (
        listening(answering(heard), authority.server("localhost")) as port,
        made() as clients,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        clients.chats.get(f"https://localhost:{port}/")
    assert heard.requests == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("SSL_CERT_FILE", "/nowhere.pem"), ("HTTPS_PROXY", "nonsense://127.0.0.1"), ("HTTP_PROXY", "http://u:s3cr3t@:y")],
)
def test_clients__settings_that_cannot_be_used(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the machine that cannot be used are bad input, and no value of theirs is shown."""
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match="look at the variables SSL_CERT_FILE") as caught:
        made()
    assert value not in str(caught.value)


def _speaks(reply: bytes) -> Callable[[Peer], None]:
    def play(peer: Peer) -> None:
        peer.head()
        peer.send(reply)

    return play


def test_clients__endless_headers() -> None:
    """A server that sends headers without end is given up on."""
    reply = b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200_000
    with listening(_speaks(reply)) as port, made() as clients, pytest.raises(httpx.RemoteProtocolError):
        clients.chats.get(f"http://127.0.0.1:{port}/")
