"""Chunks of a stream's rows, between which its columns may have changed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tap_analytics.target_dlt.columns.column_types import ColumnType, unify
from tap_analytics.target_dlt.columns.misfits import MisfitError, TooNarrowError
from tap_analytics.target_dlt.columns.numbers import decimal_for
from tap_analytics.target_dlt.columns.recasting import recast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Chunk = tuple[pa.RecordBatch, Mapping[str, ColumnType]]
"""Rows, and the types of their columns."""


def split(chunks: Sequence[Chunk], count: int) -> tuple[list[Chunk], list[Chunk]]:
    """Split chunks in those of the first rows, so many, and the rest."""
    first: list[Chunk] = []
    rest: list[Chunk] = []
    for rows, columns in chunks:
        here = min(count, rows.num_rows)
        count -= here
        if here:
            first.append((rows.slice(0, here), columns))
        if here < rows.num_rows:
            rest.append((rows.slice(here), columns))
    return first, rest


def unite(chunks: Sequence[Chunk]) -> tuple[pa.Table, dict[str, ColumnType]]:
    """Unite chunks of a stream.

    Returns:
        All rows, and the types of their columns.

    Raises:
        MisfitError: The numbers of a column need more digits than a decimal has.
    """
    columns: dict[str, ColumnType] = {}
    for _, types in chunks:
        for name, type_ in types.items():
            columns[name] = unify(columns.get(name, type_), type_)
    arrays = {}
    for name, type_ in columns.items():
        arrays[name], columns[name] = _unite_column(chunks, name, type_)
    return pa.table(arrays), columns


def _unite_column(
    chunks: Sequence[Chunk], name: str, type_: ColumnType
) -> tuple[pa.ChunkedArray, ColumnType]:
    try:
        try:
            return _column(chunks, name, type_), type_
        except TooNarrowError:
            needed = decimal_for(type_, _values(chunks, name))
            return _column(chunks, name, needed), needed
    except MisfitError as error:
        raise MisfitError(error.index, f"field {name!r}: {error}") from None


def _column(chunks: Sequence[Chunk], name: str, type_: ColumnType) -> pa.ChunkedArray:
    """Unite a column of all chunks; where one lacks it, it is null."""
    arrays = [
        recast(rows[name], types[name], type_)
        if name in types
        else pa.nulls(rows.num_rows, type_.arrow)
        for rows, types in chunks
    ]
    return pa.chunked_array(arrays, type_.arrow)


def _values(chunks: Sequence[Chunk], name: str) -> Iterator[Any]:
    for rows, types in chunks:
        if name in types:
            yield from rows[name].to_pylist()


def keep_last_of_each_key(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Keep the last row of each key, in the order of the rows."""
    # Databases take 0.0 and -0.0 for the same key; the sum makes one of them.
    columns = {
        key: pc.add(table[key], 0.0)
        if pa.types.is_floating(table[key].type)
        else table[key]
        for key in keys
    }
    if len(keys) == 1 and _are_unique(columns[keys[0]]):
        return table  # By far the most frequent case, at a fraction of the time.
    numbers = pa.array(range(table.num_rows), pa.int64())
    numbered = pa.table(columns | {"\0": numbers})
    last = numbered.group_by(keys).aggregate([("\0", "max")])["\0_max"]
    if len(last) == table.num_rows:
        return table
    return table.take(last.take(pc.sort_indices(last)))


def _are_unique(values: pa.ChunkedArray) -> bool:
    # To look for values again takes thirty times as long, and three times their memory.
    return _are_increasing(values) or pc.count_distinct(values).as_py() == len(values)


def _are_increasing(values: pa.ChunkedArray) -> bool:
    """Tell whether each value is greater than the one before."""
    chunks = [chunk for chunk in values.chunks if len(chunk)]
    pairs = [(one[:-1], one[1:]) for one in chunks if len(one) > 1]
    pairs += [(one[-1:], other[:1]) for one, other in pairwise(chunks)]
    return all(
        pc.all(pc.less(*pair), skip_nulls=False).as_py() is True for pair in pairs
    )
