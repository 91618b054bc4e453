"""Keeps the destination's columns wide enough for what is to be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from tap_analytics.target_dlt.columns.column_types import (
    TEXT,
    ColumnType,
    from_hints,
    unify,
)
from tap_analytics.target_dlt.columns.stream_buffer import recast

if TYPE_CHECKING:
    from collections.abc import Container

    import pyarrow as pa
    from dlt.destinations.job_client_impl import SqlJobClientBase

    from tap_analytics.target_dlt.loading.tables import Tables

Columns = dict[str, ColumnType]

_CAN_ALTER = {"duckdb", "postgres"}
"""SQL dialects in which a column of any type becomes one of a wider type in place."""


class SchemaEvolution:
    """Fits rows to a destination's tables, and the tables to the rows.

    A column whose values no longer fit is altered in place where the destination can do
    that; elsewhere the wider values go to a column beside it, `<name>__v_<type>`, as
    dlt does it everywhere.

    Args:
        tables: The tables.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._columns: dict[str, Columns] = {}

    def fit(
        self, table: str, rows: pa.Table, columns: Columns
    ) -> tuple[pa.Table, Columns]:
        """Fit rows to a table, and the table to them.

        Args:
            table: The table's name.
            rows: Rows that are to be loaded into it.
            columns: The types of the rows' columns.

        Returns:
            The rows as they can be loaded, and the types of their columns.

        Raises:
            MisfitError: A number needs more digits than a decimal column has.
        """
        if not self._can_alter:
            # A limit could not be lifted later.
            columns = {n: TEXT if t.kind == "text" else t for n, t in columns.items()}
        if table not in self._columns:
            self._columns[table] = self._read(table)
        existing = self._columns[table]
        wanted = {
            name: unify(existing.get(name, type_), type_)
            for name, type_ in columns.items()
        }
        rows, wanted = recast(rows, columns, wanted)
        if wider := {
            name: type_
            for name, type_ in wanted.items()
            if existing.get(name, type_).hints != type_.hints
        }:
            if self._can_alter:
                self._alter(table, wider)
            else:
                rows, wanted = _to_variant_columns(rows, wanted, wider)
        existing |= wanted
        return rows, wanted

    @property
    def _can_alter(self) -> bool:
        client = self._tables.sql
        return client is not None and client.capabilities.sqlglot_dialect in _CAN_ALTER

    def _read(self, table: str) -> Columns:
        """Read a table's columns from the schema, their types from the table itself.

        A run that was killed may have altered the table and not stored the schema.
        """
        columns = {
            name: from_hints(column)
            for name, column in self._tables.columns(table).items()
            if "data_type" in column
        }
        if not columns or self._tables.sql is None or not self._can_alter:
            return columns
        _, stored = self._tables.sql.get_storage_table(table)
        for name, type_ in columns.items():
            if "data_type" in stored.get(name, {}):
                found = from_hints(stored[name])
                # Databases don't tell all that a schema says of a text.
                if found.kind != type_.kind or found.kind == "decimal":
                    columns[name] = found
        return columns

    def _alter(self, table: str, wider: Columns) -> None:
        assert self._tables.sql is not None  # noqa: S101
        client = self._tables.sql
        sql = client.sql_client
        with sql.with_staging_dataset():
            staging = sql.make_qualified_table_name(table)
        # Both or neither: were the run killed in between, the staging table would keep
        # the old types.
        with sql.begin_transaction():
            for name, type_ in wider.items():
                self._alter_column(client, table, name, type_)
            # dlt makes it again, with the new types.
            sql.execute_sql(f"DROP TABLE IF EXISTS {staging}")

    def _alter_column(
        self, client: SqlJobClientBase, table: str, name: str, type_: ColumnType
    ) -> None:
        sql = client.sql_client
        schema_columns = self._tables.columns(table)
        column = cast("dict[str, Any]", schema_columns[name])
        for hint in ("data_type", "precision", "scale"):
            column.pop(hint, None)
        column |= type_.hints
        db_type = client.type_mapper.to_destination_type(
            schema_columns[name], client.prepare_load_table(table)
        )
        quoted = sql.escape_column_name(name)
        # By way of text, in which databases write numbers with all their digits.
        text = f"CAST({quoted} AS VARCHAR)"
        if self._columns[table][name].kind == "date" and type_.kind == "timestamp":
            text += " || 'T00:00:00+00:00'"
        sql.execute_sql(
            f"ALTER TABLE {sql.make_qualified_table_name(table)} ALTER COLUMN"
            f" {quoted} TYPE {db_type} USING CAST({text} AS {db_type})"
        )


def _to_variant_columns(
    rows: pa.Table, columns: Columns, wider: Container[str]
) -> tuple[pa.Table, Columns]:
    """Move columns to ones of their own, named as dlt names variants."""
    names = {
        name: f"{name}__v_{type_.hints['data_type']}" if name in wider else name
        for name, type_ in columns.items()
    }
    renamed = rows.rename_columns([names[name] for name in rows.column_names])
    return renamed, {names[name]: type_ for name, type_ in columns.items()}
