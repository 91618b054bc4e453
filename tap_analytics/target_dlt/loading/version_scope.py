"""Whose rows ACTIVATE_VERSION may remove, where several accounts share a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from tap_analytics.target_dlt.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from collections.abc import Set as AbstractSet

Values = tuple["str | None", ...]
"""A value for each column of the scope, as text."""


class VersionScope:
    """The columns that tell whose rows are whose, and the values that count.

    Args:
        columns: The columns; with none, all rows of a table may be removed.
        values: The values that rows must have to be removed. None: the values of the
            rows that the run loads.
    """

    def __init__(self, columns: tuple[str, ...], values: Values | None) -> None:
        self.columns = columns
        self.is_fixed = values is not None
        self._values: set[Values] = set() if values is None else {values}

    @property
    def values(self) -> AbstractSet[Values]:
        """The values that count so far."""
        return self._values

    def note(self, rows: pa.Table) -> None:
        """Learn the values of rows, if they have all the columns."""
        if self.is_fixed or not set(self.columns) <= set(rows.column_names):
            return
        found = rows.select(self.columns).group_by(list(self.columns)).aggregate([])
        columns = [found[name].cast(pa.string()).to_pylist() for name in self.columns]
        self._values.update(zip(*columns, strict=True))


def read_scope(setting: Any, name_column: Callable[[str], str]) -> VersionScope:
    """Make a scope of the setting `version_scope`.

    Args:
        setting: An object of fields and values, a list of fields, either as JSON, or
            None.
        name_column: Makes the name of a column from that of a field.

    Raises:
        SetupError: It is none of these.
    """
    if isinstance(setting, str):
        try:
            setting = msgspec.json.decode(setting)
        except msgspec.DecodeError:
            raise _invalid() from None
    match setting:
        case None:
            return VersionScope((), ())
        case dict() if setting:
            return VersionScope(
                _columns(setting, name_column), tuple(map(_text, setting.values()))
            )
        case list() if setting:
            return VersionScope(_columns(setting, name_column), None)
        case _:
            raise _invalid()


def _columns(
    fields: Collection[Any], name_column: Callable[[str], str]
) -> tuple[str, ...]:
    columns = tuple(name_column(one) for one in fields if isinstance(one, str) and one)
    if len(columns) < len(fields) or "" in columns:
        raise _invalid()
    return columns


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise _invalid()
    return None if value is None else str(value)


def _invalid() -> SetupError:
    return SetupError(
        "`version_scope` has to be an object of columns and values, such as "
        '{"account": "acme"}, or a list of columns, such as ["account"].'
    )
