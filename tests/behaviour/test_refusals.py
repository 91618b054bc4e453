"""A key that may not read everything, or not any longer: what a whole run makes of it.

Each run has one request under way at a time, so that requests can be counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers.running import STREAMS, run_tap, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory
    from tests.helpers.running import Outcome

PROJECTS = 30
NEEDED = 4 + 2 * PROJECTS
IN_A_ROW = 20
ONE_SIZE = {"projects": PROJECTS, "tasks": 1, "time_records": 1}


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(**ONE_SIZE)


def run(api: Sandbox, folder: Path) -> Outcome:
    config = settings(api, concurrency=1, emit_activate_version_messages=True)
    return run_tap(config, folder=folder)


def activated(outcome: Outcome) -> set[str]:
    return {message["stream"] for message in outcome.of_type("ACTIVATE_VERSION")}


def test_a_key_that_may_read_everything_needs_so_many_requests(
    api: Sandbox, tmp_path: Path
) -> None:
    outcome = run(api, tmp_path)
    assert outcome.status == 0
    assert activated(outcome) == {*STREAMS}
    assert api.stats().requests == NEEDED


def test_a_firewall_that_shuts_before_all_lists_at_the_top_ends_the_run(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault("*", status=403, body="Blocked", after=2)
    outcome = run(api, tmp_path)
    assert outcome.status == 1
    assert "'Blocked'" in outcome.error
    assert not activated(outcome) & {"tasks", "time_records", "time", "users"}
    assert max(api.stats().by_path.values()) == 1


def test_a_firewall_that_shuts_below_projects_is_asked_for_each_list_once(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault("*", status=403, body="Blocked", after=10)
    outcome = run(api, tmp_path)
    assert outcome.status == 0
    assert outcome.err.count("'Blocked': no rows for project_id") == NEEDED - 10
    assert activated(outcome) == {*STREAMS} - {"tasks", "time_records"}
    assert api.stats().requests == NEEDED
    assert max(api.stats().by_path.values()) == 1


def test_a_module_that_is_off_for_every_project_costs_twenty_requests(
    api: Sandbox, tmp_path: Path
) -> None:
    for project in api.truth("projects"):
        api.fault(api.path("tasks", project["id"]), status=403, body="Module off")
    outcome = run(api, tmp_path)
    assert outcome.status == 1
    assert f"'tasks' below any of {IN_A_ROW} parents" in outcome.error
    asked = [path for path in api.stats().by_path if path.endswith("/tasks")]
    assert len(asked) == IN_A_ROW
    assert max(api.stats().by_path.values()) == 1
    assert not activated(outcome) & {"projects", "tasks", "time_records"}


def test_a_list_for_administrators_only_costs_one_request(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault(api.path("users"), status=403, body="Only administrators")
    outcome = run(api, tmp_path)
    assert outcome.status == 1
    assert "may not read the stream 'users'" in outcome.error
    assert api.stats().requests == NEEDED
    assert activated(outcome) == {*STREAMS} - {"users"}


def test_a_key_that_is_withdrawn_halfway_costs_one_more_request(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault("*", status=401, body="Revoked", after=25)
    outcome = run(api, tmp_path)
    assert outcome.status == 1
    assert "'Revoked'. The API accepted the key before in this run" in outcome.error
    assert api.stats().requests == 26
    assert not activated(outcome) & {"tasks", "time_records", "time", "users"}


# Empty lists that may be none


@pytest.mark.parametrize(
    "body",
    [
        '{"data": null, "msg": "system busy"}',
        '{"data": [], "code": 50001, "msg": "system busy"}',
        '{"data": [], "status": "timeout"}',
    ],
)
def test_an_empty_list_beside_words_of_failure_is_asked_for_again(
    api: Sandbox, tmp_path: Path, body: str
) -> None:
    api.fault("/v1/clients", times=2, status=200, body=body)
    outcome = run(api, tmp_path)
    assert outcome.status == 0, outcome.err
    assert outcome.ids("clients") == [one["id"] for one in api.truth("clients")]
    assert activated(outcome) == {*STREAMS}
    assert api.stats().requests == NEEDED + 2


def test_an_empty_list_beside_words_of_failure_deletes_nothing(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault("/v1/clients", status=200, body='{"data": [], "errno": 5}')
    outcome = run(api, tmp_path)
    assert outcome.status == 1
    assert "with an empty list beside errno: 5" in outcome.error
    assert "clients" not in activated(outcome)


def test_an_empty_list_beside_words_that_nobody_knows_deletes_nothing(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault("/v1/clients", status=200, body='{"data": [], "msg": "Aye"}')
    outcome = run(api, tmp_path)
    assert outcome.status == 0
    assert outcome.err.count("an empty list beside msg: 'Aye'") == 1
    assert activated(outcome) == {*STREAMS} - {"clients"}
    assert api.stats().requests == NEEDED
