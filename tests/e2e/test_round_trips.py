"""From the API through both commands into DuckDB: every value can be found again."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import pytest

from tap_analytics.sandbox import PRESETS, Sandbox, SandboxOptions
from tests.conftest import TODAY
from tests.helpers.commands import succeed
from tests.helpers.running import STREAMS
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Record = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

EVERHOUR = {
    "preset": "everhour",
    "rate_limit_requests": 1_000,
    "stream_maps": {"tasks": {"__key_properties__": ["id", "project_id"]}},
}
SHAPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "agency": ({}, {}),
    "everhour": (PRESETS["everhour"] | {"rate_limit": None}, EVERHOUR),
}
"""Kinds of API: how the sandbox is one, and the settings for it."""

ODD_VALUES: tuple[Any, ...] = (
    *(True, 0, -(2**63), 2**64, Decimal("0.10"), Decimal("1E+400"), Decimal("1E-400")),
    *("", "soon", "2025-02-30", "2025-01-31", "2025-01-31 09:30:00.123456789", "12"),
    *('ü "quoted"\n📷\\', {}, {"a": [Decimal("1.50"), None]}, [], [[2**64]]),
)
"""What no sample has shown of a field, some of it in every column."""

ODD_NAMES = ("", " ", "ü", "Id", "NAME", "created_at", "a" * 100, "_sdc_batched_at")
"""What no column is called, or what another one is called to a database."""


class Row(NamedTuple):
    """What was loaded of a record: its columns, and what is in `additional_fields`."""

    columns: Record
    kept: Record


class Trip:
    """A sandbox's data, and the DuckDB file that it was loaded into.

    Args:
        api: The sandbox.
        file: The file.
    """

    def __init__(self, api: Sandbox, file: Path) -> None:
        self.api = api
        self._file = file

    def rows(self, stream: str) -> dict[Any, Row]:
        """Return the rows of a stream by their key."""
        with duckdb.connect(str(self._file), read_only=True) as database:
            database.execute("set TimeZone = 'UTC'")
            table = database.sql(f"from analytics.analytics.{stream}")
            loaded = table.fetchall()
            kinds = {
                name: str(type_)
                for name, type_ in zip(table.columns, table.types, strict=True)
            }
        rows = {}
        for values in loaded:
            columns = {
                folded(name): decoded(value) if kinds[name] == "JSON" else value
                for name, value in zip(kinds, values, strict=True)
            }
            kept = columns.pop("additionalfields") or {}
            rows[key(columns)] = Row(columns, kept)
        assert len(rows) == len(loaded)
        return rows


def decoded(text: str | None) -> Any:
    return None if text is None else json.loads(text, parse_float=Decimal)


def folded(name: str) -> str:
    return name.replace("_", "").lower()


def key(record: Record) -> tuple[str, str]:
    parent = record.get("projectid") or record.get("project_id")
    return str(record["id"]), str(parent)


def is_same(loaded: Any, sent: Any) -> bool:
    """Return whether a column holds the value that the API sent."""
    if isinstance(loaded, datetime):
        return bool(moment(sent) == loaded)
    if isinstance(loaded, date):
        return loaded == date.fromisoformat(sent)
    if is_number(sent) and not isinstance(loaded, int):
        # In a column of text it is its digits.
        digits = repr(loaded) if isinstance(loaded, float) else loaded
        return Decimal(digits) == Decimal(sent)
    return type(loaded) is type(sent) and bool(loaded == sent)


def is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def moment(sent: Any) -> datetime:
    if is_number(sent):
        return EPOCH + timedelta(microseconds=int(sent * 10**6))
    found = datetime.fromisoformat(sent.replace("Z", "+00:00"))
    return found.replace(tzinfo=found.tzinfo or timezone.utc)


def add_odd_records(api: Sandbox) -> None:
    """Add records that contradict all that a sample has shown."""
    project = api.truth("projects")[0]["id"]
    for stream in STREAMS:
        parent = project if stream in {"tasks", "time_records"} else None
        fields = {field for record in api.truth(stream) for field in record}
        fields -= {"id", "project_id", "createdAt"}
        for number in range(len(ODD_VALUES)):
            values = ODD_VALUES[number:] + ODD_VALUES[:number]
            odd = dict(zip([*sorted(fields), *ODD_NAMES], values, strict=False))
            record = {**odd, "id": f"odd-{number}", "date": "2025-06-01"}
            api.add(stream, record, parent=parent)


@pytest.fixture(
    scope="module",
    params=[(shape, mode) for shape in SHAPES for mode in ("collect", "infer")],
    ids="-".join,
)
def trip(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trip]:
    shape, mode = request.param
    options, settings = SHAPES[shape]
    folder = tmp_path_factory.mktemp(shape)
    tap = ("tap-analytics", "--config", "config.json")
    with Sandbox(
        SandboxOptions(**options, today=TODAY, projects=4, api_key=KEY)
    ) as api:
        config = {
            "api_url": api.url,
            "api_key": api.options.api_key,
            "undeclared_fields": mode,
            **settings,
        }
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "catalog.json").write_text(succeed(*tap, "--discover", cwd=folder))
        add_odd_records(api)
        pipeline = f"{' '.join(tap)} --catalog catalog.json | target-dlt"
        succeed("bash", "-o", "pipefail", "-c", pipeline, cwd=folder)
        yield Trip(api, folder / "analytics.duckdb")


@pytest.mark.parametrize("stream", STREAMS)
def test_every_value_of_every_record_is_found_again(trip: Trip, stream: str) -> None:
    rows = trip.rows(stream)
    for record in trip.api.truth(stream):
        columns, kept = rows.pop(key(record))
        for name, sent in record.items():
            if name in kept:
                assert kept.pop(name) == sent
            else:
                assert is_same(columns.pop(folded(name), None), sent), (name, sent)
        assert kept == {}
        assert set(columns.values()) <= {None}
    assert rows == {}
