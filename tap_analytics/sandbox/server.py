"""The sandbox as an HTTP server, and as a context manager for tests."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import threading
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import quote, urlsplit

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from tap_analytics.sandbox.answers import Answer, End, Step, reason
from tap_analytics.sandbox.api import CHILDREN, TOP_LEVEL, Api, Request
from tap_analytics.sandbox.control import CONTROL_PATH, Control
from tap_analytics.sandbox.faults import Rule
from tap_analytics.sandbox.options import SandboxOptions
from tap_analytics.sandbox.store import Edit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from types import TracebackType

    from typing_extensions import Self

    from tap_analytics.sandbox.meter import LoggedRequest, Stats

T = TypeVar("T")

BACKLOG = 1_024
LONGEST_BODY = 64 * 2**20
STOP_SECONDS = 0.01


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
        control: Its control path.
    """

    def __init__(self, api: Api, control: Control) -> None:
        self._api = api
        self._control = control

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
            await _send(reply.delivery, connection)
            return _Ended()
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


async def _send(steps: Iterable[Step], request: web.BaseRequest) -> None:
    transport = request.transport
    for step in steps:
        if transport is None or transport.is_closing():
            return
        if isinstance(step, bytes):
            transport.write(step)
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


@asynccontextmanager
async def listening(api: Api, control: Control) -> AsyncIterator[str]:
    """Serves the API.

    Args:
        api: The API.
        control: Its control path.

    Yields:
        The base URL, without the path prefix.

    Raises:
        OSError: The address can't be listened on.
    """
    server = web.Server(
        Handler(api, control),
        handler_cancellation=True,
        access_log=None,
        logger=_logger,
    )
    runner = web.ServerRunner(server, shutdown_timeout=STOP_SECONDS)
    await runner.setup()
    host = api.options.host
    try:
        await web.TCPSite(runner, host, api.options.port, backlog=BACKLOG).start()
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{runner.addresses[0][1]}"
    finally:
        for connection in server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await runner.cleanup()


class Sandbox:
    """A sandbox in a thread of its own, for tests.

    `with Sandbox(SandboxOptions(projects=5)) as api:` serves on a free port of the
    loopback interface. The methods do what the control path does; they may be called
    from any thread, also after the server has stopped.

    Args:
        options: How it behaves.

    Attributes:
        options: The same.
        url: The base URL, once started, without the path prefix.
    """

    def __init__(self, options: SandboxOptions | None = None) -> None:
        self.options = options or SandboxOptions()
        self.url = ""
        self._api = Api(self.options)
        self._control = Control(self._api)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)
        self._started: Future[str] = Future()

    def __enter__(self) -> Self:
        """Starts the server.

        Returns:
            The sandbox, ready for requests.

        Raises:
            OSError: The address can't be listened on.
        """
        if self.options.eager:
            self._api.store.make_all()
        self._thread.start()
        self.url = self._started.result()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stops the server."""
        self.stop()

    def stop(self) -> None:
        """Stops the server at once, whatever its clients wait for."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def path(self, stream: str, parent: str | None = None) -> str:
        """Finds where a list is, as a client requests it.

        Args:
            stream: The stream.
            parent: The project's id, for a child stream.

        Returns:
            The raw path, such as `/v1/projects/a%2Fb/tasks`.
        """
        segments = {name: path for path, name in TOP_LEVEL.items()}
        segments |= {name: ("projects", "{}", part) for part, name in CHILDREN.items()}
        project = quote(parent or "", safe="")
        parts = [part.format(project) for part in segments[stream]]
        return "/".join([self.options.path_prefix, *parts])

    def stats(self) -> Stats:
        """Reads the counts since the start or the last reset."""
        return self._call(self._control.stats)

    def requests(self) -> list[LoggedRequest]:
        """Reads the log of requests."""
        return self._call(self._control.requests)

    def reset(self) -> None:
        """Starts counts, log and random faults from zero."""
        self._call(self._control.reset)

    def counts(self) -> dict[str, int]:
        """Counts the records of each stream."""
        return self._call(self._control.counts)

    def truth(self, stream: str) -> list[dict[str, Any]]:
        """Reads all records of a stream, see `Store.truth`.

        Args:
            stream: The stream.

        Returns:
            The records in order; those of child streams with their `project_id`.
        """
        return self._call(lambda: self._control.truth(stream))

    def add(
        self,
        stream: str,
        record: dict[str, Any],
        *,
        parent: str | None = None,
        position: int | None = None,
    ) -> None:
        """Adds a record.

        Args:
            stream: The stream.
            record: Its fields.
            parent: The project's id, for a child stream.
            position: Where in the list: 0 is first, None is last.
        """
        edit = Edit("add", stream, parent=parent, record=record, position=position)
        self._call(lambda: self._control.edit(edit))

    def change(
        self,
        stream: str,
        identifier: str,
        fields: dict[str, Any],
        *,
        parent: str | None = None,
    ) -> None:
        """Changes fields of a record.

        Args:
            stream: The stream.
            identifier: The record's id.
            fields: The fields to set.
            parent: The project's id, where the record's own is not enough.
        """
        edit = Edit("change", stream, identifier, parent=parent, record=fields)
        self._call(lambda: self._control.edit(edit))

    def delete(
        self, stream: str, identifier: str, *, parent: str | None = None
    ) -> None:
        """Deletes a record; with a project, its tasks and time records.

        Args:
            stream: The stream.
            identifier: The record's id.
            parent: The project's id, where the record's own is not enough.
        """
        edit = Edit("delete", stream, identifier, parent=parent)
        self._call(lambda: self._control.edit(edit))

    def fault(self, path: str = "*", kind: str | None = None, **rule: Any) -> None:
        """Scripts a fault: `api.fault(api.path("clients"), "503", times=2)`.

        Of several for a request the one added first strikes; when it is used up, the
        next.

        Args:
            path: The requests it is for, see `Rule`.
            kind: A kind of fault.
            rule: Further fields of a `Rule`, such as `status`, `headers`, `body`.
        """
        scripted = Rule(path, kind, **rule)
        self._call(lambda: self._control.fault(scripted))

    def clear_faults(self) -> None:
        """Removes all scripted faults."""
        self._call(self._control.clear_faults)

    def _call(self, operation: Callable[[], T]) -> T:
        """Runs an operation between two requests, on the server's own thread."""
        if self._loop is None or not self._thread.is_alive():
            return operation()

        async def run() -> T:
            return operation()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        try:
            async with listening(self._api, self._control) as url:
                self._loop = asyncio.get_running_loop()
                self._started.set_result(url)
                await self._stop.wait()
        except OSError as error:
            self._started.set_exception(error)
