"""Collects a stream's records as Arrow columns."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from singer_sdk.exceptions import MissingKeyPropertiesError

from tap_analytics.target_dlt import types
from tap_analytics.target_dlt.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHUNK_ROWS = 8192
"""Rows that are decoded and made columns in one go."""


@dataclass(frozen=True)
class Batch:
    """A stream's rows for one load.

    Attributes:
        stream: The stream's name.
        table: One column per property, named as the property; a key occurs once.
        columns: The columns' types.
        keys: Names of the key columns; may be empty.
    """

    stream: str
    table: pa.Table
    columns: Mapping[str, types.ColumnType]
    keys: Sequence[str]


class StreamBuffer:
    """Takes a stream's RECORD lines and gives them back as a batch.

    Lines wait as bytes until a chunk of them is worth decoding. Whatever the schema
    declares decodes straight into a struct's slots, nested values stay JSON text.

    Args:
        stream: The stream's name.
        schema: The JSON schema of its records.
        keys: Names of its key properties.
    """

    def __init__(
        self, stream: str, schema: dict[str, Any], keys: Sequence[str]
    ) -> None:
        self.stream = stream
        self.keys = keys
        self.columns = {
            name: types.column_type(property_schema)
            for name, property_schema in schema["properties"].items()
        }
        self._lines: list[bytes] = []
        self._chunks: list[pa.RecordBatch] = []
        self._set_decoder()

    def _set_decoder(self) -> None:
        fields = [
            (f"f{index}", type_.decoded)
            if name in self.keys
            else (f"f{index}", _optional(type_.decoded), None)
            for index, (name, type_) in enumerate(self.columns.items())
        ]
        # Required fields go first in a struct.
        fields.sort(key=len)
        record = msgspec.defstruct(
            "Record",
            fields,
            rename={f"f{i}": name for i, name in enumerate(self.columns)},
            gc=False,
        )
        message = msgspec.defstruct("Message", [("record", record)], gc=False)
        self._decoder = msgspec.json.Decoder(message, float_hook=types.exact_number)

    def add(self, lines: list[bytes], first_line: int) -> None:
        """Take RECORD lines; `first_line` is the number of the first in the input."""
        self._first_line = first_line
        self._lines += lines
        if len(self._lines) >= CHUNK_ROWS:
            self._convert()

    def take(self) -> Batch | None:
        """Give the rows taken since the last call, or None if there are none."""
        self._convert()
        if not self._chunks:
            return None
        table = pa.Table.from_batches(self._chunks)
        self._chunks = []
        if self.keys:
            table = last_of_each(table, self.keys)
        return Batch(self.stream, table, dict(self.columns), self.keys)

    def _convert(self) -> None:
        lines, self._lines = self._lines, []
        if not lines:
            return
        try:
            messages = self._decoder.decode_lines(b"\n".join(lines))
        except msgspec.ValidationError as error:
            msg = f"Stream {self.stream!r}: {error}"
            if "missing required field" in str(error):
                raise MissingKeyPropertiesError(msg) from None
            raise TargetError(msg) from None
        rows = [message.record for message in messages]
        arrays = []
        for index, (name, type_) in enumerate(self.columns.items()):
            values = list(map(attrgetter(f"f{index}"), rows))
            arrays.append(types.to_arrow(type_, values))
        self._chunks.append(pa.RecordBatch.from_arrays(arrays, list(self.columns)))


def _optional(decoded: Any) -> Any:
    return decoded if decoded in (Any, msgspec.Raw) else decoded | None


def last_of_each(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Keep the last row of each key, in the order of the rows."""
    numbered = table.select(keys).append_column("", pa.array(range(table.num_rows)))
    last = numbered.group_by(keys).aggregate([("", "max")])["_max"]
    if len(last) == table.num_rows:
        return table
    return table.take(last.take(pc.sort_indices(last)))
