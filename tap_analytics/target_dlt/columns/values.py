"""From decoded JSON values to Arrow arrays, exactly or not at all."""

from __future__ import annotations

import functools
from decimal import Context, Decimal
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
from tap_analytics.target_dlt.columns.numbers import decimal_for, parse_decimal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tap_analytics.target_dlt.columns.column_types import ColumnType, Kind

DECODED: dict[Kind, Any] = {
    "text": str,
    "literal": msgspec.Raw,
    "integer": int,
    "number": Any,  # untyped, so that the decoder calls `exact_number`
    "decimal": msgspec.Raw,  # msgspec would take strings such as "1_000", too
    "boolean": bool,
    "timestamp": str,
    "date": str,
    "time": str,
    "binary": bytes,
    "json": msgspec.Raw,
}
"""What msgspec is to decode the values of a column to; null becomes None, or raw."""


_EXACT = Context(prec=MAX_DIGITS)


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
    texts = [None if value is None else bytes(value) for value in values]
    try:
        b"".join(filter(None, texts)).decode()
    except UnicodeDecodeError:
        for index, text in enumerate(texts):
            _check_utf_8(index, text or b"")
    return [None if text == b"null" else text for text in texts]


def _check_utf_8(index: int, text: bytes) -> None:
    try:
        text.decode()
    except UnicodeDecodeError:
        msg = "expected text in UTF-8, got other bytes"
        raise MisfitError(index, msg) from None


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


def _decimal(type_: ColumnType, values: Sequence[msgspec.Raw | None]) -> pa.Array:
    raw = [None if value is None else bytes(value) for value in values]
    array = pa.array(raw, pa.binary())
    is_null = pc.equal(array, pa.scalar(b"null", pa.binary()))
    if pc.any(is_null).as_py():
        array = pc.if_else(is_null, pa.scalar(None, pa.binary()), array)
    scale = type_.scale or 0
    whole = (type_.precision or MAX_DIGITS) - scale
    plain = _plain_digits(whole, scale, takes_text=type_.takes_text)
    if pc.all(pc.match_substring_regex(array, plain)).as_py() is False:
        numbers = [_parse_raw(type_, *one) for one in enumerate(raw)]
        return decimals(type_, numbers)
    return pc.utf8_trim(array.cast(pa.string()), '"').cast(type_.arrow)


@functools.cache
def _plain_digits(whole: int, scale: int, *, takes_text: bool) -> str:
    """Write a pattern of the numbers that Arrow casts to a decimal as they are.

    Args:
        whole: Digits that the decimal has before the point.
        scale: Digits that it has after the point.
        takes_text: Whether they may be in quotes.
    """
    before = rf"(?:0|[1-9]\d{{0,{whole - 1}}})" if whole else "0"
    after = rf"(?:\.\d{{1,{scale}}})?" if scale else ""
    quote = '"?' if takes_text else ""
    return f"^{quote}-?{before}{after}{quote}$"


def _parse_raw(type_: ColumnType, index: int, raw: bytes | None) -> Decimal | None:
    if raw is None or raw == b"null":
        return None
    try:
        if raw.startswith(b'"') and type_.takes_text:
            return parse_decimal(msgspec.json.decode(raw, type=str))
        if raw[0] in b"-0123456789":
            return parse_decimal(raw.decode())
        msg = f"expected a number, got {shorten(msgspec.Raw(raw))}"
    except (ValueError, msgspec.DecodeError) as error:
        msg = str(error)
    raise MisfitError(index, msg)


def decimals(type_: ColumnType, values: Sequence[Decimal | None]) -> pa.Array:
    """Convert numbers to an array of a decimal type.

    Raises:
        MisfitError: A number is not finite, or has more digits than any decimal.
        TooNarrowError: They need another decimal.
    """
    try:
        array = pa.array(values, type_.arrow)
    except pa.ArrowInvalid:
        needed = decimal_for(type_, values)
        if needed.arrow != type_.arrow:
            raise TooNarrowError(needed) from None
        # Arrow refuses some that fit, such as 0E+50, or many zeros after the point.
        step = Decimal((0, (1,), -(type_.scale or 0)))
        return pa.array(
            [None if v is None else v.quantize(step, context=_EXACT) for v in values],
            type_.arrow,
        )
    # Arrow makes zero, or any number, of what is too close to zero, and says so only
    # sometimes.
    if array.to_pylist() != list(values):
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
