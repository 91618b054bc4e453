"""The sandbox in a thread of the process that uses it, for tests."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from tap_analytics.sandbox.api import CHILDREN, TOP_LEVEL, Api
from tap_analytics.sandbox.operations import Operations
from tap_analytics.sandbox.options import SandboxOptions
from tap_analytics.sandbox.server import listening

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

T = TypeVar("T")


class Sandbox(Operations):
    """A sandbox in a thread of its own.

    `with Sandbox(SandboxOptions(projects=5)) as api:` serves on a free port of the
    loopback interface. The operations may be called from any thread, also after the
    server has stopped.

    Args:
        options: How it behaves.

    Attributes:
        options: The same.
        url: The base URL, once started, without the path prefix.
    """

    def __init__(self, options: SandboxOptions | None = None) -> None:
        self.options = options or SandboxOptions()
        super().__init__(Api(self.options), run=self._between_requests)
        self.url = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._host, name="sandbox", daemon=True)
        self._started: Future[str] = Future()

    def __enter__(self) -> Self:
        """Starts the server.

        Returns:
            The sandbox, ready for requests.

        Raises:
            OSError: The address can't be listened on.
        """
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

    def _between_requests(self, operation: Callable[[], T]) -> T:
        """Runs an operation on the server's own thread."""
        if self._loop is None or not self._thread.is_alive():
            return operation()

        async def run() -> T:
            return operation()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _host(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        try:
            async with listening(self._api) as url:
                self._loop = asyncio.get_running_loop()
                self._started.set_result(url)
                await self._stop.wait()
        except OSError as error:
            self._started.set_exception(error)
