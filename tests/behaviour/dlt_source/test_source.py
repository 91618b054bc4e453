"""The dlt source: the rows of the tap, with its settings and its failures."""

from __future__ import annotations

import gzip
import importlib
import inspect
import json
import ssl
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import duckdb
import pytest

from tap_analytics import sandbox as sandboxes
from tap_analytics.dlt_source import SINGER_ONLY, analytics_source
from tap_analytics.errors import ConfigError
from tap_analytics.presets import PRESET_SETTINGS
from tap_analytics.settings import DEFAULTS, SCHEMA
from tests.behaviour.dlt_source.conftest import SMALL
from tests.helpers.answering import answering
from tests.helpers.dlt_loading import as_loaded, source
from tests.helpers.running import STREAMS, Outcome, run_tap, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory
    from tests.helpers.dlt_loading import Warehouse

STYLES = ("none", "link", "next_url", "cursor", "page", "offset")


def tap_of(api: Sandbox, folder: Path, **config: Any) -> Outcome:
    outcome = run_tap(settings(api, **config), folder=folder)
    assert outcome.status == 0, outcome.err
    return outcome


# The same rows as the tap's


@pytest.mark.parametrize("rows", ["dicts", "arrow"])
@pytest.mark.parametrize("setting", ["auto", "as the API does"])
@pytest.mark.parametrize("style", STYLES)
def test_every_row_is_the_one_that_the_tap_writes(
    sandbox: SandboxFactory,
    tmp_path: Path,
    duck: Warehouse,
    style: str,
    setting: str,
    rows: str,
) -> None:
    totals = ("offset", "limit", "total") if style == "offset" else ("page", "total")
    api = sandbox(**SMALL, team_time=7, pagination=style, page_size=2, totals=totals)
    pagination = style if setting != "auto" else setting
    tap = tap_of(api, tmp_path, pagination=pagination)
    duck.load(api, pagination=pagination, rows=rows)
    for stream in STREAMS:
        assert duck.rows(stream) == as_loaded(tap.records(stream))
    assert duck.agrees_with(api)


@pytest.mark.parametrize(
    "identifier", ["as:123", "a/b", "ü", "a b?c#d%25", "{x}", "..x"]
)
def test_a_project_id_may_hold_any_character(
    api: Sandbox, duck: Warehouse, identifier: str
) -> None:
    api.add("projects", {"id": identifier})
    api.add("tasks", {"id": "its task"}, parent=identifier)
    duck.load(api, "tasks")
    (task,) = (row for row in duck.rows("tasks") if row["id"] == "its task")
    assert task["project_id"] == identifier


@pytest.mark.parametrize(
    ("sent", "identifier"), [("12.0", "12"), ("12.50", "12.50"), ('"12.0"', "12.0")]
)
def test_a_project_id_is_the_same_in_its_row_in_the_path_and_below(
    api: Sandbox, sent: str, identifier: str
) -> None:
    api.fault("/v1/projects", status=200, body=f'{{"data":[{{"id":{sent}}}]}}')
    path = f"/v1/projects/{identifier}/tasks"
    api.fault(path, status=200, body='{"data":[{"id":"x"}]}')
    read = [*source(api).with_resources("projects", "tasks")]
    ids = [row.get("project_id", row["id"]) for row in read]
    assert ids == [identifier] * 2


@pytest.mark.parametrize("rows", ["dicts", "arrow"])
def test_values_are_made_to_fit_as_by_the_tap(
    api: Sandbox, tmp_path: Path, duck: Warehouse, rows: str
) -> None:
    for number, created in enumerate(
        ["2024-05-06 07:08:09", 1714979289, 1714979289123, "yesterday", True, None]
    ):
        api.add("clients", {"id": number, "createdAt": created, "name": ["no", "text"]})
    api.add("clients", {"id": Decimal("1.10"), "createdAt": Decimal("0.123456")})
    tap = tap_of(api, tmp_path)
    duck.load(api, "clients", rows=rows)
    assert duck.rows("clients") == as_loaded(tap.records("clients"))


def test_undeclared_fields_can_become_columns(api: Sandbox, duck: Warehouse) -> None:
    api.add("clients", {"id": "new", "createdAt": "soon", "vip": True, "address": {}})
    duck.load(api, "clients", undeclared_fields="infer")
    rows = {row["id"]: row for row in duck.rows("clients")}
    for record in api.truth("clients"):
        row = rows[record["id"]]
        assert row["vip"] == record["vip"]
        assert json.loads(row["address"]) == record["address"]
        misfits = {"createdAt": "soon"} if record["id"] == "new" else None
        assert row["additional_fields"] == misfits


def test_undeclared_fields_can_be_ignored(api: Sandbox, duck: Warehouse) -> None:
    duck.load(api, "users", undeclared_fields="ignore")
    columns = {"id", "name", "created_at", "status", "additional_fields"}
    for row in duck.rows("users"):
        assert row.keys() <= columns
        assert row.get("additional_fields") is None


def test_a_second_run_leaves_the_same_tables(api: Sandbox, duck: Warehouse) -> None:
    duck.load(api)
    before = {stream: duck.rows(stream) for stream in STREAMS}
    duck.load(api)
    assert {stream: duck.rows(stream) for stream in STREAMS} == before


def test_a_changed_record_replaces_its_row(api: Sandbox, duck: Warehouse) -> None:
    duck.load(api, "users")
    changed = api.truth("users")[0]["id"]
    api.change("users", changed, {"name": "Renamed"})
    duck.load(api, "users")
    names = [r["name"] for r in duck.rows("users") if r["id"] == changed]
    assert names == ["Renamed"]


def test_a_replacing_run_drops_rows_that_are_gone(
    api: Sandbox, duck: Warehouse
) -> None:
    duck.load(api)
    api.delete("projects", api.truth("projects")[0]["id"])
    duck.pipeline.run(source(api), write_disposition="replace")
    assert {stream: len(duck.rows(stream)) for stream in STREAMS} == api.counts()


def test_children_alone_read_their_parents_without_loading_them(
    api: Sandbox, duck: Warehouse
) -> None:
    duck.load(api, "tasks")
    assert len(duck.rows("tasks")) == api.counts()["tasks"]
    assert set(duck.pipeline.default_schema.data_table_names()) == {"tasks"}
    assert api.stats().requests == 1 + SMALL["projects"]


def test_the_resources_are_the_streams(api: Sandbox) -> None:
    assert sorted(source(api).resources) == sorted(STREAMS)


def test_nothing_is_asked_for_twice(api: Sandbox, duck: Warehouse) -> None:
    duck.load(api)
    assert set(api.stats().by_path.values()) == {1}


def test_a_page_that_is_sent_again_is_read_once(api: Sandbox) -> None:
    clients = source(api, pagination="page").with_resources("clients")
    assert [row["id"] for row in clients] == [r["id"] for r in api.truth("clients")]


@pytest.mark.parametrize("rows", ["dicts", "arrow"])
def test_lists_whose_end_was_believed_are_looked_at_again(
    sandbox: SandboxFactory, duck: Warehouse, rows: str
) -> None:
    """Both those below a project and those that stand alone."""
    sizes: dict[str, Any] = {"projects": 3, "tasks": 25, "users": 25, "page_size": 10}
    api = sandbox(**SMALL | sizes, pagination="page", first_page=0)
    styles = {"pagination_by_stream": {"users": "page", "tasks": "page"}}
    duck.load(api, "users", "tasks", deletions=True, rows=rows, **styles)
    assert duck.ids("users") == sorted(row["id"] for row in api.truth("users"))
    assert duck.ids("tasks") == sorted(row["id"] for row in api.truth("tasks"))


def test_a_page_size_may_differ_by_stream(sandbox: SandboxFactory) -> None:
    api = sandbox(pagination="link", clients=5, users=3)
    sizes = {"users": 2}
    both = source(api, page_size=3, page_size_by_stream=sizes)
    assert len(list(both.with_resources("clients", "users"))) == 8
    assert api.stats().by_target == {
        "/v1/clients?limit=3": 1,
        "/v1/clients?limit=3&page=2": 1,
        "/v1/team/users?limit=2": 1,
        "/v1/team/users?limit=2&page=2": 1,
    }


def test_a_resource_can_be_read_again(sandbox: SandboxFactory) -> None:
    clients = source(sandbox(pagination="page", page_size=5)).clients
    assert list(clients) == list(clients)


def test_children_are_read_side_by_side(
    sandbox: SandboxFactory, duck: Warehouse
) -> None:
    api = sandbox(**SMALL, latency=0.05)
    duck.load(api)
    assert api.stats().peak_concurrency > 1


@pytest.mark.parametrize(
    ("envelope", "selector"),
    [("none", "$"), ("result.items", "result.items"), ("data[*].node", "data[*].node")],
)
@pytest.mark.parametrize("clients", [0, 1, 2])
def test_records_are_found_where_the_selector_says(
    sandbox: SandboxFactory, envelope: str, selector: str, clients: int
) -> None:
    api = sandbox(clients=clients, envelope=envelope)
    rows = list(source(api, data_selector=selector).with_resources("clients"))
    assert [row["id"] for row in rows] == [r["id"] for r in api.truth("clients")]


def test_dlt_warns_of_nothing(
    api: Sandbox, duck: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    duck.load(api)
    assert not caplog.records


# Settings


def test_a_key_in_secrets_toml_is_enough(api: Sandbox, tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    key, url = api.options.api_key, api.url
    (tmp_path / ".dlt/secrets.toml").write_text(f"[sources.analytics]\napi_key='{key}'")
    (tmp_path / ".dlt/config.toml").write_text(f"[sources.analytics]\napi_url='{url}'")
    script = tmp_path / "load.py"
    script.write_text(
        "import dlt\n"
        "from tap_analytics.dlt_source import analytics_source\n"
        "pipeline = dlt.pipeline('mine', destination='duckdb', pipelines_dir='.')\n"
        "pipeline.run(analytics_source())\n"
    )
    run = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, check=True
    )
    assert run.stdout + run.stderr == b""
    with duckdb.connect(str(tmp_path / "mine.duckdb")) as database:
        for stream, count in api.counts().items():
            assert len(database.table(f"mine_dataset.{stream}").fetchall()) == count


def test_settings_come_from_the_environment(
    api: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__ANALYTICS__API_KEY", api.options.api_key)
    monkeypatch.setenv("SOURCES__ANALYTICS__API_URL", api.url)
    monkeypatch.setenv("SOURCES__ANALYTICS__PAGE_SIZE_BY_STREAM", '{"users": 5}')
    assert len(list(analytics_source().with_resources("users"))) == SMALL["users"]
    assert [request.query for request in api.requests()] == ["limit=5"]


def test_its_arguments_are_the_settings_of_the_tap_with_the_same_defaults() -> None:
    arguments = dict(inspect.signature(analytics_source).parameters)
    own = {name: arguments.pop(name).default for name in ("rows", "deletions")}
    assert own == {"rows": "dicts", "deletions": False}
    assert arguments.keys() == SCHEMA["properties"].keys() - SINGER_ONLY
    for name, argument in arguments.items():
        # Only a default that is not given leaves room for a preset's.
        default = None if name in PRESET_SETTINGS else DEFAULTS.get(name)
        assert name == "api_key" or argument.default == default


def test_a_preset_stands_for_the_settings_that_are_not_given(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(**sandboxes.PRESETS["everhour"] | {"rate_limit": None}, **SMALL)
    key = api.options.api_key
    loaded = analytics_source(
        key, preset="everhour", api_url=api.url, rate_limit_requests=1_000
    )
    rows = {name: len(list(loaded.with_resources(name))) for name in STREAMS}
    assert rows == api.counts()
    limits = {
        request.path.rpartition("/")[2]: parse_qs(request.query).get("limit")
        for request in api.requests()
    }
    assert limits["tasks"] == ["250"]
    assert limits["users"] is None


def test_a_preset_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="preset must be 'everhour', not 'everhoer'"):
        analytics_source(preset="everhoer", api_key="k")


@pytest.mark.parametrize(
    ("setting", "value", "must"),
    [
        ("max_retries", -1, "be a whole number of at least 0, not -1"),
        ("api_url", "foo", "begin with http:// or https://, not 'foo'"),
        ("pagination", "pages", "be 'auto', 'none', 'link', "),
    ],
)
def test_an_argument_that_is_not_valid_is_explained_in_plain_words(
    setting: str, value: Any, must: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        analytics_source(**{"api_key": "k", setting: value})
    assert str(caught.value).startswith(f"{setting} must {must}")


def test_a_stream_that_only_an_argument_knows_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    analytics_source(api_key="k", page_size_by_stream={"tims": 5})
    (warning,) = caplog.messages
    assert warning == (
        "There is no stream 'tims', which page_size_by_stream names: it is ignored. "
        "Did you mean 'time'?"
    )


def test_a_key_header_and_prefix_of_ones_own(sandbox: SandboxFactory) -> None:
    api = sandbox(api_key_header="X-Token", path_prefix="/api/rest")
    config = {"api_key_header": "X-Token", "path_prefix": "api/rest/"}
    assert list(source(api, **config).with_resources("clients"))


def test_no_prefix(sandbox: SandboxFactory) -> None:
    api = sandbox(path_prefix="")
    assert list(source(api, path_prefix="").with_resources("clients"))


def test_the_user_agent_names_the_package(api: Sandbox) -> None:
    list(source(api).with_resources("clients"))
    assert api.requests()[0].headers["User-Agent"].startswith("tap-analytics/0.")


def test_without_dlt_an_import_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "dlt", None)
    monkeypatch.delitem(sys.modules, "tap_analytics.dlt_source")
    with pytest.raises(ModuleNotFoundError) as failure:
        importlib.import_module("tap_analytics.dlt_source")
    needs = "analytics_source needs dlt: pip install 'tap-analytics[dlt]'"
    assert str(failure.value) == needs


# Failures


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_at_once(
    api: Sandbox, duck: Warehouse, status: int
) -> None:
    api.fault("/v1/clients", status=status)
    error = duck.error(api)
    assert f"GET {api.url}/v1/clients answered {status}" in error
    assert "The API key was refused" in error
    assert "api_key_header (X-Api-Key)" in error
    assert api.stats().by_path == {"/v1/clients": 1}


def test_a_wrong_prefix_is_named(api: Sandbox, duck: Warehouse) -> None:
    error = duck.error(api, path_prefix="/v2")
    assert f"{api.url}/v2/clients answered 404 Not Found" in error
    assert "path_prefix" in error


@pytest.mark.parametrize("status", [404, 410])
def test_a_project_that_vanished_has_no_rows_and_a_warning(
    api: Sandbox, duck: Warehouse, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    gone = api.truth("projects")[1]["id"]
    api.fault(api.path("tasks", parent=gone), status=status)
    duck.load(api)
    kept = {record["id"] for record in api.truth("projects")} - {gone}
    assert {row["project_id"] for row in duck.rows("tasks")} == kept
    (warning,) = caplog.messages
    assert api.path("tasks", parent=gone) in warning


def test_a_selector_that_finds_nothing_is_answered_with_a_proposal(
    api: Sandbox, duck: Warehouse
) -> None:
    error = duck.error(api, data_selector="items")
    assert "has the keys data: set data_selector to 'data'" in error


@pytest.mark.parametrize("kind", ["429", "503", "reset", "cut-off", "invalid-json"])
def test_a_request_that_fails_three_times_succeeds_at_the_fourth(
    api: Sandbox, kind: str
) -> None:
    api.fault("/v1/clients", kind, times=3)
    assert len(list(source(api).with_resources("clients"))) == SMALL["clients"]
    assert api.stats().requests == 4


@pytest.mark.parametrize(("retries", "requests"), [(0, 1), (3, 4)])
def test_retries_are_used_up(
    api: Sandbox, duck: Warehouse, retries: int, requests: int
) -> None:
    api.fault("/v1/clients", "503")
    error = duck.error(api, max_retries=retries)
    assert "503" in error
    assert f"{api.url}/v1/clients" in error
    assert api.stats().by_path["/v1/clients"] == requests


def test_retry_after_is_kept_where_it_is_longer_than_the_backoff(api: Sandbox) -> None:
    api.fault("/v1/clients", status=429, headers={"Retry-After": "1"}, times=1)
    list(source(api).with_resources("clients"))
    first, second = api.requests()
    assert second.at - first.at >= 1


def test_a_failing_child_stops_the_run(api: Sandbox, duck: Warehouse) -> None:
    project = api.truth("projects")[1]["id"]
    api.fault(api.path("time_records", parent=project), kind="500")
    assert api.path("time_records", parent=project) in duck.error(api)


def test_retry_after_holds_all_requests(
    sandbox: SandboxFactory, duck: Warehouse
) -> None:
    api = sandbox(**{**SMALL, "projects": 8}, latency=0.02)
    project = api.path("tasks", parent=api.truth("projects")[0]["id"])
    api.fault(project, status=429, headers={"Retry-After": "1"}, times=1)
    duck.load(api, "tasks")
    refused, *_ = (request.at for request in api.requests() if request.status == 429)
    assert sum(request.at > refused + 1 for request in api.requests()) > 1


def test_a_rate_limit_is_kept(api: Sandbox, duck: Warehouse) -> None:
    duck.load(api, rate_limit_requests=5, rate_limit_seconds=1.5)
    assert api.stats().rate_window == 1
    assert api.stats().peak_rate <= 5


def test_a_record_without_an_id_names_stream_and_parent(
    api: Sandbox, duck: Warehouse
) -> None:
    project = api.truth("projects")[0]["id"]
    api.fault(api.path("tasks", parent=project), status=200, body='{"data":[{"a":1}]}')
    error = duck.error(api)
    assert f"stream 'tasks', project_id \"{project}\"" in error
    assert "without 'id'" in error


def test_a_project_id_that_leads_elsewhere_stops_the_run(
    api: Sandbox, duck: Warehouse
) -> None:
    api.add("projects", {"id": ".."})
    assert "'..' can't stand in a URL" in duck.error(api)


# The key


def test_a_redirect_to_another_origin_is_not_followed(
    api: Sandbox, sandbox: SandboxFactory, duck: Warehouse
) -> None:
    other = sandbox()
    there = {"Location": f"{other.url}/v1/clients"}
    api.fault("/v1/clients", status=302, headers=there)
    assert f"leads to {other.url}" in duck.error(api)
    assert other.stats().requests == 0


def test_a_next_page_of_another_origin_is_not_asked_for(
    api: Sandbox, sandbox: SandboxFactory, duck: Warehouse
) -> None:
    other = sandbox()
    body = json.dumps({"data": [{"id": "a"}], "next": f"{other.url}/v1/clients"})
    api.fault("/v1/clients", status=200, body=body)
    assert f"leads to {other.url}" in duck.error(api)
    assert other.stats().requests == 0


def test_a_redirect_within_the_api_is_followed_with_the_key(api: Sandbox) -> None:
    api.fault("/v1/clients", status=302, headers={"Location": "/v1/team/users"})
    rows = list(source(api).with_resources("clients"))
    assert [row["id"] for row in rows] == [r["id"] for r in api.truth("users")]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *(("api_key", "s3cr3t\n"), ("api_key", "a s3cr3t"), ("api_key", "s3cr3tü")),
        *(("api_key_header", "X: s3cr3t\r\nY"), ("api_key_header", "Host")),
        *(("user_agent", "s3cr3t\n"), ("api_url", "http://me:s3cr3t@h")),
    ],
)
def test_a_setting_that_no_header_can_have_is_named_and_not_shown(
    setting: str, value: str
) -> None:
    settings: dict[str, Any] = {"api_key": "key", setting: value}
    with pytest.raises(ConfigError) as caught:
        analytics_source(**settings)
    assert setting in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_a_certificate_that_the_environment_vouches_for_is_taken(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    body = b'{"data":[{"id":"a"}]}'
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    with answering(head % len(body) + body, tls=context) as url:
        for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        settings: dict[str, Any] = {"api_key": "key", "api_url": url}
        (row,) = analytics_source(**settings).with_resources("users")
    assert row["id"] == "a"


def test_the_key_is_in_no_file_log_or_error(
    sandbox: SandboxFactory,
    tmp_path: Path,
    duck: Warehouse,
    caplog: pytest.LogCaptureFixture,
) -> None:
    key = "s3cr3t-key-of-the-source"
    api = sandbox(**SMALL, api_key=key)
    api.add("clients", {"id": "echo", "url": f"https://h/?key={key}"})
    with caplog.at_level("DEBUG"):
        duck.load(api)
        api.fault("/v1/clients", status=200, body=f"you sent {key}")
        error = duck.error(api, max_retries=0)
    assert key not in error + caplog.text
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        content = file.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        assert key.encode() not in content, file


# Selections and accounts


def test_only_the_chosen_streams_are_loaded(api: Sandbox, duck: Warehouse) -> None:
    duck.load(api, streams=["tasks", "users"])
    tables = set(duck.pipeline.default_schema.data_table_names())
    assert tables == {"tasks", "users"}
    assert api.stats().by_path["/v1/projects"] == 1


def test_a_stream_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="streams names 'tims', but there is no such"):
        analytics_source(api_key="k", streams=["tims"])


@pytest.mark.parametrize("rows", ["dicts", "arrow"])
def test_accounts_share_tables_and_delete_their_own_rows_only(
    sandbox: SandboxFactory, warehouse: Warehouse, rows: str
) -> None:
    """Although their ids are the same."""
    north, south = sandbox(**SMALL), sandbox(**SMALL)
    accounts = {"north": north, "south": south}
    options: dict[str, Any] = {"rows": rows, "deletions": True}
    for name, api in accounts.items():
        warehouse.load(api, account=name, **options)
    for stream in ("clients", "projects"):
        north.delete(stream, north.truth(stream)[0]["id"])
    for record in north.truth("users"):
        north.delete("users", record["id"])
    warehouse.load(north, account="north", **options)
    for name, api in accounts.items():
        for stream in STREAMS:
            rows_of_account = [
                row["id"] for row in warehouse.raw(stream) if row["account"] == name
            ]
            assert sorted(rows_of_account) == sorted(
                record["id"] for record in api.truth(stream)
            )


def test_an_account_of_any_name_is_deleted_right(
    sandbox: SandboxFactory, warehouse: Warehouse
) -> None:
    api = sandbox(**SMALL)
    options: dict[str, Any] = {"account": "O'Neill {x}", "deletions": True}
    warehouse.load(api, **options)
    api.delete("clients", api.truth("clients")[0]["id"])
    warehouse.load(api, **options)
    assert warehouse.agrees_with(api)
