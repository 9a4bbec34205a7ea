"""Servers made of sockets on the loopback interface, which also do what no HTTP server does."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl, urlsplit

import trustme

from digest.standin import App, Reply, Request

#: Seconds between two looks at whether the test is over, and of nothing to do.
_LOOK, _LONGEST = 0.05, 60.0


@dataclass
class Peer:
    """
    One connection to a server, from the server's side.

    Attributes:
        socket:
            The connection.
        over:
            Set when the test is over; who hangs waits for it.
    """

    socket: socket.socket
    over: threading.Event

    def head(self) -> bytes:
        """Return the head of the next request, or nothing at the end."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            if not byte:
                return b""
            head += byte
        return head

    def request(self) -> Request | None:
        """Return the next request, or None at the end."""
        head = self.head()
        return self.rest(head) if head else None

    def rest(self, head: bytes) -> Request:
        """Return the request that *head* is the beginning of."""
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = self.read(int(headers.get("content-length", "0")))
        method, target, _ = first.split(" ")
        url = urlsplit(target)
        return Request(method, url.path, dict(parse_qsl(url.query, keep_blank_values=True)), headers, body)

    def read(self, length: int) -> bytes:
        """Return that many bytes."""
        data = b""
        while len(data) < length and (more := self.socket.recv(length - len(data))):
            data += more
        return data

    def send(self, data: bytes) -> None:
        """Send *data*, whether or not the other side still listens."""
        with suppress(OSError):
            self.socket.sendall(data)

    def drip(self, data: bytes) -> None:
        """Send *data* one byte at a time until the test is over or nobody listens."""
        with suppress(OSError):
            for byte in data:
                self.socket.sendall(bytes([byte]))
                if self.over.wait(_LOOK):
                    return

    def hang(self) -> None:
        """Say nothing until the test is over."""
        self.over.wait(_LONGEST)

    def reset(self) -> None:
        """Break the connection off, so that the other side gets an error instead of an end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


Play: TypeAlias = Callable[[Peer], None]


@contextmanager
def listening(play: Play, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Have *play* serve each connection to a free port, in TLS if asked for; yield the port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(_LOOK)
        accepting = threading.Thread(target=_accept, args=(server, play, tls, over), daemon=True)
        accepting.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            accepting.join()


def _accept(server: socket.socket, play: Play, tls: ssl.SSLContext | None, over: threading.Event) -> None:
    while not over.is_set():
        with suppress(TimeoutError):
            connection, _ = server.accept()
            connection.settimeout(_LONGEST)
            threading.Thread(target=_serve, args=(connection, play, tls, over), daemon=True).start()


def _serve(connection: socket.socket, play: Play, tls: ssl.SSLContext | None, over: threading.Event) -> None:
    with suppress(OSError):  # the other side may do as it likes too
        if tls is not None:
            connection = tls.wrap_socket(connection, server_side=True)
        with connection:
            play(Peer(connection, over))


def packed(reply: Reply) -> bytes:
    """Return *reply* as it goes over the wire; the connection ends with it."""
    headers = {"Content-Length": str(len(reply.body)), **reply.headers, "Connection": "close"}
    lines = [f"HTTP/1.1 {reply.status} Said", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body


def answering(app: App) -> Play:
    """Return a play that answers each connection's request from *app*."""

    def play(peer: Peer) -> None:
        request = peer.request()
        if request is not None:
            peer.send(packed(app(request)))

    return play


@dataclass
class Proxy:
    """
    A proxy for both kinds of requests.

    Attributes:
        heads:
            The heads of the requests that it was asked.
    """

    heads: list[bytes] = field(default_factory=list)

    def __call__(self, peer: Peer) -> None:
        """Open a tunnel for CONNECT; answer all else by itself."""
        head = peer.head()
        self.heads.append(head)
        method, target, _ = head.split(b" ", 2)
        if method != b"CONNECT":
            peer.send(packed(Reply(200, b"by the proxy")))
            return
        with socket.create_connection(("127.0.0.1", int(target.rpartition(b":")[2]))) as there:
            peer.send(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=_copy, args=(there, peer.socket), daemon=True)
            back.start()
            _copy(peer.socket, there)
            back.join(_LONGEST)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class Authority:
    """A certificate authority that only a test trusts."""

    def __init__(self) -> None:
        """Make its key."""
        self._ca = trustme.CA()

    @property
    def pem(self) -> bytes:
        """What a client needs to trust it."""
        return self._ca.cert_pem.bytes()

    def server(self, host: str, **options: object) -> ssl.SSLContext:
        """Return the TLS of a server that is *host*."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(host, **options).configure_cert(context)  # type: ignore[arg-type]
        return context

    def client(self) -> ssl.SSLContext:
        """Return the TLS of a client that trusts it."""
        context = ssl.create_default_context()
        self._ca.configure_trust(context)
        return context
