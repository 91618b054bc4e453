"""How streams are synced, in the place of what the SDK keeps to itself.

The SDK syncs a child stream anew for every parent: one log line, one SCHEMA, one
bookmark, one ACTIVATE_VERSION and three metrics each, with nothing fetched ahead. Its
public hooks reach none of that, so `_sync_records`, which `Stream.sync` calls between
SCHEMA and STATE, is replaced here. Batches still go the SDK's way.

`tests/unit/singer/test_sync.py` notices when the SDK changes under this.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import threading
from abc import abstractmethod
from contextlib import ExitStack
from functools import cached_property, partial
from itertools import dropwhile, islice
from typing import TYPE_CHECKING, Any, NoReturn

from singer_sdk import Tap
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from singer_sdk.singerlib.encoding.simple import StateMessage
from singer_sdk.streams import RESTStream

from tap_analytics.progress import progress
from tap_analytics.reading.branches import Branch, Prefetcher
from tap_analytics.rows.fields import ADDITIONAL_FIELDS
from tap_analytics.singer.messages import (
    MessageWriter,
    decoded,
    glanced_at,
    record_frame,
)

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from types import FrameType

    from singer_sdk.helpers.types import Context

    from tap_analytics.api.page import Page
    from tap_analytics.api.pagination import NextRequest, Paginator
    from tap_analytics.errors import VanishedError
    from tap_analytics.rows.fields import Row

SECONDS_TO_END = 1.5
"""So long a run may take to end once a signal has asked for it."""


class InterruptibleTap(Tap):
    """A tap that a signal ends soon, between two messages, and not as a success."""

    message_writer_class = MessageWriter

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        overdue = threading.Timer(SECONDS_TO_END, _end_at_once, [signum])
        overdue.daemon = True
        overdue.start()
        writer_of(self).between_messages(partial(self._end, signum))

    def _end(self, signum: int) -> NoReturn:
        if self.state:  # Not by the SDK, which writes none that was the last already.
            writer_of(self).write_message(StateMessage(value=self.state))
        self.logger.error(
            "Ended by %s before everything was read. The last STATE is valid: the next "
            "run makes up for this one.",
            signal.Signals(signum).name,
        )
        sys.exit(1)


def _end_at_once(signum: int) -> None:
    """End although nobody takes what is written; the last line may stay incomplete."""
    line = f"Ended by {signal.Signals(signum).name} while its output was not read.\n"
    _, writable, _ = select.select([], [2], [], 0)
    if writable:
        os.write(2, line.encode())
    os._exit(1)


def writer_of(tap: Tap) -> MessageWriter:
    """Return the writer of all messages of a run."""
    writer = tap.message_writer
    if not isinstance(writer, MessageWriter):
        msg = f"{type(tap).__name__} needs a MessageWriter"
        raise TypeError(msg)
    return writer


class OrderedStream(RESTStream[Any]):
    """A stream whose children are synced with it: fetched ahead, written in order."""

    prefetcher: Prefetcher
    """Runs the fetches of all streams."""

    _schema_is_written = False
    _is_filtered = False
    _parents_read = 0
    _parents_gone = 0

    @abstractmethod
    @override
    def get_new_paginator(self) -> Paginator:
        """Return a paginator that has seen no page yet."""

    @abstractmethod
    def fetch(self, context: Context | None, request: NextRequest | None) -> Page:
        """Fetch one page, with all retries.

        Args:
            context: The stream's context, `None` for a top-level stream.
            request: What the paginator says of the request, `None` for the first.
        """

    @abstractmethod
    def rows(self, page: Page, context: Context | None) -> Iterator[Row]:
        """Return the records of a page, made to fit the schema."""

    @abstractmethod
    def vanished(self, context: Context | None, error: VanishedError) -> None:
        """Take note that there are no rows, since the parent is gone."""

    def below(
        self, row: Row, context: Context | None
    ) -> list[tuple[OrderedStream, Context]]:
        """Return the child streams to sync below a row, each with its context.

        There are none below a row that the stream's own map filters out. Then neither
        this stream nor those below it are whole.
        """
        children = [
            child
            for child in self.child_streams
            if child.selected or child.has_selected_descendents
        ]
        if not children and self._is_plain:
            return []
        record = glanced_at(row)
        if not self.stream_maps[0].get_filter_result(record):
            for stream in self._family:
                stream._is_filtered = True  # noqa: SLF001 - it is of this class
            return []
        return [
            (child, child_context)
            for child_context in self.generate_child_contexts(record, context)
            if child_context is not None
            for child in children
            if isinstance(child, OrderedStream)
        ]

    @abstractmethod
    def finished(self, context: Context) -> None:
        """Take note that all rows in a context have been written."""

    def parent_is_done(self, context: Context, *, vanished: bool) -> None:
        """Count a parent whose rows have been written, or that is gone.

        Args:
            context: The parent's context.
            vanished: Whether it is gone.
        """
        if vanished:
            self._parents_gone += 1
        else:
            self._parents_read += 1
            self.finished(context)

    @abstractmethod
    def promote(self) -> None:
        """Write the bookmark into the state, since the stream is complete."""

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """`False`: the SDK would send them before the first record. See `complete`."""
        return False

    @override
    def log(
        self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any
    ) -> None:
        """Log for the SDK, which reports an error here that it goes on to raise."""
        level = logging.DEBUG if level == logging.ERROR else level
        super().log(message, *args, level=level, **kwargs)

    @override
    def _write_schema_message(self) -> None:
        """Write the SCHEMA messages, once a run."""
        if not self._schema_is_written:
            self._schema_is_written = True
            super()._write_schema_message()

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        progress.expect(
            stream.name for stream in self._tap.streams.values() if stream.selected
        )
        if not write_messages:  # The records go into batch files.
            for record in super()._sync_records(context, write_messages=False):
                progress.wrote(self.name, 1)
                yield record
            return
        selected = [stream for stream in self._family if stream.selected]
        with ExitStack() as metrics:
            for stream in selected:
                stream.begin(metrics)
            self.prefetcher.on_wait = self.writer.flush
            try:
                _write(self._open(), self.ABORT_AT_RECORD_COUNT)
            except BaseException:
                self.prefetcher.stop()
                raise
            finally:
                self.writer.flush()
        for stream in selected:
            stream.complete()

    def _open(self) -> Branch[OrderedStream]:
        """Return this stream's branch; those of the streams after it are opened too.

        But nothing else is asked for before the API has answered once: one request
        with a wrong key is enough.
        """
        opened = self.prefetcher.opened
        if self.name in opened:
            return opened.pop(self.name)
        limit = self.ABORT_AT_RECORD_COUNT
        branch = partial(
            Branch, prefetcher=self.prefetcher, lookahead=limit or self.prefetcher.size
        )
        own = branch(self, None, order=(0,))
        if limit is None and own.begins_well():
            streams = self._tap.streams.values()
            after = islice(
                dropwhile(lambda stream: stream is not self, streams), 1, None
            )
            for place, stream in enumerate(after, 1):
                if isinstance(stream, OrderedStream) and stream.is_read_by_itself:
                    opened[stream.name] = branch(stream, None, order=(place,))
        return own

    @property
    def _family(self) -> list[OrderedStream]:
        """This stream and all below it."""
        return [
            stream
            for stream in (self, *self.descendent_streams)
            if isinstance(stream, OrderedStream)
        ]

    @property
    def is_read_by_itself(self) -> bool:
        """Whether this is a top-level stream, selected or with selected children."""
        return self.parent_stream_type is None and (
            self.selected or self.has_selected_descendents
        )

    @property
    def writer(self) -> MessageWriter:
        """The writer of all messages of the run."""
        return writer_of(self._tap)

    def begin(self, metrics: ExitStack) -> None:
        """Write what stands before the first record, and start the metrics."""
        self._record_counter = metrics.enter_context(self.get_record_counter())
        metrics.enter_context(self.get_sync_timer())
        self._write_schema_message()
        if self._activates_versions:
            self._stream_version = self._initialized_at // 1000
        self.state_manager.is_flushed = False

    def complete(self) -> None:
        """Say that the stream is whole: the target may drop what is older."""
        if self._activates_versions and self._stream_version is not None:
            if self._is_filtered:
                self.logger.info(
                    "%s: a stream map left out some parents and what is below them, so "
                    "the target is not told to drop rows.",
                    self.name,
                )
            elif self._parents_gone > 1 and not self._parents_read:
                self.logger.warning(
                    "%s: the API says of each of its %d parents that it is gone. That "
                    "may be another mistake, so the target is not told to drop rows.",
                    self.name,
                    self._parents_gone,
                )
            else:
                self._write_activate_version_message(self._stream_version)
        if self.ABORT_AT_RECORD_COUNT is None:
            self.promote()
        self._write_state_message()
        progress.finished(self.name)

    @property
    def _activates_versions(self) -> bool:
        return (
            bool(self.config.get("emit_activate_version_messages"))
            and self.replication_method == REPLICATION_FULL_TABLE
            and self.ABORT_AT_RECORD_COUNT is None
        )

    @cached_property
    def _is_plain(self) -> bool:
        """Whether records are written as they are: not mapped, flattened or cut."""
        first, *more = self.stream_maps
        return (
            not more
            and type(first) is SameRecordTransform
            and not first.flattening_enabled
            and all(
                included or len(breadcrumb) <= len(("properties", "name"))
                for breadcrumb, included in self.mask.items()
            )
        )

    @cached_property
    def _unselected(self) -> list[str]:
        declared = self.effective_schema["properties"]
        return [
            *(name for name in declared if not self.mask["properties", name]),
            *({ADDITIONAL_FIELDS} - declared.keys()),
        ]

    def write_rows(self, page: Page, rows: Iterable[Row]) -> None:
        """Write RECORD messages: as they are, or as the SDK maps and cuts them.

        Args:
            page: The page that the rows come from.
            rows: The rows, each of which may be changed here.
        """
        count = 0
        if self._is_plain:
            write, unselected = self.writer.write_row, self._unselected
            before, after = record_frame(
                self.name, self._stream_version, page.received_at
            )
            for count, row in enumerate(rows, 1):  # noqa: B007 - the last one counts
                for name in unselected:
                    row.pop(name, None)
                write(before, row, after)
        else:
            for count, row in enumerate(rows, 1):  # noqa: B007
                self._write_record_message(decoded(row))
        self._record_counter.increment(count)
        progress.wrote(self.name, count)


def _write(branch: Branch[OrderedStream], limit: int | None) -> None:
    """Write the rows of a branch, and below each its children's.

    Args:
        branch: The branch.
        limit: So many rows at most, of this branch and of each below it.
    """
    stream = branch.source
    if not stream.child_streams:
        for page in islice(branch.pages(), limit and 1):
            rows = stream.rows(page, branch.context)
            stream.write_rows(page, islice(rows, limit))
        return
    is_top = branch.context is None
    if is_top:
        progress.parents_begin()
    for page, row, below in islice(branch.rows(), limit):
        if is_top:
            progress.parents_seen(*branch.known)
        if stream.selected:
            stream.write_rows(page, [row])
        for child in below:
            _write(child, limit)
            if child.context is not None:
                child.source.parent_is_done(child.context, vanished=child.vanished)
        if is_top:
            progress.parent_read()
