"""Looking at the sandbox and changing its data, in process and over HTTP."""

from __future__ import annotations

import gc
import socket
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

import tap_analytics.sandbox
from tap_analytics.sandbox import Sandbox, SandboxOptions
from tap_analytics.sandbox.store import UnknownRecordError
from tests.helpers.sandbox_client import TIMEOUT, control, get, rows

if TYPE_CHECKING:
    from tests.conftest import SandboxFactory


def ids(api: Sandbox, stream: str) -> list[str]:
    return [record["id"] for record in api.truth(stream)]


def test_a_record_can_be_added_at_the_end_or_anywhere(sandbox: SandboxFactory) -> None:
    api = sandbox(clients=2)
    api.add("clients", {"id": "last", "rate": Decimal("1.50")})
    api.add("clients", {"id": "first"}, position=0)
    assert [row["id"] for row in rows(api, "clients")] == [
        "first",
        "cl:1",
        "cl:2",
        "last",
    ]
    assert str(rows(api, "clients")[-1]["rate"]) == "1.50"
    assert api.counts()["clients"] == 4


def test_a_record_can_be_changed(sandbox: SandboxFactory) -> None:
    api = sandbox()
    before = api.truth("tasks")[9]
    api.change("tasks", before["id"], {"name": "New", "extra": [1]})
    expected = {**before, "name": "New", "extra": [1]}
    assert api.truth("tasks")[9] == expected
    del expected["project_id"]
    assert expected in rows(api, "tasks", before["project_id"])


def test_a_record_can_be_deleted(sandbox: SandboxFactory) -> None:
    api = sandbox()
    gone = api.truth("time_records")[40]
    api.delete("time_records", gone["id"], parent=gone["project_id"])
    assert gone["id"] not in ids(api, "time_records")
    assert api.counts()["time_records"] == 599


def test_with_a_project_its_tasks_and_hours_go(sandbox: SandboxFactory) -> None:
    api = sandbox(projects=3)
    api.delete("projects", "ws/1002")
    assert ids(api, "projects") == ["as:1001", "bü-1003"]
    assert {row["project_id"] for row in api.truth("tasks")} == {"as:1001", "bü-1003"}
    assert get(api, api.path("time_records", "ws/1002")).status_code == 404
    counts = api.counts()
    assert (counts["projects"], counts["tasks"]) == (2, 16)


def test_a_new_project_is_empty_until_something_is_added(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(projects=1)
    api.add("projects", {"id": "new"})
    assert rows(api, "tasks", "new") == []
    api.add("tasks", {"id": "t"}, parent="new")
    assert rows(api, "tasks", "new") == [{"id": "t"}]
    assert api.truth("tasks")[-1] == {"id": "t", "project_id": "new"}
    assert api.counts()["tasks"] == 9


def test_a_project_that_comes_back_is_empty(sandbox: SandboxFactory) -> None:
    api = sandbox(projects=1)
    api.delete("projects", "as:1001")
    api.add("projects", {"id": "as:1001"})
    assert rows(api, "tasks", "as:1001") == []


def test_an_id_may_be_there_twice(sandbox: SandboxFactory) -> None:
    api = sandbox(projects=2)
    api.add("projects", api.truth("projects")[0])
    api.add("clients", api.truth("clients")[0])
    assert [row["id"] for row in rows(api, "projects")].count("as:1001") == 2
    assert api.counts()["tasks"] == len(api.truth("tasks")) == 16
    assert api.counts()["clients"] == 13


@pytest.mark.parametrize("identifier", [12, 2**63, None, "", {"a": 1}])
def test_ids_may_be_of_any_kind(sandbox: SandboxFactory, identifier: Any) -> None:
    api = sandbox(clients=0)
    api.add("clients", {"id": identifier})
    assert rows(api, "clients") == [{"id": identifier}]


def test_a_number_as_id_is_found_by_its_digits(sandbox: SandboxFactory) -> None:
    api = sandbox(projects=0)
    api.add("projects", {"id": 12})
    assert rows(api, "tasks", "12") == []
    api.delete("projects", "12")
    assert rows(api, "projects") == []


def test_what_is_not_there_is_an_error(sandbox: SandboxFactory) -> None:
    api = sandbox()
    with pytest.raises(UnknownRecordError, match="no record 'x' in clients"):
        api.delete("clients", "x")
    with pytest.raises(UnknownRecordError, match="no project 'x'"):
        api.add("tasks", {"id": "1"}, parent="x")
    with pytest.raises(UnknownRecordError, match="no stream 'invoices'"):
        api.truth("invoices")
    with pytest.raises(UnknownRecordError, match="no stream 'tasks' of project None"):
        api.add("tasks", {"id": "1"})
    with pytest.raises(ValueError, match="a project keeps its id"):
        api.change("projects", "as:1001", {"id": "other"})


def test_everything_can_be_read_over_http(sandbox: SandboxFactory) -> None:
    api = sandbox(projects=3)
    get(api, "/v1/clients")
    assert control(api, "GET", "stats") == asdict(api.stats())
    logged = control(api, "GET", "requests")
    assert [entry["path"] for entry in logged] == ["/v1/clients"]
    assert control(api, "GET", "counts") == api.counts()
    for stream in api.counts():
        assert control(api, "GET", f"truth/{stream}") == api.truth(stream)


def test_everything_can_be_changed_over_http(sandbox: SandboxFactory) -> None:
    api = sandbox(projects=2)
    record = {"id": "new", "name": "ü"}
    edit = {"op": "add", "stream": "tasks", "parent": "as:1001", "record": record}
    control(api, "POST", "edits", edit)
    assert rows(api, "tasks", "as:1001")[-1] == record
    edit = {"op": "change", "stream": "tasks", "id": "new", "record": {"name": None}}
    control(api, "POST", "edits", edit)
    assert rows(api, "tasks", "as:1001")[-1] == {"id": "new", "name": None}
    control(api, "POST", "edits", {"op": "delete", "stream": "tasks", "id": "new"})
    assert api.counts()["tasks"] == 16
    api.reset()
    rule = {"path": "/v1/clients", "status": 503, "headers": {"Retry-After": "1"}}
    control(api, "POST", "faults", {**rule, "times": 1})
    assert get(api, "/v1/clients").headers["Retry-After"] == "1"
    assert control(api, "GET", "faults")[0]["seen"] == 1
    control(api, "DELETE", "faults")
    assert control(api, "GET", "faults") == []
    control(api, "POST", "reset")
    assert api.stats().requests == 0


def test_the_control_path_lists_its_operations(sandbox: SandboxFactory) -> None:
    listed = control(sandbox(), "GET", "")
    assert listed["GET /_sandbox/counts"] == "Counts the records of each stream."
    assert "POST /_sandbox/faults" in listed


@pytest.mark.parametrize(
    ("operation", "body", "status", "message"),
    [
        ("edits", {"op": "burn", "stream": "tasks"}, 400, "Invalid enum value 'burn'"),
        ("edits", {"op": "delete", "stream": "clients"}, 404, "no record ''"),
        ("accounts/1/edits", {"op": "delete", "stream": "users"}, 404, "no account 1"),
        ("faults", {"kind": "flood"}, 400, "unknown fault kind 'flood'"),
        ("faults", {"times": "two"}, 400, "Expected `int | null`, got `str`"),
        ("nothing", None, 404, "There is no such control."),
        ("reset/nothing", None, 404, "There is no such control."),
    ],
)
def test_a_mistake_over_http_is_explained(
    sandbox: SandboxFactory,
    operation: str,
    body: Any,
    status: int,
    message: str,
) -> None:
    url = f"{sandbox().url}/_sandbox/{operation}"
    response = requests.post(url, json=body, timeout=TIMEOUT)
    assert response.status_code == status
    assert message in response.json()["error"]["message"]


def test_the_control_path_is_outside_of_limits_faults_and_counts(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(rate_limit=(1, 60), faults=1, path_prefix="")
    api.fault(kind="500")
    for _ in range(3):
        assert control(api, "GET", "stats")["requests"] == 0


def test_several_sandboxes_know_nothing_of_each_other(sandbox: SandboxFactory) -> None:
    one, other = sandbox(clients=1), sandbox(clients=2)
    assert one.url != other.url
    assert (len(rows(one, "clients")), len(rows(other, "clients"))) == (1, 2)
    assert one.stats().requests == 1


def test_counts_and_truth_are_there_after_the_server_has_stopped() -> None:
    with Sandbox(SandboxOptions(clients=3)) as api:
        get(api, "/v1/clients")
    assert api.stats().requests == 1
    assert len(api.truth("clients")) == 3
    with pytest.raises(requests.ConnectionError):
        get(api, "/v1/clients")


def test_a_stop_waits_for_nobody() -> None:
    with Sandbox() as api, ThreadPoolExecutor(1) as pool:
        api.fault(kind="hang")
        hanging = pool.submit(get, api, "/v1/clients", timeout=60)
        while not api.requests():
            pass
        api.stop()
        assert isinstance(hanging.exception(), requests.ConnectionError)


def test_no_connection_is_left_open_that_comes_while_the_server_stops() -> None:
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always", ResourceWarning)
        for number in range(20):
            with ExitStack() as clients, Sandbox() as api:
                url = urlsplit(api.url)
                for _ in range(number % 5):
                    connection = socket.create_connection((url.hostname, url.port))
                    clients.enter_context(connection)
        gc.collect()
    assert [str(one.message) for one in left] == []


def test_a_port_in_use_is_an_error(sandbox: SandboxFactory) -> None:
    port = int(sandbox().url.rpartition(":")[2])
    with pytest.raises(OSError, match="Address already in use"):
        sandbox(port=port)


def test_edits_and_requests_may_come_from_many_threads(sandbox: SandboxFactory) -> None:
    api = sandbox(clients=0)

    def work(number: int) -> None:
        api.add("clients", {"id": str(number)})
        rows(api, "clients")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(100)))
    assert sorted(map(int, ids(api, "clients"))) == list(range(100))


def test_all_data_can_be_made_at_the_start(sandbox: SandboxFactory) -> None:
    assert sandbox(eager=True).truth("tasks") == sandbox().truth("tasks")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": "192.0.2.1"}, "host must be a loopback address, not '192.0.2.1'"),
        ({"host": "example.com"}, "host must be a loopback address"),
        ({"port": 70_000}, "port must be between 0 and 65535"),
        ({"api_key": ""}, "api_key must not be empty"),
        ({"path_prefix": "v1"}, "path_prefix must start with a slash: 'v1'"),
        ({"path_prefix": "/v1/"}, "path_prefix must not end with a slash"),
        ({"tasks": -1}, "tasks must not be negative"),
        ({"pagination": "pages"}, "pagination must be one of none, link"),
        ({"envelope": ""}, "envelope must be like data"),
        ({"envelope": "none", "pagination": "cursor"}, "cursor needs an envelope"),
        ({"envelope": "none", "pagination": "next_url"}, "next_url needs an envelope"),
        ({"page_size": 0}, "page_size must be at least 1"),
        ({"totals": ("pages",)}, "totals has 'pages'; known are page,"),
        ({"rate_limit": (0, 10)}, "rate_limit must be at least one request"),
        ({"rate_limit": (20, 0)}, "rate_limit must be at least one request"),
        ({"latency": -1}, "latency must be some seconds"),
        ({"latency": float("nan")}, "latency must be some seconds"),
        ({"faults": 1.5}, "faults must be between 0 and 1"),
        ({"faults": 0.5, "fault_kinds": ()}, "fault_kinds must not be empty"),
        ({"fault_kinds": ("flood",)}, "fault_kinds has 'flood'; known are 401,"),
        ({"faults_in_a_row": -1}, "faults_in_a_row must not be negative"),
        ({"accounts": -1}, "accounts must not be negative"),
        ({"host_rate_limit": (0, 1)}, "host_rate_limit must be at least one request"),
        ({"total_headers": ("pages",)}, "total_headers has 'pages'; known are page,"),
        ({"limit_headers": ("soon",)}, "limit_headers has 'soon'; known are retry-"),
        ({"ignores_pages": ("hours",)}, "ignores_pages has 'hours'; known are proj"),
        ({"empty_list": "none"}, "empty_list must be one of list, array, null, 204"),
        ({"charset": "klingon"}, "charset: Python knows none that is called 'klingon'"),
        ({"short_pages": True, "page_size": 1}, "short_pages needs a page_size of at"),
        ({"envelope": "data.*.node"}, "envelope must be like data"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        SandboxOptions(**options)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_any_loopback_address_will_do(sandbox: SandboxFactory, host: str) -> None:
    assert rows(sandbox(host=host), "clients")


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Server'"):
        tap_analytics.sandbox.Server  # noqa: B018 - the access is the point
