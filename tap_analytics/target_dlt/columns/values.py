"""From decoded JSON values to Arrow arrays, exactly or not at all."""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tap_analytics.target_dlt.columns.column_types import (
    DEFAULT_SCALE,
    MAX_DIGITS,
    ColumnType,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tap_analytics.target_dlt.columns.column_types import Kind

_FLOAT_DIGITS = 15
"""So many significant digits survive the way through a float64 and back."""

_SHOWN_CHARACTERS = 60


class MisfitError(ValueError):
    """A value that its column can't hold.

    Args:
        index: Its position among the values that were converted.
        reason: What was expected, and what came instead.
    """

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index


class TooFineError(MisfitError):
    """A time of day with more digits than microseconds have."""


class TooNarrowError(ValueError):
    """Numbers that need a wider column than they have.

    Args:
        needed: The type that holds them.
    """

    def __init__(self, needed: ColumnType) -> None:
        super().__init__(f"needs {needed}")
        self.needed = needed


def exact_number(digits: str) -> float | Decimal:
    """Decode a JSON number that has a fraction or an exponent.

    Returns:
        A float where its shortest notation has the same digits, else a Decimal.

    Raises:
        ValueError: Its exponent is beyond what a Decimal holds.
    """
    number = float(digits)
    if len(digits) <= _FLOAT_DIGITS and math.isfinite(number):
        return number
    try:
        exact = Decimal(digits)
    except ArithmeticError:
        msg = f"the exponent of {digits[:_SHOWN_CHARACTERS]} is too large"
        raise ValueError(msg) from None
    if math.isfinite(number) and Decimal(repr(number)) == exact:
        return number
    return exact


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
        raise TooNarrowError(_decimal_for(type_, values)) from None


def _whole(index: int, value: Any) -> int | None:
    """Take 5.0 for 5, as JSON schema does."""
    if value is None or type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
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
    raise TooNarrowError(_decimal_for(type_, values))


def _decimal(type_: ColumnType, values: Sequence[Decimal | None]) -> pa.Array:
    try:
        array = pa.array(values, type_.arrow)
    except pa.ArrowInvalid:
        raise TooNarrowError(_decimal_for(type_, values)) from None
    # Arrow makes zero of what is too close to it, and says so only sometimes.
    zeros = pc.indices_nonzero(
        pc.equal(array, pa.scalar(Decimal(0), type_.arrow))
    ).to_pylist()
    if any(values[index] for index in zeros):
        raise TooNarrowError(_decimal_for(type_, values))
    return array


def _decimal_for(type_: ColumnType, values: Iterable[Any]) -> ColumnType:
    """Find the decimal that holds these numbers and what the column held so far."""
    whole = 0
    scale = DEFAULT_SCALE if type_.kind == "number" else type_.scale or 0
    for index, value in enumerate(values):
        if value is None:
            continue
        digits_before, digits_after = _digits_of(_as_decimal(index, value))
        whole = max(whole, digits_before)
        scale = max(scale, digits_after)
        if whole + scale > MAX_DIGITS:
            msg = (
                f"{value} does not fit a decimal of {MAX_DIGITS} digits, "
                f"{scale} of them after the point"
            )
            raise MisfitError(index, msg)
    return ColumnType("decimal", MAX_DIGITS, scale)


def _as_decimal(index: int, value: Any) -> Decimal:
    if type(value) is Decimal and value.is_finite():
        return value
    if type(value) is int:
        return Decimal(value)
    if type(value) is float:
        return Decimal(repr(value))
    msg = f"expected a number, got {shorten(value)}"
    raise MisfitError(index, msg)


def _digits_of(number: Decimal) -> tuple[int, int]:
    """Count a number's digits before and after the point, but for trailing zeros."""
    _, digits, exponent = number.as_tuple()
    significant = "".join(map(str, digits)).rstrip("0")
    if not significant:
        return 0, 0
    last = int(exponent) + len(digits) - len(significant)
    return max(0, number.adjusted() + 1), max(0, -last)


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
    except _FinerError as error:
        raise TooFineError(index, str(error)) from None
    except (ValueError, OverflowError) as error:
        raise MisfitError(index, str(error)) from None


_BEYOND_MICROSECONDS = re.compile(r"(\.\d{6})(\d+)")


class _FinerError(ValueError):
    """A text with digits beyond microseconds."""


def truncate_to_microseconds(values: Iterable[str | None]) -> list[str | None]:
    """Cut the digits beyond microseconds off timestamps or times."""
    return [
        None if text is None else _BEYOND_MICROSECONDS.sub(r"\1", text)
        for text in values
    ]


def _without_zeros(text: str) -> str:
    """Drop zeros beyond microseconds.

    Raises:
        _FinerError: There are other digits there, which would be lost.
    """
    if (found := _BEYOND_MICROSECONDS.search(text)) is None:
        return text
    if found[2].strip("0"):
        msg = f"a column holds microseconds, got {shorten(text)}"
        raise _FinerError(msg)
    return text.replace(found[0], found[1])


def parse_timestamp(text: str) -> dt.datetime:
    """Parse an ISO 8601 date and time; one without an offset is taken for UTC.

    Raises:
        ValueError: It is none, or finer than microseconds.
    """
    clipped = _without_zeros(text.upper())
    try:
        moment = dt.datetime.fromisoformat(clipped)
    except ValueError:
        msg = f"expected a date-time, got {shorten(text)}"
        raise ValueError(msg) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)


def parse_date(text: str) -> dt.date:
    """Parse an ISO 8601 date; one with a time is taken if that is midnight.

    Raises:
        ValueError: It is none.
    """
    try:
        moment = dt.datetime.fromisoformat(text.upper())
    except ValueError:
        moment = None
    if moment is None or moment.time() != dt.time():
        msg = f"expected a date, got {shorten(text)}"
        raise ValueError(msg)
    return moment.date()


def parse_time(text: str) -> dt.time:
    """Parse an ISO 8601 time of day, in UTC or without an offset.

    Raises:
        ValueError: It is none, has another offset, or is finer than microseconds.
    """
    clipped = _without_zeros(text.upper())
    try:
        time = dt.time.fromisoformat(clipped)
    except ValueError:
        time = None
    if time is None or time.utcoffset():
        msg = f"expected a time without an offset, got {shorten(text)}"
        raise ValueError(msg)
    return time.replace(tzinfo=None)


def shorten(value: Any) -> str:
    """Write a value for an error message, shortened."""
    text = msgspec.json.encode(value, enc_hook=str).decode()
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    return f"{text[:_SHOWN_CHARACTERS]}…"


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


def recast(array: pa.Array, from_: ColumnType, to: ColumnType) -> pa.Array:
    """Convert an array to a type that `unify` found for its own and another.

    Raises:
        TooNarrowError: Its numbers need more digits after the point.
        MisfitError: Its numbers need more digits than a decimal has.
    """
    if from_.arrow == to.arrow:
        return array
    if to.kind == "decimal":
        return _recast_to_decimal(array, from_, to)
    if to.kind == "timestamp":
        return array.cast(pa.timestamp("us")).cast(to.arrow)
    if from_.kind == "binary":
        texts = [
            None if value is None else _base64(value) for value in array.to_pylist()
        ]
        return pa.array(texts, to.arrow)
    return array.cast(to.arrow)


def _recast_to_decimal(array: pa.Array, from_: ColumnType, to: ColumnType) -> pa.Array:
    if from_.kind == "number":
        numbers = [None if v is None else Decimal(repr(v)) for v in array.to_pylist()]
        return _decimal(to, numbers)
    # Arrow's cast refuses to lose digits after the point, but those before it wrap
    # around silently if there are too many.
    largest = pc.max(pc.abs(array.cast(pa.float64(), safe=False))).as_py() or 0
    if largest >= 10.0 ** (MAX_DIGITS - (to.scale or 0)) * 0.999:
        raise TooNarrowError(_decimal_for(to, array.to_pylist()))
    if from_.kind == "integer":
        # A cast would want room for all integers there are.
        array = array.cast(pa.string())
    return array.cast(to.arrow)


def _base64(value: bytes) -> str:
    return msgspec.json.encode(value).decode().strip('"')
