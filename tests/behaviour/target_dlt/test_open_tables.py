"""Delta and Iceberg tables."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.target_dlt.errors import SetupError
from tests.helpers.databases import Database, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.databases import Message

deltalake = pytest.importorskip("deltalake")
pyiceberg_table = pytest.importorskip("pyiceberg.table")

ID = {"id": {"type": "integer"}}
V = ID | {"v": {"type": ["string", "null"]}}
DELETED = V | {"_sdc_deleted_at": {"type": ["string", "null"], "format": "date-time"}}
NOW = "2024-05-01T10:00:00Z"


class Lake:
    """A folder of tables of one format."""

    def __init__(self, path: Path, table_format: str) -> None:
        self.path = path
        self.table_format = table_format

    def load(self, *messages: Message, **config: Any) -> None:
        def query(sql: str) -> list[tuple[Any, ...]]:
            raise NotImplementedError(sql)

        settings: dict[str, Any] = {
            "destination": "filesystem",
            "destination_config": {"bucket_url": str(self.path)},
            "table_format": self.table_format,
        }
        Database(settings, query).load(*messages, **config)

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        place = self.path / "analytics" / "s"
        if self.table_format == "delta":
            found = deltalake.DeltaTable(place).to_pyarrow_table()
        else:
            metadata = (place / "metadata").glob("*.json")
            newest = str(max(metadata, key=lambda one: one.name))
            found = pyiceberg_table.StaticTable.from_metadata(newest).scan().to_arrow()
        rows = found.select(columns).to_pylist()
        return sorted(tuple(row.values()) for row in rows)


@pytest.fixture(params=["delta", "iceberg"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    return Lake(tmp_path, request.param)


@pytest.fixture
def delta(tmp_path: Path) -> Lake:
    return Lake(tmp_path, "delta")


def activate(version: int) -> Message:
    return {"type": "ACTIVATE_VERSION", "stream": "s", "version": version}


def test_a_row_that_comes_as_deleted_is_removed(lake: Lake) -> None:
    lake.load(
        schema(DELETED, ["id"]),
        record({"id": 1}),
        record({"id": 2, "_sdc_deleted_at": NOW}),
        record({"id": 3}),
    )
    assert lake.rows("id") == [(1,), (3,)]
    lake.load(schema(DELETED, ["id"]), record({"id": 1, "_sdc_deleted_at": NOW}))
    assert lake.rows("id") == [(3,)]


def test_a_load_may_bring_a_column_and_update_a_row(lake: Lake) -> None:
    lake.load(schema(ID, ["id"]), record({"id": 1}), record({"id": 2}))
    for v in ("a", "b"):
        lake.load(schema(V, ["id"]), record({"id": 1, "v": v}))
    assert lake.rows("id", "v") == [(1, "b"), (2, None)]


def test_versions_come_to_a_table_that_had_none(lake: Lake) -> None:
    lake.load(schema(ID, ["id"]), record({"id": 1}), record({"id": 2}))
    lake.load(schema(ID, ["id"]), record({"id": 2}, version=2), activate(2))
    assert lake.rows("id") == [(2,)]


def test_a_version_without_rows_empties_a_table_that_had_none(lake: Lake) -> None:
    lake.load(schema(ID, ["id"]), record({"id": 1}))
    lake.load(schema(ID, ["id"]), activate(2), state(1))
    assert lake.rows("id") == []


def test_rows_of_a_table_without_versions_are_marked(delta: Lake) -> None:
    delta.load(schema(ID, ["id"]), record({"id": 1}))
    delta.load(schema(ID, ["id"]), activate(2), state(1), hard_delete=False)
    [(id_, deleted_at)] = delta.rows("id", "_sdc_deleted_at")
    assert id_ == 1
    assert deleted_at.timestamp() == pytest.approx(time.time(), abs=60)


@pytest.mark.parametrize("scope", [{"account": "o'hara"}, ["account"]])
def test_only_rows_of_the_account_in_scope_are_removed(scope: Any, lake: Lake) -> None:
    columns = {"account": {"type": "string"}} | ID
    keys = ["account", "id"]
    for account in ("acme", "o'hara"):
        lake.load(
            schema(columns, keys),
            *(record({"account": account, "id": n}, version=1) for n in (1, 2)),
        )
    lake.load(
        schema(columns, keys),
        record({"account": "o'hara", "id": 2}, version=2),
        activate(2),
        version_scope=scope,
    )
    assert lake.rows("account", "id") == [("acme", 1), ("acme", 2), ("o'hara", 2)]


@pytest.mark.parametrize(
    ("table_format", "folder"),
    [
        ("iceberg", "a b"),
        ("iceberg", "ü"),
        ("iceberg", "a#b"),
        ("iceberg", "a?b"),
        ("iceberg", "a%20b"),
        ("delta", "a%20b"),
    ],
)
def test_a_path_that_the_library_takes_for_another_is_refused(
    table_format: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / folder)
    lake = Lake(tmp_path / folder / "lake", table_format)
    with pytest.raises(SetupError, match="would end in another folder") as caught:
        lake.load(schema(ID, ["id"]), record({"id": 1}))
    assert "\n" not in str(caught.value)
    assert list((tmp_path / folder).rglob("*.parquet")) == []


@pytest.mark.parametrize("folder", ["a b", "ü", "a#b", "a?b"])
def test_delta_tables_may_be_in_folders_of_such_names(
    folder: str, tmp_path: Path
) -> None:
    lake = Lake(tmp_path / folder, "delta")
    for n in (1, 2):
        lake.load(schema(ID, ["id"]), record({"id": n}))
    assert lake.rows("id") == [(1,), (2,)]
