"""Rows as dlt takes them: Python dicts, or Arrow tables."""

from __future__ import annotations

import base64
import hashlib
import os
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from tap_analytics import json_text
from tap_analytics.rows.fields import ADDITIONAL_FIELDS
from tap_analytics.target_dlt.columns import values
from tap_analytics.target_dlt.columns.misfits import TooFineError
from tap_analytics.target_dlt.columns.moments import truncate_to_microseconds
from tap_analytics.target_dlt.columns.numbers import exact_number
from tap_analytics.target_dlt.columns.types_of_schema import column_types

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_analytics.rows.fields import Row
    from tap_analytics.target_dlt.columns.column_types import ColumnType

_ID_LENGTH = 14
"""Of dlt's own ids, too."""

_TO_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
_LONG_NUMBER = b"0" * 19
"""Only where there is one, whatever its digits, can an integer have over 64 bits."""

_INTEGERS = range(-(2**63), 2**63)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(float_hook=exact_number).decode


def as_dicts(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows as Python values; a number that would lose digits as a `Decimal`."""
    text = _encode(rows)
    try:
        records: list[dict[str, Any]] = _decode(text)
    except ValueError:  # A number has an exponent that nothing computes with.
        return json_text.glanced_at(text)  # type: ignore[no-any-return]
    return (
        _with_decimals(records)
        if _LONG_NUMBER in text.translate(_TO_ZEROS)
        else records
    )


def _with_decimals(value: Any) -> Any:
    """Return a value with decimals for integers that dlt does not write."""
    if isinstance(value, dict):
        return {name: _with_decimals(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_decimals(one) for one in value]
    is_too_long = type(value) is int and value not in _INTEGERS
    return Decimal(value) if is_too_long else value


def with_columns(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with a column for each additional field, for dlt to infer.

    What has a column already stays among the additional fields, and so does a number
    that no column of dlt's takes with all its digits.
    """
    kept = record[ADDITIONAL_FIELDS] or {}
    for name in [*kept]:
        if name not in record and not isinstance(kept[name], Decimal):
            record[name] = kept.pop(name)
    record[ADDITIONAL_FIELDS] = kept or None
    return record


class ArrowTables:
    """Makes Arrow tables of rows.

    Args:
        schema: The stream's JSON schema.
        with_ids: Whether the rows get ids here, and not by dlt.

    Attributes:
        rows: How many rows the table has that is taken next.
    """

    def __init__(self, schema: Mapping[str, Any], *, with_ids: bool = True) -> None:
        self.rows = 0
        self._parts: list[pa.Table] = []
        self._hashes: list[str] = []
        self._load_id: str | None = None
        self._with_ids = with_ids
        self._types = column_types(schema)
        self._schema = pa.schema(
            pa.field(name, type_.arrow, nullable=name not in schema["required"])
            for name, type_ in self._types.items()
        )
        self._values = itemgetter(*self._types)
        self._decoders = [
            msgspec.json.Decoder(list[_decoded(type_)]).decode  # type: ignore[misc]
            for type_ in self._types.values()
        ]

    def add(self, rows: Sequence[Row], load_id: str | None, *, hashed: bool) -> None:
        """Make rows a part of the table that is taken next.

        Args:
            rows: The rows.
            load_id: Identifies the load; `None` if the table is not for one.
            hashed: Whether equal rows have the same `_dlt_id`.
        """
        # Column by column: an object for each row would take longer than all else.
        columns = zip(*map(self._values, rows), strict=True)
        arrays = [
            _array(type_, decode(_encode(column)))
            for type_, decode, column in zip(
                self._types.values(), self._decoders, columns, strict=True
            )
        ]
        if hashed:  # Line by line would not do: nested values may have several.
            self._hashes += [_hash(_encode(self._values(row))) for row in rows]
        self.add_columns(arrays, load_id)

    def add_columns(self, columns: Sequence[pa.Array], load_id: str | None) -> None:
        """Make rows a part of the table that is taken next, given all their columns.

        Args:
            columns: The columns, in the order of the schema.
            load_id: Identifies the load; `None` if the table is not for one.
        """
        part = pa.Table.from_arrays(columns, schema=self._schema)
        self._parts.append(part)
        self._load_id = load_id
        self.rows += part.num_rows

    def take(self) -> pa.Table:
        """Return a table of the rows so far, and begin another one."""
        table = pa.concat_tables(self._parts).combine_chunks()
        count, hashes = self.rows, self._hashes
        self.rows, self._parts, self._hashes = 0, [], []
        if self._load_id is None:
            return table
        table = with_column(table, "_dlt_load_id", pa.repeat(self._load_id, count))
        if not self._with_ids:
            return table
        ids = pa.array(hashes, pa.string()) if hashes else random_ids(count)
        return with_column(table, "_dlt_id", ids)


def with_column(table: pa.Table, name: str, texts: pa.Array) -> pa.Table:
    """Return a table with one of the columns that dlt adds to dicts.

    Without them it would not go with a table in the destination that was made of dicts.
    """
    return table.append_column(pa.field(name, pa.string(), nullable=False), texts)


def _decoded(type_: ColumnType) -> Any:
    """Return what a column's values are decoded to."""
    decoded = values.DECODED[type_.kind]
    return decoded if decoded in {Any, msgspec.Raw} else decoded | None


def _array(type_: ColumnType, column: Sequence[Any]) -> pa.Array:
    try:
        return values.to_arrow(type_, column)
    except TooFineError:
        return values.to_arrow(type_, truncate_to_microseconds(column))


def random_ids(count: int) -> pa.Array:
    """Return as many ids as there are rows."""
    text = base64.urlsafe_b64encode(os.urandom(count * _ID_LENGTH))
    ids = [None, pa.py_buffer(text)]
    array = pa.Array.from_buffers(pa.binary(_ID_LENGTH), count, ids)
    return array.cast(pa.binary()).cast(pa.string())


def _hash(line: bytes) -> str:
    digest = hashlib.blake2b(line, digest_size=12).digest()
    return base64.urlsafe_b64encode(digest).decode()[:_ID_LENGTH]
