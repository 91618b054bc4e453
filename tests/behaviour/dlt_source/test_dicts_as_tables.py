"""Dicts reach dlt as Arrow tables, and nobody can tell but by the time it takes."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.dlt_loading import source
from tests.helpers.running import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory
    from tests.helpers.dlt_loading import Warehouse

Row = dict[str, Any]


def formats(warehouse: Warehouse, loaded: Any) -> set[str]:
    """Return the kinds of files that dlt extracts the streams into."""
    package, *_ = warehouse.pipeline.extract(loaded).load_packages
    return {
        job.job_file_info.file_format
        for job in package.jobs["new_jobs"]
        if job.job_file_info.table_name in STREAMS
    }


def test_dlt_gets_tables(api: Sandbox, warehouse: Warehouse) -> None:
    for _ in "ab":
        assert formats(warehouse, source(api)) == {"parquet"}
        warehouse.pipeline.normalize()
        warehouse.pipeline.load()
    assert warehouse.agrees_with(api)


def test_dlt_gets_tables_of_what_a_map_has_changed(
    api: Sandbox, warehouse: Warehouse
) -> None:
    for _ in "ab":
        loaded = source(api).with_resources("users")
        loaded.users.add_map(lambda row: row | {"name": row["id"].upper()})
        loaded.users.add_filter(lambda row: row["id"] != "us:1")
        assert formats(warehouse, loaded) == {"parquet"}
        warehouse.pipeline.normalize()
        warehouse.pipeline.load()
    names = {row["id"]: row["name"] for row in warehouse.rows("users")}
    users = {record["id"] for record in api.truth("users")} - {"us:1"}
    assert names == {id_: id_.upper() for id_ in users}


def test_a_map_may_add_a_column_to_some_rows(
    sandbox: SandboxFactory, warehouse: Warehouse
) -> None:
    """These are dicts, others of the same load tables."""
    api = sandbox(clients=9, page_size=3, pagination="page")
    chosen = api.truth("clients")[4]["id"]

    def add(row: Row) -> Row:
        return row | {"chosen": True} if row["id"] == chosen else row

    for _ in "ab":
        loaded = source(api).with_resources("clients")
        loaded.clients.add_map(add)
        warehouse.pipeline.run(loaded)
        found = {row["id"]: row["chosen"] for row in warehouse.rows("clients")}
        assert found == {
            record["id"]: True if record["id"] == chosen else None
            for record in api.truth("clients")
        }


def test_a_map_may_give_a_column_another_kind_of_value(
    api: Sandbox, warehouse: Warehouse
) -> None:
    moment = datetime(2026, 1, 31, 10, tzinfo=timezone.utc)
    loaded = source(api).with_resources("users")
    loaded.users.add_map(lambda row: row | {"createdAt": moment, "name": 5})
    warehouse.pipeline.run(loaded)
    for row in warehouse.raw("users"):
        assert row["created_at"] == moment
        assert row["name"] == "5"


def test_a_map_may_leave_columns_out(api: Sandbox, warehouse: Warehouse) -> None:
    loaded = source(api).with_resources("users")
    loaded.users.add_map(lambda row: {"id": row["id"]})
    warehouse.pipeline.run(loaded)
    assert {row["name"] for row in warehouse.rows("users")} == {None}
    assert len(warehouse.ids("users")) == api.counts()["users"]


def test_a_type_of_ones_own_is_kept(api: Sandbox, warehouse: Warehouse) -> None:
    loaded = source(api).with_resources("users")
    loaded.users.apply_hints(columns={"createdAt": {"data_type": "text"}})
    warehouse.pipeline.run(loaded)
    truth = {record["id"]: record["createdAt"] for record in api.truth("users")}
    for row in warehouse.raw("users"):
        assert isinstance(row["created_at"], str)
        assert row["created_at"][:19] == truth[row["id"]][:19]


def test_a_contract_of_ones_own_is_kept(api: Sandbox, warehouse: Warehouse) -> None:
    warehouse.load(api, "users")
    loaded = source(api).with_resources("users")
    loaded.users.add_map(lambda row: row | {"new": 1})
    frozen: Any = {"columns": "freeze"}
    with pytest.raises(Exception, match="freeze"):
        warehouse.pipeline.run(loaded, schema_contract=frozen)
    warehouse.pipeline.abort_packages()
    discarding: Any = {"columns": "discard_value"}
    warehouse.pipeline.run(loaded, schema_contract=discarding)
    assert all("new" not in row for row in warehouse.rows("users"))


def test_ids_of_rows_are_unique_as_dlt_has_it(
    api: Sandbox, warehouse: Warehouse
) -> None:
    warehouse.load(api)
    for stream in STREAMS:
        column = warehouse.pipeline.default_schema.tables[stream]["columns"]["_dlt_id"]
        assert column["unique"]
        assert column["row_key"]
        ids = [row["_dlt_id"] for row in warehouse.raw(stream)]
        assert len({*ids}) == len(ids)


@pytest.mark.parametrize("rows", ["dicts", "arrow"])
def test_dlt_may_be_told_to_add_ids_to_arrow_tables(
    api: Sandbox, duck: Warehouse, monkeypatch: pytest.MonkeyPatch, rows: str
) -> None:
    for name in ("ADD_DLT_ID", "ADD_DLT_LOAD_ID"):
        monkeypatch.setenv(f"NORMALIZE__PARQUET_NORMALIZER__{name}", "true")
    for _ in "ab":
        duck.load(api, "users", "tasks", rows=rows)
    for stream in ("users", "tasks"):
        assert duck.ids(stream) == sorted(row["id"] for row in api.truth(stream))


def test_ids_that_are_hashes_are_not_left_to_dlt(
    api: Sandbox, duck: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID", "true")
    disposition: Any = {"disposition": "merge", "strategy": "scd2"}
    loaded = source(api, rows="arrow").with_resources("users")
    with pytest.raises(Exception, match="scd2 need a hash as _dlt_id"):
        duck.pipeline.run(loaded, write_disposition=disposition)


# Warnings


@pytest.fixture
def said(
    duck: Warehouse, caplog: pytest.LogCaptureFixture
) -> Iterator[pytest.LogCaptureFixture]:
    """Hears dlt, whose logger passes nothing on once a pipeline has run.

    target-dlt, where a test before has imported it, has made dlt silent.
    """
    assert duck.pipeline.pipeline_name
    dlt_logger = logging.getLogger("dlt")
    level = dlt_logger.level
    dlt_logger.setLevel("WARNING")
    dlt_logger.addHandler(caplog.handler)
    yield caplog
    dlt_logger.removeHandler(caplog.handler)
    dlt_logger.setLevel(level)


@pytest.mark.parametrize("rows", ["dicts", "arrow"])
def test_dlt_warns_of_nothing_that_is_as_it_should_be(
    api: Sandbox, duck: Warehouse, said: pytest.LogCaptureFixture, rows: str
) -> None:
    for _ in "ab":
        duck.load(api, "users", "tasks", rows=rows)
    duck.pipeline.run(source(api, rows=rows).clients.add_limit(1))
    assert said.messages == []


def test_dlt_warns_where_arrow_tables_have_another_type_than_hinted(
    api: Sandbox, duck: Warehouse, said: pytest.LogCaptureFixture
) -> None:
    loaded = source(api, rows="arrow").with_resources("users")
    loaded.users.apply_hints(columns={"createdAt": {"data_type": "text"}})
    duck.pipeline.run(loaded)
    assert "several column hints were different" in said.text
