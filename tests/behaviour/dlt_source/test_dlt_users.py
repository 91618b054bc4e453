"""What users of dlt expect of any source."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import dlt
import pyarrow as pa
import pytest
from dlt.common.runtime.collector import LogCollector
from dlt.pipeline.exceptions import PipelineStepFailed

from tap_analytics.errors import ConfigError
from tests.behaviour.dlt_source.conftest import SMALL
from tests.helpers.dlt_loading import exactly, source
from tests.helpers.running import STREAMS

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory
    from tests.helpers.dlt_loading import Warehouse

EXACT = '{"id":"n","price":1.10000000000000000001,"count":123456789012345678901234567}'


def exact(api: Sandbox) -> None:
    """Let the clients be one with numbers that neither 64 bits nor a double hold."""
    body = f'{{"data":[{EXACT}]}}'
    api.fault("/v1/clients", status=200, body=body)


def parsed(text: str) -> dict[str, Any]:
    fields: dict[str, Any] = exactly(text)
    return {name: value for name, value in fields.items() if name != "id"}


# Rows


def test_rows_are_dicts_with_exact_digits(api: Sandbox) -> None:
    exact(api)
    (row,) = source(api).with_resources("clients")
    assert row["additional_fields"] == {
        "price": Decimal("1.10000000000000000001"),
        "count": Decimal(123456789012345678901234567),
    }


@pytest.mark.parametrize("rows", ["dicts", "arrow"])
def test_json_columns_have_exact_digits(
    api: Sandbox, warehouse: Warehouse, rows: str
) -> None:
    exact(api)
    warehouse.load(api, "clients", rows=rows)
    (row,) = warehouse.rows("clients")
    # PostgreSQL's driver gives its JSON as Python values already.
    if warehouse.pipeline.destination.destination_name == "postgres":
        with warehouse.pipeline.sql_client() as client:
            sql = "SELECT additional_fields::text FROM clients"
            rows_of_text: Any = client.execute_sql(sql)
            ((text,),) = rows_of_text
        assert parsed(text) == parsed(EXACT)
    else:
        assert row["additional_fields"] == parsed(EXACT)


def test_an_inferred_column_loses_no_digit(api: Sandbox, duck: Warehouse) -> None:
    rows = '{"id":"a","price":1.5},{"id":"b","price":1.10000000000000000001}'
    api.fault("/v1/clients", status=200, body=f'{{"data":[{rows}]}}')
    duck.load(api, "clients", undeclared_fields="infer")
    first, second = duck.rows("clients")
    assert (first["price"], first["additional_fields"]) == (1.5, None)
    assert second["price"] is None
    assert second["additional_fields"] == {"price": Decimal("1.10000000000000000001")}


def test_arrow_tables_are_tables(api: Sandbox) -> None:
    items = [*source(api, rows="arrow").with_resources("clients")]
    assert all(isinstance(item, pa.Table) for item in items)
    ids = [id_ for item in items for id_ in item["id"].to_pylist()]
    assert ids == [record["id"] for record in api.truth("clients")]


def test_arrow_has_no_columns_to_infer(api: Sandbox) -> None:
    with pytest.raises(ConfigError, match="rows='arrow' has only the declared columns"):
        source(api, rows="arrow", undeclared_fields="infer")


def test_rows_are_of_two_kinds(api: Sandbox) -> None:
    with pytest.raises(ConfigError, match="rows must be 'dicts' or 'arrow', not 'pand"):
        source(api, rows="pandas")


def test_dicts_are_loaded_as_parquet_where_the_destination_takes_it(
    api: Sandbox, warehouse: Warehouse
) -> None:
    jobs = warehouse.load(api).load_packages[0].jobs["completed_jobs"]
    formats = {
        job.job_file_info.file_format
        for job in jobs
        if job.job_file_info.table_name in STREAMS
    }
    assert formats == {"parquet", "sql"}


def test_a_file_format_of_ones_own_wins(api: Sandbox, duck: Warehouse) -> None:
    info = duck.pipeline.run(source(api), loader_file_format="insert_values")
    formats = {
        job.job_file_info.file_format
        for job in info.load_packages[0].jobs["completed_jobs"]
    }
    assert "parquet" not in formats
    assert duck.agrees_with(api)


def test_a_destination_without_parquet_takes_what_it_can(
    api: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen: Counter[str] = Counter()

    @dlt.destination(batch_size=100, loader_file_format="typed-jsonl")
    def counted(items: Any, table: Any) -> None:
        seen[table["name"]] += len(items)

    pipeline = dlt.pipeline("c", pipelines_dir=str(tmp_path / "c"), destination=counted)
    pipeline.run(source(api))
    assert {name: seen[name] for name in STREAMS} == api.counts()
    assert not caplog.records


# Steps


def test_maps_and_filters_see_single_rows(api: Sandbox, duck: Warehouse) -> None:
    loaded = source(api).with_resources("users")
    first = api.truth("users")[0]["id"]
    loaded.users.add_filter(lambda row: row["id"] == first)
    loaded.users.add_map(lambda row: row | {"name": row["additional_fields"]["email"]})
    duck.pipeline.run(loaded)
    (row,) = duck.rows("users")
    assert row["name"] == row["additional_fields"]["email"]


def test_a_filter_of_parents_prunes_their_children(
    api: Sandbox, duck: Warehouse
) -> None:
    kept = api.truth("projects")[0]["id"]
    loaded = source(api)
    loaded.projects.add_filter(lambda row: row["id"] == kept)
    duck.pipeline.run(loaded)
    for stream in ("tasks", "time_records"):
        assert {row["project_id"] for row in duck.rows(stream)} == {kept}
    assert api.stats().requests == 1 + 2 + 3


def test_a_transformer_of_ones_own_gets_rows_as_they_are(
    api: Sandbox, duck: Warehouse
) -> None:
    @dlt.transformer
    def names(rows: list[dict[str, Any]]) -> Any:
        for row in rows:
            yield {"id": row["id"], "client": row["additional_fields"]["client"]}

    loaded = source(api, deletions=True)
    duck.pipeline.run([loaded.projects, loaded.projects | names])
    assert len(duck.raw("names")) == api.counts()["projects"]
    truth = {record["id"]: record["client"] for record in api.truth("projects")}
    assert {row["id"]: row["client"] for row in duck.raw("names")} == truth


def test_a_map_that_takes_the_id_away_is_named(api: Sandbox, duck: Warehouse) -> None:
    loaded = source(api)
    loaded.projects.add_map(lambda row: {"name": row["name"]})
    with pytest.raises(PipelineStepFailed) as failure:
        duck.pipeline.run(loaded)
    line = str(failure.value).splitlines()[-1]
    assert line.startswith("the parents of a resource have no 'id' any more: ")


def test_a_setting_that_children_refuse_is_told_in_the_last_line(
    api: Sandbox, duck: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID", "true")
    loaded = source(api, rows="arrow").with_resources("tasks")
    loaded.tasks.apply_hints(
        write_disposition={"disposition": "merge", "strategy": "scd2"}
    )
    with pytest.raises(PipelineStepFailed) as failure:
        duck.pipeline.run(loaded)
    assert str(failure.value).splitlines()[-1].startswith("rows='arrow' and dlt's")


# Selections


@pytest.mark.parametrize("rows", ["dicts", "arrow"])
def test_projects_are_read_once_whoever_needs_them(
    api: Sandbox, duck: Warehouse, rows: str
) -> None:
    duck.load(api, "tasks", "time_records", rows=rows)
    assert api.stats().by_path["/v1/projects"] == 1
    tables = set(duck.pipeline.default_schema.data_table_names())
    assert tables == {"tasks", "time_records"}


def test_a_resource_can_be_run_by_itself(api: Sandbox, duck: Warehouse) -> None:
    duck.pipeline.run(source(api).tasks)
    assert len(duck.ids("tasks")) == api.counts()["tasks"]


def test_a_resource_can_be_iterated_by_itself(api: Sandbox) -> None:
    assert len([*source(api).time_records]) == api.counts()["time_records"]


def test_a_clone_has_a_name_of_its_own(api: Sandbox, duck: Warehouse) -> None:
    loaded = source(api)
    duck.pipeline.run([loaded.users, loaded.users.with_name("people")])
    assert duck.ids("people") == duck.ids("users")


def test_a_source_can_be_cloned_under_another_name(
    api: Sandbox, duck: Warehouse
) -> None:
    duck.pipeline.run(source(api).clone("other"))
    assert duck.agrees_with(api)
    assert "other" in duck.pipeline.schemas


def test_it_decomposes_into_four_groups(api: Sandbox, duck: Warehouse) -> None:
    groups = source(api).decompose("scc")
    assert sorted(sorted(group.selected_resources) for group in groups) == [
        ["clients"],
        ["projects", "tasks", "time_records"],
        ["time"],
        ["users"],
    ]
    for group in groups:
        duck.pipeline.run(group)
    assert duck.agrees_with(api)


def test_a_source_can_be_run_again(api: Sandbox, duck: Warehouse) -> None:
    loaded = source(api, deletions=True)
    duck.pipeline.run(loaded)
    api.delete("users", api.truth("users")[0]["id"])
    duck.pipeline.run(loaded)
    assert duck.agrees_with(api)


@pytest.mark.parametrize("mode", ["fifo", "round_robin"])
def test_either_order_of_dlts_will_do(
    api: Sandbox, duck: Warehouse, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("EXTRACT__NEXT_ITEM_MODE", mode)
    duck.load(api, deletions=True)
    assert duck.agrees_with(api)


@pytest.mark.parametrize("mode", ["fifo", "round_robin"])
@pytest.mark.parametrize("projects", [1, 2, 5])
def test_parents_that_dlt_hands_over_late_are_read_below(
    sandbox: SandboxFactory, monkeypatch: pytest.MonkeyPatch, mode: str, projects: int
) -> None:
    """dlt does so by turns, the last ones after the list of the parents has ended."""
    monkeypatch.setenv("EXTRACT__NEXT_ITEM_MODE", mode)
    few = {"projects": projects, "tasks": 2, "time_records": 2, "clients": 1}
    api = sandbox(**few, users=1, team_time=1, page_size=1, pagination="page")
    expected = sum(api.counts().values())
    for _ in range(3):
        assert len(list(source(api))) == expected


def test_a_limit_ends_what_is_read(sandbox: SandboxFactory) -> None:
    api = sandbox(clients=40, page_size=2, pagination="page")
    assert len([*source(api).with_resources("clients").add_limit(1)]) == 2
    assert api.stats().requests < 10


# Write dispositions


@pytest.mark.parametrize("rows", ["dicts", "arrow"])
def test_append_appends(api: Sandbox, warehouse: Warehouse, rows: str) -> None:
    for _ in range(2):
        warehouse.pipeline.run(source(api, rows=rows), write_disposition="append")
    assert len(warehouse.ids("tasks")) == 2 * api.counts()["tasks"]


@pytest.mark.parametrize("rows", ["dicts", "arrow"])
def test_replace_replaces(api: Sandbox, warehouse: Warehouse, rows: str) -> None:
    for _ in range(2):
        warehouse.pipeline.run(source(api, rows=rows), write_disposition="replace")
        api.delete("users", api.truth("users")[0]["id"])
    assert len(warehouse.ids("users")) == 1


@pytest.mark.parametrize("rows", ["dicts", "arrow"])
@pytest.mark.parametrize("strategy", ["upsert", "delete-insert"])
def test_a_strategy_of_ones_own_merges(
    api: Sandbox, warehouse: Warehouse, strategy: str, rows: str
) -> None:
    for _ in range(2):
        disposition: Any = {"disposition": "merge", "strategy": strategy}
        warehouse.pipeline.run(source(api, rows=rows), write_disposition=disposition)
        changed = api.truth("users")[0]["id"]
        api.change("users", changed, {"name": "Renamed"})
    assert warehouse.agrees_with(api)
    assert "Renamed" in {row["name"] for row in warehouse.rows("users")}


@pytest.mark.parametrize("rows", ["dicts", "arrow"])
def test_scd2_keeps_what_was_before(
    api: Sandbox, warehouse: Warehouse, rows: str
) -> None:
    disposition: Any = {"disposition": "merge", "strategy": "scd2"}
    changed = api.truth("users")[0]["id"]
    for name in ("First", "First", "Second"):
        api.change("users", changed, {"name": name})
        loaded = source(api, rows=rows).with_resources("users")
        warehouse.pipeline.run(loaded, write_disposition=disposition)
    versions = [row for row in warehouse.raw("users") if row["id"] == changed]
    assert sorted(row["name"] for row in versions) == ["First", "Second"]
    assert [row["name"] for row in versions if row["_dlt_valid_to"] is None] == [
        "Second"
    ]


def test_another_disposition_may_follow_a_load_with_deletions(
    api: Sandbox, duck: Warehouse
) -> None:
    duck.load(api, deletions=True)
    upsert: Any = {"disposition": "merge", "strategy": "upsert"}
    duck.pipeline.run(source(api), write_disposition=upsert)
    assert duck.agrees_with(api)


# Around a run


def test_a_dataset_can_be_read(api: Sandbox, warehouse: Warehouse) -> None:
    warehouse.load(api)
    dataset = warehouse.pipeline.dataset()
    assert {*STREAMS} < {*dataset.tables}
    tasks = dataset.tasks.select("id", "project_id").order_by("id")
    assert [id_ for id_, _ in tasks.fetchall()] == warehouse.ids("tasks")
    (count,) = dataset("SELECT count(*) FROM tasks").fetchall()
    assert count == (api.counts()["tasks"],)
    assert dict(dataset.row_counts().fetchall()).items() >= api.counts().items()


def test_the_trace_counts_rows(api: Sandbox, duck: Warehouse) -> None:
    duck.load(api)
    last: Any = duck.pipeline.last_trace
    counts = last.last_normalize_info.row_counts
    assert {name: counts[name] for name in STREAMS} == api.counts()


@pytest.mark.parametrize(
    ("command", "said"), [("info", "time_records"), ("trace", "Step load COMPLETED")]
)
def test_the_command_of_dlt_tells_of_the_pipeline(
    api: Sandbox, duck: Warehouse, tmp_path: Path, command: str, said: str
) -> None:
    duck.load(api, incremental=True)
    told = subprocess.run(
        [
            *(sys.executable, "-m", "dlt", "pipeline", "--pipelines-dir"),
            *(duck.pipeline.pipelines_dir, "analytics", command),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    ).stdout
    assert said in told


def test_progress_is_counted_in_rows(
    api: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = logging.getLogger("progress-of-a-test")
    with caplog.at_level(logging.INFO):
        dlt.pipeline(
            "p",
            pipelines_dir=str(tmp_path / "p"),
            destination=dlt.destinations.duckdb(str(tmp_path / "p.duckdb")),
            progress=LogCollector(0.001, log, logging.INFO),
        ).run(source(api))
    assert f"time_records: {SMALL['projects'] * SMALL['time_records']}" in caplog.text


def test_a_signal_that_dlt_takes_ends_a_run_that_waits(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault("/v1/clients", kind="hang")
    script = tmp_path / "load.py"
    script.write_text(
        "import dlt\n"
        "from dlt.common.runtime.signals import intercepted_signals\n"
        "from tap_analytics.dlt_source import analytics_source\n"
        "pipeline = dlt.pipeline('p', destination='duckdb', pipelines_dir='.')\n"
        "with intercepted_signals():\n"
        "    pipeline.run(analytics_source())\n"
    )
    settings = {"API_KEY": api.options.api_key, "API_URL": api.url}
    environ = {f"SOURCES__ANALYTICS__{name}": text for name, text in settings.items()}
    run = subprocess.Popen(
        [sys.executable, script],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        env=os.environ | environ,
    )
    while not api.stats().requests:
        assert run.poll() is None
    run.send_signal(signal.SIGTERM)
    _, err = run.communicate(timeout=10)
    assert run.returncode
    assert b"SignalReceivedException" in err
