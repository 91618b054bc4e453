"""The pages of one list in order, some of them fetched ahead."""

from __future__ import annotations

import itertools
import logging
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from tap_analytics.errors import FatalAPIError, ShiftedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_analytics.api.page import Page
    from tap_analytics.api.paginators import Paginator
    from tap_analytics.api.stream_pages import NextRequest
    from tap_analytics.reading.workers import Order, Workers

READINGS = 5
"""So often a list is read that shrinks each time."""


class _Fetch:
    """One page asked for, and what became of it."""

    __slots__ = ("done", "error", "order", "page", "request")

    def __init__(self, request: NextRequest, order: Order) -> None:
        self.request = request
        self.order = order
        self.page: Page | None = None
        self.error: BaseException | None = None
        self.done = False

    @property
    def size(self) -> int:
        """How many bytes the page has, 0 if there is none."""
        return 0 if self.page is None else self.page.size


class PageQueue:
    """The pages of one stream and context, in order, some of them fetched ahead.

    Args:
        workers: Run the fetches.
        fetch: Fetches one page, given what its paginator says of the request.
        new_paginator: Returns who says what comes next, as long as no page was seen;
            it is asked in page order, by one thread at a time.
        order: Where in the output the first page stands.
        window: How many pages may be fetched or waiting at a time.
    """

    def __init__(
        self,
        workers: Workers,
        fetch: Callable[[NextRequest], Page],
        new_paginator: Callable[[], Paginator],
        order: Order,
        window: int,
    ) -> None:
        self._workers = workers
        self._fetch = fetch
        self._new_paginator = new_paginator
        self._paginator = new_paginator()
        self._order = order
        self._window = window
        self._numbers = itertools.count()
        self._fetches: deque[_Fetch] = deque()
        self._unread: deque[_Fetch] = deque()
        self._failed = False
        self._readings = 1
        self._handed_out = 0
        self._changed = threading.Condition()
        with self._changed:
            self._fill()

    def __iter__(self) -> Iterator[Page]:
        while (page := self._next()) is not None:
            yield page

    @property
    def ready(self) -> bool:
        """Whether the next page, or the end, is there without waiting."""
        with self._changed:
            return self._next_is_known

    def comes_now(self) -> bool:
        """Return whether the next page, or the end, is there; if not, it is needed.

        For who has something else to do than to wait, and is going to ask again.

        Raises:
            StoppedError: If the run has ended.
        """
        self._workers.check()
        with self._changed:
            if not self._next_is_known:
                self._workers.need(self._fetches[0].order, self._wake)
            return self._next_is_known

    @property
    def known(self) -> tuple[int, bool]:
        """How many rows are known of, and whether there may be more."""
        with self._changed:
            if not self._fetches:
                return self._handed_out, False
            counted = self._paginator.counts.last or 0
            return max(counted, self._handed_out), counted <= self._handed_out

    @property
    def paginator(self) -> Paginator:
        """What has seen the pages; complete once all of them are handed out."""
        return self._paginator

    def wait(self) -> bool:
        """Wait for the next page, or the end; return whether it came without error.

        Raises:
            StoppedError: If the run ends meanwhile.
        """
        self._tell_of_wait()
        with self._changed:
            self._wait()
            return not self._fetches or self._fetches[0].error is None

    @property
    def _next_is_known(self) -> bool:
        return not self._fetches or self._fetches[0].done

    def _next(self) -> Page | None:
        self._workers.check()
        self._tell_of_wait()
        with self._changed:
            self._wait()
            if not self._fetches:
                return None
            fetch = self._fetches.popleft()
            if fetch.error is not None:
                self._drop()
                raise fetch.error
            self._workers.release(fetch.size)
            self._fill()
            if fetch.page is not None:
                self._handed_out += len(fetch.page.records)
            return fetch.page

    def _tell_of_wait(self) -> None:
        if not self.ready:  # Not with the lock held: it may take long.
            self._workers.on_wait()

    def _wait(self) -> None:
        while not self._next_is_known:
            self._workers.need(self._fetches[0].order, self._wake)
            self._changed.wait()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _fill(self) -> None:
        """Ask for pages until the window is full or nothing is known to follow."""
        while (
            len(self._fetches) < self._window
            and not self._failed
            and not self._paginator.finished
        ):
            if not self._unread:
                request = self._paginator.current_value
            else:
                ahead = self._paginator.ahead(len(self._unread))
                if len(ahead) < len(self._unread):
                    return
                request = ahead[-1]
            fetch = _Fetch(request, (*self._order, next(self._numbers)))
            self._fetches.append(fetch)
            self._unread.append(fetch)
            self._workers.submit(fetch.order, partial(self._run, fetch))

    def _run(self, fetch: _Fetch) -> None:
        try:
            fetch.page = self._fetch(fetch.request)
        except BaseException as error:  # noqa: BLE001 - it is raised by the reader
            fetch.error = error
        with self._changed:
            fetch.done = True
            if fetch in self._fetches:
                self._workers.hold(fetch.size)
            self._read_on()
            self._fill()
            self._changed.notify_all()

    def _read_on(self) -> None:
        """Let the paginator see, in order, the pages that have arrived."""
        while self._unread and self._unread[0].done and not self._failed:
            fetch = self._unread.popleft()
            if fetch.page is None:
                if fetch.error and self._is_end(fetch.error):
                    self._fetches.remove(fetch)
                    continue
                self._failed = True
                return
            try:
                self._paginator.advance(fetch.page)
                if self._paginator.repeated:
                    self._fetches.remove(fetch)
                    self._workers.release(fetch.size)
            except BaseException as error:  # noqa: BLE001 - it is raised by the reader
                if isinstance(error, ShiftedError) and self._readings < READINGS:
                    self._begin_anew()
                    return
                fetch.error = error
                self._failed = True

    def _is_end(self, error: BaseException) -> bool:
        return isinstance(error, FatalAPIError) and self._paginator.refused(error)

    def _begin_anew(self) -> None:
        """Read the whole list again; rows that come twice are merged by their key."""
        self._readings += 1
        self._paginator.shared.say(
            logging.WARNING,
            "the list shrank while it was read, so that records may have moved to a "
            "page that had been read: it is read again",
        )
        self._paginator = self._new_paginator()
        self._drop()

    def _drop(self) -> None:
        """Give up the pages that wait."""
        self._workers.release(sum(fetch.size for fetch in self._fetches if fetch.done))
        self._fetches.clear()
        self._unread.clear()
