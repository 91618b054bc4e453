"""Column types, and which one holds the values of two others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal[
    "text",
    "literal",
    "integer",
    "number",
    "decimal",
    "boolean",
    "timestamp",
    "date",
    "time",
    "binary",
    "json",
]

MAX_DIGITS = 38
"""Digits of a decimal column: what Arrow, DuckDB, Snowflake and others share."""

DEFAULT_SCALE = 9
"""Digits after the point of a decimal where nothing asks for more; dlt's default."""

_ARROW: dict[str, pa.DataType] = {
    "text": pa.string(),
    "literal": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "binary": pa.binary(),
    "json": pa.string(),
}

_DLT = {
    "text": "text",
    "literal": "text",
    "integer": "bigint",
    "number": "double",
    "decimal": "decimal",
    "boolean": "bool",
    "timestamp": "timestamp",
    "date": "date",
    "time": "time",
    "binary": "binary",
    "json": "json",
}

_KIND_OF_DLT: dict[str, Kind] = {
    "text": "text",
    "bigint": "integer",
    "double": "number",
    "decimal": "decimal",
    "wei": "decimal",
    "bool": "boolean",
    "timestamp": "timestamp",
    "date": "date",
    "time": "time",
    "binary": "binary",
    "json": "json",
}


_LONGEST_LIMIT = 10_485_760
"""Characters that a varchar of PostgreSQL has at most."""

_FLOAT_BITS = 32
"""Integers of so many bits are exact in a float64."""


@dataclass(frozen=True)
class ColumnType:
    """The type of a column.

    Attributes:
        kind: `literal` is text made of JSON strings, numbers and booleans alike; the
            other kinds are what they are called.
        precision: Characters that a text has at most, digits of a decimal, or bits of
            an integer or a number, where they are not 64. A decimal without precision
            holds all digits, which no column has that dlt makes.
        scale: Digits after the point of a decimal.
        takes_text: Whether a decimal's values may come as JSON strings.
    """

    kind: Kind
    precision: int | None = None
    scale: int | None = None
    takes_text: bool = field(default=False, compare=False)

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type of the column's values."""
        if self.kind == "decimal":
            return pa.decimal128(self.precision or MAX_DIGITS, self.scale or 0)
        return _ARROW[self.kind]

    @property
    def hints(self) -> dict[str, Any]:
        """What a dlt schema says about the column's type."""
        hints: dict[str, Any] = {"data_type": _DLT[self.kind]}
        if self.kind == "decimal":
            hints |= {"precision": self.precision, "scale": self.scale}
        elif self.kind == "text" and 0 < (self.precision or 0) <= _LONGEST_LIMIT:
            hints["precision"] = self.precision
        return hints

    def __str__(self) -> str:
        sizes = [str(size) for size in (self.precision, self.scale) if size is not None]
        return f"{self.kind}({', '.join(sizes)})" if sizes else self.kind


INTEGER = ColumnType("integer")
NUMBER = ColumnType("number")
TEXT = ColumnType("text")
TIMESTAMP = ColumnType("timestamp")
JSON = ColumnType("json")
ALL_DIGITS = ColumnType("decimal")
"""The type of a column that holds any number; no values are made of it."""


def from_hints(column: Mapping[str, Any]) -> ColumnType:
    """Read the type back from a column of a dlt schema."""
    kind = _KIND_OF_DLT[column["data_type"]]
    if kind == "decimal":
        return ColumnType(
            kind, column.get("precision") or MAX_DIGITS, column.get("scale") or 0
        )
    return ColumnType(kind, column.get("precision") if kind == "text" else None)


NUMERIC = frozenset({"integer", "number", "decimal"})
"""The kinds that are numbers."""


def unify(one: ColumnType, other: ColumnType) -> ColumnType:
    """Find the type of a column that is to hold the values of both types."""
    if one == other:
        return one
    kinds = {one.kind, other.kind}
    if kinds == {"text"}:
        if one.precision is None or other.precision is None:
            return TEXT
        return ColumnType("text", max(one.precision, other.precision))
    if kinds <= NUMERIC:
        return _unify_numbers(one, other)
    if kinds == {"date", "timestamp"}:
        return TIMESTAMP
    return TEXT


def _unify_numbers(one: ColumnType, other: ColumnType) -> ColumnType:
    kinds = {one.kind, other.kind}
    if kinds == {"integer"}:
        return INTEGER
    if kinds == {"number"}:
        return NUMBER
    if kinds == {"integer", "number"} and all(
        type_.kind == "number" or (type_.precision or 64) <= _FLOAT_BITS
        for type_ in (one, other)
    ):
        return NUMBER
    # No float64: it doesn't hold every integer.
    return widest_decimal(one, other)


def widest_decimal(*types: ColumnType) -> ColumnType:
    """Find the decimal with as many digits after the point as any of these types."""
    scales = [DEFAULT_SCALE if t.kind == "number" else t.scale or 0 for t in types]
    takes_text = any(t.takes_text for t in types)
    return ColumnType("decimal", MAX_DIGITS, max(scales), takes_text)
