"""What is declared of a stream, and what a user of the source has chosen for all."""

from __future__ import annotations

from dataclasses import dataclass, field
from string import Formatter
from typing import TYPE_CHECKING, Any, Literal

from tap_analytics.errors import ConfigError
from tap_analytics.rows.schemas import account_columns, completed_schema

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dlt.common.data_types import TDataType
    from dlt.common.schema.typing import TColumnSchema

    from tap_analytics.singer.stream import AnalyticsStream

RowKind = Literal["dicts", "arrow"]

_DATA_TYPES: dict[str, TDataType] = {
    "array": "json",
    "boolean": "bool",
    "date": "date",
    "date-time": "timestamp",
    "integer": "bigint",
    "number": "double",
    "object": "json",
    "string": "text",
}
"""dlt's data types by the format, or else the type, in a JSON schema."""


@dataclass(frozen=True)
class Choices:
    """What a user of the source has chosen for all streams.

    Attributes:
        rows: What the items are.
        deletions: Whether rows that are gone at the source are deleted.
        infer: Whether dlt makes columns of undeclared fields.
        names: The names of all resources.
        bounds: Columns, and the value that all rows of the source have in them.

    Raises:
        ConfigError: If they exclude one another.
    """

    rows: RowKind
    deletions: bool
    infer: bool
    names: Collection[str]
    bounds: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rows not in ("dicts", "arrow"):
            msg = f"rows must be 'dicts' or 'arrow', not {self.rows!r}."
            raise ConfigError(msg)
        if self.rows == "arrow" and self.infer:
            msg = (
                "rows='arrow' has only the declared columns: dlt would round a number "
                "whose type changes. Set undeclared_fields to 'collect', or rows to "
                "'dicts'."
            )
            raise ConfigError(msg)


class DeclaredStream:
    """What a stream's class declares.

    Args:
        stream: The class.
        streams: All classes, in the order in which their streams are read.
        settings: The settings, defaults included.

    Raises:
        ConfigError: If the account's column is called as another one.

    Attributes:
        name: Its name.
        path: The path, with the parent's id in braces.
        keys: The key properties.
        schema: The JSON schema of its rows.
        parent: The name of its parent; empty if it has none.
        parent_key: What the parent's id is called; empty if there is none.
        is_incremental: Whether the setting `incremental` is for it.
        place: Its place among all streams.
        parent_place: The place of its parent, or its own.
    """

    def __init__(
        self,
        stream: type[AnalyticsStream],
        streams: tuple[type[AnalyticsStream], ...],
        settings: Mapping[str, Any],
    ) -> None:
        declared: Any = stream  # The SDK declares name and path for instances only.
        parent = declared.parent_stream_type
        self.name: str = declared.name
        self.path: str = declared.path
        self.keys = (*account_columns(settings), "id")
        self.schema = completed_schema(stream.properties.to_dict(), settings)
        self.parent: str = parent.name if parent else ""
        keys = [key for _, key, _, _ in Formatter().parse(self.path) if key]
        self.parent_key = keys[0] if keys else ""
        self.is_incremental = stream.is_incremental
        self.place = streams.index(stream)
        self.parent_place = streams.index(parent or stream)

    @property
    def columns(self) -> dict[str, TColumnSchema]:
        """The columns, in the words of dlt."""
        return {
            name: {
                "data_type": _DATA_TYPES[column.get("format", column["type"][0])],
                "nullable": name not in self.schema["required"],
                "description": column["description"],
            }
            for name, column in self.schema["properties"].items()
        }

    @property
    def json_columns(self) -> list[str]:
        """The names of those that hold JSON."""
        return [n for n, hints in self.columns.items() if hints["data_type"] == "json"]
