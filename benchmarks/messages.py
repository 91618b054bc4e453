"""A file of Singer messages, the same whenever it is made."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAMS = ("clients", "projects", "tasks", "time", "time_records", "users")

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "name": {"type": ["string", "null"]},
        "createdAt": {"type": ["string", "null"], "format": "date-time"},
        "status": {"type": ["string", "null"]},
        "hours": {"type": ["number", "null"]},
        "position": {"type": ["integer", "null"]},
        "billable": {"type": ["boolean", "null"]},
        "day": {"type": ["string", "null"], "format": "date"},
    },
}
"""Flat, so that every target makes the same columns of it."""

KEYS = ("id",)

_EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)
_STATUSES = ("open", "done", "archived", None)


def write_messages(path: Path, records: int) -> None:
    """Write so many records, a sixth of them per stream, a STATE after each stream.

    The file appears when it is complete.
    """
    part = path.with_suffix(".part")
    encoder = msgspec.json.Encoder()
    with part.open("wb") as file:
        for message in _messages(records // len(STREAMS)):
            file.write(encoder.encode(message) + b"\n")
    part.rename(path)


def _messages(per_stream: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(0)  # noqa: S311 - it has to be the same each time
    for stream in STREAMS:
        yield {
            "type": "SCHEMA",
            "stream": stream,
            "schema": SCHEMA,
            "key_properties": KEYS,
        }
        for number in range(per_stream):
            yield {
                "type": "RECORD",
                "stream": stream,
                "record": _record(number, chance),
                "time_extracted": "2026-01-01T00:00:00+00:00",
            }
        yield {"type": "STATE", "value": {"bookmarks": {stream: {}}}}


def _record(number: int, chance: random.Random) -> dict[str, Any]:
    created = _EPOCH + timedelta(seconds=chance.randrange(365 * 24 * 3600))
    return {
        "id": f"as:{number:08}",
        "name": f"Größe {chance.getrandbits(32):x}",
        "createdAt": created.isoformat(),
        "status": chance.choice(_STATUSES),
        "hours": chance.randrange(2_000) / 4,
        "position": chance.randrange(1_000_000),
        "billable": chance.random() < 0.7,  # noqa: PLR2004 - more than half
        "day": created.date().isoformat(),
    }
