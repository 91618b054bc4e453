"""Buffers the rows of all streams, and loads them when there are enough."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import RecordsWithoutSchemaException

from tap_analytics.target_dlt.columns.stream_buffer import StreamBuffer
from tap_analytics.target_dlt.load_trigger import LoadTrigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_analytics.target_dlt.columns.chunks import Chunk
    from tap_analytics.target_dlt.columns.column_types import ColumnType
    from tap_analytics.target_dlt.columns.record_lines import StreamOptions
    from tap_analytics.target_dlt.columns.stream_buffer import Batch
    from tap_analytics.target_dlt.loading.dataset import OpenDataset


class Loads:
    """The loads of a run.

    Args:
        config: The target's settings.
        options: What is the same for all streams.
        open_dataset: Opens the dataset; called with the first stream.
        write_state: Lets a STATE out, once the rows before it are committed.
        on_loaded: Called after each load and its STATE, when a run may be stopped.

    Attributes:
        loaded: Rows that were loaded, by stream.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        options: StreamOptions,
        open_dataset: Callable[[], OpenDataset],
        write_state: Callable[[str], None],
        on_loaded: Callable[[], None],
    ) -> None:
        self._options = options
        self._open_dataset = open_dataset
        self._write_state = write_state
        self._on_loaded = on_loaded
        self._logger = options.logger
        self._trigger = LoadTrigger(config)
        self._buffers: dict[str, StreamBuffer] = {}
        self._active_versions: dict[str, int] = {}
        self._unversioned: set[str] = set()
        self._dataset: OpenDataset | None = None
        self._is_confirming = False
        self.loaded: Counter[str] = Counter()

    @property
    def is_loading(self) -> bool:
        """Whether a load or its STATE is under way, and better not interrupted."""
        return self._is_confirming or (
            self._dataset is not None and self._dataset.is_loading
        )

    @property
    def removed(self) -> Mapping[str, int]:
        """Rows that ACTIVATE_VERSION removed or marked, by table."""
        return {} if self._dataset is None else self._dataset.versions.removed

    def open(self) -> None:
        """Connect to the destination, if that has not been done yet.

        Raises:
            TargetError: The destination can't be reached.
        """
        if self._dataset is None:
            self._dataset = self._open_dataset()

    def set_schema(
        self, stream: str, schema: Mapping[str, Any], keys: tuple[str, ...]
    ) -> None:
        """Begin a stream, or go on with another schema or other keys.

        Raises:
            TargetError: The schema can't be that of a table, or the destination not be
                reached.
        """
        self.open()
        buffer = self._buffers.get(stream)
        if buffer is not None and buffer.keys == keys:
            buffer.set_schema(schema)
            return
        new_buffer = StreamBuffer(stream, schema, keys, self._options)
        if buffer is not None:
            # Its rows are merged on the keys that they came with.
            self._note_versions(buffer)
            self.load()
            if buffer.rows:  # the last STATE doesn't vouch for them
                self.load()
        self._buffers[stream] = new_buffer

    def add_lines(
        self, stream: str, lines: list[bytes], first_line: int, place: str
    ) -> None:
        """Take consecutive RECORD lines of a stream.

        Args:
            stream: The stream's name.
            lines: The lines.
            first_line: The number of the first in the input.
            place: What errors are to say before that number.

        Raises:
            RecordsWithoutSchemaException: The stream has no SCHEMA yet.
            TargetError: A record doesn't fit, or a load fails.
        """
        buffer = self._buffers.get(stream)
        if buffer is None:
            msg = (
                f"{place} {first_line}: a record of stream {stream!r} before the "
                "stream's SCHEMA."
            )
            raise RecordsWithoutSchemaException(msg)
        buffer.add(lines, first_line, place)
        self._count(stream, len(lines), sum(map(len, lines)))

    def add_rows(
        self, stream: str, rows: Chunk, version: int | None, place: str
    ) -> None:
        """Take rows of a stream that are in columns already.

        Args:
            stream: The stream's name.
            rows: A column for each that the schema declares.
            version: The rows' version.
            place: What errors are to call the rows.

        Raises:
            TargetError: A row doesn't fit, or a load fails.
        """
        self._buffers[stream].add_rows(rows, version, place)
        batch, _ = rows
        self._count(stream, batch.num_rows, batch.nbytes)

    def columns(self, stream: str) -> Mapping[str, ColumnType]:
        """Get the columns that a stream's SCHEMA declares."""
        return self._buffers[stream].columns

    def leave_out(self, stream: str, field: str) -> None:
        """Warn of a field that no SCHEMA declares, once."""
        self._buffers[stream].leave_out(field)

    def set_state(self, state: str) -> None:
        """Take a STATE, which goes out when all rows before it are committed."""
        self._trigger.state = state
        for buffer in self._buffers.values():
            buffer.mark()
        if self._trigger.is_empty:
            self._emit_state()
            self._on_loaded()

    def activate_version(self, stream: str, version: int) -> None:
        """Have the rows of older versions removed, after those before are loaded."""
        buffer = self._buffers[stream]
        self._note_versions(buffer)
        if stream in self._unversioned:
            self._logger.warning(
                "Stream %r: ACTIVATE_VERSION is left out, because records came "
                "without a version.",
                stream,
            )
        elif self._active_versions.get(stream) != version:
            waits_for_state = self._trigger.state is not None and buffer.has_unmarked
            if stream in dict(self._trigger.versions) or waits_for_state:
                # Rows before the message must be in the table when it takes effect.
                self.load()
            self._active_versions[stream] = version
            buffer.activate(version)
            self._trigger.versions.append((stream, version))

    def _note_versions(self, buffer: StreamBuffer) -> None:
        if None in buffer.take_versions():
            self._unversioned.add(buffer.stream)

    def load_if_overdue(self) -> None:
        """Load what has waited long enough; to be called every now and then."""
        if self._trigger.is_overdue:
            self.load()
        elif self._dataset is not None:
            self._dataset.release_if_idle()

    def finish(self) -> None:
        """Load what waits, at the end of the input, and let the last STATE out."""
        self.load(is_last=True)
        if self._dataset is not None:
            self._dataset.finish()
            with self._dataset.confirmed():
                pass  # all went well, so rows after the last STATE are to stay, too
        self.close()

    def close(self) -> None:
        """Give the dataset up; what waits is not loaded."""
        if self._dataset is not None:
            self._dataset.close()

    def load(self, *, is_last: bool = False) -> None:
        """Load what waits; when it is committed, let the STATE out.

        Args:
            is_last: Whether the input has ended, so that rows without a STATE are
                loaded, too.
        """
        marked = self._trigger.state is not None and not is_last
        self._load_package(self._trigger.versions, marked=marked)
        while any(buffer.has_held_back for buffer in self._buffers.values()):
            self._load_package((), marked=marked)
        self._emit_state()
        self._trigger.clear()
        for buffer in self._buffers.values():
            if buffer.rows:
                self._trigger.add(buffer.stream, buffer.rows, 0)
        self._on_loaded()

    def _load_package(
        self, versions: Sequence[tuple[str, int]], *, marked: bool
    ) -> None:
        if self._dataset is None or not (
            versions or any(buffer.is_waiting for buffer in self._buffers.values())
        ):
            return
        began = time.monotonic()
        loaded: dict[str, int] = {}
        self._dataset.load(self._take_batches(loaded, marked=marked), versions)
        self.loaded.update(loaded)
        if loaded:
            self._logger.info(
                "Loaded %s rows of %d streams in %.1f s.",
                f"{sum(loaded.values()):,}",
                len(loaded),
                time.monotonic() - began,
            )

    def _take_batches(self, counts: dict[str, int], *, marked: bool) -> Iterator[Batch]:
        """Yield a batch for each stream that has one, counting the rows.

        Nobody else holds a batch, so that its memory is free once it is loaded.
        """
        for buffer in self._buffers.values():
            if (batch := buffer.take(marked=marked)) is not None:
                if batch.table.num_rows:
                    counts[buffer.stream] = batch.table.num_rows
                yield batch

    def _count(self, stream: str, rows: int, size: int) -> None:
        if self._trigger.add(stream, rows, size):
            self.load()

    def _emit_state(self) -> None:
        if self._trigger.state is None:
            return
        if self._dataset is None:
            self._write_state(self._trigger.state)
        else:
            # Between both, a run that is stopped would have rows doubled.
            self._is_confirming = True
            with self._dataset.confirmed():
                self._write_state(self._trigger.state)
            self._is_confirming = False
        self._trigger.state = None
