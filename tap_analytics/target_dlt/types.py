"""From JSON schema to column types, and from decoded JSON values to Arrow arrays."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

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
"""Digits a decimal column holds at most: what DuckDB, Snowflake, BigQuery share."""

DEFAULT_SCALE = 9
"""Digits after the point where nothing asks for more, as dlt has it."""

_FLOAT_DIGITS = 15
"""So many significant digits survive the way through a float64 and back."""


class MisfitError(ValueError):
    """A value that its column can't hold.

    Args:
        index: Its position in the sequence that was converted.
        reason: What was expected, and what came.
    """

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index
        self.reason = reason


class TooNarrowError(ValueError):
    """The values are right but need a wider column.

    Args:
        needed: A type that holds them.
    """

    def __init__(self, needed: ColumnType) -> None:
        super().__init__(f"needs {needed}")
        self.needed = needed


@dataclass(frozen=True)
class ColumnType:
    """The type of a column.

    Attributes:
        kind: `text` and `literal` (text made of any JSON scalar), and so on.
        precision: Characters of a text, digits of a decimal. None is the default.
        scale: Digits after the point of a decimal.
    """

    kind: Kind
    precision: int | None = None
    scale: int | None = None

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type of the column's arrays."""
        if self.kind == "decimal":
            return pa.decimal128(self.precision, self.scale)
        return _ARROW[self.kind]

    @property
    def decoded(self) -> Any:
        """The Python type that msgspec decodes the column's JSON values to."""
        return _DECODED[self.kind]

    @property
    def hints(self) -> dict[str, Any]:
        """The column's hints in a dlt schema."""
        hints: dict[str, Any] = {"data_type": _DLT[self.kind]}
        if self.kind == "text" and self.precision is not None:
            hints["precision"] = self.precision
        if self.kind == "decimal":
            hints |= {"precision": self.precision, "scale": self.scale}
        return hints


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

_DECODED: dict[str, Any] = {
    "text": str,
    "literal": msgspec.Raw,
    "integer": int,
    # Any, so that the decoder's float_hook sees the digits.
    "number": Any,
    "decimal": decimal.Decimal,
    "boolean": bool,
    "timestamp": str,
    "date": str,
    "time": str,
    "binary": bytes,
    "json": msgspec.Raw,
}

_DLT: dict[str, str] = {
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


def exact_number(digits: str) -> float | decimal.Decimal:
    """Decode a JSON number with a fraction or exponent, keeping its digits.

    Returns:
        A float where it stands for exactly these digits, else a Decimal.
    """
    number = float(digits)
    if len(digits) <= _FLOAT_DIGITS and math.isfinite(number):
        return number
    exact = decimal.Decimal(digits)
    if math.isfinite(number) and decimal.Decimal(repr(number)) == exact:
        return number
    return exact


def column_type(schema: dict[str, Any]) -> ColumnType:
    """Choose the column type for a property's JSON schema."""
    variants = list(_variants(schema))
    kinds = {_variant_type(variant) for variant in variants}
    if not kinds:
        return ColumnType("text" if _only_null(schema) else "json")
    if len(kinds) == 1:
        return kinds.pop()
    if all(kind.kind in {"integer", "number", "decimal"} for kind in kinds):
        return unify_all(kinds)
    if any(kind.kind == "json" for kind in kinds):
        return ColumnType("json")
    return ColumnType("literal")


def _only_null(schema: dict[str, Any]) -> bool:
    return schema.get("type") in ("null", ["null"])


def _variants(schema: dict[str, Any]) -> Any:
    """Yield one schema with a single, non-null type for each that a value may have."""
    for union in ("anyOf", "oneOf"):
        if union in schema:
            for option in schema[union]:
                yield from _variants(option)
            return
    declared = schema.get("type", [])
    for name in [declared] if isinstance(declared, str) else declared:
        if name != "null":
            yield schema | {"type": name}


def _variant_type(schema: dict[str, Any]) -> ColumnType:
    match schema["type"]:
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


def _string_type(schema: dict[str, Any]) -> ColumnType:
    match schema.get("format"):
        case "date-time":
            return ColumnType("timestamp")
        case "date":
            return ColumnType("date")
        case "time":
            return ColumnType("time")
        case "x-singer.decimal":
            return ColumnType(
                "decimal",
                min(schema.get("precision") or MAX_DIGITS, MAX_DIGITS),
                schema.get("scale") or DEFAULT_SCALE,
            )
    if schema.get("contentEncoding") == "base64":
        return ColumnType("binary")
    media_type = schema.get("contentMediaType", "")
    if media_type == "application/json" or media_type.endswith("+json"):
        # JSON in a string: a literal, because the column's value is the string's text.
        return ColumnType("text")
    return ColumnType("text", schema.get("maxLength"))


def _integer_type(schema: dict[str, Any]) -> ColumnType:
    bounds = (schema.get("minimum", 0), schema.get("maximum", 0))
    if all(-(2**63) <= bound < 2**63 for bound in bounds):
        return ColumnType("integer")
    return ColumnType("decimal", MAX_DIGITS, 0)


def _number_type(schema: dict[str, Any]) -> ColumnType:
    step = schema.get("multipleOf")
    if not step:
        return ColumnType("number")
    exponent = decimal.Decimal(str(step)).normalize().as_tuple().exponent
    return ColumnType("decimal", MAX_DIGITS, max(0, -int(exponent)))


def unify_all(types: Any) -> ColumnType:
    """Find the narrowest type that holds the values of all given types."""
    first, *rest = types
    for other in rest:
        first = unify(first, other)
    return first


def unify(one: ColumnType, other: ColumnType) -> ColumnType:
    """Find the narrowest type that holds the values of both types exactly."""
    if one == other:
        return one
    kinds = {one.kind, other.kind}
    if kinds == {"text"}:
        if one.precision is None or other.precision is None:
            return ColumnType("text")
        return ColumnType("text", max(one.precision, other.precision))
    if kinds <= {"integer", "number", "decimal"}:
        scales = [_DIGITS[t.kind] or t.scale or 0 for t in (one, other)]
        scale = max(t.scale or 0 for t in (one, other)) if scales else 0
        if "number" in kinds:
            scale = max(scale, DEFAULT_SCALE)
        return ColumnType("decimal", MAX_DIGITS, scale)
    if kinds == {"date", "timestamp"}:
        return ColumnType("timestamp")
    return ColumnType("text")


_DIGITS: dict[str, int | None] = {}


def to_arrow(type_: ColumnType, values: Sequence[Any]) -> pa.Array:
    """Convert decoded JSON values, None for null, to an Arrow array of the type.

    Raises:
        MisfitError: A value is none of this type.
        TooNarrowError: A value is a number that needs a wider type.
    """
    return _CONVERTERS[type_.kind](type_, values)


def _plain(type_: ColumnType, values: Sequence[Any]) -> pa.Array:
    return pa.array(values, type_.arrow)


def _text(type_: ColumnType, values: Sequence[str | None]) -> pa.Array:
    if (limit := type_.precision) is not None:
        for index, value in enumerate(values):
            if value is not None and len(value) > limit:
                raise MisfitError(
                    index, f"expected at most {limit} characters, got {len(value)}"
                )
    return pa.array(values, pa.string())


def _raw_json(values: Sequence[msgspec.Raw | None]) -> list[bytes | None]:
    texts = [None if value is None else bytes(value) for value in values]
    return [None if text == b"null" else text for text in texts]


def _json(_: ColumnType, values: Sequence[msgspec.Raw | None]) -> pa.Array:
    return pa.array(_raw_json(values), pa.string())


def _literal(_: ColumnType, values: Sequence[msgspec.Raw | None]) -> pa.Array:
    return pa.array(
        [
            msgspec.json.decode(text) if text and text.startswith(b'"') else text
            for text in _raw_json(values)
        ],
        pa.string(),
    )


def _integer(type_: ColumnType, values: Sequence[int | None]) -> pa.Array:
    try:
        return pa.array(values, pa.int64())
    except (OverflowError, pa.ArrowInvalid):
        raise TooNarrowError(_decimal_for(type_, values)) from None


def _number(type_: ColumnType, values: Sequence[Any]) -> pa.Array:
    kinds = set(map(type, values))
    if not kinds <= {float, int, decimal.Decimal, type(None)}:
        for index, value in enumerate(values):
            if not isinstance(value, (float, int, decimal.Decimal, type(None))) or (
                value is True or value is False
            ):
                raise MisfitError(index, f"expected a number, got {_shown(value)}")
    if decimal.Decimal not in kinds:
        try:
            return pa.array(values, pa.float64())
        except (OverflowError, pa.ArrowInvalid):
            pass  # an integer beyond what a float64 holds exactly
    raise TooNarrowError(_decimal_for(type_, values))


def _decimal(type_: ColumnType, values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values, type_.arrow)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        raise TooNarrowError(_decimal_for(type_, values)) from None


def _decimal_for(type_: ColumnType, values: Sequence[Any]) -> ColumnType:
    """Find the decimal type that holds both a column and these numbers."""
    whole = 0
    scale = type_.scale or (DEFAULT_SCALE if type_.kind == "number" else 0)
    for index, value in enumerate(values):
        if value is None:
            continue
        number = decimal.Decimal(repr(value) if isinstance(value, float) else value)
        if not number.is_finite():
            raise MisfitError(index, f"expected a finite number, got {value}")
        _, digits, exponent = number.normalize().as_tuple()
        whole = max(whole, len(digits) + int(exponent))
        scale = max(scale, -int(exponent))
        if whole + scale > MAX_DIGITS:
            scale_needed = max(0, -int(exponent))
            if whole + scale_needed > MAX_DIGITS or scale_needed == scale:
                raise MisfitError(
                    index,
                    f"{value} needs more than the {MAX_DIGITS} digits a decimal holds",
                )
            scale = MAX_DIGITS - whole
    return ColumnType("decimal", MAX_DIGITS, scale)


def _timestamp(type_: ColumnType, values: Sequence[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string()).cast(type_.arrow)
    except pa.ArrowInvalid:
        return pa.array(
            [_parsed(parse_timestamp, i, v) for i, v in enumerate(values)], type_.arrow
        )


def _date(type_: ColumnType, values: Sequence[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string()).cast(type_.arrow)
    except pa.ArrowInvalid:
        return pa.array(
            [_parsed(parse_date, i, v) for i, v in enumerate(values)], type_.arrow
        )


def _time(type_: ColumnType, values: Sequence[str | None]) -> pa.Array:
    return pa.array(
        [_parsed(parse_time, i, v) for i, v in enumerate(values)], type_.arrow
    )


def _parsed(parse: Any, index: int, value: str | None) -> Any:
    if value is None:
        return None
    try:
        return parse(value)
    except ValueError as error:
        raise MisfitError(index, str(error)) from None


_BEYOND_MICROSECONDS = re.compile(r"(\.\d{6})(\d+)")


def _clipped(text: str) -> str:
    """Drop zeros beyond microseconds; other digits there would be lost.

    Raises:
        ValueError: The text has digits beyond microseconds.
    """
    if (found := _BEYOND_MICROSECONDS.search(text)) is None:
        return text
    if found[2].strip("0"):
        msg = f"{text!r} is finer than microseconds"
        raise ValueError(msg)
    return text.replace(found[0], found[1])


def parse_timestamp(text: str) -> dt.datetime:
    """Parse an ISO 8601 date and time; without an offset it is read as UTC.

    Raises:
        ValueError: It is none, or finer than microseconds.
    """
    clipped = _clipped(text.upper())
    try:
        moment = dt.datetime.fromisoformat(clipped)
    except ValueError:
        msg = f"expected a date-time, got {text!r}"
        raise ValueError(msg) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)


def parse_date(text: str) -> dt.date:
    """Parse an ISO 8601 date, or a date-time at midnight.

    Raises:
        ValueError: It is none.
    """
    try:
        moment = dt.datetime.fromisoformat(text.upper())
    except ValueError:
        moment = None
    if moment is None or moment.time() != dt.time():
        msg = f"expected a date, got {text!r}"
        raise ValueError(msg)
    return moment.date()


def parse_time(text: str) -> dt.time:
    """Parse an ISO 8601 time of day, in UTC or without an offset.

    Raises:
        ValueError: It is none, has another offset, or is finer than microseconds.
    """
    clipped = _clipped(text.upper())
    try:
        time = dt.time.fromisoformat(clipped)
    except ValueError:
        msg = f"expected a time, got {text!r}"
        raise ValueError(msg) from None
    if time.utcoffset():
        msg = f"a time column has no offset, got {text!r}"
        raise ValueError(msg)
    return time.replace(tzinfo=None)


def _shown(value: Any) -> str:
    text = msgspec.json.encode(value, enc_hook=str).decode()
    return text if len(text) <= 50 else f"{text[:50]}…"


_CONVERTERS: dict[str, Any] = {
    "text": _text,
    "literal": _literal,
    "integer": _integer,
    "number": _number,
    "decimal": _decimal,
    "boolean": _plain,
    "timestamp": _timestamp,
    "date": _date,
    "time": _time,
    "binary": _plain,
    "json": _json,
}
