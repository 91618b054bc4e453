"""A server that answers every request with the same bytes, drop by drop."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

DROP_SECONDS = 0.05


@contextmanager
def answering(*drops: bytes, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve one connection after the other, each for one request.

    Args:
        drops: What is sent, with a pause before each but the first.
        tls: Makes it an HTTPS server.

    Yields:
        Its URL.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_serve, args=(listener, drops, tls))
    thread.start()
    try:
        scheme = "https" if tls else "http"
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def _serve(
    listener: socket.socket, drops: tuple[bytes, ...], tls: ssl.SSLContext | None
) -> None:
    with suppress(OSError):  # It is shut down in the end.
        while True:
            connection, _ = listener.accept()
            with suppress(OSError), connection:  # The client may leave.
                _answer(connection, drops, tls)


def _answer(
    connection: socket.socket, drops: tuple[bytes, ...], tls: ssl.SSLContext | None
) -> None:
    if tls is not None:
        connection = tls.wrap_socket(connection, server_side=True)
    with connection:
        connection.recv(1 << 16)
        for drop in drops:
            connection.sendall(drop)
            time.sleep(DROP_SECONDS)
