"""What the sandbox counts."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import requests

from tap_analytics.sandbox.meter import Meter
from tap_analytics.sandbox.request import Request
from tests.helpers.clocks import Clock
from tests.helpers.sandbox_client import TIMEOUT, get

if TYPE_CHECKING:
    from tests.conftest import SandboxFactory


def test_the_peak_rate_is_that_of_any_window() -> None:
    clock = Clock()
    meter = Meter(1.0, "X-Api-Key", clock, now=0)
    for pause in (0, 0.5, 0.4, 0.09, 0.02, 5, 0.1):
        clock.now += pause
        meter.arrive(Request("GET", "/", "", {}, 1))
    assert meter.stats().peak_rate == 4
    assert meter.stats().requests == 7


def test_the_peak_concurrency_is_counted(sandbox: SandboxFactory) -> None:
    api = sandbox(latency=0.2)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: get(api, "/v1/clients"), range(4)))
    assert api.stats().peak_concurrency == 4
    get(api, "/v1/clients")
    api.reset()
    get(api, "/v1/clients")
    assert api.stats().peak_concurrency == 1


def test_latency_delays_each_answer(sandbox: SandboxFactory) -> None:
    api = sandbox(latency=0.1)
    start = time.monotonic()
    get(api, "/v1/clients")
    assert time.monotonic() - start >= 0.1


def test_requests_are_counted_by_path_and_by_query(sandbox: SandboxFactory) -> None:
    api = sandbox(pagination="page")
    for page in (1, 2, 2):
        get(api, "/v1/clients", {"page": page})
    get(api, "/v1/nothing")
    stats = api.stats()
    assert stats.requests == 4
    assert stats.by_path == {"/v1/clients": 3, "/v1/nothing": 1}
    assert stats.by_target == {
        "/v1/clients?page=1": 1,
        "/v1/clients?page=2": 2,
        "/v1/nothing": 1,
    }
    assert stats.statuses == {"200": 3, "404": 1}


def test_sent_bytes_are_counted(sandbox: SandboxFactory) -> None:
    api = sandbox()
    size = len(get(api, "/v1/clients").content)
    assert api.stats().bytes_sent == size


def test_the_log_tells_of_each_request(sandbox: SandboxFactory) -> None:
    api = sandbox()
    before = time.time()
    get(api, "/v1/clients", {"since": "2025-01-01"}, headers={"User-Agent": "test/1"})
    get(api, "/v1/projects/x%2Fy/tasks")
    first, second = api.requests()
    assert before - 1 < first.at <= second.at <= time.time() + 1
    assert (first.method, first.path, first.query) == (
        "GET",
        "/v1/clients",
        "since=2025-01-01",
    )
    assert first.headers["User-Agent"] == "test/1"
    assert (first.status, first.fault) == (200, None)
    assert first.seconds is not None
    assert (second.path, second.status) == ("/v1/projects/x%2Fy/tasks", 404)


def test_the_log_never_has_the_key_but_says_whether_there_was_one(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(api_key="s3cret")
    get(api, "/v1/clients")
    requests.get(f"{api.url}/v1/clients", timeout=TIMEOUT)
    requests.get(f"{api.url}/", headers={"x-api-key": "s3cret"}, timeout=TIMEOUT)
    assert [request.has_key for request in api.requests()] == [True, False, True]
    assert "s3cret" not in repr(api.requests())


def test_the_log_names_faults(sandbox: SandboxFactory) -> None:
    api = sandbox()
    api.fault(kind="503", times=1)
    api.fault(kind="cut-off", times=1)
    get(api, "/v1/clients")
    with pytest.raises(requests.RequestException):
        get(api, "/v1/clients")
    logged = [(request.fault, request.status) for request in api.requests()]
    assert logged == [("503", 503), ("cut-off", None)]


def test_a_reset_starts_from_zero(sandbox: SandboxFactory) -> None:
    api = sandbox()
    get(api, "/v1/clients")
    api.reset()
    stats = api.stats()
    assert (stats.requests, stats.connections, stats.bytes_sent) == (0, 0, 0)
    assert (stats.by_path, stats.statuses, api.requests()) == ({}, {}, [])
