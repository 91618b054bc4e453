"""How long a client waits, and what ends that."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.api.answer_errors import Asker
from tap_analytics.errors import (
    LeftOutError,
    StoppedError,
)
from tests.helpers.clients import (
    CLIENTS,
    USERS,
    client_of,
    failure,
    gaps,
    ids,
    new_run,
    worked,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_analytics.api.client import Client
    from tap_analytics.run import Run
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


def count(api: Sandbox, path: str = CLIENTS) -> int:
    return api.stats().by_path.get(f"/v1{path}", 0)


# Waits


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503},
        {"status": 429},
        {"status": 503, "headers": {"Retry-After": "0"}},
        {"status": 429, "headers": {"Retry-After": "0"}},
        {"status": 503, "headers": {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}},
        {"status": 429, "headers": {"X-RateLimit-Reset": "1000000000"}},
    ],
)
def test_no_wait_is_shorter_than_the_backoff_which_doubles(
    api: Sandbox, fault: dict[str, Any]
) -> None:
    api.fault(**fault, times=3)
    client_of(api.url, backoff_factor=0.05).get(CLIENTS)
    first, second, third = gaps(api)
    assert first >= 0.05
    assert second >= 0.1
    assert third >= 0.2


@pytest.mark.parametrize("status", [402, 403, 408, 425, 429, 500, 503, 529, 202])
def test_a_wait_that_is_told_is_waited_for(api: Sandbox, status: int) -> None:
    api.fault(status=status, headers={"Retry-After": "0.2"}, times=1)
    assert len(ids(client_of(api.url))) == 2
    assert gaps(api)[0] >= 0.2


def test_all_requests_wait_not_only_the_one_refused(api: Sandbox) -> None:
    client = worked(api)
    api.fault("/v1/clients", status=503, headers={"Retry-After": "0.3"}, times=1)
    with ThreadPoolExecutor(2) as pool:
        refused = pool.submit(client.get, CLIENTS)
        while count(api) == 0:
            time.sleep(0.001)
        time.sleep(0.05)
        client.get(USERS)
        refused.result(TIMEOUT)
    at = {request.path: request.at for request in api.requests()}
    first = next(one.at for one in api.requests() if one.path == "/v1/clients")
    assert at["/v1/team/users"] - first >= 0.3


def test_to_be_told_to_wait_uses_up_the_retries_of_no_other_request(
    api: Sandbox,
) -> None:
    client = worked(api)
    for _ in range(3):
        api.fault("/v1/clients", status=429, times=TRIES - 1)
        client.get(CLIENTS)
        api.clear_faults()
    assert count(api) == 3 * TRIES


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (429, {"Retry-After": "3601"}),
        (503, {"Retry-After": "86400"}),
        (403, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}),
        (429, {"X-RateLimit-Reset": "9999999999"}),
        (402, {"X-Quota-Remaining": "0", "X-Quota-Resets-In": "7200"}),
        (202, {"Retry-After": "99999"}),
    ],
)
def test_a_wait_longer_than_an_hour_ends_the_run_at_once(
    api: Sandbox, status: int, headers: dict[str, str]
) -> None:
    api.fault(status=status, headers=headers)
    error = failure(client_of(api.url), asker=TASKS)
    assert not isinstance(error, LeftOutError)
    assert "asks to wait until " in str(error)
    assert "UTC, which is longer than an hour" in str(error)
    assert len(api.requests()) == 1


@pytest.mark.parametrize("status", [401, 404, 410])
def test_a_wait_is_not_believed_of_who_refuses(api: Sandbox, status: int) -> None:
    api.fault(status=status, headers={"Retry-After": "0.2"})
    failure(client_of(api.url))
    assert len(api.requests()) == 1


def test_a_configured_limit_holds_for_retries_too(api: Sandbox) -> None:
    api.fault(status=503, times=3)
    client = client_of(api.url, rate_limit_requests=2, rate_limit_seconds=0.2)
    client.get(CLIENTS)
    first, second, third, fourth = (request.at for request in api.requests())
    assert third - first >= 0.19
    assert fourth - second >= 0.19


# The end of the run


def stopped(run: Run, client: Client, begun: Callable[[], bool]) -> float:
    """Stop a run while a request waits, and return how long that took."""
    ended: list[BaseException] = []

    def get() -> None:
        try:
            client.get(CLIENTS)
        except StoppedError as error:
            ended.append(error)

    thread = threading.Thread(target=get)
    thread.start()
    until = time.monotonic() + TIMEOUT
    while not begun() and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(0.02)
    assert thread.is_alive()
    stopped_at = time.monotonic()
    run.stop.set()
    thread.join(TIMEOUT)
    assert len(ended) == 1
    return time.monotonic() - stopped_at


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503},
        {"status": 429},
        {"status": 503, "headers": {"Retry-After": "3000"}},
        {"status": 429, "headers": {"X-RateLimit-Reset": "3000"}},
        {"kind": "reset"},
    ],
)
def test_the_end_of_the_run_ends_the_wait_for_a_retry(
    api: Sandbox, fault: dict[str, Any]
) -> None:
    run = new_run()
    api.fault(**fault)
    client = client_of(api.url, run, backoff_factor=1_000)
    assert stopped(run, client, lambda: run.progress.retries == 1) < 1
    assert len(api.requests()) == 1


def test_the_end_of_the_run_ends_the_wait_for_a_limit(api: Sandbox) -> None:
    run = new_run()
    client = worked(api, run, rate_limit_requests=1, rate_limit_seconds=1_000)
    assert stopped(run, client, lambda: run.progress.held.lasts) < 1
    assert len(api.requests()) == 1


def test_a_run_that_has_ended_sends_nothing(api: Sandbox) -> None:
    run = new_run()
    client = client_of(api.url, run)
    run.stop.set()
    with pytest.raises(StoppedError):
        client.get(CLIENTS)
    assert api.requests() == []
