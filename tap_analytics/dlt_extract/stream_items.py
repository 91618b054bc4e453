"""Reads the lists of one stream into items, and never makes dlt wait for one."""

from __future__ import annotations

from collections import deque
from itertools import count, islice
from typing import TYPE_CHECKING, Any, TypeAlias

import dlt
from dlt.common.runtime.signals import raise_if_signalled

from tap_analytics.dlt_extract.extraction import ParentList, pages
from tap_analytics.dlt_extract.last_step import forks_of
from tap_analytics.dlt_extract.loading import Loading
from tap_analytics.dlt_extract.plain_records import PlainRecords, records_of
from tap_analytics.reading.parents_and_children import Branch
from tap_analytics.reading.second_looks import second_looks
from tap_analytics.reading.stream_reader import StreamReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_analytics.dlt_extract.declared import Choices, DeclaredStream
    from tap_analytics.dlt_extract.extraction import Extraction
    from tap_analytics.dlt_extract.plain_records import Record
    from tap_analytics.reading.parents_and_children import Context
    from tap_analytics.rows.fields import Row

Coming: TypeAlias = "Iterator[Row | Record] | None"
"""The rows of a page, or its records; `None` where one is to come."""

ROWS_AT_A_TIME = 256
"""The rows that are made into a part of an item: Python is slow where many live."""

PAGES_AT_A_TIME = 8
"""The pages of a stream after which others get a turn, at most."""


class StreamItems:
    """Reads one stream in one extraction.

    Args:
        stream: The stream.
        choices: What the items are to be.
        extraction: The extraction.
    """

    def __init__(
        self, stream: DeclaredStream, choices: Choices, extraction: Extraction
    ) -> None:
        account = extraction.account
        self._stream = stream
        self._extraction = extraction
        self._workers = account.workers
        self._loading = Loading(stream, choices, account)
        name = dlt.current.pipe().name
        if self._loading.form is not None:
            extraction.forms[name] = self._loading.form
        if self._loading.has_expected_types:
            extraction.expected_warnings.resources.add(name)
        self._reader = StreamReader(
            account,
            name=stream.name,
            path=stream.path,
            schema=stream.schema,
            keys=stream.keys,
            bookmark=self._loading.bookmark,
            is_child=bool(stream.parent),
        )
        plain = PlainRecords(
            stream.schema, stream.keys, stream.parent_key, account.column
        )
        is_plain = self._loading.takes_columns and plain.may_be
        self._plain = plain if is_plain else None

    def _open(
        self, reader: StreamReader, context: Context | None, **options: Any
    ) -> Branch[StreamReader]:
        options.setdefault("order", (self._stream.place,))
        return Branch(
            reader, context, self._workers, lookahead=self._workers.size, **options
        )

    def _rows_of(self, branch: Branch[StreamReader]) -> Iterator[Coming]:
        read = self._reader.rows if self._plain is None else records_of
        for page in pages(branch):
            yield None if page is None else read(page, branch.context)

    def _items_of(
        self, pages_of_rows: Iterable[Coming], *, by_page: bool
    ) -> Iterator[Any]:
        """Yield items of rows; `None` where there is none.

        Args:
            pages_of_rows: The rows of each page, `None` where one is to come.
            by_page: Whether no item has rows of two pages.
        """
        rows: list[Row | Record] = []
        for number, coming in enumerate(pages_of_rows, 1):
            # dlt sleeps where nobody has anything, so others get a turn now and then.
            if coming is None or number % PAGES_AT_A_TIME == 0:
                yield None
            while more := [*islice(coming or (), ROWS_AT_A_TIME - len(rows))]:
                rows += more
                if len(rows) == ROWS_AT_A_TIME:
                    yield from self._made_of(rows)
                    rows = []
            if by_page:
                yield from self._made_of(rows, is_end=True)
                rows = []
        yield from self._made_of(rows, is_end=True)

    def _made_of(self, rows: list[Any], *, is_end: bool = False) -> Iterator[Any]:
        """Return the items that are complete with these rows, or records."""
        if self._plain is None or not rows:
            return self._loading.items(rows, is_end=is_end)
        columns = self._plain.columns(rows)
        if columns is None:
            fitted = [self._reader.fields.fit(*record) for record in rows]
            return self._loading.items(fitted, is_end=is_end)
        return self._loading.items_of_columns(columns, is_end=is_end)


class ListItems(StreamItems):
    """Reads a top-level stream, page by page."""

    def items(self) -> Iterator[Any]:
        """Yield the items; `None` where dlt shall go on meanwhile.

        Raises:
            FatalAPIError: If the API refuses, or retries are used up.
        """
        known = ParentList()
        self._extraction.parents[dlt.current.pipe().name] = known
        try:
            while not self._extraction.may_ask():
                raise_if_signalled()
                yield None
            yield from self._items_of(self._rows(), by_page=True)
            known.rows = self._loading.rows
            known.is_whole = self._reader.wholeness.why_not() is None
            yield from self._loading.end(self._reader)
        finally:
            known.is_over = True

    def _rows(self) -> Iterator[Coming]:
        yield from self._rows_of(self._open(self._reader, None))
        for branch in second_looks(self._reader, self._open):
            yield from self._rows_of(branch)


class ChildItems(StreamItems):
    """Reads what is below the parents that dlt hands over, several at a time.

    Attributes:
        is_over: Whether parents that come now are too late.
    """

    def __init__(
        self, stream: DeclaredStream, choices: Choices, extraction: Extraction
    ) -> None:
        super().__init__(stream, choices, extraction)
        self.is_over = False
        parent = dlt.current.pipe().parent
        self._parents = extraction.parents.get(parent.name if parent else "")
        self._turns = len(forks_of(parent)) + 1
        self._received = 0
        self._waiting: deque[Context] = deque()
        self._opened: deque[Branch[StreamReader]] = deque()
        self._numbers = count()

    def add(self, ids: Iterable[str]) -> None:
        """Take more parents, and begin to fetch what is below the first ones."""
        contexts = [{self._stream.parent_key: id_} for id_ in ids]
        self._received += len(contexts)
        self._waiting += contexts
        self._open_next()

    def items(self) -> Iterator[Any]:
        """Yield the items; `None` where dlt shall go on meanwhile.

        Raises:
            FatalAPIError: If the API refuses, or retries are used up.
        """
        yield from self._items_of(self._rows(), by_page=False)
        self._reader.wholeness.raise_exhausted()
        known = self._parents
        if known is not None:
            is_complete = known.is_whole and known.rows == self._received
            yield from self._loading.end(self._reader, has_all_parents=is_complete)

    def _rows(self) -> Iterator[Coming]:
        for branch in self._branches():
            if branch is None:
                raise_if_signalled()
                yield None
                continue
            yield from self._rows_of(branch)
            if branch.context is not None:
                self._reader.parent_is_done(branch.context, branch.error)
        # Nothing is added any more: what came now would not be read.
        self.is_over = True
        for branch in second_looks(self._reader, self._open):
            yield from self._rows_of(branch)

    def _branches(self) -> Iterator[Branch[StreamReader] | None]:
        """Yield what is below each parent; `None` where parents may be to come.

        dlt hands parents over by turns, the last ones after their list is over.
        """
        turns = self._turns
        while turns or self._opened:
            if self._opened:
                turns = self._turns
                branch = self._opened.popleft()
                self._open_next()
                yield branch
            else:
                if self._parents is None or self._parents.is_over:
                    turns -= 1
                yield None

    def _open_next(self) -> None:
        while self._waiting and len(self._opened) < self._workers.size:
            order = (self._stream.parent_place, next(self._numbers), self._stream.place)
            context = self._waiting.popleft()
            self._opened.append(self._open(self._reader, context, order=order))
