"""Gives the columns of a table wider types, in place, so that no stored row changes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from dlt.destinations.exceptions import DatabaseException

from tap_analytics.target_dlt.columns.column_types import (
    MAX_DIGITS,
    NUMERIC,
    ColumnType,
)
from tap_analytics.target_dlt.columns.misfits import MisfitError
from tap_analytics.target_dlt.columns.numbers import digits_of
from tap_analytics.target_dlt.columns.recasting import recast
from tap_analytics.target_dlt.errors import LoadError
from tap_analytics.target_dlt.loading.error_lines import explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa
    from dlt.common.destination.typing import PreparedTableSchema
    from dlt.common.schema.typing import TColumnSchema, TTableSchemaColumns
    from dlt.destinations.job_client_impl import SqlJobClientBase

    from tap_analytics.target_dlt.loading.stored_columns import StoredColumn

DIALECTS = frozenset({"duckdb", "postgres"})
"""SQL dialects in which a column of any type becomes one of a wider type in place."""


class Alteration:
    """Changes to one table, made all or none.

    Args:
        client: The connection to the destination.
        table: The table's name.
        schema_columns: The table's columns as dlt's schema has them.
    """

    def __init__(
        self,
        client: SqlJobClientBase,
        table: str,
        schema_columns: TTableSchemaColumns,
    ) -> None:
        self._client = client
        self._sql = client.sql_client
        self._table = table
        self._schema_columns = cast("dict[str, dict[str, Any]]", schema_columns)
        self._qualified = self._sql.make_qualified_table_name(table)
        self._changes: list[tuple[str, str]] = []

    def widen(
        self, name: str, column: StoredColumn, array: pa.ChunkedArray, type_: ColumnType
    ) -> tuple[pa.ChunkedArray, ColumnType]:
        """Ask for a wider type.

        Args:
            name: The column's name.
            column: The column as it is.
            array: Values that are to be loaded into it.
            type_: The type of these values.

        Returns:
            The values, and the type that holds them and those of the table.

        Raises:
            MisfitError: Numbers of both don't fit one decimal.
        """
        if type_.kind == "decimal" and column.type and column.type.kind in NUMERIC:
            array, type_ = self._with_common_scale(name, column, array, type_)
        if (type_name := self._type_name(name, type_)) != column.name_of_type:
            value = _cast(self._text(name, column, type_), type_name)
            self._alter(name, f"TYPE {type_name} USING {value}")
        return array, type_

    def make_nullable(
        self, stored: Mapping[str, StoredColumn], keys: Iterable[str]
    ) -> None:
        """Ask for null in columns that were keys, and are none any more.

        Older rows and those to come have null there. A column that somebody else has
        made NOT NULL stays so.
        """
        others = stored.keys() - set(keys)
        for name in sorted(others & self._schema_columns.keys()):
            schema_column = self._schema_columns[name]
            if schema_column.get("nullable", True):
                continue
            schema_column["nullable"] = True
            if not stored[name].is_nullable:
                self._alter(name, "DROP NOT NULL")

    def commit(self, types: Mapping[str, ColumnType]) -> None:
        """Make the changes, and let dlt's schema know of them.

        Args:
            types: The types of all columns that are to be loaded.

        Raises:
            LoadError: The destination refuses a change.
        """
        for name, type_ in types.items():
            if (column := self._schema_columns.get(name)) is not None:
                for hint in ("data_type", "precision", "scale"):
                    column.pop(hint, None)
                column |= type_.hints
        if not self._changes:
            return
        # Moments become text in UTC.
        self._sql.execute_sql("SET TimeZone = 'UTC'")
        with self._without_log(), self._sql.begin_transaction():
            for name, statement in self._changes:
                self._execute(name, statement)

    @contextmanager
    def _without_log(self) -> Iterator[None]:
        """Have DuckDB write what it commits into its file, and not into its log.

        After a kill it would run USING again, and can't run functions that early.
        """
        if not self._is_duckdb:
            yield
            return
        self._sql.execute_sql("SET checkpoint_threshold = '1B'")
        yield
        self._sql.execute_sql("RESET checkpoint_threshold")

    def _alter(self, name: str, change: str) -> None:
        self._changes.append(
            (name, f"ALTER TABLE {self._qualified} ALTER {self._quoted(name)} {change}")
        )

    def _execute(self, name: str, statement: str) -> None:
        try:
            self._sql.execute_sql(statement)
        except DatabaseException as error:
            msg = (
                f"Table {self._table!r}: column {name!r} has to change for what comes, "
                f"and can't: {explain(error)}"
            )
            raise LoadError(msg) from None

    @property
    def _is_duckdb(self) -> bool:
        return self._client.capabilities.sqlglot_dialect == "duckdb"

    def _quoted(self, name: str) -> str:
        return self._sql.escape_column_name(name)

    def _type_name(self, name: str, type_: ColumnType) -> str:
        return self._client.type_mapper.to_destination_type(
            cast("TColumnSchema", {"name": name, **type_.hints}),
            cast("PreparedTableSchema", {"name": self._table, "columns": {}}),
        )

    def _text(self, name: str, column: StoredColumn, to: ColumnType) -> str:
        """Write values as text, in which databases have all digits of a number."""
        quoted = self._quoted(name)
        kind = column.type.kind if column.type else ""
        if kind == "binary":
            if self._is_duckdb:
                return f"base64({quoted})"
            return f"replace(encode({quoted}, 'base64'), chr(10), '')"
        if to.kind == "text" and kind in {"number", "decimal"}:
            return (_in_duckdb if self._is_duckdb else _in_postgres)(quoted, kind)
        text = _cast(quoted, "VARCHAR")
        if to.kind == "timestamp" and kind == "date":
            return f"{text} || 'T00:00:00+00:00'"
        if to.kind == "timestamp" and not column.has_time_zone:
            return f"{text} || '+00:00'"
        return text

    def _with_common_scale(
        self, name: str, column: StoredColumn, array: pa.ChunkedArray, type_: ColumnType
    ) -> tuple[pa.ChunkedArray, ColumnType]:
        """Find digits after the point that hold the values and those of the table."""
        quoted = self._quoted(name)
        [(lowest, highest)] = (
            self._sql.execute_sql(
                f"SELECT min({quoted}), max({quoted}) FROM {self._qualified}"  # noqa: S608
            )
            or ()
        )
        whole, after = digits_of(array.to_pylist())
        try:
            stored_whole, _ = digits_of([lowest, highest])
        except MisfitError as error:
            msg = f"what comes needs a decimal, and the table has a number: {error}"
            raise MisfitError(0, msg) from None
        most = MAX_DIGITS - max(whole, stored_whole)
        preferred = min(type_.scale or 0, most)
        for scale in [preferred, *range(after, most + 1)]:
            wider = ColumnType("decimal", MAX_DIGITS, scale)
            if scale >= after and self._keeps_rows(name, column, wider):
                return recast(array, type_, wider), wider
        msg = (
            f"numbers are in the table that need more than {most} digits after the "
            f"point, which leaves no room for those that come"
        )
        raise MisfitError(0, msg)

    def _keeps_rows(self, name: str, column: StoredColumn, to: ColumnType) -> bool:
        """Tell whether all values of a column would be the same in another type."""
        assert column.type is not None  # noqa: S101
        if column.type.kind != "number" and not column.type.scale:
            return True  # they are integers
        quoted = self._quoted(name)
        there = _cast(_cast(quoted, "VARCHAR"), self._type_name(name, to))
        back = _cast(_cast(there, "VARCHAR"), column.name_of_type)
        changed = self._sql.execute_sql(
            f"SELECT 1 FROM {self._qualified} WHERE {back} <> {quoted} LIMIT 1"  # noqa: S608
        )
        return not changed


# `recasting` writes the values that come in the same way.


def _in_duckdb(column: str, kind: str) -> str:
    """Write a number with its shortest digits."""
    text = _cast(column, "VARCHAR")
    if kind == "number":
        double = _cast(_cast(text, "DOUBLE"), "VARCHAR")
        shortest = f"regexp_replace({double}, '[.]0$', '')"
    else:
        # There are columns without a digit before the point, and without one after.
        short = f"regexp_replace({text}, '[.]0*$|([.][0-9]*[1-9])0*$', '\\1')"
        shortest = f"regexp_replace({short}, '^(-?)[.]', '\\10.')"
    return f"CASE WHEN {column} = 0 THEN '0' ELSE {shortest} END"


def _in_postgres(column: str, kind: str) -> str:
    """Write what `_in_duckdb` does; PostgreSQL has exponents from 1e15 on, not 1e16."""
    if kind == "decimal":
        return _cast(f"trim_scale({column})", "VARCHAR")
    text = _cast(column, "VARCHAR")
    digits = _cast(f"trim_scale({_cast(text, 'NUMERIC')})", "VARCHAR")
    shortest = _cast(_cast(text, "DOUBLE PRECISION"), "VARCHAR")
    is_plain = f"abs({column}) >= 1e-4 AND abs({column}) < 1e16"
    return (
        f"CASE WHEN {column} = 0 THEN '0' WHEN {is_plain} THEN {digits}"
        f" ELSE {shortest} END"
    )


def _cast(expression: str, type_name: str) -> str:
    return f"CAST({expression} AS {type_name})"
