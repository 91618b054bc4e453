"""Collects a stream's records as Arrow columns until they are loaded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from singer_sdk.exceptions import MissingKeyPropertiesError
from singer_sdk.sinks.core import JSONSchemaValidator

from tap_analytics.target_dlt.columns import values
from tap_analytics.target_dlt.columns.column_types import (
    ColumnType,
    column_types,
    unify,
)
from tap_analytics.target_dlt.columns.sdc_columns import COLUMNS, DELETED_AT
from tap_analytics.target_dlt.errors import InputError
from tap_analytics.target_dlt.singer_in.decoder import (
    BadRecordError,
    ColumnTooNarrowError,
    MissingKeyError,
    RecordDecoder,
    validate,
    with_decimals,
)

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from tap_analytics.target_dlt.columns.sdc_columns import Message, SdcColumns

CHUNK_ROWS = 8192
"""Lines that are decoded in one go."""

CHUNK_BYTES = 8 << 20
"""Bytes of lines that are decoded in one go, however few they are."""


Chunk = tuple[pa.RecordBatch, Mapping[str, ColumnType]]
"""Rows, and the types of their columns."""


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
        self.keys = tuple(keys)
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
        for name in COLUMNS.keys() - {DELETED_AT}:
            columns.pop(name, None)
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

    def add_rows(self, rows: pa.RecordBatch, version: int | None) -> None:
        """Take rows that have the stream's columns already."""
        self._convert()
        self.rows += rows.num_rows
        messages = [_Row(version=version)] * rows.num_rows
        added = self._options.sdc_columns.arrays(
            messages, dt.datetime.now(tz=dt.timezone.utc)
        )
        self._add_chunk(dict(zip(rows.schema.names, rows.columns, strict=True)), added)
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
        except values.MisfitError as error:
            msg = f"Stream {self.stream!r}: {error}"
            raise InputError(msg) from None
        if not self.is_appended:
            table = keep_last_of_each_key(table, self.keys)
        return Batch(self.stream, table, columns, self.keys)

    def _take_chunks(self, *, marked: bool) -> tuple[list[Chunk], list[Chunk]]:
        """Divide the chunks in those to give, and those to keep."""
        chunks = self._chunks
        kept: list[Chunk] = []
        if self._activation is not None and self._has_late_rows:
            chunks, kept = _split(chunks, self._activation[0])
        self.has_held_back = bool(kept)
        self._activation = None
        self._has_late_rows = False
        if marked and self.is_appended:
            chunks, unmarked = _split(chunks, self._marked_rows)
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
        except (BadRecordError, values.MisfitError) as error:
            where = f"{self._place(error.index)}, stream {self.stream!r}"
            if isinstance(error, MissingKeyError):
                msg = f"{where}: a record without its key: {error}."
                raise MissingKeyPropertiesError(msg) from None
            msg = f"{where}: {error}."
            raise InputError(msg) from None
        self._warn_of_losses()
        self._add_chunk(arrays, added)
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
        return self._chunk(arrays, self._options.sdc_columns.arrays((), now))

    def _add_chunk(
        self, arrays: dict[str, pa.Array], added: dict[str, pa.Array]
    ) -> None:
        self._chunks.append(self._chunk(arrays, added))

    def _chunk(self, arrays: dict[str, pa.Array], added: dict[str, pa.Array]) -> Chunk:
        # What the tap sends itself is kept.
        arrays |= {n: array for n, array in added.items() if n not in arrays}
        columns = {name: self._columns.get(name) or COLUMNS[name] for name in arrays}
        return pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays)), columns

    def _warn_of_losses(self) -> None:
        for name in self._decoder.unknown_fields(self._lines):
            if name not in COLUMNS:
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


def _split(chunks: Sequence[Chunk], count: int) -> tuple[list[Chunk], list[Chunk]]:
    """Split chunks in those of the first rows, so many, and the rest."""
    first: list[Chunk] = []
    rest: list[Chunk] = []
    for rows, columns in chunks:
        here = min(count, rows.num_rows)
        count -= here
        if here:
            first.append((rows.slice(0, here), columns))
        if here < rows.num_rows:
            rest.append((rows.slice(here), columns))
    return first, rest


def unite(
    chunks: Sequence[Chunk],
    at_least: Mapping[str, ColumnType] | None = None,
) -> tuple[pa.Table, dict[str, ColumnType]]:
    """Unite chunks of a stream, between which its schema may have changed.

    Args:
        chunks: The chunks.
        at_least: Types that the columns are to have if that is enough.

    Returns:
        All rows, and the types of their columns.

    Raises:
        MisfitError: A number needs more digits than a decimal has.
    """
    columns = dict(at_least or {})
    for _, types in chunks:
        for name, type_ in types.items():
            columns[name] = unify(columns.get(name, type_), type_)
    try:
        batches = [_recast_batch(rows, types, columns) for rows, types in chunks]
    except ColumnTooNarrowError as error:
        return unite(chunks, columns | {error.name: error.needed})
    return pa.Table.from_batches(batches), columns


def recast(
    table: pa.Table, from_: Mapping[str, ColumnType], to: Mapping[str, ColumnType]
) -> tuple[pa.Table, dict[str, ColumnType]]:
    """Give a table's columns other types, wider ones if its numbers need it.

    Returns:
        The table and the types that it has now.

    Raises:
        MisfitError: A number needs more digits than a decimal has.
    """
    batches = table.to_batches() or [pa.RecordBatch.from_pylist([], table.schema)]
    return unite([(batch, from_) for batch in batches], at_least=to)


def _recast_batch(
    rows: pa.RecordBatch,
    from_: Mapping[str, ColumnType],
    to: Mapping[str, ColumnType],
) -> pa.RecordBatch:
    """Give rows other columns: new ones are null, others change their type."""
    arrays = []
    for name, type_ in to.items():
        if name not in from_:
            arrays.append(pa.nulls(rows.num_rows, type_.arrow))
            continue
        try:
            arrays.append(values.recast(rows[name], from_[name], type_))
        except values.TooNarrowError as error:
            raise ColumnTooNarrowError(name, error.needed) from None
    return pa.RecordBatch.from_arrays(arrays, list(to))


def keep_last_of_each_key(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Keep the last row of each key, in the order of the rows."""
    numbered = table.select(keys).append_column(
        "\0", pa.array(range(table.num_rows), pa.int64())
    )
    last = numbered.group_by(keys).aggregate([("\0", "max")])["\0_max"]
    if len(last) == table.num_rows:
        return table
    return table.take(last.take(pc.sort_indices(last)))
