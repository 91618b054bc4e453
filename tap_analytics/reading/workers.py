"""Threads that fetch ahead, first what will be written first."""

from __future__ import annotations

import heapq
import itertools
import threading
from typing import TYPE_CHECKING, TypeVar

from tap_analytics.errors import StoppedError
from tap_analytics.reading.page_memory import PAGE_MEMORY, PageMemory

if TYPE_CHECKING:
    from collections.abc import Callable

IDLE_SECONDS = 1.0
"""A thread that has had nothing to do for so long ends."""

ResultT = TypeVar("ResultT")

Order = tuple[int, ...]
"""Where in the output something will stand; the smaller, the sooner."""


class Workers:
    """Runs fetches on daemon threads.

    The threads are daemons, so that a process which ends early waits for none of them.

    Args:
        size: How many threads at most, which is how many requests are in flight.
        memory: Says whether enough pages wait to be written.
    """

    def __init__(self, size: int, memory: PageMemory = PAGE_MEMORY) -> None:
        self.size = size
        self.on_wait: Callable[[], None] = lambda: None
        """Called whenever the writing thread is about to wait for a page."""
        self._memory = memory
        self._held_bytes = 0
        self._tasks: list[tuple[Order, int, Callable[[], None]]] = []
        self._ticket = itertools.count()
        self._threads = 0
        self._unfinished = 0
        self._needed: Order = ()
        self._wake_writer: Callable[[], None] = lambda: None
        self._is_stopped = False
        self._changed = threading.Condition()
        memory.used_by(self)

    def submit(self, order: Order, task: Callable[[], None]) -> None:
        """Run a task, which must not raise, as soon as a thread is free."""
        with self._changed:
            if self._is_stopped:
                return
            heapq.heappush(self._tasks, (order, next(self._ticket), task))
            self._unfinished += 1
            if self._threads < min(self._unfinished, self.size):
                self._threads += 1
                threading.Thread(
                    target=self._work, name=f"fetch-{self._threads}", daemon=True
                ).start()
            self._changed.notify()

    def hold(self, size: int) -> None:
        """Count so many bytes that wait to be written."""
        with self._changed:
            if not self._is_stopped:
                self._held_bytes += size
                self._memory.take(size)

    def release(self, size: int) -> None:
        """Count so many bytes that wait no more."""
        with self._changed:
            if self._is_stopped:
                return
            self._held_bytes -= size
        self._memory.give_back(size)

    def need(self, order: Order, wake: Callable[[], None]) -> None:
        """Let the fetches up to here begin, whatever is held: the writer will wait.

        Args:
            order: Where in the output the writer is.
            wake: Ends the writer's wait, if the run ends meanwhile.

        Raises:
            StoppedError: If the run has ended.
        """
        with self._changed:
            self.check()
            self._needed = order
            self._wake_writer = wake
            self._changed.notify_all()

    def check(self) -> None:
        """Return if the run goes on.

        Raises:
            StoppedError: If the run has ended.
        """
        if self._is_stopped:
            raise StoppedError

    def result(self, task: Callable[[], ResultT]) -> ResultT:
        """Run a task on a thread, and wait for what it returns, or for the run's end.

        Raises:
            StoppedError: If the run has ended.
            BaseException: What the task raises.
        """
        is_done = threading.Event()
        results: list[ResultT] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                results.append(task())
            except BaseException as error:  # noqa: BLE001 - it is raised below
                errors.append(error)
            is_done.set()

        self.submit((), run)
        self.need((), is_done.set)
        is_done.wait()
        self.check()
        for error in errors:
            raise error
        return results[0]

    def wake(self) -> None:
        """Let the threads look again for what they may begin."""
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """Let the threads end, for nobody reads on; what has not begun is dropped."""
        with self._changed:
            self._is_stopped = True
            self._tasks.clear()
            held, self._held_bytes = self._held_bytes, 0
            wake_writer = self._wake_writer
            self._changed.notify_all()
        self._memory.give_back(held)
        wake_writer()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            task()
            del task  # Nothing of a page is kept by a thread that idles.
            with self._changed:
                self._unfinished -= 1

    def _next(self) -> Callable[[], None] | None:
        """Wait for a task; return `None` if the thread is needed no more."""
        with self._changed:
            while not self._is_stopped:
                if self._tasks and (
                    not self._memory.is_full or self._tasks[0][0] <= self._needed
                ):
                    return heapq.heappop(self._tasks)[-1]
                if not self._changed.wait(IDLE_SECONDS) and not self._tasks:
                    break
            self._threads -= 1
            return None
