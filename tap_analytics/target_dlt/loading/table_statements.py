"""The statements by which the rows of a load file become rows of their table.

They run in one transaction, and take the rows from where they are: a file that the
database reads, or a temporary table. dlt's own way leads through a staging dataset,
which runs side by side share, and commits each statement alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from dlt.common.schema.utils import get_columns_names_with_prop

from tap_analytics.target_dlt.columns.sdc_columns import DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlt.common.destination.typing import PreparedTableSchema
    from dlt.common.schema.typing import TTableSchema
    from dlt.destinations.sql_client import SqlClientBase


class TableStatements:
    """Writes the statements for one load file.

    Args:
        table: The table, with its write disposition and its keys.
        columns: The columns that the load file has.
        client: Knows how names are written.
    """

    def __init__(
        self,
        table: PreparedTableSchema,
        columns: Sequence[str],
        client: SqlClientBase[Any],
    ) -> None:
        escape = client.escape_column_name
        schema = cast("TTableSchema", table)
        self._disposition = table["write_disposition"]
        self._columns = ", ".join(map(escape, columns))
        self._keys = ", ".join(
            map(escape, get_columns_names_with_prop(schema, "primary_key"))
        )
        # Another column has the hint if somebody else's pipeline made the table.
        hinted = get_columns_names_with_prop(schema, "hard_delete")
        self.has_deleted = DELETED_AT in hinted and DELETED_AT in columns
        """Whether rows may be marked as deleted."""
        self._deleted_at = escape(DELETED_AT)
        self.table = client.make_qualified_table_name(table["name"] or "")
        """The table's name in full."""

    @property
    def is_replaced(self) -> bool:
        """Whether the rows that come are to be the only ones."""
        return self._disposition == "replace"

    @property
    def is_merged(self) -> bool:
        """Whether rows take the place of those that have the same keys."""
        return self._disposition == "merge" and bool(self._keys)

    def remove_all(self) -> str:
        """Return what removes all rows of the table."""
        return f"DELETE FROM {self.table}"  # noqa: S608

    def remove_matches(self, source: str) -> str:
        """Return what removes the rows of the table that others take the place of.

        Args:
            source: Where the others are, as it stands behind FROM.
        """
        keys = self._keys
        return (
            f"DELETE FROM {self.table} WHERE ({keys}) IN"  # noqa: S608
            f" (SELECT {keys} FROM {source})"
        )

    def remove_deleted(self) -> str:
        """Return what removes the rows of the table that are marked as deleted."""
        return f"DELETE FROM {self.table} WHERE {self._deleted_at} IS NOT NULL"  # noqa: S608

    def insert(self, source: str) -> str:
        """Return what inserts the rows, but for those that are marked as deleted.

        Args:
            source: Where the rows are, as it stands behind FROM.
        """
        columns = self._columns
        condition = f" WHERE {self._deleted_at} IS NULL" if self.has_deleted else ""
        return (
            f"INSERT INTO {self.table} ({columns})"  # noqa: S608
            f" SELECT {columns} FROM {source}{condition}"
        )
