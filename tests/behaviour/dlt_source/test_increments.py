"""Increments: a bookmark in dlt's state, which only a complete run moves."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import dlt
import pytest

from tests.helpers.dlt_loading import source

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory
    from tests.helpers.dlt_loading import Warehouse

OLD, NEW = "2025-01-01T00:00:00+00:00", "2025-06-17T00:00:00+00:00"
SHORT: dict[str, Any] = {"incremental": True, "lookback_days": 1}


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    api = sandbox(projects=2, tasks=1, time_records=0, team_time=0)
    project = api.truth("projects")[0]["id"]
    for stream, parent in (("time", None), ("time_records", project)):
        api.add(stream, {"id": "old", "createdAt": OLD}, parent=parent)
        api.add(stream, {"id": "new", "createdAt": NEW}, parent=parent)
    return api


def bookmark(duck: Warehouse, stream: str = "time") -> Any:
    state = duck.pipeline.state["sources"]["analytics"]["resources"].get(stream, {})
    return state.get("bookmark", {}).get("replication_key_value")


def brought(duck: Warehouse, stream: str) -> int:
    """Return how many rows of a stream the last run has read."""
    last: Any = duck.pipeline.last_trace
    trace = last.last_extract_info
    metrics, *_ = trace.metrics[trace.loads_ids[0]]
    table = metrics["table_metrics"].get(stream)
    return table.items_count if table else 0


@pytest.mark.parametrize("rows", ["dicts", "arrow"])
@pytest.mark.parametrize("stream", ["time", "time_records"])
def test_the_next_run_reads_what_is_new(
    api: Sandbox, duck: Warehouse, stream: str, rows: str
) -> None:
    duck.load(api, rows=rows, **SHORT)
    assert brought(duck, stream) == 2
    assert bookmark(duck, stream) == NEW
    duck.load(api, rows=rows, **SHORT)
    assert brought(duck, stream) == 1
    assert duck.agrees_with(api)


def test_the_start_date_is_kept(api: Sandbox, duck: Warehouse) -> None:
    duck.load(api, start_date="2025-06-01", **SHORT)
    assert duck.ids("time") == duck.ids("time_records") == ["new"]


def test_a_failed_run_does_not_move_the_bookmark(api: Sandbox, duck: Warehouse) -> None:
    duck.load(api, **SHORT)
    api.add("time", {"id": "newest", "createdAt": "2025-06-18T00:00:00Z"})
    api.fault("/v1/team/users", status=400)
    duck.error(api, **SHORT)
    assert bookmark(duck) == NEW
    api.clear_faults()
    duck.load(api, **SHORT)
    assert duck.agrees_with(api)


def test_a_limited_run_does_not_move_the_bookmark(
    sandbox: SandboxFactory, duck: Warehouse
) -> None:
    api = sandbox(team_time=9, page_size=3, pagination="page")
    duck.pipeline.run(source(api, **SHORT).with_resources("time").add_limit(1))
    assert bookmark(duck) is None


def test_refresh_reads_everything_again(api: Sandbox, duck: Warehouse) -> None:
    duck.load(api, "time", **SHORT)
    loaded = source(api, **SHORT).with_resources("time")
    duck.pipeline.run(loaded, refresh="drop_resources")
    assert brought(duck, "time") == 2
    assert duck.ids("time") == ["new", "old"]


def test_replace_reads_everything_again(api: Sandbox, duck: Warehouse) -> None:
    for _ in range(2):
        loaded = source(api, **SHORT).with_resources("time")
        duck.pipeline.run(loaded, write_disposition="replace")
        assert duck.ids("time") == ["new", "old"]


def test_a_new_project_is_read_from_its_beginning(
    api: Sandbox, duck: Warehouse
) -> None:
    duck.load(api, **SHORT)
    api.add("projects", {"id": "later"})
    api.add("time_records", {"id": "older", "createdAt": OLD}, parent="later")
    duck.load(api, **SHORT)
    assert duck.agrees_with(api)


# Deletions within a look-back


def test_what_is_gone_within_the_look_back_is_deleted_and_what_is_older_stays(
    api: Sandbox, warehouse: Warehouse
) -> None:
    warehouse.load(api, deletions=True, **SHORT)
    for stream in ("time", "time_records"):
        for gone in ("old", "new"):
            api.delete(stream, gone)
    warehouse.load(api, deletions=True, **SHORT)
    assert warehouse.ids("time") == warehouse.ids("time_records") == ["old"]


def test_an_api_that_filters_by_itself_proves_no_increment_whole(
    sandbox: SandboxFactory, duck: Warehouse
) -> None:
    """Its filter may look at another field than `createdAt`."""
    api = sandbox(team_time=0, since_field="date")
    card = {"id": "card", "createdAt": NEW, "date": OLD[:10]}
    api.add("time", card)
    options = SHORT | {"deletions": True, "since_param": "since"}
    for _ in range(2):
        duck.load(api, "time", **options)
        assert duck.ids("time") == ["card"]


# A user's own


@pytest.mark.parametrize("rows", ["dicts", "arrow"])
def test_a_users_own_incremental_works(
    api: Sandbox, duck: Warehouse, rows: str
) -> None:
    start: Any = datetime(2025, 6, 1, tzinfo=timezone.utc)
    if rows == "dicts":
        start = start.isoformat()
    for expected in (1, 1):
        loaded = source(api, rows=rows).with_resources("time")
        own = dlt.sources.incremental("createdAt", initial_value=start)
        loaded.time.apply_hints(incremental=own)
        duck.pipeline.run(loaded)
        assert len(duck.ids("time")) == expected
    api.add("time", {"id": "next", "createdAt": "2025-06-18T00:00:00Z"})
    loaded = source(api, rows=rows).with_resources("time")
    loaded.time.apply_hints(
        incremental=dlt.sources.incremental("createdAt", initial_value=start)
    )
    duck.pipeline.run(loaded)
    assert duck.ids("time") == ["new", "next"]


def test_rows_that_a_users_own_incremental_leaves_out_are_not_deleted(
    api: Sandbox, duck: Warehouse
) -> None:
    duck.load(api, "time", deletions=True)
    loaded = source(api, deletions=True).with_resources("time")
    loaded.time.apply_hints(
        incremental=dlt.sources.incremental("createdAt", initial_value=NEW)
    )
    duck.pipeline.run(loaded)
    assert duck.ids("time") == ["new", "old"]
