"""The API that the sandbox speaks."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import pytest
import requests

from tap_analytics.sandbox.data import CHILD_STREAMS, STREAMS
from tests.helpers.sandbox_client import TIMEOUT, get, rows
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from tests.conftest import SandboxFactory


def test_every_stream_is_served_completely_and_in_order(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(projects=8)
    for stream in set(STREAMS) - set(CHILD_STREAMS):
        assert rows(api, stream) == api.truth(stream)
    for stream in CHILD_STREAMS:
        served = [
            {**record, "project_id": project["id"]}
            for project in api.truth("projects")
            for record in rows(api, stream, project["id"])
        ]
        assert served == api.truth(stream)


def test_the_paths_are_those_of_the_api(sandbox: SandboxFactory) -> None:
    api = sandbox()
    assert {stream: api.path(stream, "a/b") for stream in STREAMS} == {
        "projects": "/v1/projects",
        "tasks": "/v1/projects/a%2Fb/tasks",
        "time_records": "/v1/projects/a%2Fb/time",
        "clients": "/v1/clients",
        "time": "/v1/team/time",
        "users": "/v1/team/users",
    }


def test_decimals_arrive_digit_by_digit(sandbox: SandboxFactory) -> None:
    api = sandbox(clients=0)
    api.add("clients", {"id": "1", "rate": 1})
    body = b'{"data":[{"id":"2","rate":12.10,"share":0.12345678901234567890}]}'
    requests.post(
        f"{api.url}/_sandbox/edits",
        data=b'{"op":"add","stream":"clients","record":%b}'
        % body.removeprefix(b'{"data":[').removesuffix(b"]}"),
        timeout=TIMEOUT,
    )
    api.delete("clients", "1")
    assert get(api, "/v1/clients").content == body


def test_an_id_may_be_sent_encoded_or_as_it_is_where_that_is_allowed(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(projects=8)
    assert get(api, "/v1/projects/as:1001/tasks").ok
    assert get(api, "/v1/projects/as%3A1001/tasks").ok
    assert get(api, "/v1/projects/ws%2F1002/tasks").ok
    assert get(api, "/v1/projects/ws/1002/tasks").status_code == 404


def test_a_prefix_may_be_changed_or_left_out(sandbox: SandboxFactory) -> None:
    assert get(sandbox(path_prefix=""), "/projects").ok
    assert get(sandbox(path_prefix="/api/v2"), "/api/v2/team/users").ok
    assert get(sandbox(path_prefix="/api/v2"), "/v1/team/users").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v1/invoices",
        "/v1/projects/",
        "/v1/projects/as:1001",
        "/v1/projects/as:1001/hours",
        "/v2/projects",
    ],
)
def test_an_unknown_path_gets_404(sandbox: SandboxFactory, path: str) -> None:
    response = get(sandbox(), path)
    assert response.status_code == 404
    assert response.json()["error"]["message"] == "There is nothing at this path."


def test_an_unknown_project_gets_404(sandbox: SandboxFactory) -> None:
    response = get(sandbox(), "/v1/projects/gone/tasks")
    assert response.status_code == 404
    assert response.json()["error"]["message"] == "There is no such project."


@pytest.mark.parametrize("key", [None, "", "wrong", f"{KEY} ü"])
def test_a_missing_or_wrong_key_gets_401_and_is_not_repeated(
    sandbox: SandboxFactory, key: str | None
) -> None:
    api = sandbox()
    headers = {} if key is None else {"X-Api-Key": key.encode()}
    response = requests.get(f"{api.url}/v1/clients", headers=headers, timeout=TIMEOUT)
    assert response.status_code == 401
    assert response.json()["error"]["message"] == "The API key is missing or wrong."
    assert KEY not in response.text
    assert "wrong" not in response.text.replace("missing or wrong", "")


def test_the_key_and_its_header_may_be_chosen(sandbox: SandboxFactory) -> None:
    api = sandbox(api_key="s3cret", api_key_header="X-Token")
    assert get(api, "/v1/clients").ok
    headers = {"X-Api-Key": "s3cret"}
    refused = requests.get(f"{api.url}/v1/clients", headers=headers, timeout=TIMEOUT)
    assert refused.status_code == 401


def test_a_wrong_key_learns_nothing_about_projects(sandbox: SandboxFactory) -> None:
    url = f"{sandbox().url}/v1/projects/gone/tasks"
    assert requests.get(url, timeout=TIMEOUT).status_code == 401


def test_the_api_can_only_be_read(sandbox: SandboxFactory) -> None:
    api = sandbox()
    headers = {"X-Api-Key": KEY}
    response = requests.post(f"{api.url}/v1/clients", headers=headers, timeout=TIMEOUT)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"


def test_bodies_are_compressed_for_clients_that_accept_it(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(gzip=True)
    packed = get(api, "/v1/projects")
    assert packed.headers["Content-Encoding"] == "gzip"
    plain = get(api, "/v1/projects", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["Content-Length"]) < len(plain.content)


def test_a_connection_serves_many_requests(sandbox: SandboxFactory) -> None:
    api = sandbox(projects=3)
    with requests.Session() as session:
        session.headers["X-Api-Key"] = KEY
        for project in api.truth("projects"):
            path = api.path("tasks", project["id"])
            assert session.get(api.url + path, timeout=TIMEOUT).ok
    assert api.stats().connections == 1


def test_a_request_as_a_proxy_gets_it_is_served_too(sandbox: SandboxFactory) -> None:
    api = sandbox()
    response = requests.get(
        "http://api.example.test/v1/clients",
        headers={"X-Api-Key": KEY},
        proxies={"http": api.url},
        timeout=TIMEOUT,
    )
    assert response.ok
    assert api.stats().by_path == {"/v1/clients": 1}


def test_a_request_that_is_no_http_does_no_harm(sandbox: SandboxFactory) -> None:
    api = sandbox()
    port = urlsplit(api.url).port
    assert port is not None
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.0 400"
    assert get(api, "/v1/clients").ok


@pytest.mark.parametrize(
    ("envelope", "keys"),
    [("data", ["data"]), ("items", ["items"]), ("result.items", ["result", "items"])],
)
def test_records_stand_where_the_envelope_says(
    sandbox: SandboxFactory, envelope: str, keys: list[str]
) -> None:
    api = sandbox(clients=3, envelope=envelope)
    body = get(api, "/v1/clients").json()
    for key in keys:
        assert list(body) == [key]
        body = body[key]
    assert [record["id"] for record in body] == ["cl:1", "cl:2", "cl:3"]


def test_without_envelope_a_response_is_an_array(sandbox: SandboxFactory) -> None:
    api = sandbox(clients=2, envelope="none")
    body = get(api, "/v1/clients").json()
    assert [record["id"] for record in body] == ["cl:1", "cl:2"]


def test_each_record_may_have_a_wrapper(sandbox: SandboxFactory) -> None:
    api = sandbox(clients=2, envelope="edges[*].node")
    body = get(api, "/v1/clients").json()
    assert [edge["node"]["id"] for edge in body["edges"]] == ["cl:1", "cl:2"]


def test_records_may_be_an_object_by_their_ids(sandbox: SandboxFactory) -> None:
    api = sandbox(clients=2, envelope="result.data.*")
    data = get(api, "/v1/clients").json()["result"]["data"]
    assert data == {record["id"]: record for record in api.truth("clients")}
    nothing = sandbox(clients=0, envelope="data.*")
    assert get(nothing, "/v1/clients").json() == {"data": {}}


@pytest.mark.parametrize(
    ("form", "status", "body"),
    [
        ("array", 200, b'{"data":[]}'),
        ("null", 200, b'{"data":null}'),
        ("204", 204, b""),
    ],
)
def test_an_empty_list_may_look_otherwise(
    sandbox: SandboxFactory, form: str, status: int, body: bytes
) -> None:
    api = sandbox(clients=0, envelope="data.*", empty_list=form)
    response = get(api, "/v1/clients")
    assert (response.status_code, response.content) == (status, body)


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "utf-16"])
def test_a_body_may_have_another_charset(sandbox: SandboxFactory, charset: str) -> None:
    api = sandbox(charset=charset)
    response = get(api, api.path("tasks", "as:1001"))
    assert response.headers["Content-Type"] == f"application/json; charset={charset}"
    assert any("📷" in task["name"] for task in api.truth("tasks"))
    tasks = json.loads(response.content.decode(charset))["data"]
    assert tasks == rows(sandbox(), "tasks", "as:1001")


def test_each_path_may_be_redirected_to_one_with_a_slash(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(trailing_slash=True)
    response = get(api, "/v1/clients", {"limit": 1})
    assert response.status_code == 308
    assert response.headers["Location"] == "/v1/clients/?limit=1"
    assert get(api, "/v1/clients/").json()["data"] == api.truth("clients")


def test_an_empty_list_is_an_empty_array(sandbox: SandboxFactory) -> None:
    assert get(sandbox(clients=0), "/v1/clients").content == b'{"data":[]}'


def test_a_page_of_many_megabytes_arrives_whole(sandbox: SandboxFactory) -> None:
    api = sandbox(projects=1, tasks=20_000)
    response = get(api, api.path("tasks", "as:1001"))
    assert len(response.content) > 4_000_000
    assert len(response.json()["data"]) == 20_000


def test_every_project_id_finds_its_way_through_a_path(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(projects=0)
    for identifier in ("a/b", "..", "ü 東", "100%", "a?b#c", "x;y=z", "\t\n", "%2F"):
        api.add("projects", {"id": identifier})
        api.add("tasks", {"id": f"task of {identifier}"}, parent=identifier)
        if identifier != "..":  # which clients resolve before they ask
            path = f"/v1/projects/{quote(identifier, safe='')}/tasks"
            found = get(api, path).json()["data"]
            assert found == [{"id": f"task of {identifier}"}]
