"""The rows of one account among those of others, by the column that tells whose.

It is for a program that loads many accounts itself; a run of the target has
`version_scope`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_analytics.target_dlt.columns.sdc_columns import TABLE_VERSION
from tap_analytics.target_dlt.loading.active_versions import ActiveVersions
from tap_analytics.target_dlt.loading.version_scope import VersionScope

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Mapping

    from tap_analytics.target_dlt.loading.tables import Tables


class RowsByColumn:
    """Removes rows of single accounts; to be used while connected.

    Args:
        tables: The tables.
        column: The column that tells whose a row is.
        logger: Told where rows stay that are to go.
        hard_delete: Whether older rows are removed, or marked.
    """

    def __init__(
        self, tables: Tables, column: str, logger: logging.Logger, *, hard_delete: bool
    ) -> None:
        self._tables = tables
        self._column = column
        self._logger = logger
        self._hard_delete = hard_delete

    def remove_older(self, table: str, versions: Mapping[str, int]) -> None:
        """Remove the rows of a table that are older than their account's version.

        Args:
            table: The table's name.
            versions: The versions by account; rows of other accounts stay.
        """
        for account in self._with_older(table, versions):
            ActiveVersions(
                self._tables,
                VersionScope((self._column,), (account,)),
                self._logger,
                hard_delete=self._hard_delete,
            ).activate(table, versions[account])

    def _with_older(self, table: str, versions: Mapping[str, int]) -> Iterator[str]:
        """Yield the accounts that have older rows, found by one look at the table."""
        client = self._tables.sql
        columns = self._tables.columns(table)
        if client is None or not {self._column, TABLE_VERSION} <= columns.keys():
            yield from versions
            return
        sql = client.sql_client
        column, version = map(sql.escape_column_name, (self._column, TABLE_VERSION))
        found = sql.execute_sql(
            f"SELECT {column}, MIN(COALESCE({version}, -1))"  # noqa: S608
            f" FROM {sql.make_qualified_table_name(table)}"
            f" WHERE {version} < {max(versions.values()):d} OR {version} IS NULL"
            f" GROUP BY {column}"
        )
        for account, oldest in found or ():
            if account in versions and oldest < versions[account]:
                yield account

    def remove_all(self, account: str) -> None:
        """Remove all rows of an account, in all tables that have the column."""
        client = self._tables.sql
        if client is None:
            return
        sql = client.sql_client
        for name in self._tables.pipeline.default_schema.data_table_names():
            if self._column in self._tables.columns(name):
                column = sql.escape_column_name(self._column)
                table = sql.make_qualified_table_name(name)
                sql.execute_sql(f"DELETE FROM {table} WHERE {column} = %s", account)  # noqa: S608
