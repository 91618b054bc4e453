"""Deletions: only in the load that proves a stream whole, else never."""

from __future__ import annotations

import itertools
import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import dlt
import pytest

from tests.helpers.dlt_loading import DATASET, source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory
    from tests.helpers.dlt_loading import Warehouse

ROWS = pytest.mark.parametrize("rows", ["dicts", "arrow"])


def delete_one_of_each(api: Sandbox) -> None:
    for stream in ("clients", "tasks", "projects"):
        api.delete(stream, api.truth(stream)[-1]["id"])


def test_rows_that_are_gone_stay_by_default(api: Sandbox, duck: Warehouse) -> None:
    duck.load(api)
    before = duck.tables()
    delete_one_of_each(api)
    duck.load(api)
    assert duck.tables() == before


@ROWS
def test_rows_that_are_gone_are_deleted(
    api: Sandbox, warehouse: Warehouse, rows: str
) -> None:
    warehouse.load(api, deletions=True, rows=rows)
    delete_one_of_each(api)
    warehouse.load(api, deletions=True, rows=rows)
    assert warehouse.agrees_with(api)


@ROWS
def test_a_stream_that_has_become_empty_becomes_an_empty_table(
    api: Sandbox, warehouse: Warehouse, rows: str
) -> None:
    warehouse.load(api, deletions=True, rows=rows)
    for stream in ("clients", "projects"):
        for record in api.truth(stream):
            api.delete(stream, record["id"])
    warehouse.load(api, deletions=True, rows=rows)
    for stream in ("clients", "projects", "tasks", "time_records"):
        assert warehouse.ids(stream) == []
    assert warehouse.agrees_with(api)


def test_the_next_load_deletes_nothing_without_them(
    api: Sandbox, warehouse: Warehouse
) -> None:
    warehouse.load(api, deletions=True)
    before = warehouse.tables()
    delete_one_of_each(api)
    warehouse.load(api)
    assert warehouse.tables() == before


def test_what_others_merge_into_a_table_deletes_nothing(
    api: Sandbox, warehouse: Warehouse
) -> None:
    """Although dlt's schema keeps what the load before has deleted."""
    warehouse.load(api, deletions=True)
    count = len(warehouse.ids("clients"))
    warehouse.pipeline.run(
        [{"id": "by hand"}],
        table_name="clients",
        write_disposition="merge",
        primary_key="id",
        schema=warehouse.pipeline.default_schema,
    )
    assert len(warehouse.ids("clients")) == count + 1


# Never


def gone_projects(api: Sandbox) -> None:
    for project in api.truth("projects"):
        for stream in ("tasks", "time_records"):
            api.fault(api.path(stream, parent=project["id"]), status=404)


def forbidden_project(api: Sandbox) -> None:
    project = api.truth("projects")[0]["id"]
    for stream in ("tasks", "time_records"):
        api.fault(api.path(stream, parent=project), status=403)


def doubtful_list(api: Sandbox) -> None:
    page = {"data": [{"id": "c"}], "total": 9}
    api.fault("/v1/clients", status=200, body=json.dumps(page))


@ROWS
@pytest.mark.parametrize("fault", [gone_projects, forbidden_project, doubtful_list])
def test_a_stream_that_is_not_whole_loses_no_row(
    api: Sandbox,
    duck: Warehouse,
    fault: Callable[[Sandbox], None],
    rows: str,
) -> None:
    duck.load(api, deletions=True, rows=rows)
    before = {name: set(duck.ids(name)) for name in ("clients", "tasks")}
    fault(api)
    duck.load(api, deletions=True, rows=rows)
    for stream, ids in before.items():
        assert ids <= set(duck.ids(stream))


def test_a_failed_run_deletes_nothing(api: Sandbox, duck: Warehouse) -> None:
    duck.load(api, deletions=True)
    before = duck.tables()
    delete_one_of_each(api)
    api.fault("/v1/team/users", status=400)
    duck.error(api, deletions=True)
    assert duck.tables() == before


def limited(loaded: Any) -> None:
    loaded.add_limit(1)


def _once(counter: Iterator[int], _: Any) -> bool:
    return next(counter) == 0


def filtered_parents(loaded: Any) -> None:
    loaded.projects.add_filter(partial(_once, itertools.count()))


def filtered_rows(loaded: Any) -> None:
    for resource in loaded.resources.values():
        resource.add_filter(lambda _: False)


def yielded_rows(loaded: Any) -> None:
    for resource in loaded.resources.values():
        resource.add_yield_map(lambda _: iter(()))


@pytest.mark.parametrize(
    "step", [limited, filtered_parents, filtered_rows, yielded_rows]
)
def test_what_a_user_leaves_out_is_not_deleted(
    sandbox: SandboxFactory, duck: Warehouse, step: Callable[[Any], None]
) -> None:
    api = sandbox(projects=6, tasks=2, time_records=2, page_size=2, pagination="page")
    duck.load(api, deletions=True)
    loaded = source(api, deletions=True)
    step(loaded)
    duck.pipeline.run(loaded)
    assert duck.agrees_with(api)


def test_why_nothing_is_deleted_is_said(
    api: Sandbox, duck: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    forbidden_project(api)
    with caplog.at_level(logging.INFO, "tap_analytics.dlt_source"):
        duck.load(api, "tasks", deletions=True)
    said = "tasks: the rows of 1 parents could not be read, so no rows are deleted."
    assert said in caplog.messages


# In words


@pytest.mark.parametrize("disposition", ["append", "replace"])
def test_another_write_disposition_is_refused_in_one_line(
    api: Sandbox, duck: Warehouse, disposition: Any
) -> None:
    with pytest.raises(Exception, match="'clients': deletions needs the write dispo"):
        duck.pipeline.run(source(api, deletions=True), write_disposition=disposition)


def test_another_strategy_is_refused_in_one_line(api: Sandbox, duck: Warehouse) -> None:
    loaded = source(api, deletions=True)
    upsert = {"disposition": "merge", "strategy": "upsert"}
    loaded.users.apply_hints(write_disposition=upsert)
    with pytest.raises(Exception, match="'users': deletions needs the write disposi"):
        duck.pipeline.run(loaded)


def test_a_destination_that_can_not_is_named_before_anything_is_loaded(
    api: Sandbox, tmp_path: Any
) -> None:
    pipeline = dlt.pipeline(
        "files",
        pipelines_dir=str(tmp_path / "files"),
        destination=dlt.destinations.filesystem(str(tmp_path / "bucket")),
        dataset_name=DATASET,
    )
    with pytest.raises(Exception, match="deletions needs a destination that merges"):
        pipeline.run(source(api, deletions=True))
    assert not (tmp_path / "bucket").exists()
