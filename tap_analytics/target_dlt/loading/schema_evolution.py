"""Keeps the destination's columns wide enough for what is to be loaded."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from tap_analytics.target_dlt.columns.column_types import (
    ALL_DIGITS,
    NUMERIC,
    TEXT,
    ColumnType,
    from_hints,
    unify,
    widest_decimal,
)
from tap_analytics.target_dlt.columns.misfits import MisfitError, TooNarrowError
from tap_analytics.target_dlt.columns.recasting import narrow, recast
from tap_analytics.target_dlt.loading.alteration import DIALECTS, Alteration
from tap_analytics.target_dlt.loading.stored_columns import (
    StoredColumn,
    fold,
    read_columns,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from dlt.destinations.job_client_impl import SqlJobClientBase

    from tap_analytics.target_dlt.loading.tables import Tables

Columns = dict[str, ColumnType]


class SchemaEvolution:
    """Fits rows to a destination's tables, and the tables to the rows.

    A column that can't hold what comes is altered in place where the destination can do
    that; elsewhere the values go to a column beside it, `<name>__v_<type>`, as dlt does
    it everywhere.

    Args:
        tables: The tables.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._stored: dict[str, dict[str, StoredColumn]] = {}

    def fit(
        self, table: str, rows: pa.Table, columns: Columns, keys: Collection[str]
    ) -> tuple[pa.Table, Columns]:
        """Fit rows to a table, and the table to them.

        Args:
            table: The table's name.
            rows: Rows that are to be loaded into it.
            columns: The types of the rows' columns.
            keys: The columns by which they are merged.

        Returns:
            The rows as they can be loaded, and the types of their columns.

        Raises:
            MisfitError: A column can't be made to hold its values.
            LoadError: The destination refuses to alter a column.
        """
        if table not in self._stored:
            self._stored[table] = self._read(table)
        stored = self._stored[table]
        if (client := self._altering_client) is None:
            return _fit_beside(rows, columns, keys, stored)
        alteration = Alteration(client, table, self._tables.columns(table))
        arrays: dict[str, pa.ChunkedArray] = {}
        types: Columns = {}
        for name, type_ in columns.items():
            folded = fold(client, name)
            column = stored.get(folded) or StoredColumn(type_)
            with _column_named(name):
                array, fitted = _fit(rows[name], type_, column)
                if not column.holds(fitted):
                    array, fitted = alteration.widen(name, column, array, fitted)
                    column = StoredColumn(fitted, is_nullable=column.is_nullable)
            stored[folded] = column
            arrays[name], types[name] = array, fitted
        alteration.make_nullable(stored, keys)
        alteration.commit(types)
        return pa.table(arrays), types

    @property
    def _altering_client(self) -> SqlJobClientBase | None:
        client = self._tables.sql
        if client is None or client.capabilities.sqlglot_dialect not in DIALECTS:
            return None
        return client

    def _read(self, table: str) -> dict[str, StoredColumn]:
        """Read a table's columns from the table itself, as far as it is known how.

        Somebody else may have made it, and a run that was killed may have altered it
        and not stored the schema.
        """
        if (client := self._altering_client) is not None:
            return read_columns(client, table)
        found = dict(self._tables.columns(table))
        if self._tables.sql is not None:
            _, columns = self._tables.sql.get_storage_table(table)
            found = columns | found
        return {
            name: StoredColumn(from_hints(column))
            for name, column in found.items()
            if "data_type" in column
        }


def _fit(
    array: pa.ChunkedArray, type_: ColumnType, column: StoredColumn
) -> tuple[pa.ChunkedArray, ColumnType]:
    """Give values the type of a column; another one if that doesn't hold them."""
    if column.type is None:
        msg = (
            f"it is of the type {column.name_of_type}, which can't hold just what "
            "comes. Change its type, or rename the field with stream_maps"
        )
        raise MisfitError(0, msg)
    if column.is_exact and column.type == type_:
        return array, type_
    if column.type == ALL_DIGITS and type_.kind in NUMERIC:
        return _recast(array, type_, widest_decimal(type_))
    if column.is_exact and (narrowed := narrow(array, type_, column.type)) is not None:
        return narrowed, column.type
    return _recast(array, type_, unify(column.type, type_))


def _recast(
    array: pa.ChunkedArray, type_: ColumnType, to: ColumnType
) -> tuple[pa.ChunkedArray, ColumnType]:
    try:
        return recast(array, type_, to), to
    except TooNarrowError as error:
        return recast(array, type_, error.needed), error.needed


def _fit_beside(
    rows: pa.Table,
    columns: Columns,
    keys: Collection[str],
    stored: dict[str, StoredColumn],
) -> tuple[pa.Table, Columns]:
    """Fit rows to a table whose columns can't be altered."""
    arrays: dict[str, pa.ChunkedArray] = {}
    types: Columns = {}
    for name, declared in columns.items():
        # A limit could not be lifted later.
        type_ = TEXT if declared.kind == "text" else declared
        column = stored.setdefault(name, StoredColumn(type_))
        with _column_named(name):
            array, fitted = _fit(rows[name], type_, column)
            beside = name
            if not column.holds(fitted):
                if name in keys:
                    msg = (
                        f"the key is {column.type} in the table, and is to be {fitted} "
                        "now, which this destination can't change. Drop the table, or "
                        "load into another one"
                    )
                    raise MisfitError(0, msg)
                # As dlt names variants of a column.
                beside = f"{name}__v_{fitted.hints['data_type']}"
                column = stored.setdefault(beside, StoredColumn(fitted))
                array, fitted = _fit(array, fitted, column)
                if not column.holds(fitted):
                    msg = f"it is {column.type} in the table, which can't be changed"
                    raise MisfitError(0, msg)
        arrays[beside], types[beside] = array, fitted
    return pa.table(arrays), types


@contextmanager
def _column_named(name: str) -> Iterator[None]:
    """Name the column in errors about its values."""
    try:
        yield
    except MisfitError as error:
        raise MisfitError(error.index, f"column {name!r}: {error}") from None
