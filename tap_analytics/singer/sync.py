"""Syncs a top-level stream together with all below it: fetched ahead, in order."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from tap_analytics.errors import FatalAPIError, LeftOutError, StoppedError
from tap_analytics.reading.parents_and_children import Branch
from tap_analytics.reading.second_looks import second_looks
from tap_analytics.singer.going_on import end, note_how_far

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.metrics import Counter

    from tap_analytics.api.page import Page
    from tap_analytics.rows.fields import Row
    from tap_analytics.singer.source import StreamSource
    from tap_analytics.singer.stream import AnalyticsStream


OTHERS_TRIED = 4
"""So many more parents are tried, where the rows below one are to be tested."""


def sync_family(stream: AnalyticsStream) -> None:
    """Sync a top-level stream and all below it.

    Args:
        stream: The stream, perhaps not selected itself.

    Raises:
        FatalAPIError: If the API refuses, or retries are used up.
        StoppedError: If the run is to end.
    """
    selected = [one for one in stream.family if one.is_to_read]
    if not selected:
        return
    with ExitStack() as metrics:
        counters = {}
        for one in selected:
            counters[one.name] = metrics.enter_context(one.get_record_counter())
            metrics.enter_context(one.get_sync_timer())
            one.begin()
        stream.account.workers.on_wait = stream.writer.flush
        try:
            _Sync(stream, counters).run()
        except BaseException as error:
            stream.account.workers.stop()
            note_how_far(stream, is_stopped=isinstance(error, StoppedError))
            # A signal's STATE is written where all streams have ended.
            if isinstance(error, FatalAPIError) and not isinstance(error, StoppedError):
                stream.write_state()
            raise
        finally:
            stream.writer.flush()
    for one in selected:
        if one.source.so_far is not None:
            one.progress.skipped(one.source.so_far.skipped)
        one.complete()
    end(selected)
    if stream.after:
        note_how_far(stream)
    stream.write_state()


class _Sync:
    """Reads and writes the rows of one family of streams.

    Args:
        stream: The top-level stream.
        counters: Count the records of those that are selected, by name.
    """

    def __init__(self, stream: AnalyticsStream, counters: dict[str, Counter]) -> None:
        self._stream = stream
        self._counters = counters
        self._account = stream.account
        self._progress = stream.progress
        self._limit = stream.ABORT_AT_RECORD_COUNT
        self._cadence = stream.account.state_cadence
        self._branch = partial(
            Branch,
            workers=self._account.workers,
            lookahead=self._limit or self._account.workers.size,
        )

    def run(self) -> None:
        """Write the rows, and look again where an end was only believed."""
        self._write(self._open(), is_main=True)
        for one in self._stream.family:
            if self._limit is None:
                for branch in second_looks(one.source, self._branch):
                    self._write(branch)
            else:
                one.source.beliefs.say_doubts()

    def _open(self) -> Branch[StreamSource]:
        """Return the stream's branch; those of the streams after it are opened too.

        But nothing else is asked for before the API has answered once: one request
        with a wrong key is enough.
        """
        opened = self._account.opened
        if self._stream.name in opened:
            return opened.pop(self._stream.name)
        own = self._branch(self._stream.source, None, order=(0,))
        if self._limit is None and own.begins_well():
            for place, stream in enumerate(self._stream.after, 1):
                opened[stream.name] = self._branch(stream.source, None, order=(place,))
        return own

    def _write(self, branch: Branch[StreamSource], *, is_main: bool = False) -> None:
        """Write the rows of a branch, and below each its children's.

        Of each branch there are at most as many rows as the limit says.

        Args:
            branch: The branch.
            is_main: Whether its rows are the parents by which progress is told.
        """
        stream, limit = branch.source.stream, self._limit
        if not stream.child_streams:
            for page in islice(branch.pages(), limit and 1):
                rows = branch.source.rows(page, branch.context)
                self._write_rows(stream, page, islice(rows, limit))
            return
        if is_main:
            self._progress.parents_begin()
        for number, (page, row, below) in enumerate(branch.rows(), 1):
            if is_main:
                self._progress.parents_seen(*branch.known)
            if stream.is_to_read:
                self._write_rows(stream, page, [row])
            self._write_below(below)
            if is_main:
                self._progress.parent_read(is_skipped=not below)
                self._write_state_if_due()
            if limit and number >= limit + _more_to_try(below):
                return

    def _write_below(self, below: Iterable[Branch[StreamSource]]) -> None:
        for child in below:
            self._write(child)
            if child.context is not None:
                child.source.parent_is_done(child.context, child.error)

    def _write_state_if_due(self) -> None:
        writer, now = self._stream.writer, self._progress.clock()
        so_far = (writer.written - writer.written_states, writer.written_states)
        if self._limit is not None or not self._cadence.is_due(now, *so_far):
            return
        note_how_far(self._stream)
        size = len(writer.serialize_message(self._stream.state_message))
        if self._cadence.allows(size, *so_far):
            self._stream.write_state()
            self._cadence.wrote(now)

    def _write_rows(
        self, stream: AnalyticsStream, page: Page, rows: Iterable[Row]
    ) -> None:
        count = stream.write_rows(page, rows)
        self._counters[stream.name].increment(count)


def _more_to_try(below: Iterable[Branch[StreamSource]]) -> int:
    """Return how many more parents are worth a try, after what is below one."""
    is_refused = any(isinstance(child.error, LeftOutError) for child in below)
    return OTHERS_TRIED if is_refused else 0
