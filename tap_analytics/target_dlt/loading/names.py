"""Names of tables and columns: dlt makes them of the names of streams and fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_analytics.target_dlt.columns.misfits import shorten
from tap_analytics.target_dlt.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlt.common.normalizers.naming import NamingConvention

_LONGEST_TABLE_NAME = 200
"""With more, what dlt adds makes a file name that no file system takes."""

_OF_POSTGRES = frozenset({"cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"})


class Names:
    """Names tables and columns, and refuses names that are not free.

    Args:
        naming: dlt's rules for the destination.
        dialect: How the destination's SQL is called, if it speaks SQL.
    """

    def __init__(self, naming: NamingConvention, dialect: str | None) -> None:
        self._naming = naming
        self._taken = _OF_POSTGRES if dialect == "postgres" else frozenset()
        self._streams: dict[str, str] = {}

    def table(self, stream: str) -> str:
        """Name a stream's table.

        Raises:
            InputError: The stream's name can't be that of a table, or another stream
                of the run has the table already.
        """
        table = self._naming.normalize_tables_path(stream)
        if len(table) > _LONGEST_TABLE_NAME or table.startswith("_dlt"):
            msg = (
                f"Stream {shorten(stream)}: its name can't be that of a table. Give "
                "the stream another name with stream_maps (__alias__)."
            )
            raise InputError(msg)
        other = self._streams.setdefault(table, stream)
        if other != stream:
            msg = (
                f"Streams {other!r} and {stream!r} would share the table {table!r}. "
                "Give one another name with stream_maps (__alias__)."
            )
            raise InputError(msg)
        return table

    def column(self, field: str) -> str:
        """Name a field's column; empty if nothing is left of the name."""
        return self._naming.normalize_path(field)

    def columns(self, stream: str, fields: Iterable[str]) -> dict[str, str]:
        """Name the columns of a stream.

        Returns:
            The fields by their columns, in the order of the fields.

        Raises:
            InputError: A field has no name for a column, or two would share one.
        """
        names: dict[str, str] = {}
        for field in fields:
            column = self.column(field)
            if not column:
                msg = (
                    f"Stream {stream!r}: the field {field!r} has no name for a column. "
                    "Rename the field with stream_maps."
                )
                raise InputError(msg)
            if column in self._taken:
                msg = (
                    f"Stream {stream!r}: PostgreSQL has a column {column!r} of its own "
                    "in each table. Rename the field with stream_maps."
                )
                raise InputError(msg)
            other = names.setdefault(column, field)
            if other != field:
                msg = (
                    f"Stream {stream!r}: fields {other!r} and {field!r} would share "
                    f"the column {column!r}. Rename one with stream_maps."
                )
                raise InputError(msg)
        return names
