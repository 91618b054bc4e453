"""The sandbox as an HTTP server."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from tap_analytics.sandbox.answers import Answer, End, Step, reason
from tap_analytics.sandbox.control import CONTROL_PATH, Control
from tap_analytics.sandbox.request import Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tap_analytics.sandbox.api import Api

BACKLOG = 1_024
LONGEST_BODY = 64 * 2**20
STOP_SECONDS = 0.01
STEPS_TO_ACCEPT = 3
"""In so many rounds of its loop asyncio tells a server of a connection it accepts."""

MOST_UNSENT = 4 * 2**20
UNSENT_SECONDS = 0.001


def _quotes_no_request(record: logging.LogRecord) -> bool:
    """Leaves out what is no error of the sandbox, and may have the key in it."""
    error = record.exc_info and record.exc_info[1]
    return not isinstance(error, HttpProcessingError)


_logger = logging.getLogger(__name__)
_logger.addFilter(_quotes_no_request)


class _Ended(web.StreamResponse):
    """Stands for a response after whose steps nothing can follow on the connection."""

    async def prepare(self, request: web.BaseRequest) -> NoReturn:  # noqa: ARG002 - aiohttp's signature
        """Has aiohttp give the connection up, as if the client had left.

        Raises:
            ConnectionResetError: Always.
        """
        raise ConnectionResetError


class Handler:
    """Answers aiohttp's requests from an API and its control path.

    Args:
        api: The API.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._control = Control(api)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers a request.

        Args:
            request: The request.

        Returns:
            The response.
        """
        target = request.raw_path
        if not target.startswith("/"):  # as a proxy is asked: http://host/path
            target = urlsplit(target)._replace(scheme="", netloc="").geturl()
        path, _, query = target.partition("?")
        if path.startswith(f"{CONTROL_PATH}/"):
            body = await request.read()
            return _response(self._control.answer(request.method, path, body))
        return await self._serve(
            request,
            Request(request.method, path, query, request.headers, _port(request)),
        )

    async def _serve(
        self, connection: web.BaseRequest, request: Request
    ) -> web.StreamResponse:
        logged = self._api.arrive(request)
        status, size = None, 0
        try:
            reply = self._api.reply(request)
            if reply.fault:
                self._api.meter.strike(logged, reply.fault)
            if reply.delay:
                await asyncio.sleep(reply.delay)
            if isinstance(reply.delivery, Answer):
                status, size = reply.delivery.status, len(reply.delivery.body)
                return _response(reply.delivery)
            last = await _send(reply.delivery, connection)
            if last is None:
                return _Ended()
            status, size = last.status, len(last.body)
            return _response(last)
        finally:
            self._api.meter.leave(logged, status, size)


def _port(request: web.BaseRequest) -> int:
    # None once the client has left, which it may have before it is answered.
    address = request.transport and request.transport.get_extra_info("peername")
    return int(address[1]) if address else 0


def _response(answer: Answer) -> web.Response:
    return web.Response(
        status=answer.status,
        reason=reason(answer.status),
        body=answer.body,
        headers=answer.headers,
    )


async def _send(steps: Iterable[Step], request: web.BaseRequest) -> Answer | None:
    """Takes the steps, up to the answer that is the last of them, if one is."""
    transport = request.transport
    for step in steps:
        if transport is None or transport.is_closing():
            return None
        if isinstance(step, Answer):
            return step
        if isinstance(step, bytes):
            transport.write(step)
            # What the client does not take is not made either.
            while transport.get_write_buffer_size() > MOST_UNSENT:
                if transport.is_closing():
                    return None
                await asyncio.sleep(UNSENT_SECONDS)
        elif not isinstance(step, End):
            await asyncio.sleep(step)
        elif step is End.CLOSE:
            transport.close()
        else:
            # Lingering for no time makes the kernel send RST instead of FIN.
            linger = struct.pack("ii", 1, 0)
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
    return None


@asynccontextmanager
async def listening(api: Api) -> AsyncIterator[str]:
    """Serves the API and its control path.

    Args:
        api: The API.

    Yields:
        The base URL, without the path prefix.

    Raises:
        OSError: The address can't be listened on.
    """
    if api.options.eager:
        api.accounts.store(0).make_all()
    host = api.options.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, api.options.port), family=family)
    server = web.Server(
        Handler(api),
        handler_cancellation=True,
        access_log=None,
        logger=_logger,
    )
    runner = web.ServerRunner(server, shutdown_timeout=STOP_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, listener, backlog=BACKLOG).start()
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        yield f"http://{shown}:{runner.addresses[0][1]}"
    finally:
        # A connection that is being accepted while its server closes is never closed.
        asyncio.get_running_loop().remove_reader(listener)
        for _ in range(STEPS_TO_ACCEPT):
            await asyncio.sleep(0)
        for connection in server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await runner.cleanup()
