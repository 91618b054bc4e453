"""What the API has, as the tap's rows have to say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.helpers.running import STREAMS

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox
    from tests.chaos.warehouse import Row, Table

CHILDREN = ("tasks", "time_records")
_DECLARED = ("id", "name", "createdAt", "status")


def truth(api: Sandbox) -> dict[str, Table]:
    """Return the records of all streams by their `id`, the last of each."""
    return {
        stream: {record["id"]: _row(stream, record) for record in api.truth(stream)}
        for stream in STREAMS
    }


def _row(stream: str, record: Row) -> Row:
    declared = (*_DECLARED, *(("project_id",) if stream in CHILDREN else ()))
    row = {name: record.get(name) for name in declared}
    row["createdAt"] = row["createdAt"] and row["createdAt"].replace("Z", "+00:00")
    rest = {name: value for name, value in record.items() if name not in declared}
    return row | {"additional_fields": rest or None}
