"""The loader without the target, as another program uses it."""

from __future__ import annotations

import logging
import random
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tap_analytics.target_dlt.columns.column_types import INTEGER, TEXT
from tap_analytics.target_dlt.columns.stream_buffer import Batch
from tap_analytics.target_dlt.errors import LoadError
from tap_analytics.target_dlt.loading import tables
from tap_analytics.target_dlt.loading.connection import IDLE_SECONDS
from tap_analytics.target_dlt.loading.loader import Loader
from tests.helpers.databases import record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_analytics.target_dlt.loading.dataset import OpenDataset
    from tests.helpers.databases import Database

SETTINGS = {
    "destination": "duckdb",
    "dataset_name": "analytics",
    "pipeline_name": "analytics",
    "hard_delete": True,
}
COLUMNS = {"account": TEXT, "id": INTEGER, "v": TEXT}
KEYS = ["account", "id"]


def batch(stream: str, *rows: tuple[str, int, str | None]) -> Batch:
    arrays = zip(*rows, strict=True)
    types = [type_.arrow for type_ in COLUMNS.values()]
    table = pa.table(
        [pa.array(values, type_) for values, type_ in zip(arrays, types, strict=True)],
        names=list(COLUMNS),
    )
    return Batch(stream, table, COLUMNS, KEYS)


@pytest.fixture
def dataset(database: Database) -> Iterator[OpenDataset]:
    config = SETTINGS | database.config
    opened = Loader(config, logging.getLogger("a program")).open()
    yield opened
    opened.close()


def test_a_dataset_takes_batches_and_tells_the_package(
    dataset: OpenDataset, database: Database
) -> None:
    first = dataset.load([batch("s", ("acme", 1, "a")), batch("t", ("acme", 1, "b"))])
    second = dataset.load([batch("s", ("acme", 1, "c"), ("zeta", 1, "d"))])
    dataset.close()
    assert first != second
    assert database.rows("account, id, v") == [("acme", 1, "c"), ("zeta", 1, "d")]
    loads = database.query(f"SELECT load_id FROM {database.dataset}._dlt_loads")
    assert {first, second} == {load_id for (load_id,) in loads}


def test_nothing_to_load_is_no_package(dataset: OpenDataset) -> None:
    assert dataset.load([]) is None


def can_be_opened(database: Database) -> bool:
    """Return whether another process can open a DuckDB file."""
    code = "import duckdb, sys; duckdb.connect(sys.argv[1])"
    command = [sys.executable, "-c", code, database.config["credentials"]]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_file_is_given_up_after_a_while_without_a_load(
    duck: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SETTINGS | duck.config
    with closing(Loader(config, logging.getLogger("a program")).open()) as dataset:
        for value in ("a", "b"):
            dataset.release_if_idle()
            assert not can_be_opened(duck)
            with monkeypatch.context() as later:
                moment = time.monotonic() + IDLE_SECONDS + 0.01
                later.setattr(time, "monotonic", lambda moment=moment: moment)
                dataset.release_if_idle()
            assert can_be_opened(duck)
            dataset.load([batch("s", ("acme", 1, value))])
    assert duck.rows("account, id, v") == [("acme", 1, "b")]


def test_after_a_refused_package_its_halves_can_be_loaded(
    dataset: OpenDataset, database: Database
) -> None:
    dataset.load([batch("s", ("acme", 1, "old"))])
    dataset.release()
    database.query(f"ALTER TABLE {database.dataset}.s ALTER COLUMN v SET NOT NULL")
    with pytest.raises(LoadError):
        dataset.load([batch("s", ("acme", 1, "new"), ("zeta", 1, None))])
    dataset.load([batch("s", ("acme", 1, "new"))])
    with pytest.raises(LoadError):
        dataset.load([batch("s", ("zeta", 1, None))])
    dataset.close()
    assert database.rows("account, id, v") == [("acme", 1, "new")]


def test_rows_of_a_dead_run_go_though_another_run_has_stored_its_schema_since(
    dataset: OpenDataset, database: Database
) -> None:
    """That run began when the table was not there yet, and knows nothing of it."""
    rows = batch("keyless", ("acme", 1, "a"))
    dead = Loader(SETTINGS | database.config, logging.getLogger("dead")).open()
    dead.load([replace(rows, keys=())])
    dead.close()
    dataset.load([batch("s", ("acme", 1, "a"))])
    dataset.close()
    columns = {"account": {"type": "string"}, "id": {"type": "integer"}}
    database.load(
        schema(columns, stream="keyless"),
        record({"account": "acme", "id": 1}, "keyless"),
        state(1),
    )
    assert database.rows("account, id", "keyless") == [("acme", 1)]


def test_rows_of_a_dead_run_go_where_the_working_directory_is_kept(
    database: Database, tmp_path: Path
) -> None:
    """Each run has the same name there, and confirms only what it has loaded itself."""
    kept = {"pipelines_dir": str(tmp_path / "work")}
    config = SETTINGS | database.config | kept
    dead = Loader(config, logging.getLogger("dead")).open()
    rows = [replace(batch(name, ("acme", 1, "a")), keys=()) for name in "st"]
    dead.load(rows)
    dead.close()
    columns = {"account": {"type": "string"}, "id": {"type": "integer"}}
    for stream in "st":
        database.load(
            schema(columns, stream=stream),
            record({"account": "acme", "id": 1}, stream),
            state(1),
            **kept,
        )
        assert database.rows("account, id", stream) == [("acme", 1)]


@pytest.mark.parametrize("column", ["_DLT_LOAD_ID", "other"])
def test_rows_of_a_dead_run_go_or_their_note_stays(duck: Database, column: str) -> None:
    """Some databases tell their columns in upper case; and one may be missing."""
    dead = Loader(SETTINGS | duck.config, logging.getLogger("dead")).open()
    dead.load([replace(batch("s", ("acme", 1, "a")), keys=())])
    dead.close()
    for old, new in (("_dlt_load_id", "aside"), ("aside", column)):
        duck.query(f"ALTER TABLE analytics.analytics.s RENAME {old} TO {new}")
    columns = {"account": {"type": "string"}, "id": {"type": "integer"}}
    row = record({"account": "acme", "id": 1})
    duck.load(schema(columns), row, state(1))
    notes = duck.query("SELECT count(*) FROM analytics.analytics._target_dlt_loads")
    is_there = column == "_DLT_LOAD_ID"
    assert (len(duck.rows("id")), notes) == ((1, [(0,)]) if is_there else (2, [(1,)]))


def test_duckdb_keeps_little_of_its_file_in_memory(
    duck: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else memory would grow with the tables."""
    monkeypatch.setattr(tables, "CACHE", "4MB")
    noise = random.Random(1).randbytes(1 << 23)  # noqa: S311, it is no secret
    rows = pa.table({"id": pa.array(memoryview(noise).cast("q").tolist())})
    opened = Loader(SETTINGS | duck.config, logging.getLogger("a program")).open()
    opened.load([Batch("s", rows, {"id": INTEGER}, ())])
    sql = opened._tables.sql  # noqa: SLF001, the connection that stays open
    assert sql is not None
    [(used,)] = sql.sql_client.execute_sql(
        "SELECT sum(memory_usage_bytes) FROM duckdb_memory()"
    ) or [(0,)]
    opened.close()
    assert 0 < used < 4 << 20
    assert duck.query("SELECT count(*) FROM analytics.analytics.s") == [(1 << 20,)]


def test_duckdb_puts_in_order_what_it_has_written_between_loads(
    duck: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would do so all at once, when it closes its file."""
    monkeypatch.setattr(tables, "CHECKPOINT_BYTES", 1 << 20)
    opened = Loader(SETTINGS | duck.config, logging.getLogger("a program")).open()
    log = tmp_path / "analytics.duckdb.wal"
    left = []
    for count in (1, 1 << 17, 1):
        rows = pa.table({"id": pa.array(range(count), pa.int64())})
        opened.load([Batch("s", rows, {"id": INTEGER}, ())])
        left.append(log.exists() and log.stat().st_size > 0)
    opened.close()
    assert left == [True, False, True]
