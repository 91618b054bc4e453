"""The sandbox as Everhour's API."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_analytics.sandbox import PRESETS
from tap_analytics.sandbox.data import STREAMS
from tests.helpers.sandbox_client import TIMEOUT, get
from tests.helpers.sandbox_command import HEADERS, running

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

NO_LIMIT = PRESETS["everhour"] | {"rate_limit": None}
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(**NO_LIMIT, projects=5, tasks=4)


def listed(
    api: Sandbox, stream: str, parent: str | None = None, **query: Any
) -> list[dict[str, Any]]:
    response = get(api, api.path(stream, parent), query)
    response.raise_for_status()
    records: list[dict[str, Any]] = response.json()
    return records


def days(records: list[dict[str, Any]]) -> set[str]:
    return {record["date"] for record in records}


def test_records_are_in_a_top_level_array_below_no_prefix(api: Sandbox) -> None:
    assert api.path("users") == "/team/users"
    assert [user["id"] for user in listed(api, "users")] == [*range(1301, 1316)]


def test_ids_are_integers_or_have_a_platform_before_them(api: Sandbox) -> None:
    for stream in ("clients", "users", "time", "time_records"):
        assert {type(record["id"]) for record in api.truth(stream)} == {int}
    for stream in ("projects", "tasks"):
        for record in api.truth(stream):
            assert re.fullmatch(r"(as|ev):\d+", record["id"])


@pytest.mark.parametrize("stream", [name for name in STREAMS if name != "tasks"])
def test_each_id_is_used_once(api: Sandbox, stream: str) -> None:
    ids = [record["id"] for record in api.truth(stream)]
    assert len(set(ids)) == len(ids)


def test_entries_have_no_name_and_no_status_but_hold_their_task(api: Sandbox) -> None:
    tasks = {task["id"] for task in api.truth("tasks")}
    for stream in ("time", "time_records"):
        for entry in api.truth(stream):
            assert not {"name", "status"} & entry.keys()
            assert entry["task"]["id"] in tasks
            assert entry["time"] % 900 == 0


def test_moments_have_a_blank_in_them(api: Sandbox) -> None:
    for stream in set(STREAMS) - {"clients"}:
        for record in api.truth(stream):
            assert MOMENT.fullmatch(record["createdAt"])
    assert not any("createdAt" in client for client in api.truth("clients"))


def test_some_tasks_belong_to_two_projects_and_are_listed_with_each(
    api: Sandbox,
) -> None:
    tasks = api.truth("tasks")
    lists = Counter(task["id"] for task in tasks)
    assert sorted(lists.values()) == [1] * 16 + [2] * 2
    for task in tasks:
        assert len(task["projects"]) == lists[task["id"]]
        assert task.pop("project_id") in task["projects"]
    shared = [task for task in tasks if lists[task["id"]] == 2]
    assert shared[0] == shared[1]


def test_clients_and_users_know_no_pages(api: Sandbox) -> None:
    for stream in ("clients", "users"):
        assert listed(api, stream, page=2, limit=1) == api.truth(stream)


def test_tasks_come_in_pages_of_250_at_most(sandbox: SandboxFactory) -> None:
    api = sandbox(**NO_LIMIT, projects=1, tasks=300)
    (project,) = (record["id"] for record in api.truth("projects"))
    pages = [listed(api, "tasks", project, page=page, limit=500) for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [250, 50, 0]
    assert len(listed(api, "tasks", project, limit=7)) == 7


@pytest.mark.parametrize("stream", ["time", "time_records"])
def test_time_is_filtered_by_the_day_of_the_work(api: Sandbox, stream: str) -> None:
    parent = api.truth("projects")[0]["id"] if stream == "time_records" else None
    all_days = sorted(days(listed(api, stream, parent)))
    first, last = all_days[3], all_days[-3]
    found = listed(api, stream, parent, **{"from": first, "to": last})
    assert days(found) == set(all_days[3:-2])
    assert any(entry["createdAt"][:10] > entry["date"] for entry in found)


def test_other_lists_are_not_filtered(api: Sandbox) -> None:
    query = {"from": "2090-01-01"}
    assert listed(api, "projects", **query) == api.truth("projects")


def test_it_refuses_more_than_20_requests_in_10_seconds(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(**PRESETS["everhour"])
    answers = [get(api, api.path("clients")) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 10


def test_the_command_has_it_and_other_options_win() -> None:
    with running("--preset", "everhour", "--path-prefix", "/v2") as (_, url):
        users = requests.get(f"{url}/v2/team/users", headers=HEADERS, timeout=TIMEOUT)
    assert users.json()[0]["id"] == 1301


def test_without_clients_users_or_tasks_there_is_nothing_to_refer_to(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(**NO_LIMIT, projects=2, clients=0, users=0, tasks=0)
    assert {project["client"] for project in api.truth("projects")} == {None}
    for entry in api.truth("time"):
        assert (entry["task"], entry["user"]) == (None, None)
