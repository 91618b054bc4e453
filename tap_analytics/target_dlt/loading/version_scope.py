"""Whose rows ACTIVATE_VERSION may remove, where several accounts share a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from tap_analytics.target_dlt.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
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
            return _fixed(setting, name_column)
        case list() if setting and all(isinstance(one, str) for one in setting):
            return VersionScope(tuple(map(name_column, setting)), None)
        case _:
            raise _invalid()


def _fixed(
    setting: Mapping[str, Any], name_column: Callable[[str], str]
) -> VersionScope:
    values: list[str | None] = []
    for value in setting.values():
        if isinstance(value, bool) or not isinstance(value, str | int | None):
            raise _invalid()
        values.append(None if value is None else str(value))
    return VersionScope(tuple(map(name_column, setting)), tuple(values))


def _invalid() -> SetupError:
    return SetupError(
        "`version_scope` has to be an object of columns and values, such as "
        '{"account": "acme"}, or a list of columns, such as ["account"].'
    )
