"""Arrow columns of any type, as Parquet files have them, made to fit a stream's."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tap_analytics.target_dlt.columns import values
from tap_analytics.target_dlt.columns.column_types import (
    INTEGER,
    JSON,
    MAX_DIGITS,
    NUMBER,
    NUMERIC,
    TEXT,
    TIMESTAMP,
    ColumnType,
    unify,
)
from tap_analytics.target_dlt.columns.misfits import MisfitError, TooNarrowError
from tap_analytics.target_dlt.columns.numbers import parse_decimal
from tap_analytics.target_dlt.columns.recasting import narrow, recast
from tap_analytics.target_dlt.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_analytics.target_dlt.columns.chunks import Chunk

_T = TypeVar("_T")

_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def conform(
    rows: pa.RecordBatch, columns: Mapping[str, ColumnType], place: str
) -> Chunk:
    """Give rows the columns of a stream.

    Args:
        rows: The rows.
        columns: The stream's columns; one that the rows lack is null.
        place: What errors are to call the rows.

    Returns:
        The rows, with columns of these types, or of wider ones where numbers need it.

    Raises:
        InputError: A column's values don't fit.
    """
    arrays: dict[str, pa.Array] = {}
    types: dict[str, ColumnType] = {}
    for name, type_ in columns.items():
        if name not in rows.schema.names:
            arrays[name], types[name] = pa.nulls(rows.num_rows, type_.arrow), type_
            continue
        try:
            try:
                arrays[name], types[name] = _conform(rows[name], type_)
            except TooNarrowError as error:
                arrays[name], types[name] = _conform(rows[name], error.needed)
        except (pa.ArrowException, ValueError) as error:
            msg = f"{place}, field {name!r}: {error}"
            raise InputError(msg) from None
    return pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays)), types


def _conform(array: pa.Array, type_: ColumnType) -> tuple[pa.Array, ColumnType]:
    array = _plain(array)
    if array.null_count == len(array):
        return pa.nulls(len(array), type_.arrow), type_
    if type_.kind == "json":
        return _to_json(array), type_
    natural = _natural_type(array.type)
    if natural == TEXT and pa.types.is_nested(array.type):
        array = _to_json(array)
    if pa.types.is_timestamp(array.type) and array.type.tz is None:
        array = array.cast(pa.timestamp(array.type.unit, "UTC"))
    if pa.types.is_uint64(array.type):
        array = array.cast(pa.string())  # a cast would want room for all there are
    array = array.cast(natural.arrow)
    if natural == NUMBER and not pc.all(pc.is_finite(array)).as_py():
        msg = "NaN and infinity are no numbers"
        raise ValueError(msg)
    if {natural.kind, type_.kind} <= NUMERIC:
        return _conform_numbers(array, natural, type_)
    if natural == TEXT:
        return _parse(array, type_), type_
    if type_.kind in {"text", "literal"}:
        return _parse(recast(array, natural, TEXT), type_), type_
    return _conform_moments(array, natural, type_), type_


def _plain(array: pa.Array) -> pa.Array:
    """Give values the way that they are mostly kept in."""
    if isinstance(array.type, pa.BaseExtensionType):
        if array.type.extension_name != "arrow.uuid":
            return _plain(array.storage)
        texts = [None if one is None else str(one) for one in array.to_pylist()]
        return pa.array(texts, pa.string())
    if pa.types.is_dictionary(array.type):
        return _plain(array.dictionary_decode())
    return array.cast(pa.string()) if pa.types.is_string_view(array.type) else array


def _conform_moments(
    array: pa.Array, natural: ColumnType, type_: ColumnType
) -> pa.Array:
    """Make moments of dates, and dates of moments at midnight; keep all else."""
    if natural.kind == type_.kind:
        return array
    if unify(natural, type_) == TIMESTAMP:
        moments = recast(array, natural, TIMESTAMP)
        if type_ == TIMESTAMP:
            return moments
        days = moments.cast(pa.timestamp("us")).cast(type_.arrow)
        if pc.all(pc.equal(recast(days, type_, TIMESTAMP), moments)).as_py():
            return days
    msg = f"expected {type_.kind}, got {array.type}"
    raise ValueError(msg)


def _conform_numbers(
    array: pa.Array, natural: ColumnType, type_: ColumnType
) -> tuple[pa.Array, ColumnType]:
    if (fitting := narrow(array, natural, type_)) is not None:
        return fitting, type_
    if type_.kind == "integer" and natural.kind != "integer":
        if pa.types.is_decimal(array.type) and natural.scale == 0:
            return array, natural
        msg = "expected integers, got numbers with a fraction"
        raise ValueError(msg)
    needed = unify(natural, type_)
    return recast(array, natural, needed), needed


def _parse(array: pa.Array, type_: ColumnType) -> pa.Array:
    """Convert texts as if they had come in JSON."""
    match type_.kind:
        case "literal":
            return array
        case "binary":
            return pa.array(_parsed(array, _from_base64, type_), type_.arrow)
        case "decimal" if type_.takes_text:
            return values.decimals(type_, _parsed(array, parse_decimal, type_))
        case "text" | "timestamp" | "date" | "time":
            return values.to_arrow(type_, array.to_pylist())
        case _:
            msg = f"expected {type_.kind}, got {array.type}"
            raise ValueError(msg)


def _parsed(
    array: pa.Array, parse: Callable[[str], _T], type_: ColumnType
) -> list[_T | None]:
    texts = array.to_pylist()
    try:
        return [None if text is None else parse(text) for text in texts]
    except ValueError:
        msg = f"expected {type_.kind}, got text that is not"
        raise ValueError(msg) from None


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_NATURAL: Sequence[tuple[Callable[[pa.DataType], bool], ColumnType]] = (
    (pa.types.is_boolean, ColumnType("boolean")),
    (pa.types.is_uint64, ColumnType("decimal", MAX_DIGITS, 0)),
    (pa.types.is_integer, INTEGER),
    (pa.types.is_floating, NUMBER),
    (pa.types.is_date, ColumnType("date")),
    (pa.types.is_timestamp, TIMESTAMP),
    (pa.types.is_time, ColumnType("time")),
    (pa.types.is_string, TEXT),
    (pa.types.is_large_string, TEXT),
    (pa.types.is_nested, TEXT),
)


def _natural_type(type_: pa.DataType) -> ColumnType:
    """Find the column type that holds all values of an Arrow type."""
    if pa.types.is_decimal(type_):
        return ColumnType("decimal", MAX_DIGITS, max(0, type_.scale))
    natural = (natural for is_a, natural in _NATURAL if is_a(type_))
    return next(natural, ColumnType("binary"))


def _to_json(array: pa.Array) -> pa.Array:
    """Write values as JSON; a text that is an object or a list in JSON stays as it is.

    Raises:
        MisfitError: A number is NaN or infinite, which JSON doesn't have.
    """
    found = _objects(array)
    _check_finite(found)
    return pa.array(
        [None if value is None else _json(value) for value in found], JSON.arrow
    )


def json_rows(rows: pa.RecordBatch, place: str) -> list[bytes]:
    """Write rows as JSON objects.

    Args:
        rows: The rows.
        place: What errors are to call the rows.

    Raises:
        InputError: A value can't be written so that nothing is lost.
    """
    columns = {name: _values(rows, name, place) for name in rows.schema.names}
    return [
        _encoder.encode(dict(zip(columns, row, strict=True)))
        for row in zip(*columns.values(), strict=True)
    ]


def _values(rows: pa.RecordBatch, name: str, place: str) -> Sequence[Any]:
    try:
        found = _objects(_microseconds(rows[name]))
        _check_finite(found)
    except (pa.ArrowException, ValueError) as error:
        msg = f"{place}, field {name!r}: {error}"
        raise InputError(msg) from None
    return found


def _objects(array: pa.Array) -> Sequence[Any]:
    """Make Python's objects of values; those of a map become a dictionary.

    Raises:
        MisfitError: A map has a key twice.
    """
    try:
        found: Sequence[Any] = array.to_pylist(maps_as_pydicts="strict")
    except KeyError as error:
        raise MisfitError(0, str(error.args[0])) from None
    return found


def _microseconds(array: pa.Array) -> pa.Array:
    """Make moments of Python's precision, which is that of columns, too."""
    if pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp("us", array.type.tz))
    if pa.types.is_time64(array.type):
        return array.cast(pa.time64("us"))
    return array


def _json(value: Any) -> str:
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            msgspec.json.decode(value, type=msgspec.Raw)
        except msgspec.DecodeError:
            pass
        else:
            return value
    return _encoder.encode(value).decode()


def _check_finite(values_of_column: Sequence[Any]) -> None:
    for index, value in enumerate(values_of_column):
        if not _is_finite(value):
            msg = "NaN and infinity are not JSON"
            raise MisfitError(index, msg)


def _is_finite(value: Any) -> bool:
    match value:
        case float():
            return math.isfinite(value)
        case dict():
            return all(map(_is_finite, value.values()))
        case list() | tuple():
            return all(map(_is_finite, value))
        case _:
            return True
