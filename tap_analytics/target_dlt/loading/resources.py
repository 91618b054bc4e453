"""A batch as a dlt resource: rows, and what dlt is to know of their table."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.storages.load_package import load_package_state

from tap_analytics.target_dlt.columns.column_types import TEXT
from tap_analytics.target_dlt.errors import InputError
from tap_analytics.target_dlt.loading.unconfirmed_loads import with_load_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dlt.common.schema.typing import TTableFormat, TWriteDisposition
    from dlt.common.typing import TLoaderFileFormat
    from dlt.extract import DltResource

    from tap_analytics.target_dlt.columns.column_types import ColumnType

_END_OF_YEARS = int(dt.datetime.max.replace(tzinfo=dt.timezone.utc).timestamp()) * 10**6
"""In microseconds since 1970; Python has no later moment."""


@dataclass(frozen=True)
class TableOptions:
    """What is the same for the tables of all streams.

    Attributes:
        file_format: The format of load files.
        table_format: The open table format; None for the destination's own tables.
        json_is_text: Whether the destination would encode as JSON what is JSON already.
        deleted_at: The column by which rows are marked as deleted.
        hard_delete: Whether such rows are to go.
    """

    file_format: TLoaderFileFormat
    table_format: TTableFormat | None
    json_is_text: bool
    deleted_at: str
    hard_delete: bool


@dataclass
class TableRows:
    """Rows for a table.

    Attributes:
        table: The table's name.
        rows: The rows, with the table's column names.
        columns: The types of the columns.
        keys: The key columns.
    """

    table: str
    rows: pa.Table
    columns: Mapping[str, ColumnType]
    keys: Sequence[str]


def make_resource(
    load: TableRows, disposition: TWriteDisposition, options: TableOptions
) -> DltResource:
    """Make a resource of the rows for a table.

    dlt's resources outlive a load. The rows must not, so the resource gives them away.

    Args:
        load: The rows.
        disposition: What happens to the rows that the table has.
        options: What is the same for all tables.

    Raises:
        InputError: The destination or the load file can't hold a value.
    """
    columns, rows = load.columns, load.rows
    _check_values(load, options)
    hints: dict[str, Any] = {
        name: _hints(type_, options) for name, type_ in columns.items()
    }
    if options.deleted_at in hints:
        # Also if it is off: dlt's schema has what an earlier run wanted.
        hints[options.deleted_at]["hard_delete"] = options.hard_delete
        if options.hard_delete and disposition != "merge":
            # No row has the same key, so nothing is to be deleted.
            rows = rows.filter(pc.is_null(rows[options.deleted_at]))
    waiting = [rows]
    del rows, load.rows

    def give_rows() -> Iterator[pa.Table]:
        if disposition == "append":
            yield with_load_id(waiting.pop(), load_package_state()["load_id"])
        else:
            yield waiting.pop()

    resource: DltResource = dlt.resource(give_rows, name=load.table)()
    resource.apply_hints(
        write_disposition=disposition,
        primary_key=list(load.keys),
        columns=hints,
        file_format=options.file_format,
        table_format=options.table_format,
        # Saves the destination the search for duplicates.
        additional_table_hints={"x-stage-data-deduplicated": bool(load.keys)},
    )
    return resource


def has_deleted(rows: pa.Table, options: TableOptions) -> bool:
    """Whether some rows are marked as deleted, and to go."""
    if not options.hard_delete or options.deleted_at not in rows.column_names:
        return False
    return bool(rows[options.deleted_at].null_count < rows.num_rows)


def _check_values(load: TableRows, options: TableOptions) -> None:
    """Look for values that would be spoilt, or stop the load without a word of where.

    Raises:
        InputError: There are some.
    """
    for name, type_ in load.columns.items():
        place = f"Table {load.table!r}, column {name!r}"
        if options.file_format == "csv" and type_.kind == "binary":
            msg = (
                f"{place}: CSV files can't hold binary values. Set "
                "`loader_file_format` to another format."
            )
            raise InputError(msg)
        if options.json_is_text and type_.kind == "timestamp":
            # SQLAlchemy has Python's moments.
            latest = pc.max(load.rows[name].cast(pa.timestamp("us"))).value or 0
            if latest >= _END_OF_YEARS:
                msg = f"{place}: the destination holds no moment after the year 9999."
                raise InputError(msg)


def _hints(type_: ColumnType, options: TableOptions) -> dict[str, Any]:
    if options.json_is_text and type_.kind == "json":
        type_ = TEXT
    # Also a key may be null in rows of the time when it was none.
    return {**type_.hints, "nullable": True}
