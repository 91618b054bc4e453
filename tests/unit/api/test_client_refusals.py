"""What a client makes of refusals: of the key, a stream, one project."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.api.answer_errors import Asker
from tap_analytics.api.experience import EXHAUSTED_IN_A_ROW
from tap_analytics.errors import (
    ExhaustedError,
    ForbiddenError,
    LeftOutError,
    RefusedError,
    VanishedError,
)
from tests.helpers.clients import (
    CLIENTS,
    client_of,
    failure,
    worked,
)

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

TASKS = Asker("tasks", is_child=True)
TRIES = 4
"""The first try, and the retries of the default."""
TIMEOUT = 10
"""Seconds after which a test gives up; nothing waits so long when all is well."""


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(clients=2, projects=3)


def child(name: str) -> str:
    return f"/projects/{name}/tasks"


def count(api: Sandbox, path: str = CLIENTS) -> int:
    return api.stats().by_path.get(f"/v1{path}", 0)


# The key


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("asker", [Asker("clients"), TASKS])
def test_a_key_that_is_refused_at_first_ends_the_run(
    api: Sandbox, status: int, asker: Asker
) -> None:
    api.fault(status=status, body="Not from 10.0.0.7")
    error = failure(client_of(api.url), asker=asker)
    assert isinstance(error, RefusedError)
    assert "'Not from 10.0.0.7'. The API key was refused. Check api_key" in str(error)
    assert "api_key_header (X-Api-Key)" in str(error)
    assert len(api.requests()) == 1


def test_a_wrong_key_is_refused(api: Sandbox) -> None:
    assert "The API key was refused" in str(failure(client_of(api.url, api_key="no")))


@pytest.mark.parametrize("asker", [Asker("clients"), TASKS])
def test_a_key_that_is_refused_later_was_withdrawn(api: Sandbox, asker: Asker) -> None:
    client = worked(api)
    api.fault(status=401, body="Revoked")
    error = failure(client, asker=asker)
    assert not isinstance(error, LeftOutError)
    assert "'Revoked'. The API accepted the key before in this run" in str(error)
    assert count(api) == 1


@pytest.mark.parametrize("first", [{"status": 503}, {"kind": "error-envelope"}])
def test_an_answer_that_is_none_proves_no_key(
    api: Sandbox, first: dict[str, Any]
) -> None:
    api.fault(**first, times=1)
    api.fault(status=403, times=1)
    assert "The API key was refused" in str(failure(client_of(api.url)))


@pytest.mark.parametrize("status", [402, 403, 451])
def test_a_forbidden_list_at_the_top_ends_the_run(api: Sandbox, status: int) -> None:
    client = worked(api)
    api.fault(status=status, body="Only administrators")
    error = failure(client, asker=Asker("clients"))
    assert not isinstance(error, LeftOutError)
    assert "'Only administrators'" in str(error)
    assert "may not read the stream 'clients'" in str(error)
    assert 'set streams to ["-clients"]' in str(error)
    assert count(api) == 1


@pytest.mark.parametrize("status", [402, 403, 451])
def test_what_is_forbidden_below_one_project_is_left_out(
    api: Sandbox, status: int
) -> None:
    client = worked(api)
    api.fault(f"/v1{child('1')}", status=status, body="Module off")
    error = failure(client, child("1"), TASKS)
    assert isinstance(error, ForbiddenError)
    assert "'Module off'" in str(error)
    assert count(api, child("1")) == 1


def test_twenty_forbidden_projects_and_none_read_end_the_run(api: Sandbox) -> None:
    client = worked(api)
    api.fault("/v1/projects/*", status=403, body="Module off")
    errors = [failure(client, child(str(number)), TASKS) for number in range(20)]
    assert all(isinstance(error, ForbiddenError) for error in errors[:-1])
    assert not isinstance(errors[-1], LeftOutError)
    assert "below any of 20 parents" in str(errors[-1])
    assert len(api.requests()) == 21


def test_a_module_that_is_off_for_many_projects_but_one_ends_nothing(
    api: Sandbox,
) -> None:
    client = worked(api)
    project = api.truth("projects")[0]["id"]
    client.get(api.path("tasks", project).removeprefix("/v1"), asker=TASKS)
    api.fault("/v1/projects/*", status=403)
    for number in range(40):
        assert isinstance(failure(client, child(str(number)), TASKS), ForbiddenError)


@pytest.mark.parametrize("status", [404, 410])
def test_a_project_that_is_gone_has_vanished(api: Sandbox, status: int) -> None:
    api.fault(status=status)
    client = client_of(api.url)
    assert isinstance(failure(client, child("1"), TASKS), VanishedError)
    assert len(api.requests()) == 1


def test_a_path_that_is_not_there_names_url_and_prefix(api: Sandbox) -> None:
    line = str(failure(client_of(api.url), "/nothing"))
    assert f"GET {api.url}/v1/nothing answered 404" in line
    assert "path_prefix ('/v1')" in line


# Retries used up below one project


@pytest.mark.parametrize("fault", [{"status": 500}, {"kind": "reset"}])
def test_one_project_that_fails_for_ever_is_left_out_while_others_answer(
    api: Sandbox, fault: dict[str, Any]
) -> None:
    client = worked(api)
    api.fault("/v1/projects/bad/*", **fault)
    with ThreadPoolExecutor(2) as pool:
        bad = pool.submit(failure, client, child("bad"), TASKS)
        for _ in range(5):
            client.get(CLIENTS)
        error = bad.result(TIMEOUT)
    assert isinstance(error, ExhaustedError)
    assert "Given up after 4 tries." in str(error)
    assert count(api, child("bad")) == TRIES


def test_it_is_left_out_with_one_request_at_a_time_too(api: Sandbox) -> None:
    client = worked(api, concurrency=1)
    api.fault("/v1/projects/*", status=500)
    for _ in range(3):
        for path in (child("a"), "/projects/a/time", child("b"), "/projects/b/time"):
            assert isinstance(failure(client, path, TASKS), ExhaustedError)
        client.get(CLIENTS)


def test_an_api_that_is_down_ends_the_run(api: Sandbox) -> None:
    client = worked(api, concurrency=1)
    api.fault(status=500)
    errors = [failure(client, child(str(n)), TASKS) for n in range(EXHAUSTED_IN_A_ROW)]
    assert not isinstance(errors[-1], LeftOutError)
    assert len(api.requests()) == 1 + TRIES * EXHAUSTED_IN_A_ROW


def test_a_list_at_the_top_that_fails_ends_the_run(api: Sandbox) -> None:
    client = worked(api)
    api.fault("/v1/clients", status=500)
    assert not isinstance(failure(client), LeftOutError)
