"""One GET: what is asked, tried again and read, with requests counted."""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.api.answer_errors import Asker
from tap_analytics.errors import (
    ConfigError,
    FatalAPIError,
    RefusedError,
)
from tests.helpers.answering import answering
from tests.helpers.clients import (
    CLIENTS,
    LOGGER,
    client_of,
    failure,
    ids,
    new_run,
    worked,
)
from tests.helpers.keeping import answer_with, keeping
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tap_analytics.api.answer import Answer
    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

TRIES = 4
"""The first try, and the retries of the default."""


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(clients=2, projects=3)


# What is asked


def test_a_path_is_asked_for_below_the_prefix_with_its_parameters(
    api: Sandbox,
) -> None:
    client_of(api.url).get(CLIENTS, [("page", "2"), ("q", "a b&ü")])
    (request,) = api.requests()
    assert request.path == "/v1/clients"
    assert request.query == "page=2&q=a+b%26%C3%BC"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["User-Agent"].startswith("tap-analytics/")
    assert request.has_key


@pytest.mark.parametrize("prefix", ["", "/", "v1", "/v1/", "/größe/v1", "/a b"])
def test_a_prefix_may_be_written_in_many_ways(prefix: str) -> None:
    asked = []

    def respond(path: str) -> list[bytes]:
        asked.append(path)
        return [answer_with(b'{"data": []}')]

    with keeping(respond) as (url, _):
        client = client_of(url, path_prefix=prefix)
        client.get(CLIENTS)
    plain = prefix.strip("/").replace("ö", "%C3%B6").replace("ß", "%C3%9F")
    expected = f"/{plain}{CLIENTS}" if plain else CLIENTS
    assert asked == [expected.replace(" ", "%20")]
    assert client.url + CLIENTS == url + asked[0]


def test_a_user_agent_is_sent_as_it_is_set(api: Sandbox) -> None:
    client = client_of(api.url, user_agent="mine/1")
    client.get(CLIENTS)
    assert api.requests()[0].headers["User-Agent"] == "mine/1"


def test_the_whole_url_of_a_next_page_is_asked_for_as_it_is(api: Sandbox) -> None:
    client_of(api.url).get(f"{api.url}/v1/clients?page=2")
    client_of(api.url).get(f"{api.url}/v1/clients?page=2", [("limit", "7")])
    assert [request.query for request in api.requests()] == ["page=2", "page=2&limit=7"]


@pytest.mark.parametrize(
    "link",
    [
        "http://{other}/v1/clients",
        "http://{home}@{other}/v1/clients",
        "http://{other}\\@{home}/v1/clients",
        "https://{home}/v1/clients",
        "ftp://{home}/v1/clients",
    ],
)
def test_a_next_page_of_another_origin_is_not_asked_for(
    api: Sandbox, sandbox: SandboxFactory, link: str
) -> None:
    other = sandbox()
    url = link.format(other=other.url[7:], home=api.url[7:])
    error = failure(client_of(api.url), url)
    assert "a next-page link leads to" in str(error)
    assert "another origin than api_url" in str(error)
    assert api.requests() == other.requests() == []


def test_an_api_url_that_is_none_is_an_error_of_the_settings() -> None:
    with pytest.raises(ConfigError, match="is not the address of an API"):
        client_of("api.example.com")


def test_each_answer_is_told_with_the_stream_that_it_is_for(api: Sandbox) -> None:
    told: list[tuple[str, int]] = []
    client = client_of(api.url)

    def tell(stream: str, answer: Answer) -> None:
        told.append((stream, answer.status))

    client.on_answer = tell
    api.fault(status=503, times=1)
    client.get(CLIENTS, asker=Asker("clients"))
    assert told == [("clients", 503), ("clients", 200)]


def test_nothing_is_kept_of_a_request(api: Sandbox) -> None:
    client = worked(api)
    before = {name: repr(value) for name, value in vars(client).items()}
    for _ in range(3):
        client.get(CLIENTS)
    assert {name: repr(value) for name, value in vars(client).items()} == before


# Retries


@pytest.mark.parametrize(
    "status", [408, 425, 429, 500, 502, 503, 504, 520, 521, 529, 530, 598]
)
def test_a_failure_is_tried_again_until_it_is_over(api: Sandbox, status: int) -> None:
    run = new_run()
    api.fault(status=status, times=TRIES - 1)
    assert len(ids(client_of(api.url, run))) == 2
    assert len(api.requests()) == TRIES
    assert run.progress.requests == TRIES
    assert run.progress.retries == TRIES - 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset"},
        {"kind": "cut-off"},
        {"kind": "invalid-json"},
        {"kind": "broken-gzip"},
        {"kind": "html"},
        {"kind": "empty"},
        {"kind": "error-envelope"},
        {"body": '{"status": "error", "data": []}'},
        {"body": '{"code": 500, "data": []}'},
        {"status": 202, "body": '{"data": []}'},
        {"status": 206, "body": '{"data": []}'},
        {
            "status": 206,
            "body": '{"data": []}',
            "headers": {"Content-Range": "bytes 0-9/90"},
        },
    ],
)
def test_what_is_not_an_answer_is_tried_again_and_never_an_empty_list(
    api: Sandbox, fault: dict[str, Any]
) -> None:
    api.fault(**fault, times=TRIES - 1)
    assert len(ids(client_of(api.url))) == 2
    assert len(api.requests()) == TRIES


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_failure_for_ever_takes_so_many_requests_and_no_more(
    api: Sandbox, retries: int
) -> None:
    api.fault(status=503)
    error = failure(client_of(api.url, max_retries=retries))
    assert len(api.requests()) == retries + 1
    assert str(error) == (
        f"GET {api.url}/v1/clients answered 503 Service Unavailable. Given up after "
        f"{retries + 1} {'try' if retries == 0 else 'tries'}."
    )


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"kind": "reset"}, "Connection reset by peer. Check api_url"),
        ({"kind": "html"}, "path_prefix its path. Given up after 4 tries."),
        ({"kind": "error-envelope"}, "reports an error (success: False)"),
        ({"status": 202}, "answered 202 Accepted, which is not a whole answer"),
        ({"status": 429}, "answered 429 Too Many Requests. Given up after 4 tries."),
    ],
)
def test_the_last_failure_is_told_in_one_line(
    api: Sandbox, fault: dict[str, Any], says: str
) -> None:
    api.fault(**fault)
    line = str(failure(client_of(api.url)))
    assert line.startswith(f"GET {api.url}/v1/clients")
    assert says in line
    assert line.endswith("Given up after 4 tries.")
    assert "\n" not in line


@pytest.mark.parametrize("status", [400, 405, 406, 409, 422, 501, 505, 300])
def test_a_refusal_is_not_tried_again(api: Sandbox, status: int) -> None:
    api.fault(status=status, body="Why not")
    error = failure(client_of(api.url))
    assert isinstance(error, RefusedError)
    assert error.status == status
    assert "no retry will change that: 'Why not'." in str(error)
    assert len(api.requests()) == 1


def test_each_retry_is_warned_of(
    api: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    api.fault(status=503, times=2)
    client_of(api.url).get(CLIENTS)
    answered = f"GET {api.url}/v1/clients answered 503 Service Unavailable"
    assert caplog.messages == [
        f"{answered}; try 2 of 4 follows in 0.0 s",
        f"{answered}; try 3 of 4 follows in 0.0 s",
    ]
    assert {record.__dict__["kind"] for record in caplog.records} == {"retry"}


# Answers of other kinds


def test_204_is_an_empty_list_at_the_first_try(api: Sandbox) -> None:
    api.fault(status=204)
    assert client_of(api.url).get(CLIENTS).records == []
    assert len(api.requests()) == 1


@pytest.mark.parametrize(
    "content_range", ["items 0-0/130", "projects 0-0/*", "0-0/130"]
)
def test_206_is_a_page_where_its_range_counts_items(
    api: Sandbox, content_range: str
) -> None:
    body = '{"data": [{"id": "1"}]}'
    api.fault(status=206, body=body, headers={"Content-Range": content_range})
    assert ids(client_of(api.url)) == ["1"]
    assert len(api.requests()) == 1


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("iso-8859-1", "iso-8859-1"),
        ("ISO-8859-1", "iso-8859-1"),
        ("windows-1252", "windows-1252"),
        ("utf-16", "utf-16"),
        ("utf-16le", "utf-16-le"),
        ("UTF-16BE", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("shift_jis", "shift_jis"),
        ("utf-8", "utf-8-sig"),
        ("utf-8", "utf-8"),
        ("iso-8859-1", "utf-8"),
        ("utf-16", "utf-8"),
    ],
)
def test_a_body_is_read_in_the_charset_that_is_declared(
    charset: str, codec: str
) -> None:
    name = "ソ" if codec == "shift_jis" else "größe"
    body = json.dumps({"data": [{"id": name}]}, ensure_ascii=False).encode(codec)
    declared = f'Content-Type: application/json; charset="{charset}"'
    with answering(answer_with(body, declared)) as url:
        assert ids(client_of(url)) == [name]


@pytest.mark.parametrize(
    "charset", ["none-such", "rot13", "undefined", "idna", "utf-16", "a\\b", "%00"]
)
def test_a_charset_of_any_kind_makes_no_json_of_what_is_none(charset: str) -> None:
    body = b"\xffab" * 500 + b"x"
    answer = answer_with(body, f"Content-Type: text/plain; charset={charset}")
    with answering(answer) as url:
        line = str(failure(client_of(url, max_retries=0)))
    assert "with a body that is not JSON" in line
    assert len(line) < 1_000


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        (["Content-Type: application/xml"], "Content-Type 'application/xml'"),
        (["Content-Type: text/html; charset=utf-8"], "Content-Type 'text/html; ch"),
        ([f"Content-Type: {'x' * 9_000}"], "Content-Type 'xxxxx"),
    ],
)
def test_what_a_body_is_instead_of_json_is_named(headers: list[str], says: str) -> None:
    with answering(answer_with(b"<clients/>", *headers)) as url:
        line = str(failure(client_of(url, max_retries=0)))
    assert "with a body that is not JSON" in line
    assert says in line
    assert len(line) < 1_000


@pytest.mark.parametrize("encoding", ["br", "zstd"])
def test_an_encoding_that_was_not_asked_for_is_named(encoding: str) -> None:
    answer = answer_with(b"\x8b\x07\x80{}", f"Content-Encoding: {encoding}")
    with answering(answer) as url:
        line = str(failure(client_of(url, max_retries=0)))
    # Where the package for it is installed, it is undone.
    is_named = f"Content-Encoding '{encoding}'" in line
    assert is_named or "the answer can't be decompressed" in line


def test_a_body_that_can_not_be_unpacked_is_told_in_one_line() -> None:
    with answering(answer_with(b"{}", "Content-Encoding: gzip")) as url:
        line = str(failure(client_of(url, max_retries=0)))
    assert "the answer can't be decompressed (" in line


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_compressed_answers_are_asked_for_and_read(
    encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    body = pack(b'{"data": [{"id": "1"}]}')
    with answering(answer_with(body, f"Content-Encoding: {encoding}")) as url:
        assert ids(client_of(url)) == ["1"]


def test_the_key_is_in_no_line(api: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, LOGGER)
    api.fault(status=503, body=f"Your key {KEY}", times=1)
    api.fault(status=400, body=f"Your key {KEY}", times=1)
    line = str(failure(client_of(api.url)))
    assert KEY not in line + caplog.text
    assert "'Your key ***'" in line


def test_a_file_of_authorities_that_is_missing_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/authorities.pem")
    line = str(failure(client_of("https://127.0.0.1:9")))
    assert "/nowhere/authorities.pem. Check REQUESTS_CA_BUNDLE" in line


def test_a_file_of_authorities_that_holds_none_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sandbox: SandboxFactory
) -> None:
    (tmp_path / "none.pem").write_text("nothing")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    line = str(failure(client_of(f"https{sandbox().url[4:]}", max_retries=0)))
    assert line.startswith("GET https://")


# Many threads


def test_many_threads_share_one_client(api: Sandbox) -> None:
    run = new_run()
    client = client_of(api.url, run)
    projects = [row["id"] for row in api.truth("projects")]
    paths = [api.path("tasks", one).removeprefix("/v1") for one in projects] * 40
    expected = {path: ids(client_of(api.url), path) for path in set(paths)}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda path: (path, ids(client, path)), paths))
    assert all(expected[path] == answer for path, answer in answers)
    assert run.progress.requests == len(paths)


def test_connections_are_kept_and_no_more_than_the_concurrency(
    api: Sandbox,
) -> None:
    client = client_of(api.url, concurrency=3)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: client.get(CLIENTS), range(60)))
    assert api.stats().connections <= 3


def test_who_is_not_there_is_told_in_one_line() -> None:
    error = failure(client_of("http://127.0.0.1:9", max_retries=0))
    assert isinstance(error, FatalAPIError)
    assert str(error) == (
        "GET http://127.0.0.1:9/v1/clients: Connection refused. Check api_url, and "
        "that the API can be reached from here. Given up after 1 try."
    )
