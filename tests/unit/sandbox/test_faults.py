"""How the sandbox misbehaves."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from tap_analytics.sandbox import Edit, faults
from tap_analytics.sandbox.answers import Answer, End
from tap_analytics.sandbox.faults import DEFAULT_KINDS, KINDS, STATUSES, VERDICTS
from tap_analytics.sandbox.rules import Chance, Rule
from tests.helpers.sandbox_client import TIMEOUT, get, rows
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

CLIENTS = "/v1/clients"


def result(api: Sandbox, path: str = CLIENTS, timeout: float = 5) -> Any:
    """Says how a request ends for a client: a status, or what it failed with."""
    try:
        response = get(api, path, timeout=timeout)
        return response.status_code if response.status_code != 200 else response.json()
    except requests.JSONDecodeError:
        return "no JSON"
    except requests.RequestException as error:
        return type(error)


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_can_be_injected(sandbox: SandboxFactory, status: int) -> None:
    api = sandbox()
    api.fault(kind=str(status))
    assert result(api) == status


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("reset", requests.ConnectionError),
        ("reset-in-headers", requests.ConnectionError),
        ("reset-after-headers", requests.exceptions.ChunkedEncodingError),
        ("reset-in-body", requests.exceptions.ChunkedEncodingError),
        ("cut-off", requests.exceptions.ChunkedEncodingError),
        ("cut-off-chunked", requests.exceptions.ChunkedEncodingError),
        ("length-too-large", requests.exceptions.ChunkedEncodingError),
        ("length-too-small", "no JSON"),
        ("invalid-json", "no JSON"),
        ("empty", "no JSON"),
        ("html", "no JSON"),
        ("broken-gzip", "no JSON"),
        (
            "error-envelope",
            {"success": False, "error": {"message": "Something broke."}},
        ),
    ],
)
def test_what_a_client_sees_of_each_kind(
    sandbox: SandboxFactory, kind: str, expected: Any
) -> None:
    api = sandbox()
    api.fault(kind=kind)
    seen = result(api)
    assert seen == expected
    assert api.stats().faults == {kind: 1}


@pytest.mark.parametrize("kind", VERDICTS)
@pytest.mark.parametrize("gzip", [False, True])
def test_a_verdict_stands_beside_an_empty_list(
    sandbox: SandboxFactory, kind: str, *, gzip: bool
) -> None:
    api = sandbox(envelope="result.items", gzip=gzip)
    api.fault(kind=kind)
    assert result(api) == {"result": {"items": []}, **VERDICTS[kind]}


def test_a_list_may_only_be_announced(sandbox: SandboxFactory) -> None:
    api = sandbox()
    api.fault(kind="202")
    response = get(api, CLIENTS)
    assert (response.status_code, response.headers["Retry-After"]) == (202, "1")


def test_half_a_list_may_be_sent(sandbox: SandboxFactory) -> None:
    api = sandbox(clients=12)
    api.fault(kind="206")
    response = get(api, CLIENTS)
    assert response.status_code == 206
    assert response.headers["Content-Range"].startswith("bytes 0-")
    assert response.json()["data"] == api.truth("clients")[:6]


def test_no_content_may_be_sent(sandbox: SandboxFactory) -> None:
    api = sandbox()
    api.fault(kind="204")
    response = get(api, CLIENTS)
    assert (response.status_code, response.content) == (204, b"")


def test_an_interim_answer_comes_before_the_real_one_on_the_same_connection(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(clients=2)
    api.fault(kind="103", times=1)
    port = urlsplit(api.url).port
    assert port is not None
    head = f"GET /v1/clients HTTP/1.1\r\nHost: a\r\nX-Api-Key: {KEY}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
        received = b""
        for _ in range(2):
            connection.sendall(head.encode())
            while not received.endswith(b"]}"):
                received += connection.recv(1 << 16)
            received += b"\n"
    lines = [line for line in received.splitlines() if line.startswith(b"HTTP/1.1 ")]
    assert lines == [b"HTTP/1.1 103 Early Hints", *[b"HTTP/1.1 200 OK"] * 2]
    assert api.stats().statuses == {"200": 2}


def test_a_hang_lasts_until_the_client_gives_up(sandbox: SandboxFactory) -> None:
    api = sandbox()
    api.fault(kind="hang", times=1)
    assert result(api, timeout=0.2) is requests.ReadTimeout
    assert rows(api, "clients") == api.truth("clients")
    deadline = time.monotonic() + 5
    while api.requests()[0].seconds is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert api.requests()[0].seconds is not None


@pytest.mark.parametrize("kind", ["slow-drip", "slow-headers"])
def test_a_slow_drip_is_complete_in_the_end(sandbox: SandboxFactory, kind: str) -> None:
    api = sandbox()
    api.fault(kind=kind, times=1)
    assert rows(api, "clients") == api.truth("clients")


@pytest.mark.parametrize("kind", ["huge", "huge-packed"])
def test_a_huge_answer_is_right_for_who_can_hold_it(
    sandbox: SandboxFactory, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    size = 8 * 2**20
    monkeypatch.setattr(faults, "HUGE_BYTES", size)
    api = sandbox()
    api.fault(kind=kind)
    response = get(api, CLIENTS)
    assert len(response.content) > size
    assert response.json()["data"] == api.truth("clients")


def test_every_kind_is_known_by_what_it_sends() -> None:
    answer = Answer(200, b'{"data":[]}')
    for name, fault in KINDS.items():
        delivery = fault(answer)
        if isinstance(delivery, Answer):
            assert delivery != answer, name
        else:
            *_, last = islice(delivery, 2_001)
            is_endless = name == "endless-drip" and isinstance(last, float)
            ends = {End.CLOSE, End.RESET, float("inf")}
            assert last is answer or last in ends or is_endless, name


def test_another_kind_can_be_registered(
    sandbox: SandboxFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "teapot", lambda _: Answer(418))
    api = sandbox(faults=1, fault_kinds=("teapot",), faults_in_a_row=0)
    assert result(api) == 418


def test_a_fault_can_be_for_one_path_and_a_number_of_times(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(projects=4)
    third = api.truth("projects")[2]["id"]
    path = api.path("tasks", third)
    api.fault(path, "503", times=2)
    assert result(api) != 503
    assert [result(api, path) == 503 for _ in range(3)] == [True, True, False]


def test_a_fault_can_wait_for_some_requests(sandbox: SandboxFactory) -> None:
    api = sandbox()
    api.fault(CLIENTS, "500", after=2, times=1)
    assert [result(api) == 500 for _ in range(4)] == [False, False, True, False]


def test_a_fault_can_be_forever(sandbox: SandboxFactory) -> None:
    api = sandbox()
    api.fault(status=503, headers={"Retry-After": "1"})
    for path in (CLIENTS, "/v1/projects", "/elsewhere"):
        response = get(api, path)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")


def test_an_answer_can_be_literal(sandbox: SandboxFactory) -> None:
    api = sandbox()
    api.fault(body="<h1>Hi</h1>", headers={"Content-Type": "text/html"}, times=1)
    api.fault(status=302, headers={"Location": "http://other.example/"}, times=1)
    page, redirect = get(api, CLIENTS), get(api, CLIENTS)
    assert (page.status_code, page.text) == (200, "<h1>Hi</h1>")
    assert page.headers["Content-Type"] == "text/html"
    assert redirect.status_code == 302
    assert redirect.headers["Location"] == "http://other.example/"
    assert api.stats().faults == {"literal": 2}


def test_a_literal_answer_can_be_bytes_that_are_no_text(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox()
    api.fault(body=b'{"data":["\xff"]}'.decode(errors="surrogateescape"))
    assert get(api, CLIENTS).content == b'{"data":["\xff"]}'


def test_a_literal_answer_can_be_broken_too(sandbox: SandboxFactory) -> None:
    api = sandbox()
    api.fault(kind="cut-off", body=json.dumps({"data": ["x" * 100]}))
    assert result(api) is requests.exceptions.ChunkedEncodingError


def test_faults_strike_in_the_order_they_were_added(sandbox: SandboxFactory) -> None:
    api = sandbox()
    for kind in ("500", "502", "503"):
        api.fault(CLIENTS, kind, times=1)
    assert [result(api) for _ in range(3)] == [500, 502, 503]
    assert rows(api, "clients")


def test_parameters_can_be_ignored_for_some_requests(sandbox: SandboxFactory) -> None:
    api = sandbox(pagination="page", page_size=5)
    api.fault(CLIENTS, ignores=("page",), times=2)
    pages = [get(api, CLIENTS, {"page": 2, "limit": 4}).json() for _ in range(3)]
    assert [page["meta"]["page"] for page in pages] == [1, 1, 2]
    assert [len(page["data"]) for page in pages] == [4, 4, 4]


def test_faults_can_be_removed(sandbox: SandboxFactory) -> None:
    api = sandbox()
    api.fault(kind="500")
    api.clear_faults()
    assert rows(api, "clients")


def test_an_answer_can_be_late(sandbox: SandboxFactory) -> None:
    api = sandbox()
    api.fault(delay=30, times=1)
    assert result(api, timeout=0.2) is requests.ReadTimeout


def test_a_project_can_vanish_once_it_was_listed(sandbox: SandboxFactory) -> None:
    api = sandbox(projects=3)
    edits = [Edit("delete", "projects", "as:1001")]
    api.fault(api.path("projects"), edits=edits, times=1)
    assert len(rows(api, "projects")) == 3
    assert get(api, api.path("tasks", "as:1001")).status_code == 404
    assert len(rows(api, "projects")) == 2


@pytest.mark.parametrize(
    ("pattern", "path", "target", "expected"),
    [
        ("*", "/v1/a", "/v1/a", True),
        ("/v1/a", "/v1/a", "/v1/a?page=2", True),
        ("/v1/a", "/v1/ab", "/v1/ab", False),
        ("/v1/projects/*/tasks", "/v1/projects/a%2Fb/tasks", "", True),
        ("/v1/projects/*/tasks", "/v1/projects/a%2Fb/time", "", False),
        ("/v1/a?*page=2*", "/v1/a", "/v1/a?limit=1&page=2", True),
        ("/v1/a?*page=2*", "/v1/a", "/v1/a?page=1", False),
        ("/v1/[a].b", "/v1/axb", "/v1/axb", False),
        ("/v1/[a].b", "/v1/[a].b", "/v1/[a].b", True),
    ],
)
def test_only_the_asterisk_means_something_in_a_pattern(
    pattern: str, path: str, target: str, *, expected: bool
) -> None:
    assert Rule(pattern).strikes(path, target) is expected


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown fault kind 'flood'; known: 401, "):
        Rule(kind="flood")


def test_random_faults_come_as_often_as_asked_for() -> None:
    chance = Chance(0.15, DEFAULT_KINDS, seed=1, in_a_row=0)
    drawn = Counter(chance.draw(f"/{number}") for number in range(20_000))
    assert 0.14 < 1 - drawn[None] / 20_000 < 0.16
    for kind in DEFAULT_KINDS:
        assert 0.015 < drawn[kind] / 20_000 < 0.023, kind


def test_random_faults_of_one_request_are_independent() -> None:
    chance = Chance(0.5, ("500",), seed=1, in_a_row=0)
    drawn = [chance.draw("/") is None for _ in range(20_000)]
    pairs = Counter(pairwise(drawn))
    assert all(0.24 < count / 20_000 < 0.26 for count in pairs.values())


def test_random_faults_are_the_same_whatever_the_order_of_requests() -> None:
    paths = [f"/{number % 50}" for number in range(200)]
    one, other = (Chance(0.3, DEFAULT_KINDS, 5, 3) for _ in range(2))
    forward = Counter((path, one.draw(path)) for path in paths)
    backward = Counter((path, other.draw(path)) for path in reversed(paths))
    assert forward == backward
    third = Chance(0.3, DEFAULT_KINDS, 6, 3)
    assert Counter((path, third.draw(path)) for path in paths) != forward


def test_random_faults_never_strike_a_request_more_than_three_times_in_a_row() -> None:
    certain = Chance(1, ("500",), seed=1, in_a_row=3)
    fine = [certain.draw("/") is None for _ in range(8)]
    assert fine == [False, False, False, True] * 2


def test_a_client_with_three_retries_always_gets_through(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(faults=0.5, projects=10, tasks=2)
    for project in api.truth("projects"):
        path = api.path("tasks", project["id"])
        tries = [isinstance(result(api, path), dict) for _ in range(4)]
        assert any(tries)
    assert sum(api.stats().faults.values()) > 10


def test_a_reset_repeats_the_random_faults(sandbox: SandboxFactory) -> None:
    api = sandbox(faults=0.5)
    first = [str(result(api)) for _ in range(20)]
    api.reset()
    assert [str(result(api)) for _ in range(20)] == first
