"""What the tables hold once a target has loaded what the tap wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = dict[str, Any]
Table = dict[str, Row]


class Warehouse:
    """Applies Singer messages one after the other, as a target does that merges.

    Attributes:
        tables: The rows of each stream by their `id`.
        state: The last STATE.
    """

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self.state: dict[str, Any] = {}
        self._versions: dict[str, dict[str, int]] = {}

    def load(self, messages: Iterable[dict[str, Any]]) -> None:
        """Apply messages; of a stream's rows the latest with an `id` stays."""
        for message in messages:
            match message["type"]:
                case "SCHEMA":
                    self.tables.setdefault(message["stream"], {})
                case "RECORD":
                    self._merge(message)
                case "ACTIVATE_VERSION":
                    self._drop_older(message["stream"], message["version"])
                case "STATE":
                    self.state = message["value"]

    def _merge(self, message: dict[str, Any]) -> None:
        stream, row = message["stream"], message["record"]
        self.tables[stream][row["id"]] = row
        versions = self._versions.setdefault(stream, {})
        versions[row["id"]] = message.get("version", 0)

    def _drop_older(self, stream: str, version: int) -> None:
        table, versions = self.tables[stream], self._versions.get(stream, {})
        for identifier in [one for one in table if versions[one] < version]:
            del table[identifier]

    @property
    def saved_state(self) -> bytes:
        """The last STATE, as it is kept in a file."""
        return json.dumps(self.state).encode()

    def copy(self) -> dict[str, Table]:
        """Return the tables as they are now."""
        return {stream: dict(table) for stream, table in self.tables.items()}
