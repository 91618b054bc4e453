"""From decoded JSON values to Arrow arrays, exactly or not at all."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tap_analytics.target_dlt.columns.column_types import MAX_DIGITS
from tap_analytics.target_dlt.columns.misfits import (
    MisfitError,
    TooFineError,
    TooNarrowError,
    shorten,
)
from tap_analytics.target_dlt.columns.moments import (
    FinerError,
    parse_date,
    parse_time,
    parse_timestamp,
)
from tap_analytics.target_dlt.columns.numbers import decimal_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tap_analytics.target_dlt.columns.column_types import ColumnType, Kind

DECODED: dict[Kind, Any] = {
    "text": str,
    "literal": msgspec.Raw,
    "integer": int,
    "number": Any,  # untyped, so that the decoder calls `exact_number`
    "decimal": Decimal,
    "boolean": bool,
    "timestamp": str,
    "date": str,
    "time": str,
    "binary": bytes,
    "json": msgspec.Raw,
}
"""What msgspec is to decode the values of a column to; null becomes None, or raw."""


def to_arrow(type_: ColumnType, values: Sequence[Any]) -> pa.Array:
    """Convert decoded values to an array of the column's type.

    Raises:
        TooFineError: A timestamp or time is finer than its column.
        MisfitError: A value is none of this type.
        TooNarrowError: The values are numbers that need a wider type.
    """
    return _CONVERTERS[type_.kind](type_, values)


def _as_they_are(type_: ColumnType, values: Sequence[Any]) -> pa.Array:
    return pa.array(values, type_.arrow)


def _text(type_: ColumnType, values: Sequence[str | None]) -> pa.Array:
    array = pa.array(values, pa.string())
    if type_.precision is not None:
        too_long = pc.greater(pc.utf8_length(array), type_.precision)
        if (index := pc.index(too_long, value=True).as_py()) >= 0:
            length = len(array[index].as_py())
            msg = f"expected at most {type_.precision} characters, got {length}"
            raise MisfitError(index, msg)
    return array


def _json(_: ColumnType, values: Sequence[msgspec.Raw | None]) -> pa.Array:
    return pa.array(_json_texts(values), pa.string())


def _literal(_: ColumnType, values: Sequence[msgspec.Raw | None]) -> pa.Array:
    return pa.array(
        [
            msgspec.json.decode(text) if text and text.startswith(b'"') else text
            for text in _json_texts(values)
        ],
        pa.string(),
    )


def _json_texts(values: Iterable[msgspec.Raw | None]) -> list[bytes | None]:
    texts = (None if value is None else bytes(value) for value in values)
    return [None if text == b"null" else text for text in texts]


def _integer(type_: ColumnType, values: Sequence[Any]) -> pa.Array:
    if not set(map(type, values)) <= {int, type(None)}:
        values = [_whole(index, value) for index, value in enumerate(values)]
    try:
        return pa.array(values, pa.int64())
    except (OverflowError, pa.ArrowInvalid):
        raise TooNarrowError(decimal_for(type_, values)) from None


def _whole(index: int, value: Any) -> int | None:
    """Take 5.0 for 5, as JSON schema does."""
    if value is None or type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(Decimal(repr(value)))  # its digits; a large float is another number
    is_small = type(value) is Decimal and value.adjusted() < MAX_DIGITS
    if is_small and value == value.to_integral_value():
        return int(value)
    msg = f"expected an integer, got {shorten(value)}"
    raise MisfitError(index, msg)


def _number(type_: ColumnType, values: Sequence[Any]) -> pa.Array:
    kinds = set(map(type, values))
    if kinds <= {float, int, type(None)}:
        try:
            return pa.array(values, pa.float64())
        except (OverflowError, pa.ArrowInvalid):
            pass  # an integer that no float64 holds exactly
    raise TooNarrowError(decimal_for(type_, values))


def _decimal(type_: ColumnType, values: Sequence[Decimal | None]) -> pa.Array:
    try:
        array = pa.array(values, type_.arrow)
    except pa.ArrowInvalid:
        raise TooNarrowError(decimal_for(type_, values)) from None
    # Arrow makes zero of what is too close to it, and says so only sometimes.
    zeros = pc.indices_nonzero(
        pc.equal(array, pa.scalar(Decimal(0), type_.arrow))
    ).to_pylist()
    if any(values[index] for index in zeros):
        raise TooNarrowError(decimal_for(type_, values))
    return array


def _timestamp(type_: ColumnType, values: Sequence[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string()).cast(type_.arrow)
    except pa.ArrowInvalid:
        return pa.array(_parse_values(parse_timestamp, values), type_.arrow)


def _date(type_: ColumnType, values: Sequence[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string()).cast(type_.arrow)
    except pa.ArrowInvalid:
        return pa.array(_parse_values(parse_date, values), type_.arrow)


def _time(type_: ColumnType, values: Sequence[str | None]) -> pa.Array:
    return pa.array(_parse_values(parse_time, values), type_.arrow)


_T = TypeVar("_T")


def _parse_values(
    parse: Callable[[str], _T], values: Iterable[str | None]
) -> list[_T | None]:
    return [_parse_value(parse, index, value) for index, value in enumerate(values)]


def _parse_value(
    parse: Callable[[str], _T], index: int, value: str | None
) -> _T | None:
    try:
        return None if value is None else parse(value)
    except FinerError as error:
        raise TooFineError(index, str(error)) from None
    except (ValueError, OverflowError) as error:
        raise MisfitError(index, str(error)) from None


_CONVERTERS: dict[Kind, Callable[[ColumnType, Sequence[Any]], pa.Array]] = {
    "text": _text,
    "literal": _literal,
    "integer": _integer,
    "number": _number,
    "decimal": _decimal,
    "boolean": _as_they_are,
    "timestamp": _timestamp,
    "date": _date,
    "time": _time,
    "binary": _as_they_are,
    "json": _json,
}
