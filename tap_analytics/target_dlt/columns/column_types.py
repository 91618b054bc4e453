"""Column types: which one a JSON schema asks for, and which one holds two others."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from tap_analytics.target_dlt.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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


@dataclass(frozen=True)
class ColumnType:
    """The type of a column.

    Attributes:
        kind: `literal` is text made of JSON strings, numbers and booleans alike; the
            other kinds are what they are called.
        precision: Characters that a text has at most, or digits of a decimal.
        scale: Digits after the point of a decimal.
    """

    kind: Kind
    precision: int | None = None
    scale: int | None = None

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
        elif self.kind == "text" and self.precision is not None:
            hints["precision"] = self.precision
        return hints

    def __str__(self) -> str:
        sizes = [str(size) for size in (self.precision, self.scale) if size is not None]
        return f"{self.kind}({', '.join(sizes)})" if sizes else self.kind


INTEGER = ColumnType("integer")
TEXT = ColumnType("text")
TIMESTAMP = ColumnType("timestamp")


def from_hints(column: Mapping[str, Any]) -> ColumnType:
    """Read the type back from a column of a dlt schema."""
    kind = _KIND_OF_DLT[column["data_type"]]
    if kind == "decimal":
        return ColumnType(
            kind, column.get("precision") or MAX_DIGITS, column.get("scale") or 0
        )
    return ColumnType(kind, column.get("precision") if kind == "text" else None)


def column_types(schema: Mapping[str, Any]) -> dict[str, ColumnType]:
    """Choose a type for each property of a stream's JSON schema.

    Raises:
        InputError: A reference in the schema leads nowhere.
    """
    return {
        name: column_type(property_schema, schema)
        for name, property_schema in schema["properties"].items()
    }


def column_type(schema: Any, root: Mapping[str, Any] | None = None) -> ColumnType:
    """Choose the type for a property.

    Args:
        schema: The property's JSON schema.
        root: The schema that `#/…` references are looked up in.

    Raises:
        InputError: A reference leads nowhere.
    """
    types = {_scalar_type(option) for option in _options(schema, root or {})}
    if len(types) > 1:
        types.discard(None)
    found: list[ColumnType] = [found for found in types if found is not None]
    if not found:
        # Null is all there is to it, or else nothing is said about it.
        return TEXT if types else ColumnType("json")
    if len(found) == 1:
        return found[0]
    if all(one.kind in _NUMERIC for one in found):
        return _widest_number(found)
    if any(one.kind == "json" for one in found):
        return ColumnType("json")
    return ColumnType("literal")


def _options(schema: Any, root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the schemas, one type in each, that a value may have."""
    if not isinstance(schema, dict):  # `true`: whatever it is
        return
    if reference := schema.get("$ref"):
        yield from _options(_resolve(reference, root), root)
        return
    for union in ("anyOf", "oneOf"):
        if union in schema:
            for option in schema[union]:
                # What is said beside a union holds for all of it.
                yield from _options(_without(schema, union) | option, root)
            return
    if len(parts := schema.get("allOf", ())) == 1:
        yield from _options(_without(schema, "allOf") | parts[0], root)
        return
    declared = schema.get("type")
    if declared is None:
        values = [schema["const"]] if "const" in schema else schema.get("enum", ())
        for name in {_name_of_type(value) for value in values}:
            yield schema | {"type": name}
        return
    for name in [declared] if isinstance(declared, str) else declared:
        yield schema | {"type": name}


def _without(schema: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


def _resolve(reference: str, root: Mapping[str, Any]) -> Any:
    head, *path = reference.split("/")
    try:
        if head == "#":
            return functools.reduce(lambda found, key: found[key], path, root)
    except (KeyError, TypeError):
        pass
    msg = f"the schema has no {reference}"
    raise InputError(msg)


def _name_of_type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float() | Decimal():
            return "number"
        case str():
            return "string"
        case _:
            return "object"


def _scalar_type(schema: Mapping[str, Any]) -> ColumnType | None:
    """Choose the type for a schema with one type; None for null."""
    match schema["type"]:
        case "null":
            return None
        case "string":
            return _string_type(schema)
        case "integer":
            return _integer_type(schema)
        case "number":
            return _number_type(schema)
        case "boolean":
            return ColumnType("boolean")
        case _:
            return ColumnType("json")


_FORMATS: dict[str, Kind] = {"date-time": "timestamp", "date": "date", "time": "time"}


def _string_type(schema: Mapping[str, Any]) -> ColumnType:
    declared = schema.get("format")
    if declared in _FORMATS:
        return ColumnType(_FORMATS[declared])
    if declared == "x-singer.decimal":
        scale = schema.get("scale")
        return ColumnType(
            "decimal", MAX_DIGITS, DEFAULT_SCALE if scale is None else scale
        )
    if schema.get("contentEncoding") == "base64":
        return ColumnType("binary")
    return ColumnType("text", schema.get("maxLength"))


def _integer_type(schema: Mapping[str, Any]) -> ColumnType:
    bounds = (schema.get("minimum", 0), schema.get("maximum", 0))
    if all(-(2**63) <= bound < 2**63 for bound in bounds):
        return INTEGER
    return ColumnType("decimal", MAX_DIGITS, 0)


def _number_type(schema: Mapping[str, Any]) -> ColumnType:
    step = schema.get("multipleOf")
    if not step:
        return ColumnType("number")
    exponent = Decimal(str(step)).normalize().as_tuple().exponent
    return ColumnType("decimal", MAX_DIGITS, max(0, -int(exponent)))


_NUMERIC = {"integer", "number", "decimal"}


def unify(one: ColumnType, other: ColumnType) -> ColumnType:
    """Find the type of a column that is to hold the values of both types."""
    if one == other:
        return one
    kinds = {one.kind, other.kind}
    if kinds == {"text"}:
        if one.precision is None or other.precision is None:
            return TEXT
        return ColumnType("text", max(one.precision, other.precision))
    if kinds <= _NUMERIC:
        # No float64: it doesn't hold every integer.
        return _as_decimal(one, other)
    if kinds == {"date", "timestamp"}:
        return TIMESTAMP
    return TEXT


def _widest_number(types: Iterable[ColumnType]) -> ColumnType:
    """Find the type for a property that is declared with several types of number."""
    decimals = [one for one in types if one.kind == "decimal"]
    return _as_decimal(*decimals) if decimals else ColumnType("number")


def _as_decimal(*types: ColumnType) -> ColumnType:
    scales = [DEFAULT_SCALE if t.kind == "number" else t.scale or 0 for t in types]
    return ColumnType("decimal", MAX_DIGITS, max(scales))
