"""Decodes the RECORD lines of a stream to chunks of Arrow columns, many at a time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from singer_sdk.exceptions import MissingKeyPropertiesError

from tap_analytics.target_dlt.columns.misfits import (
    ColumnsTooNarrowError,
    MisfitError,
)
from tap_analytics.target_dlt.columns.sdc_columns import COLUMNS, TABLE_VERSION
from tap_analytics.target_dlt.columns.types_of_schema import column_types
from tap_analytics.target_dlt.errors import InputError
from tap_analytics.target_dlt.singer_in.decoder import (
    BadRecordError,
    MissingKeyError,
    RecordDecoder,
    validate,
)
from tap_analytics.target_dlt.singer_in.validators import make_validator

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping, Sequence

    from singer_sdk.sinks.core import JSONSchemaValidator

    from tap_analytics.target_dlt.columns.chunks import Chunk
    from tap_analytics.target_dlt.columns.column_types import ColumnType
    from tap_analytics.target_dlt.columns.sdc_columns import Message, SdcColumns

CHUNK_ROWS = 8192
"""Lines that are decoded in one go."""

CHUNK_BYTES = 8 << 20
"""Bytes of lines that are decoded in one go, however few they are."""


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


class RecordLines:
    """The lines of a stream that wait to be decoded.

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
        self._stream = stream
        self._keys = keys
        self._options = options
        self.schema = schema
        self.columns: Mapping[str, ColumnType] = self._columns_of(schema)
        self._decoder = RecordDecoder(self.columns, keys)
        self._validator = self._validator_of(schema)
        self._warned_of: set[str] = set()
        self._lines: list[bytes] = []
        self._line_runs: list[tuple[str, int, int]] = []
        self._bytes = 0
        self._received_at = dt.datetime.now(tz=dt.timezone.utc)

    def set_schema(self, schema: Mapping[str, Any]) -> None:
        """Go on with another schema, once no lines wait.

        Raises:
            InputError: As for the first one.
        """
        self.schema = schema
        self.columns = self._columns_of(schema)
        self._decoder = RecordDecoder(self.columns, self._keys)
        self._validator = self._validator_of(schema)

    def _columns_of(self, schema: Mapping[str, Any]) -> dict[str, ColumnType]:
        columns = column_types(schema)
        if not columns:
            msg = f"Stream {self._stream!r}: its SCHEMA declares no properties."
            raise InputError(msg)
        if unknown := [key for key in self._keys if key not in columns]:
            msg = f"Stream {self._stream!r}: its SCHEMA lacks the key {unknown[0]!r}."
            raise InputError(msg)
        return columns

    def _validator_of(self, schema: Mapping[str, Any]) -> JSONSchemaValidator | None:
        if not self._options.validate:
            return None
        try:
            return make_validator(schema)
        except ValueError as error:
            msg = f"Stream {self._stream!r}: {error}."
            raise InputError(msg) from None

    @property
    def is_empty(self) -> bool:
        """Whether no lines wait."""
        return not self._lines

    @property
    def is_full(self) -> bool:
        """Whether the lines are enough to be decoded."""
        return len(self._lines) >= CHUNK_ROWS or self._bytes >= CHUNK_BYTES

    def add(self, lines: list[bytes], first_line: int, place: str) -> None:
        """Take consecutive RECORD lines; see `StreamBuffer.add`."""
        if not self._lines:
            self._received_at = dt.datetime.now(tz=dt.timezone.utc)
        self._line_runs.append((place, first_line, len(lines)))
        self._lines += lines
        self._bytes += sum(map(len, lines))

    def take(self) -> tuple[Chunk, set[int | None]]:
        """Decode the lines that wait.

        Returns:
            Their rows, and the versions of these.

        Raises:
            InputError: A record can't be decoded, or a value doesn't fit its column.
            MissingKeyPropertiesError: A record lacks a key.
        """
        try:
            messages, arrays = self._decoded()
            added = self._options.sdc_columns.arrays(messages, self._received_at)
        except (BadRecordError, MisfitError) as error:
            where = f"{self._place(error.index)}, stream {self._stream!r}"
            if isinstance(error, MissingKeyError):
                msg = f"{where}: a record without its key: {error}."
                raise MissingKeyPropertiesError(msg) from None
            msg = f"{where}: {error}."
            raise InputError(msg) from None
        self._warn_of_losses()
        self._lines = []
        self._line_runs = []
        self._bytes = 0
        versions = {message.version for message in messages}
        return self._chunk(arrays, self.columns, added), versions

    def _decoded(self) -> tuple[Sequence[Message], dict[str, pa.Array]]:
        if self._validator is not None:
            validate(self._lines, self._validator)
        while True:
            messages = self._decoder.decode(self._lines)
            try:
                return messages, self._decoder.arrays(messages)
            except ColumnsTooNarrowError as error:
                self.columns = {**self.columns, **error.needed}
                self._decoder = RecordDecoder(self.columns, self._keys)

    def complete(self, rows: Chunk, version: int | None) -> Chunk:
        """Add the `_sdc_` columns to rows that are in columns already."""
        batch, types = rows
        messages = [_Row(version=version)] * batch.num_rows
        now = dt.datetime.now(tz=dt.timezone.utc)
        added = self._options.sdc_columns.arrays(messages, now)
        arrays = dict(zip(batch.schema.names, batch.columns, strict=True))
        return self._chunk(arrays, types, added)

    def empty_chunk(self) -> Chunk:
        """Make a chunk without rows, for its columns."""
        now = dt.datetime.now(tz=dt.timezone.utc)
        arrays = {
            name: pa.nulls(0, type_.arrow) for name, type_ in self.columns.items()
        }
        added = self._options.sdc_columns.arrays((), now)
        return self._chunk(arrays, self.columns, added)

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

    def leave_out(self, field: str) -> None:
        """Warn of a field that no SCHEMA declares, once."""
        self._warn_once(field, "is left out, its SCHEMA doesn't declare it")

    def _warn_of_losses(self) -> None:
        for name in self._decoder.unknown_fields(self._lines):
            self.leave_out(name)
        for name in sorted(self._decoder.truncated):
            self._warn_once(name, "is finer than microseconds, which is cut off")

    def _warn_once(self, name: str, what: str) -> None:
        if name not in self._warned_of:
            self._warned_of.add(name)
            self._options.logger.warning(
                "Stream %r: field %r %s.", self._stream, name, what
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
