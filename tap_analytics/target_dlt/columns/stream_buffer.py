"""Collects a stream's records as Arrow columns until they are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import MissingKeyPropertiesError

from tap_analytics.target_dlt.columns.chunks import (
    keep_last_of_each_key,
    split,
    unite,
)
from tap_analytics.target_dlt.columns.column_types import TEXT
from tap_analytics.target_dlt.columns.misfits import MisfitError
from tap_analytics.target_dlt.columns.record_lines import RecordLines
from tap_analytics.target_dlt.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from tap_analytics.target_dlt.columns.chunks import Chunk
    from tap_analytics.target_dlt.columns.column_types import ColumnType
    from tap_analytics.target_dlt.columns.record_lines import StreamOptions


@dataclass(frozen=True)
class Batch:
    """A stream's rows for one load.

    Attributes:
        stream: The stream's name.
        table: A column per property, with the property's name.
        columns: The columns' types.
        keys: Names of the key columns; may be empty.
    """

    stream: str
    table: pa.Table
    columns: Mapping[str, ColumnType]
    keys: Sequence[str]


class StreamBuffer:
    """Takes a stream's RECORD lines and gives them back as batches.

    Args:
        stream: The stream's name.
        schema: The JSON schema of its records.
        keys: Names of its key properties.
        options: What is the same for all streams.

    Raises:
        InputError: The schema has no properties, or a key is none of them.
    """

    def __init__(
        self,
        stream: str,
        schema: Mapping[str, Any],
        keys: Sequence[str],
        options: StreamOptions,
    ) -> None:
        self.stream = stream
        self.keys = tuple(dict.fromkeys(keys))
        self._records = RecordLines(stream, schema, self.keys, options)
        self._versions: set[int | None] = set()
        self._chunks: list[Chunk] = []
        self._marked_rows = 0
        self._is_schema_new = True
        self._activation: tuple[int, int] | None = None
        self._has_late_rows = False
        self.has_held_back = False
        """Whether the last `take` left rows that came after an ACTIVATE_VERSION."""
        self.rows = 0
        self.is_appended = options.append or not keys

    def set_schema(self, schema: Mapping[str, Any]) -> None:
        """Go on with another schema for the records to come.

        Raises:
            InputError: As for the first one.
        """
        if schema == self._records.schema:
            return
        self._convert()
        self._records.set_schema(schema)
        self._is_schema_new = True

    @property
    def columns(self) -> Mapping[str, ColumnType]:
        """The types of the columns that the schema declares."""
        return self._records.columns

    def leave_out(self, field: str) -> None:
        """Warn of a field that no SCHEMA declares, once."""
        self._records.leave_out(field)

    def add(self, lines: list[bytes], first_line: int, place: str) -> None:
        """Take consecutive RECORD lines.

        Args:
            lines: The lines.
            first_line: The number of the first in the input.
            place: What errors are to say before that number.

        Raises:
            InputError: A record can't be decoded, or a value doesn't fit its column.
            MissingKeyPropertiesError: A record lacks a key.
        """
        self.rows += len(lines)
        self._records.add(lines, first_line, place)
        if self._records.is_full:
            self._convert()

    def _convert(self) -> None:
        """Make a chunk of the lines that wait."""
        if self._records.is_empty:
            return
        chunk, versions = self._records.take()
        self._chunks.append(chunk)
        self._note_versions(versions)

    def add_rows(self, rows: Chunk, version: int | None, place: str) -> None:
        """Take rows that are in columns already.

        Args:
            rows: A column for each that the schema declares.
            version: The rows' version.
            place: What errors are to call the rows.

        Raises:
            MissingKeyPropertiesError: A row lacks a key.
        """
        self._convert()
        batch, _ = rows
        for key in self.keys:
            if batch[key].null_count:
                msg = (
                    f"{place}, stream {self.stream!r}: a record without its key: "
                    f"key {key!r} is null."
                )
                raise MissingKeyPropertiesError(msg)
        self.rows += batch.num_rows
        self._chunks.append(self._records.complete(rows, version))
        self._note_versions({version})

    def take_versions(self) -> set[int | None]:
        """Give the versions of the rows taken since the last call."""
        self._convert()
        versions, self._versions = self._versions, set()
        return versions

    def activate(self, version: int) -> None:
        """Remember that rows of older versions are to go, but for those to come."""
        self._convert()
        self._activation = (self.rows, version)

    def _note_versions(self, versions: set[int | None]) -> None:
        self._versions |= versions
        if self._activation is not None:
            _, active = self._activation
            self._has_late_rows |= any(v is None or v < active for v in versions)

    @property
    def is_waiting(self) -> bool:
        """Whether there is something to load: rows, or columns without rows."""
        return self.rows > 0 or self._is_schema_new

    @property
    def has_unmarked(self) -> bool:
        """Whether rows wait that a STATE before them would hold back."""
        return self.is_appended and self.rows > self._marked_rows

    def mark(self) -> None:
        """Remember that a STATE vouches for the rows taken so far."""
        self._marked_rows = self.rows

    def take(self, *, marked: bool) -> Batch | None:
        """Give the rows taken since the last call, the last one of each key.

        Rows that came after an ACTIVATE_VERSION, without a version or with an older
        one, are held back until the next call: they are to stay, so they must not be
        in the table yet when others are removed.

        Args:
            marked: Whether to give only those that a STATE vouches for, if they are
                appended. Others would be doubled if the run went on after that STATE.

        Returns:
            The rows, which are none where the schema has columns that were not given
            yet. None if there is nothing to give.

        Raises:
            InputError: A record can't be decoded, or a value doesn't fit its column.
            MissingKeyPropertiesError: A record lacks a key.
        """
        self._convert()
        chunks, self._chunks = self._take_chunks(marked=marked)
        taken = sum(rows.num_rows for rows, _ in chunks)
        self.rows -= taken
        self._marked_rows = max(0, self._marked_rows - taken)
        if not chunks:
            return None
        try:
            table, columns = unite(chunks)
        except MisfitError as error:
            msg = f"Stream {self.stream!r}: {error}"
            raise InputError(msg) from None
        if not self.is_appended:
            table = keep_last_of_each_key(table, self.keys)
        # Not every database can compare JSON.
        columns |= {key: TEXT for key in self.keys if columns[key].kind == "json"}
        return Batch(self.stream, table, columns, self.keys)

    def _take_chunks(self, *, marked: bool) -> tuple[list[Chunk], list[Chunk]]:
        """Divide the chunks in those to give, and those to keep."""
        chunks = self._chunks
        kept: list[Chunk] = []
        if self._activation is not None and self._has_late_rows:
            chunks, kept = split(chunks, self._activation[0])
        self.has_held_back = bool(kept)
        self._activation = None
        self._has_late_rows = False
        if marked and self.is_appended:
            chunks, unmarked = split(chunks, self._marked_rows)
            kept = unmarked + kept
        if self._is_schema_new:
            self._is_schema_new = False
            chunks = [*chunks, self._records.empty_chunk()]
        return chunks, kept
