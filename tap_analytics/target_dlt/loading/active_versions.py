"""ACTIVATE_VERSION: only the rows of a stream's latest version stay."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pyarrow.compute as pc

from tap_analytics.target_dlt.columns.sdc_columns import (
    COLUMNS,
    DELETED_AT,
    TABLE_VERSION,
)
from tap_analytics.target_dlt.loading import open_tables

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    import pyarrow as pa
    from dlt.common.schema.typing import TTableSchema
    from dlt.destinations.sql_client import SqlClientBase

    from tap_analytics.target_dlt.loading.tables import Tables
    from tap_analytics.target_dlt.loading.version_scope import Values, VersionScope


class ActiveVersions:
    """Removes the rows of older versions, or marks them.

    Args:
        tables: The tables.
        scope: Whose rows may be removed.
        hard_delete: Whether to remove them.
        logger: Told where rows stay that are to go.

    Attributes:
        removed: Rows that were removed or marked, by table.
    """

    def __init__(
        self,
        tables: Tables,
        scope: VersionScope,
        logger: logging.Logger,
        *,
        hard_delete: bool,
    ) -> None:
        self._tables = tables
        self._scope = scope
        self._logger = logger
        self._hard_delete = hard_delete
        self._active: dict[str, int] = {}
        self._done: dict[str, set[Values]] = {}
        self.removed: Counter[str] = Counter()

    @property
    def is_unfinished(self) -> bool:
        """Whether rows are still to be removed, or to be warned of."""
        values = self._scope.values
        return any(not values or values - self._done[table] for table in self._active)

    def note(self, table: str, rows: pa.Table) -> None:
        """Take notice of rows that are about to be loaded into a table."""
        self._scope.note(rows)
        version = self._active.get(table)
        if version is not None and _has_older(rows, version):
            # They came after the message, and are to stay.
            del self._active[table]

    def activate(self, table: str, version: int) -> None:
        """Keep only the rows of a table with this version or a newer one.

        Rows without a version were loaded before there were any; they are older.
        """
        self._active[table] = version
        self._done[table] = set()
        self._remove_older(table)

    def finish(self) -> None:
        """Remove the rows of accounts that the run has seen only after a message."""
        for table in self._active:
            self._remove_older(table)
        if self._active and not self._scope.values:
            self._logger.warning(
                "ACTIVATE_VERSION is left out: the run had no row with %s, as "
                "`version_scope` wants it, so nothing says whose rows may be removed.",
                " and ".join(map(repr, self._scope.columns)),
            )

    def _remove_older(self, table: str) -> None:
        values = self._scope.values - self._done[table]
        if not values or not self._tables.columns(table):
            return
        self._done[table] |= values
        columns = self._tables.columns(table)
        if missing := [name for name in self._scope.columns if name not in columns]:
            self._logger.warning(
                "ACTIVATE_VERSION is left out for table %r: it has no column %r, which "
                "`version_scope` names.",
                table,
                missing[0],
            )
            return
        whose = [
            dict(zip(self._scope.columns, some, strict=True))
            for some in sorted(values, key=repr)
        ]
        version = self._active[table]
        if self._tables.sql is not None:
            self._add_columns(table)
            for some in whose:
                self._by_sql(self._tables.sql.sql_client, table, version, some)
        elif not open_tables.remove_older(
            self._tables, table, version, whose, hard_delete=self._hard_delete
        ):
            self._logger.warning(
                "ACTIVATE_VERSION is left out for table %r: its old rows can't be "
                "removed.",
                table,
            )

    def _by_sql(
        self,
        sql: SqlClientBase[Any],
        table: str,
        version: int,
        whose: Mapping[str, str | None],
    ) -> None:
        values: list[str] = []
        conditions = [f"({TABLE_VERSION} < {version:d} OR {TABLE_VERSION} IS NULL)"]
        can_cast = sql.capabilities.sqlglot_dialect in {"duckdb", "postgres"}
        for name, value in whose.items():
            column = sql.escape_column_name(name)
            schema_column = self._tables.columns(table)[name]
            kind = schema_column.get("data_type")
            if value is None:
                conditions.append(f"{column} IS NULL")
            else:
                conditions.append(_is_value(column, kind if can_cast else None))
                values.append(_as_written(value, schema_column.get("scale")))
        qualified = sql.make_qualified_table_name(table)
        if self._hard_delete:
            statement = f"DELETE FROM {qualified}"  # noqa: S608
        else:
            statement = f"UPDATE {qualified} SET {DELETED_AT} = CURRENT_TIMESTAMP"  # noqa: S608
            conditions.append(f"{DELETED_AT} IS NULL")
        where = f"WHERE {' AND '.join(conditions)}"
        # Not every driver knows afterwards how many rows there were.
        found = sql.execute_sql(f"SELECT COUNT(*) FROM {qualified} {where}", *values)  # noqa: S608
        if count := int(found[0][0]) if found else 0:
            sql.execute_sql(f"{statement} {where}", *values)
        self.removed[table] += count

    def _add_columns(self, table: str) -> None:
        """Add the columns that versions need to a table that was made without."""
        needed = {TABLE_VERSION} if self._hard_delete else {TABLE_VERSION, DELETED_AT}
        if missing := sorted(needed - self._tables.columns(table).keys()):
            columns: dict[str, Any] = {
                name: {"name": name, **COLUMNS[name].hints} for name in missing
            }
            self._tables.pipeline.default_schema.update_table(
                cast("TTableSchema", {"name": table, "columns": columns})
            )
            self._tables.pipeline.sync_schema()


def _as_written(value: str, scale: int | None) -> str:
    """Write a number as a database does: with all digits that its column has."""
    try:
        written = value if scale is None else f"{Decimal(value):.{scale}f}"
    except ArithmeticError:  # it is no number
        return value
    return written if written == value or Decimal(written) == Decimal(value) else value


def _is_value(column: str, kind: str | None) -> str:
    """Compare a column with a value that is given as text.

    Args:
        column: The column, as SQL has it.
        kind: Its type in dlt's schema, where the database can cast.
    """
    match kind:
        case None:
            return f"{column} = %s"
        case "double":
            return f"{column} = CAST(%s AS DOUBLE PRECISION)"
        case "timestamp":
            return f"{column} = CAST(%s AS TIMESTAMP WITH TIME ZONE)"
        case "time":
            return f"{column} = CAST(%s AS TIME)"
        case _:
            return f"CAST({column} AS VARCHAR) = %s"


def _has_older(rows: pa.Table, version: int) -> bool:
    """Whether some rows are older than a version, or have none."""
    if TABLE_VERSION not in rows.column_names:
        return bool(rows.num_rows)
    versions = rows[TABLE_VERSION]
    has_none: bool = versions.null_count > 0
    return has_none or bool(pc.any(pc.less(versions, version)).as_py())
