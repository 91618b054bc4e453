"""A forward proxy on the loopback interface, for CONNECT."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Proxy:
    """A proxy that serves.

    Attributes:
        port: Where it listens.
        heads: The head of each request that it got, up to the empty line.
    """

    port: int
    heads: list[str] = field(default_factory=list)


@contextmanager
def proxying() -> Iterator[Proxy]:
    """Serve one connection after the other, each to wherever it wants."""
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = Proxy(listener.getsockname()[1])
    thread = threading.Thread(target=_serve, args=(listener, proxy))
    thread.start()
    try:
        yield proxy
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def _serve(listener: socket.socket, proxy: Proxy) -> None:
    with suppress(OSError):  # It is shut down in the end.
        while True:
            client, _ = listener.accept()
            with suppress(OSError), client:
                _connect(client, proxy)


def _connect(client: socket.socket, proxy: Proxy) -> None:
    head = client.recv(1 << 16).decode()
    proxy.heads.append(head)
    method, target, _ = head.split(" ", 2)
    if method != "CONNECT":
        client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
        return
    host, _, port = target.rpartition(":")
    with socket.create_connection((host, int(port))) as server:
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        back = threading.Thread(target=_pass_on, args=(server, client))
        back.start()
        _pass_on(client, server)
        back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(1 << 16):
            target.sendall(received)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
