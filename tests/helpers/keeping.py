"""A server that keeps its connections, and sends what a handler writes."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    Respond = Callable[[str], "list[bytes]"]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: object) -> None:
        """Say nothing of clients that leave."""


@contextmanager
def keeping(
    respond: Respond, *, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[int]]]:
    """Serve any number of connections, each for many requests.

    Args:
        respond: Returns what is sent for a path, in pieces; the connection is kept.
        tls: Makes it an HTTPS server.

    Yields:
        Its URL, and the client's port of each request so far.
    """
    ports: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            ports.append(self.client_address[1])
            for piece in respond(self.path):
                self.wfile.write(piece)
                self.wfile.flush()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        scheme = "https" if tls else "http"
        yield f"{scheme}://127.0.0.1:{server.server_port}", ports
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answer_with(
    body: bytes, *headers: str, status: str = "200 OK", length: int | None = None
) -> bytes:
    """Return an HTTP answer."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {size}", "", ""]
    return "\r\n".join(lines).encode() + body
