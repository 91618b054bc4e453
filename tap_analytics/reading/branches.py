"""Pages and children fetched ahead by a few threads, handed out in order."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from tap_analytics.errors import ShiftedError, VanishedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from singer_sdk.helpers.types import Context

    from tap_analytics.api.page import Page
    from tap_analytics.api.pagination import NextRequest, Paginator
    from tap_analytics.rows.fields import Row

IDLE_SECONDS = 1.0
"""A thread that has had nothing to do for so long ends."""

PAGES_AHEAD = 4
"""So many pages of one branch are in memory at a time, at most."""

HELD_BYTES = 8 << 20
"""While so much waits to be written, nothing is fetched that is needed only later."""

READINGS = 5
"""So often a list is read that shrinks each time."""

Order = tuple[int, ...]
"""Where in the output something will stand; the smaller, the sooner."""

_END = (None, None)


class Prefetcher:
    """Runs fetches on daemon threads, first what will be written first.

    The threads are daemons, so that a run which ends early waits for none of them.

    Args:
        size: How many threads at most, which is how many requests are in flight.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.on_wait: Callable[[], None] = lambda: None
        """Called whenever the writing thread is about to wait for a page."""
        self.opened: dict[str, Branch[Any]] = {}
        """The branches of top-level streams that are not being written yet."""
        self._tasks: list[tuple[Order, int, Callable[[], None]]] = []
        self._ticket = itertools.count()
        self._threads = 0
        self._unfinished = 0
        self._held_bytes = 0
        self._needed: Order = ()
        self._is_stopped = False
        self._changed = threading.Condition()

    def submit(self, order: Order, task: Callable[[], None]) -> None:
        """Run a task, which must not raise, as soon as a thread is free."""
        with self._changed:
            heapq.heappush(self._tasks, (order, next(self._ticket), task))
            self._unfinished += 1
            if self._threads < min(self._unfinished, self.size):
                self._threads += 1
                threading.Thread(
                    target=self._work, name=f"fetch-{self._threads}", daemon=True
                ).start()
            self._changed.notify()

    def hold(self, size: int) -> None:
        """Count so many bytes more that wait to be written; fewer if negative."""
        with self._changed:
            self._held_bytes += size
            if size < 0:
                self._changed.notify_all()

    def need(self, order: Order) -> None:
        """Let the fetches up to here begin, whatever is held: the writer will wait."""
        self.on_wait()
        with self._changed:
            self._needed = order
            self._changed.notify_all()

    def stop(self) -> None:
        """Let the threads end, for nobody reads on; what has not begun is dropped."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            task()
            with self._changed:
                self._unfinished -= 1

    def _next(self) -> Callable[[], None] | None:
        """Wait for a task; return `None` if the thread is needed no more."""
        with self._changed:
            while not self._is_stopped:
                if self._tasks and (
                    self._held_bytes < HELD_BYTES or self._tasks[0][0] <= self._needed
                ):
                    return heapq.heappop(self._tasks)[-1]
                if not self._changed.wait(IDLE_SECONDS) and not self._tasks:
                    break
            self._threads -= 1
            return None


class _Fetch:
    """One page asked for, and what became of it."""

    __slots__ = ("done", "error", "order", "page", "request")

    def __init__(self, request: NextRequest | None, order: Order) -> None:
        self.request = request
        self.order = order
        self.page: Page | None = None
        self.error: BaseException | None = None
        self.done = False

    @property
    def size(self) -> int:
        """How many bytes the page has, 0 if there is none."""
        return 0 if self.page is None else len(self.page.content)


class PageReader:
    """The pages of one stream and context, in order, some of them fetched ahead.

    Args:
        prefetcher: Runs the fetches.
        fetch: Fetches one page, given what its paginator says of the request.
        paginator: Says what comes next; asked in page order, by one thread at a time.
        order: Where in the output the first page stands.
        window: How many pages may be fetched or waiting at a time.
    """

    def __init__(
        self,
        prefetcher: Prefetcher,
        fetch: Callable[[NextRequest | None], Page],
        paginator: Paginator,
        order: Order,
        window: int,
    ) -> None:
        self._prefetcher = prefetcher
        self._fetch = fetch
        self._paginator = paginator
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

    @property
    def known(self) -> tuple[int, bool]:
        """How many rows are known of, and whether there may be more."""
        with self._changed:
            if not self._fetches:
                return self._handed_out, False
            counted = self._paginator.counted or 0
            return max(counted, self._handed_out), counted <= self._handed_out

    def wait(self) -> bool:
        """Wait for the next page, or the end; return whether it came without error."""
        with self._changed:
            self._wait()
            return not self._fetches or self._fetches[0].error is None

    @property
    def _next_is_known(self) -> bool:
        return not self._fetches or self._fetches[0].done

    def _next(self) -> Page | None:
        with self._changed:
            self._wait()
            if not self._fetches:
                return None
            fetch = self._fetches.popleft()
            if fetch.error is not None:
                raise fetch.error
            self._prefetcher.hold(-fetch.size)
            self._fill()
            if fetch.page is not None:
                self._handed_out += len(fetch.page.records)
            return fetch.page

    def _wait(self) -> None:
        while not self._next_is_known:
            self._prefetcher.need(self._fetches[0].order)
            self._changed.wait()

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
            self._prefetcher.submit(fetch.order, partial(self._run, fetch))

    def _run(self, fetch: _Fetch) -> None:
        try:
            fetch.page = self._fetch(fetch.request)
        except BaseException as error:  # noqa: BLE001 - it is raised by the reader
            fetch.error = error
        with self._changed:
            fetch.done = True
            if fetch in self._fetches:
                self._prefetcher.hold(fetch.size)
            self._read_on()
            self._fill()
            self._changed.notify_all()

    def _read_on(self) -> None:
        """Let the paginator see, in order, the pages that have arrived."""
        while self._unread and self._unread[0].done and not self._failed:
            fetch = self._unread.popleft()
            if fetch.page is None:
                self._failed = True
                return
            try:
                self._paginator.advance(fetch.page)
                if self._paginator.repeated:
                    self._fetches.remove(fetch)
                    self._prefetcher.hold(-fetch.size)
            except BaseException as error:  # noqa: BLE001 - it is raised by the reader
                if isinstance(error, ShiftedError) and self._readings < READINGS:
                    self._begin_anew()
                    return
                fetch.error = error
                self._failed = True

    def _begin_anew(self) -> None:
        """Read the whole list again; rows that come twice are merged by their key."""
        self._readings += 1
        self._paginator = self._paginator.again()
        self._prefetcher.hold(-sum(fetch.size for fetch in self._fetches if fetch.done))
        self._fetches.clear()
        self._unread.clear()


class Source(Protocol):
    """What a branch needs of its stream."""

    def fetch(self, context: Context | None, request: NextRequest | None) -> Page:
        """Fetch one page, with all retries."""
        ...

    def get_new_paginator(self) -> Paginator:
        """Return a paginator that has seen no page yet."""
        ...

    def rows(self, page: Page, context: Context | None) -> Iterator[Row]:
        """Return what is to be written for the records of a page."""
        ...

    def below(self, row: Row, context: Context | None) -> list[tuple[Any, Context]]:
        """Return which sources of the same kind, in which context, are below a row."""
        ...

    def vanished(self, context: Context | None, error: VanishedError) -> None:
        """Take note that there are no rows, since the parent is gone."""
        ...


SourceT = TypeVar("SourceT", bound=Source)


class Branch(Generic[SourceT]):
    """The rows of one stream in one context, and below each its children's.

    Creating a branch starts to fetch it.

    Args:
        source: The stream.
        context: The context, `None` for a top-level stream.
        prefetcher: Runs the fetches.
        order: Where in the output it stands.
        lookahead: For how many rows the children are fetched ahead.
    """

    def __init__(
        self,
        source: SourceT,
        context: Context | None,
        prefetcher: Prefetcher,
        *,
        order: Order = (),
        lookahead: int = 1,
    ) -> None:
        self.source = source
        self.context = context
        self.vanished = False
        self._prefetcher = prefetcher
        self._order = order
        self._lookahead = lookahead
        self._reader = PageReader(
            prefetcher,
            partial(source.fetch, context),
            source.get_new_paginator(),
            order,
            min(lookahead, PAGES_AHEAD),
        )

    def begins_well(self) -> bool:
        """Wait for the first page; return whether it came without error."""
        return self._reader.wait()

    @property
    def known(self) -> tuple[int, bool]:
        """How many rows are known of, and whether there may be more."""
        return self._reader.known

    def pages(self) -> Iterator[Page]:
        """Return the pages, none if the parent has vanished."""
        try:
            yield from self._reader
        except VanishedError as error:
            self.vanished = True
            self.source.vanished(self.context, error)

    def rows(self) -> Iterator[tuple[Page, Row, list[Branch[SourceT]]]]:
        """Return the rows, each with its page and the branches below it.

        The branches of the next rows are fetched meanwhile; but no row that could be
        written waits for a page that is only needed later.
        """
        ahead: deque[tuple[Page, Row, list[Branch[SourceT]]]] = deque()
        coming = self._rows_as_they_come(ahead)
        number = itertools.count()
        more, failure = True, None
        while more or ahead:
            try:
                while more and len(ahead) < self._lookahead:
                    page, row = next(coming, _END)
                    if page is None:
                        more = False
                    elif row is None:
                        break
                    else:
                        ahead.append((page, row, self._below(row, next(number))))
            except Exception as error:  # noqa: BLE001 - it is raised at its place
                more, failure = False, error
            if ahead:
                yield ahead.popleft()
        if failure is not None:
            raise failure

    def _rows_as_they_come(
        self, ahead: Collection[object]
    ) -> Iterator[tuple[Page | None, Row | None]]:
        """Return the rows; while some are ahead, no row instead of waiting for one."""
        for page in self.pages():
            for row in self.source.rows(page, self.context):
                yield page, row
            while ahead and not self._reader.ready:
                yield page, None

    def _below(self, row: Row, number: int) -> list[Branch[SourceT]]:
        return [
            Branch(
                child,
                context,
                self._prefetcher,
                order=(*self._order, number, place),
                lookahead=self._lookahead,
            )
            for place, (child, context) in enumerate(
                self.source.below(row, self.context)
            )
        ]
