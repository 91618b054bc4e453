"""A time-out that bounds the whole answer, however slowly it drips in.

The time-out of `requests` starts anew at every read: a server that sends one byte a
minute would hold a thread for ever. Here every read gets only what is left of it,
from the first byte of the headers to the last one of the body.
"""

from __future__ import annotations

import io
import time
from http import HTTPStatus
from http.client import BadStatusLine, HTTPResponse, parse_headers
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

from tap_analytics.compat import override

if TYPE_CHECKING:
    import socket

    from requests import PreparedRequest
    from typing_extensions import Buffer

READ_BYTES = 1 << 16
"""So much is read from a connection at a time."""


class _UntilDeadline(io.RawIOBase):
    """What a socket receives, until its time-out from now on is over.

    Args:
        sock: The socket. Its time-out is used up, and set anew for each request.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        timeout = sock.gettimeout()
        self._deadline = None if timeout is None else time.monotonic() + timeout

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int | None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(left)
        return self._file.readinto(buffer)

    @override
    def close(self) -> None:
        self._file.close()
        super().close()


class _Received:
    """Stands for a socket where a response is made, which reads through a file only."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(_UntilDeadline(self._sock), READ_BYTES)


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_Received(sock), *args, **kwargs)  # type: ignore[arg-type]

    def _read_status(self) -> tuple[str, int, str]:
        """Read past the interim answers: RFC 9110, section 15.2.

        `http.client` takes all of them but `100 Continue` for the answer. Its
        connection would then give the real answer to another request.
        """
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status >= HTTPStatus.OK:
                return version, status, reason
            if status == HTTPStatus.SWITCHING_PROTOCOLS:
                msg = f"{status} {reason}".strip()
                raise BadStatusLine(msg)
            parse_headers(self.fp)


class DeadlineAdapter(HTTPAdapter):
    """Sends requests whose time-out for reading bounds the whole answer.

    All requests to an origin go the way of the first one: the same proxy, the same
    certificates. To find that out anew each time would take as long as to send them.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._pools: dict[str, Any] = {}

    @override
    def get_connection_with_tls_context(
        self, request: PreparedRequest, *args: Any, **options: Any
    ) -> Any:
        origin = "/".join((request.url or "").split("/", 3)[:3])
        if origin not in self._pools:
            pool: Any = super().get_connection_with_tls_context(
                request, *args, **options
            )
            plain = pool.ConnectionCls
            if plain.response_class is not _Response:
                bounded = type(plain.__name__, (plain,), {"response_class": _Response})
                pool.ConnectionCls = bounded
            self._pools[origin] = pool
        return self._pools[origin]
