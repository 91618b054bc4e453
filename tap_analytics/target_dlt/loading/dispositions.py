"""Dispositions: what a load does with the rows that a table has already."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

    from dlt.common.schema.typing import TWriteDisposition


class Dispositions:
    """Chooses the dispositions of a run's loads.

    Args:
        wanted: The setting `write_disposition`; by keys if None.
        can_merge: Whether the destination can replace single rows.
        logger: Told where rows will be doubled.
    """

    def __init__(
        self, wanted: str | None, logger: logging.Logger, *, can_merge: bool
    ) -> None:
        self._wanted = wanted
        self._logger = logger
        self._can_merge = can_merge
        self._begun: set[str] = set()
        self._warned_of: set[str] = set()

    def is_first(self, table: str) -> bool:
        """Whether this run has not loaded into a table yet."""
        return table not in self._begun

    def by_keys(self, *, has_keys: bool) -> TWriteDisposition:
        """Choose for a load that removes no rows but for those of the same keys."""
        return "append" if self._wanted == "append" or not has_keys else "merge"

    def choose(self, stream: str, table: str, *, has_keys: bool) -> TWriteDisposition:
        """Choose for the next load of a table.

        Args:
            stream: The table's stream, for warnings.
            table: The table.
            has_keys: Whether the stream has key properties.
        """
        first = self.is_first(table)
        self._begun.add(table)
        if self._wanted == "replace" and first:
            return "replace"
        disposition = self.by_keys(has_keys=has_keys)
        if disposition == "merge" and not self._can_merge:
            self._warn(stream)
        return disposition

    def _warn(self, stream: str) -> None:
        if stream in self._warned_of:
            return
        self._warned_of.add(stream)
        self._logger.warning(
            "Stream %r: plain files can't be merged, so its rows are appended%s. "
            "Delta and Iceberg tables can: see `table_format`.",
            stream,
            ", and keys of an earlier load are doubled"
            if self._wanted == "replace"
            else "",
        )
