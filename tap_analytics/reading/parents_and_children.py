"""The rows of a stream, and below each its children's, in the order of the output."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

from tap_analytics.errors import LeftOutError
from tap_analytics.reading.page_queue import PageQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from tap_analytics.api.page import Page
    from tap_analytics.api.paginators import Paginator
    from tap_analytics.api.stream_pages import NextRequest
    from tap_analytics.reading.workers import Order, Workers
    from tap_analytics.rows.fields import Row

PAGES_AHEAD = 4
"""So many pages of one branch are in memory at a time, at most."""

Context: TypeAlias = Mapping[str, Any]
"""What of a parent goes into the paths and the rows of its children."""

_END = (None, None)


class Source(Protocol):
    """What a branch needs of its stream."""

    def fetch(self, context: Context | None, request: NextRequest) -> Page:
        """Fetch one page, with all retries."""
        ...

    def new_paginator(self) -> Paginator:
        """Return a paginator that has seen no page yet."""
        ...

    def rows(self, page: Page, context: Context | None) -> Iterator[Row]:
        """Return what is to be written for the records of a page."""
        ...

    def below(self, row: Row, context: Context | None) -> list[tuple[Any, Context]]:
        """Return which sources of the same kind, in which context, are below a row."""
        ...

    def ended(self, context: Context | None, paginator: Paginator) -> None:
        """Take note that a list has been read to its end, and how that was seen."""
        ...

    def left_out(self, context: Context | None, error: LeftOutError) -> None:
        """Take note that a list, or the rest of it, can't be read."""
        ...


SourceT = TypeVar("SourceT", bound=Source)


class Branch(Generic[SourceT]):
    """The rows of one stream in one context, and below each its children's.

    Creating a branch starts to fetch it.

    Args:
        source: The stream.
        context: The context, `None` for a top-level stream.
        workers: Run the fetches.
        order: Where in the output it stands.
        lookahead: For how many rows the children are fetched ahead.
        new_paginator: Says what pages there are; by default the source's own.

    Attributes:
        error: Why the list, or the rest of it, was left out; `None` if it was not.
    """

    def __init__(  # noqa: PLR0913 - three of them have defaults
        self,
        source: SourceT,
        context: Context | None,
        workers: Workers,
        *,
        order: Order = (),
        lookahead: int = 1,
        new_paginator: Callable[[], Paginator] | None = None,
    ) -> None:
        self.source = source
        self.context = context
        self.error: LeftOutError | None = None
        self._workers = workers
        self._order = order
        self._lookahead = lookahead
        self._pages = PageQueue(
            workers,
            partial(source.fetch, context),
            new_paginator or source.new_paginator,
            order,
            min(lookahead, PAGES_AHEAD),
        )

    def begins_well(self) -> bool:
        """Wait for the first page; return whether it came without error."""
        return self._pages.wait()

    def comes_now(self) -> bool:
        """Return whether the next page, or the end, is there; if not, it is needed.

        Raises:
            StoppedError: If the run has ended.
        """
        return self._pages.comes_now()

    @property
    def known(self) -> tuple[int, bool]:
        """How many rows are known of, and whether there may be more."""
        return self._pages.known

    @property
    def found_more(self) -> bool:
        """Whether a look further brought records."""
        return self._pages.paginator.found_more

    def pages(self) -> Iterator[Page]:
        """Return the pages, up to where no more can be read."""
        try:
            yield from self._pages
        except LeftOutError as error:
            self.error = error
            self.source.left_out(self.context, error)
        else:
            self.source.ended(self.context, self._pages.paginator)

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
            while ahead and not self._pages.ready:
                yield page, None

    def _below(self, row: Row, number: int) -> list[Branch[SourceT]]:
        return [
            Branch(
                child,
                context,
                self._workers,
                order=(*self._order, number, place),
                lookahead=self._lookahead,
            )
            for place, (child, context) in enumerate(
                self.source.below(row, self.context)
            )
        ]
