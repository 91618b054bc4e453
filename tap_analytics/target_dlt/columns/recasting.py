"""From one column type to another, exactly or not at all."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tap_analytics.target_dlt.columns import values
from tap_analytics.target_dlt.columns.column_types import MAX_DIGITS, NUMERIC
from tap_analytics.target_dlt.columns.misfits import MisfitError, TooNarrowError
from tap_analytics.target_dlt.columns.numbers import as_decimal, decimal_for

if TYPE_CHECKING:
    from tap_analytics.target_dlt.columns.column_types import ColumnType

_WHOLE_FLOATS = 2**53
"""Integers up to this one are exact in a float64."""


def recast(array: pa.Array, from_: ColumnType, to: ColumnType) -> pa.Array:
    """Convert an array to a type that `unify` found for its own and another.

    Raises:
        TooNarrowError: Its numbers need another decimal.
        MisfitError: Its numbers need more digits than a decimal has.
    """
    if from_.arrow == to.arrow:
        return array
    if to.kind == "decimal":
        return _to_decimal(array, from_, to)
    if to.kind == "timestamp":
        return array.cast(pa.timestamp("us")).cast(to.arrow)
    return _to_text(array, from_) if to.arrow == pa.string() else array.cast(to.arrow)


def _to_text(array: pa.Array, from_: ColumnType) -> pa.Array:
    """Write values in the one way in which `Alteration` writes those of a table."""
    match from_.kind:
        case "binary":
            texts = [_base64(value) for value in array.to_pylist()]
        case "number":
            # The sum makes 0.0 of -0.0, which is the same key.
            shortest = [None if v is None else repr(v + 0.0) for v in array.to_pylist()]
            texts = [
                None if one is None else one.removesuffix(".0") for one in shortest
            ]
        case "decimal" if from_.scale:
            digits = [None if v is None else f"{v:f}" for v in array.to_pylist()]
            texts = [v if v is None else v.rstrip("0").rstrip(".") for v in digits]
        case "timestamp":
            moments = array.cast(pa.string())
            return pc.replace_substring_regex(moments, r"\.?0*Z$", "+00")
        case "time":
            return pc.replace_substring_regex(array.cast(pa.string()), r"\.?0*$", "")
        case _:
            return array.cast(pa.string())
    return pa.array(texts, pa.string())


def narrow(array: pa.Array, from_: ColumnType, to: ColumnType) -> pa.Array | None:
    """Convert an array to a type that doesn't hold all values of its own.

    Returns:
        The array, or None if one of its values doesn't fit.
    """
    if array.null_count == len(array):
        return pa.nulls(len(array), to.arrow)
    if {from_.kind, to.kind} <= {"text", "literal"}:
        longest = pc.max(pc.utf8_length(array)).as_py()
        return array if to.precision is None or longest <= to.precision else None
    if not {from_.kind, to.kind} <= NUMERIC:
        return None
    try:
        return _narrow_numbers(array, from_, to)
    except (pa.ArrowInvalid, TooNarrowError, MisfitError):
        return None


def _narrow_numbers(
    array: pa.Array, from_: ColumnType, to: ColumnType
) -> pa.Array | None:
    match to.kind:
        case "integer":
            return _to_integer(array, to)
        case "number":
            return _to_number(array, from_, to)
        case _:
            return _to_decimal(array, from_, to)


def _to_integer(array: pa.Array, to: ColumnType) -> pa.Array | None:
    if pa.types.is_floating(array.type):
        # Beyond, a float is another number than its digits say.
        is_exact = pc.less_equal(pc.abs(array), float(_WHOLE_FLOATS))
        if not pc.all(is_exact).as_py():
            return None
    integers = array.cast(pa.int64())
    limit = 2 ** ((to.precision or 64) - 1)
    bounds = pc.min_max(integers).as_py()
    return integers if -limit <= bounds["min"] and bounds["max"] < limit else None


def _to_number(array: pa.Array, from_: ColumnType, to: ColumnType) -> pa.Array | None:
    match from_.kind:
        case "integer":
            bounds = pc.min_max(array).as_py()
            if not -_WHOLE_FLOATS <= bounds["min"] <= bounds["max"] <= _WHOLE_FLOATS:
                return None
            numbers = array.cast(pa.float64())
        case "decimal":
            decimals = array.to_pylist()
            floats = [None if v is None else float(v) for v in decimals]
            if [None if v is None else Decimal(repr(v)) for v in floats] != decimals:
                return None
            numbers = pa.array(floats, pa.float64())
        case _:
            numbers = array
    if to.precision is not None:
        single = numbers.cast(pa.float32(), safe=False).cast(pa.float64())
        if not pc.all(pc.equal(single, numbers)).as_py():
            return None
    return numbers


def _to_decimal(array: pa.Array, from_: ColumnType, to: ColumnType) -> pa.Array:
    if from_.kind == "number":
        numbers: list[Any] = [
            None if value is None else as_decimal(index, value)
            for index, value in enumerate(array.to_pylist())
        ]
        return values.decimals(to, numbers)
    # Arrow's cast refuses to lose digits after the point, but those before it wrap
    # around silently if there are too many.
    digits = to.precision or MAX_DIGITS
    largest = pc.max(pc.abs(array.cast(pa.float64(), safe=False))).as_py() or 0
    if largest >= 10.0 ** (digits - (to.scale or 0)) * 0.999:
        # Near the limit a float doesn't tell, and all digits have to.
        exact = [v if v is None else Decimal(v) for v in array.to_pylist()]
        return values.decimals(to, exact)
    if from_.kind == "integer":
        # A cast would want room for all integers there are.
        array = array.cast(pa.string())
    try:
        return array.cast(to.arrow)
    except pa.ArrowInvalid:
        raise TooNarrowError(decimal_for(to, array.to_pylist())) from None


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
