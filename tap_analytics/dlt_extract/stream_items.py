"""Reads the lists of one stream into items, and never makes dlt wait for one."""

from __future__ import annotations

from collections import deque
from itertools import chain, count
from typing import TYPE_CHECKING, Any

import dlt
from dlt.common.runtime.signals import raise_if_signalled

from tap_analytics.dlt_extract.extraction import ParentList, pages
from tap_analytics.dlt_extract.loading import Loading
from tap_analytics.reading.branches import Branch
from tap_analytics.reading.second_looks import second_looks
from tap_analytics.reading.stream_reader import StreamReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_analytics.dlt_extract.declared import Choices, DeclaredStream
    from tap_analytics.dlt_extract.extraction import Extraction
    from tap_analytics.reading.branches import Context

CHUNK_ROWS = 8192
"""So many rows of small lists are enough for an item."""


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
        if self._loading.writes_json:
            extraction.json_writers.add(dlt.current.pipe().name)
        self._reader = StreamReader(
            account,
            name=stream.name,
            path=stream.path,
            schema=stream.schema,
            keys=stream.keys,
            bookmark=self._loading.bookmark,
            is_child=bool(stream.parent),
        )

    def _open(
        self, reader: StreamReader, context: Context | None, **options: Any
    ) -> Branch[StreamReader]:
        options.setdefault("order", (self._stream.place,))
        return Branch(
            reader, context, self._workers, lookahead=self._workers.size, **options
        )


class ListItems(StreamItems):
    """Reads a top-level stream: an item for each page."""

    def items(self) -> Iterator[Any]:
        """Yield the items; `None` where dlt shall go on meanwhile.

        Raises:
            FatalAPIError: If the API refuses, or retries are used up.
            ConfigError: If a setting, or the bookmark, is not valid.
        """
        known = ParentList()
        self._extraction.parents[dlt.current.pipe().name] = known
        try:
            while not self._extraction.may_ask():
                raise_if_signalled()
                yield None
            first = self._open(self._reader, None)
            for branch in chain([first], second_looks(self._reader, self._open)):
                for page in pages(branch):
                    rows = [] if page is None else [*self._reader.rows(page, None)]
                    known.rows += len(rows)
                    yield self._loading.item(rows) if rows else None
            known.is_whole = self._reader.wholeness.why_not() is None
            yield from self._loading.end(self._reader)
        finally:
            known.is_over = True


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
        rows: list[Any] = []
        for page_rows in self._rows():
            rows += page_rows or ()
            is_enough = len(rows) >= CHUNK_ROWS
            yield self._loading.item(rows) if is_enough else None
            if is_enough:
                rows = []
        if rows:
            yield self._loading.item(rows)
        self._reader.wholeness.raise_exhausted()
        self.is_over = True
        if self._parents is not None:
            is_complete = (
                self._parents.is_whole and self._parents.rows == self._received
            )
            yield from self._loading.end(self._reader, has_all_parents=is_complete)

    def _rows(self) -> Iterator[list[Any] | None]:
        while self._opened or not (self._parents is None or self._parents.is_over):
            if not self._opened:
                raise_if_signalled()
                yield None
                continue
            branch = self._opened.popleft()
            self._open_next()
            yield from self._rows_of(branch)
            if branch.context is not None:
                self._reader.parent_is_done(branch.context, branch.error)
        for branch in second_looks(self._reader, self._open):
            yield from self._rows_of(branch)

    def _rows_of(self, branch: Branch[StreamReader]) -> Iterator[list[Any] | None]:
        for page in pages(branch):
            if page is None:
                yield None
            else:
                yield [*self._reader.rows(page, branch.context)]

    def _open_next(self) -> None:
        while self._waiting and len(self._opened) < self._workers.size:
            order = (self._stream.parent_place, next(self._numbers), self._stream.place)
            context = self._waiting.popleft()
            self._opened.append(self._open(self._reader, context, order=order))
