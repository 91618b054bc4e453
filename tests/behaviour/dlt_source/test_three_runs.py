"""Runs night after night: increments, deletions, and one night that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.behaviour.dlt_source.conftest import SMALL

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory
    from tests.helpers.dlt_loading import Warehouse

EVERYTHING_AGAIN = 100_000
"""A look-back in days that reaches every record."""


def edit(api: Sandbox, night: int) -> None:
    """Change something in each stream: add, change and delete."""
    for stream in ("clients", "users", "time"):
        first, second, *_ = api.truth(stream)
        api.delete(stream, first["id"])
        api.change(stream, second["id"], {"name": f"renamed {night}"})
        api.add(stream, {"id": f"new {night}", "createdAt": f"2025-06-1{night}"})
    gone, kept, *_ = api.truth("projects")
    api.delete("projects", gone["id"])
    for stream in ("tasks", "time_records"):
        first, second, *_ = (
            record for record in api.truth(stream) if record["project_id"] == kept["id"]
        )
        api.delete(stream, first["id"])
        api.change(stream, second["id"], {"name": f"renamed {night}"})
        new = {"id": f"new {night}", "createdAt": f"2025-06-1{night}"}
        api.add(stream, new, parent=kept["id"])


@pytest.mark.parametrize("rows", ["dicts", "arrow"])
def test_tables_equal_the_api_after_each_run_but_one_that_fails(
    sandbox: SandboxFactory, warehouse: Warehouse, rows: str
) -> None:
    api = sandbox(**SMALL | {"projects": 6, "tasks": 4, "time_records": 5}, team_time=9)
    options: dict[str, Any] = {
        "rows": rows,
        "incremental": True,
        "deletions": True,
        "lookback_days": EVERYTHING_AGAIN,
    }
    warehouse.load(api, **options)
    assert warehouse.agrees_with(api)
    before = warehouse.tables()

    edit(api, 1)
    api.fault("/v1/team/users", status=400)
    warehouse.error(api, **options)
    assert warehouse.tables() == before

    api.clear_faults()
    edit(api, 2)
    warehouse.load(api, **options)
    assert warehouse.agrees_with(api)
    for stream in before:
        names = {row["id"]: row["name"] for row in warehouse.rows(stream)}
        truth = {record["id"]: record.get("name") for record in api.truth(stream)}
        assert names == truth


def test_dicts_and_arrow_tables_go_into_the_same_tables(
    api: Sandbox, warehouse: Warehouse
) -> None:
    for rows in ("dicts", "arrow", "dicts", "arrow"):
        edit_one = api.truth("clients")[0]
        api.change("clients", edit_one["id"], {"name": f"by {rows}"})
        warehouse.load(api, rows=rows, deletions=True)
        assert warehouse.agrees_with(api)
        ids = [row["_dlt_id"] for row in warehouse.raw("clients")]
        assert len(set(ids)) == len(ids)
    assert (
        warehouse.pipeline.default_schema.tables["clients"]["columns"][
            "additional_fields"
        ]["data_type"]
        == "json"
    )
