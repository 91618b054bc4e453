"""Arrow tables of dicts: the rows that dlt would make of them, or else none."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tap_analytics.dlt_extract.items import random_ids, with_column
from tap_analytics.dlt_extract.last_step import encode_json
from tap_analytics.target_dlt.columns.moments import truncate_to_microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dlt.common.schema.typing import TColumnSchema

_MOMENT = pa.timestamp("us", "UTC")


class DictTables:
    """Makes tables of dicts that have only declared fields, with declared types.

    Args:
        columns: The declared columns, in the words of dlt.
        load_id: Identifies the load.
    """

    def __init__(self, columns: Mapping[str, TColumnSchema], load_id: str) -> None:
        self._load_id = load_id
        self._columns = [
            (name, _ARRAYS[str(hints["data_type"])], hints["nullable"])
            for name, hints in columns.items()
        ]
        self._names = columns.keys()

    def table(self, records: Sequence[Any]) -> pa.Table | None:
        """Return a table; `None` if a record is another thing than declared."""
        if set(map(type, records)) != {dict}:
            return None
        if not set().union(*records) <= self._names:
            return None
        fields: list[pa.Field] = []
        arrays: list[pa.Array] = []
        try:
            for name, to_array, is_nullable in self._columns:
                array = to_array([record.get(name) for record in records])
                if array.null_count and not is_nullable:
                    return None
                fields.append(pa.field(name, array.type, nullable=is_nullable))
                arrays.append(array)
        except (ValueError, TypeError):  # Arrow's errors are such, too.
            return None
        table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
        count = len(records)
        table = with_column(table, "_dlt_load_id", pa.repeat(self._load_id, count))
        return with_column(table, "_dlt_id", random_ids(count))


def _texts(values: Sequence[Any]) -> pa.Array:
    _require({str}, values)
    return pa.array(values, pa.string())


def _moments(values: Sequence[Any]) -> pa.Array:
    """Return moments of texts that have an offset: Arrow takes no others."""
    texts = _texts(values)
    try:
        return texts.cast(_MOMENT)
    except pa.ArrowInvalid:
        return pa.array(truncate_to_microseconds(values), pa.string()).cast(_MOMENT)


def _json(values: Sequence[Any]) -> pa.Array:
    _require({dict, list}, values)
    texts = [None if value is None else encode_json(value) for value in values]
    return pa.array(texts, pa.string())


def _require(kinds: set[type], values: Sequence[Any]) -> None:
    found = set(map(type, values)) - {NoneType}
    if not found <= kinds:
        msg = f"expected {kinds}, got {found}"
        raise TypeError(msg)


_ARRAYS: dict[str, Callable[[Sequence[Any]], pa.Array]] = {
    "json": _json,
    "text": _texts,
    "timestamp": _moments,
}

TYPES = _ARRAYS.keys()
"""dlt's types of the columns that these tables can have."""
