"""Collects a stream's records as Arrow columns until they are loaded."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from singer_sdk.exceptions import MissingKeyPropertiesError
from singer_sdk.sinks.core import JSONSchemaValidator

from tap_analytics.target_dlt.columns.chunks import (
    keep_last_of_each_key,
    split,
    unite,
)
from tap_analytics.target_dlt.columns.column_types import TEXT
from tap_analytics.target_dlt.columns.json_schemas import column_types
from tap_analytics.target_dlt.columns.misfits import ColumnTooNarrowError, MisfitError
from tap_analytics.target_dlt.columns.sdc_columns import COLUMNS, TABLE_VERSION
from tap_analytics.target_dlt.errors import InputError
from tap_analytics.target_dlt.singer_in.decoder import (
    BadRecordError,
    MissingKeyError,
    RecordDecoder,
    validate,
    with_decimals,
)

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping, Sequence

    from tap_analytics.target_dlt.columns.chunks import Chunk
    from tap_analytics.target_dlt.columns.column_types import ColumnType
    from tap_analytics.target_dlt.columns.sdc_columns import Message, SdcColumns

CHUNK_ROWS = 8192
"""Lines that are decoded in one go."""

CHUNK_BYTES = 8 << 20
"""Bytes of lines that are decoded in one go, however few they are."""


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


@dataclass(frozen=True)
class StreamOptions:
    """What is the same for all streams of a run.

    Attributes:
        sdc_columns: Makes the `_sdc_` columns.
        logger: Told once about each field that no SCHEMA declares.
        validate: Whether to check records against their JSON schema.
        append: Whether to append rows that have a key, too.
    """

    sdc_columns: SdcColumns
    logger: logging.Logger
    validate: bool
    append: bool


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
        self._options = options
        self._schema = schema
        self._columns = self._columns_of(schema)
        self._decoder = RecordDecoder(self._columns, self.keys)
        self._validator = self._validator_of(schema)
        self._versions: set[int | None] = set()
        self._warned_of: set[str] = set()
        self._chunks: list[Chunk] = []
        self._lines: list[bytes] = []
        self._line_runs: list[tuple[str, int, int]] = []
        self._bytes = 0
        self._marked_rows = 0
        self._is_schema_new = True
        self._activation: tuple[int, int] | None = None
        self._has_late_rows = False
        self.has_held_back = False
        """Whether the last `take` left rows that came after an ACTIVATE_VERSION."""
        self.rows = 0
        self.is_appended = options.append or not keys
        self._received_at = dt.datetime.now(tz=dt.timezone.utc)

    def set_schema(self, schema: Mapping[str, Any]) -> None:
        """Go on with another schema for the records to come.

        Raises:
            InputError: As for the first one.
        """
        if schema == self._schema:
            return
        self._convert()
        self._is_schema_new = True
        self._schema = schema
        self._columns = self._columns_of(schema)
        self._decoder = RecordDecoder(self._columns, self.keys)
        self._validator = self._validator_of(schema)

    def _columns_of(self, schema: Mapping[str, Any]) -> dict[str, ColumnType]:
        columns = column_types(schema)
        if not columns:
            msg = f"Stream {self.stream!r}: its SCHEMA declares no properties."
            raise InputError(msg)
        if unknown := [key for key in self.keys if key not in columns]:
            msg = f"Stream {self.stream!r}: its SCHEMA lacks the key {unknown[0]!r}."
            raise InputError(msg)
        return columns

    def _validator_of(self, schema: Mapping[str, Any]) -> JSONSchemaValidator | None:
        if not self._options.validate:
            return None
        return JSONSchemaValidator(with_decimals(schema))

    @property
    def columns(self) -> Mapping[str, ColumnType]:
        """The types of the columns that the schema declares."""
        return self._columns

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
        if not self._lines:
            self._received_at = dt.datetime.now(tz=dt.timezone.utc)
        self._line_runs.append((place, first_line, len(lines)))
        self.rows += len(lines)
        self._lines += lines
        self._bytes += sum(map(len, lines))
        if len(self._lines) >= CHUNK_ROWS or self._bytes >= CHUNK_BYTES:
            self._convert()

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
        batch, types = rows
        for key in self.keys:
            if batch[key].null_count:
                msg = (
                    f"{place}, stream {self.stream!r}: a record without its key: "
                    f"key {key!r} is null."
                )
                raise MissingKeyPropertiesError(msg)
        self.rows += batch.num_rows
        messages = [_Row(version=version)] * batch.num_rows
        added = self._options.sdc_columns.arrays(
            messages, dt.datetime.now(tz=dt.timezone.utc)
        )
        arrays = dict(zip(batch.schema.names, batch.columns, strict=True))
        self._chunks.append(self._chunk(arrays, types, added))
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
            chunks = [*chunks, self._empty_chunk()]
        return chunks, kept

    def _convert(self) -> None:
        """Make a chunk of the lines that wait."""
        if not self._lines:
            return
        try:
            messages, arrays = self._decoded()
            added = self._options.sdc_columns.arrays(messages, self._received_at)
        except (BadRecordError, MisfitError) as error:
            where = f"{self._place(error.index)}, stream {self.stream!r}"
            if isinstance(error, MissingKeyError):
                msg = f"{where}: a record without its key: {error}."
                raise MissingKeyPropertiesError(msg) from None
            msg = f"{where}: {error}."
            raise InputError(msg) from None
        self._warn_of_losses()
        self._chunks.append(self._chunk(arrays, self._columns, added))
        self._note_versions({message.version for message in messages})
        self._lines = []
        self._line_runs = []
        self._bytes = 0

    def _decoded(self) -> tuple[Sequence[Message], dict[str, pa.Array]]:
        if self._validator is not None:
            validate(self._lines, self._validator)
        messages = self._decoder.decode(self._lines)
        try:
            return messages, self._decoder.arrays(messages)
        except ColumnTooNarrowError as error:
            self._columns = self._columns | {error.name: error.needed}
            self._decoder = RecordDecoder(self._columns, self.keys)
            return self._decoded()

    def _empty_chunk(self) -> Chunk:
        now = dt.datetime.now(tz=dt.timezone.utc)
        arrays = {
            name: pa.nulls(0, type_.arrow) for name, type_ in self._columns.items()
        }
        added = self._options.sdc_columns.arrays((), now)
        return self._chunk(arrays, self._columns, added)

    def _chunk(
        self,
        arrays: dict[str, pa.Array],
        types: Mapping[str, ColumnType],
        added: dict[str, pa.Array],
    ) -> Chunk:
        types = dict(types)
        for name, array in added.items():
            # What the tap sends itself is kept, but for the versions of its rows.
            if name in arrays and name != TABLE_VERSION:
                continue
            if name in arrays:
                self._warn_once(name, "is left out, for the version of the rows")
            arrays[name] = array
            types[name] = COLUMNS[name]
        chunk = pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
        return chunk, {name: types[name] for name in arrays}

    def _warn_of_losses(self) -> None:
        for name in self._decoder.unknown_fields(self._lines):
            self._warn_once(name, "is left out, its SCHEMA doesn't declare it")
        for name in sorted(self._decoder.truncated):
            self._warn_once(name, "is finer than microseconds, which is cut off")

    def _warn_once(self, name: str, what: str) -> None:
        if name not in self._warned_of:
            self._warned_of.add(name)
            self._options.logger.warning(
                "Stream %r: field %r %s.", self.stream, name, what
            )

    def _place(self, index: int) -> str:
        for place, first_line, count in self._line_runs:
            if index < count:
                return f"{place} {first_line + index}"
            index -= count
        raise IndexError(index)


@dataclass
class _Row:
    """A row of a BATCH file, as if a RECORD message had brought it."""

    version: int | None
    record: Any = None
    time_extracted: str | None = None
