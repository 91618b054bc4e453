"""Lists that change while they are read, page by page: no record is passed over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.reading.page_queue import READINGS
from tap_analytics.sandbox import Edit
from tests.helpers.running import Outcome, run_tap, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

CLIENTS = "/v1/clients"
SMALL = {"projects": 0, "team_time": 0, "users": 0, "clients": 12, "page_size": 2}
COUNTING: dict[str, dict[str, Any]] = {
    "page": {"pagination": "page"},
    "offset": {"pagination": "offset", "totals": ("offset", "limit", "total")},
}


@pytest.fixture(params=COUNTING)
def api(request: pytest.FixtureRequest, sandbox: SandboxFactory) -> Sandbox:
    return sandbox(**SMALL, **COUNTING[request.param])


def run(api: Sandbox, folder: Path, **more: Any) -> Outcome:
    return run_tap(settings(api, **more), folder=folder)


def ids(api: Sandbox) -> set[str]:
    return {record["id"] for record in api.truth("clients")}


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_record_that_moves_up_a_page_is_not_passed_over(
    api: Sandbox, tmp_path: Path, after: int
) -> None:
    gone = Edit("delete", "clients", "cl:1")
    api.fault(CLIENTS, times=1, after=after, edits=[gone])
    outcome = run(api, tmp_path)
    assert outcome.status == 0
    assert set(outcome.ids("clients")) - {"cl:1"} == ids(api)
    assert outcome.err.count("stream 'clients': the list shrank") == 1


def test_a_record_that_moves_down_a_page_comes_at_least_once(
    api: Sandbox, tmp_path: Path
) -> None:
    new = Edit("add", "clients", record={"id": "cl:new"}, position=0)
    api.fault(CLIENTS, times=1, edits=[new])
    outcome = run(api, tmp_path)
    assert outcome.status == 0
    assert set(outcome.ids("clients")) | {"cl:new"} == ids(api)


def test_a_list_that_shrinks_each_time_stops_the_run(
    api: Sandbox, tmp_path: Path
) -> None:
    for number in range(1, READINGS + 1):
        gone = Edit("delete", "clients", f"cl:{number}")
        api.fault(CLIENTS, times=1, edits=[gone])
        api.fault(CLIENTS, times=1)
    outcome = run(api, tmp_path, concurrency=1, emit_activate_version_messages=True)
    assert "stream 'clients': the list shrank from 8 to 7 records" in outcome.error
    assert outcome.of_type("ACTIVATE_VERSION") == []


def test_the_projects_of_a_list_that_shrank_have_their_tasks(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(**SMALL | {"projects": 9, "tasks": 2}, pagination="page")
    gone = api.truth("projects")[0]["id"]
    api.fault("/v1/projects", times=1, edits=[Edit("delete", "projects", gone)])
    outcome = run(api, tmp_path)
    expected = {record["id"] for record in api.truth("tasks")}
    assert expected <= set(outcome.ids("tasks"))


def test_a_count_of_the_page_alone_is_none_of_the_list(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(**SMALL)
    for path, numbers, following in (
        (CLIENTS, (1, 2, 3), "more"),
        (f"{CLIENTS}?cursor=more", (4, 5), None),
    ):
        records = [{"id": number} for number in numbers]
        body = {"data": records, "total": len(records), "next_cursor": following}
        api.fault(path, times=1, status=200, body=json.dumps(body))
    outcome = run(api, tmp_path)
    assert outcome.ids("clients") == ["1", "2", "3", "4", "5"]
    assert outcome.err == ""
