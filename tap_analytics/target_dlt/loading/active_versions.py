"""ACTIVATE_VERSION: only the rows of a stream's latest version stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from tap_analytics.target_dlt.columns.sdc_columns import (
    COLUMNS,
    DELETED_AT,
    TABLE_VERSION,
)

if TYPE_CHECKING:
    import logging

    from dlt.common.schema.typing import TTableSchema
    from dlt.destinations.sql_client import SqlClientBase

    from tap_analytics.target_dlt.loading.tables import Tables


class ActiveVersions:
    """Removes the rows of older versions, or marks them.

    Args:
        tables: The tables.
        hard_delete: Whether to remove them.
        logger: Told where the destination can do neither.
    """

    def __init__(
        self, tables: Tables, logger: logging.Logger, *, hard_delete: bool
    ) -> None:
        self._tables = tables
        self._logger = logger
        self._hard_delete = hard_delete

    def activate(self, table: str, version: int) -> None:
        """Keep only the rows of a table with this version or a newer one.

        Rows without a version were loaded before there were any; they are older.
        """
        if not self._tables.columns(table):
            return
        older = f"({TABLE_VERSION} < {version:d} OR {TABLE_VERSION} IS NULL)"
        if self._tables.sql is not None:
            self._add_columns(table)
            self._activate_by_sql(self._tables.sql.sql_client, table, older)
            return
        kind, open_table = self._tables.open_table(table)
        if kind == "delta" and not self._hard_delete:
            open_table.update(
                predicate=f"{older} AND {DELETED_AT} IS NULL",
                updates={DELETED_AT: "now()"},
            )
        elif kind is not None and self._hard_delete:
            open_table.delete(older)
        else:
            self._logger.warning(
                "ACTIVATE_VERSION is left out for table %r: its old rows can't be "
                "removed.",
                table,
            )

    def _activate_by_sql(self, sql: SqlClientBase[Any], table: str, older: str) -> None:
        qualified = sql.make_qualified_table_name(table)
        if self._hard_delete:
            statement = f"DELETE FROM {qualified} WHERE {older}"  # noqa: S608
        else:
            statement = (
                f"UPDATE {qualified} SET {DELETED_AT} = CURRENT_TIMESTAMP"  # noqa: S608
                f" WHERE {older} AND {DELETED_AT} IS NULL"
            )
        sql.execute_sql(statement)

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
