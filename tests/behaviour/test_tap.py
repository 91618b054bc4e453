"""The tap as its users run it, against a server that speaks the API."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.running import STREAMS, Outcome, run_tap, settings

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

DECLARED = {"id", "name", "createdAt", "status"}


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(projects=6, tasks=3, time_records=4, clients=5, users=4)


def run(api: Sandbox, folder: Path, *args: str, **config: Any) -> Outcome:
    outcome = run_tap(settings(api, **config), *args, folder=folder)
    assert outcome.status == 0, outcome.err
    return outcome


def discover(folder: Path) -> dict[str, Any]:
    outcome = run_tap({}, "--discover", folder=folder)
    assert outcome.status == 0, outcome.err
    catalog: dict[str, Any] = json.loads(outcome.out)
    return catalog


def catalog_with(
    folder: Path, streams: set[str], without: frozenset[str] = frozenset()
) -> str:
    """Write a catalog with these streams selected, and these fields not."""
    catalog = discover(folder)
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            breadcrumb = item["breadcrumb"]
            if not breadcrumb:
                item["metadata"]["selected"] = entry["stream"] in streams
            elif breadcrumb[-1] in without:
                item["metadata"]["selected"] = False
    file = folder / "catalog.json"
    file.write_text(json.dumps(catalog))
    return str(file)


# Everything arrives


@pytest.mark.parametrize("stream", STREAMS)
def test_every_record_of_a_stream_arrives_in_order(
    api: Sandbox, tmp_path: Path, stream: str
) -> None:
    ids = run(api, tmp_path).ids(stream)
    assert ids == [record["id"] for record in api.truth(stream)]
    assert ids


def test_every_value_of_every_record_is_found_again(
    api: Sandbox, tmp_path: Path
) -> None:
    outcome = run(api, tmp_path)
    for stream in STREAMS:
        for sent, arrived in zip(
            api.truth(stream), outcome.records(stream), strict=True
        ):
            rest = dict(sent)
            rest.pop("project_id", None)
            assert arrived["id"] == rest.pop("id")
            assert arrived["name"] == rest.pop("name", None)
            assert arrived["status"] == rest.pop("status", None)
            assert moment(arrived["createdAt"]) == moment(rest.pop("createdAt", None))
            assert (arrived["additional_fields"] or {}) == rest


def moment(text: str | None) -> datetime | None:
    return text and datetime.fromisoformat(text.replace("Z", "+00:00"))  # type: ignore[return-value]


def test_children_carry_the_id_of_their_project(api: Sandbox, tmp_path: Path) -> None:
    outcome = run(api, tmp_path)
    for stream in ("tasks", "time_records"):
        assert [record["project_id"] for record in outcome.records(stream)] == [
            record["project_id"] for record in api.truth(stream)
        ]


@pytest.mark.parametrize("identifier", ["as:123", "a/b", "ü", "a b?c#d%25", "..x"])
def test_a_project_id_may_hold_any_character(
    api: Sandbox, tmp_path: Path, identifier: str
) -> None:
    api.add("projects", {"id": identifier})
    api.add("tasks", {"id": "its task"}, parent=identifier)
    (task,) = (
        record
        for record in run(api, tmp_path).records("tasks")
        if record["id"] == "its task"
    )
    assert task["project_id"] == identifier


@pytest.mark.parametrize(
    ("sent", "identifier"),
    [
        ("12.0", "12"),
        ("12.000", "12"),
        ("-12.0", "-12"),
        ("12", "12"),
        ("12.50", "12.50"),
        ('"12.0"', "12.0"),
    ],
)
def test_a_project_id_is_the_same_in_its_row_in_the_path_and_below(
    api: Sandbox, tmp_path: Path, sent: str, identifier: str
) -> None:
    api.fault("/v1/projects", status=200, body=f'{{"data":[{{"id":{sent}}}]}}')
    for name in ("tasks", "time"):
        path = f"/v1/projects/{identifier}/{name}"
        api.fault(path, status=200, body='{"data":[{"id":"x"}]}')
    outcome = run(api, tmp_path)
    assert outcome.err == ""
    assert outcome.ids("projects") == [identifier]
    for stream in ("tasks", "time_records"):
        (row,) = outcome.records(stream)
        assert row["project_id"] == identifier


@pytest.mark.parametrize("concurrency", [1, 2, 16])
def test_the_output_is_the_same_whatever_the_concurrency(
    api: Sandbox, tmp_path: Path, concurrency: int
) -> None:
    def lines(outcome: Outcome) -> list[dict[str, Any]]:
        return [
            {key: message[key] for key in message if key != "time_extracted"}
            for message in outcome.messages
        ]

    reference = lines(run(api, tmp_path, concurrency=3))
    assert lines(run(api, tmp_path, concurrency=concurrency)) == reference


def test_faults_leave_the_output_complete(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=30, tasks=2, time_records=2, faults=0.15)
    outcome = run(api, tmp_path)
    counts = {stream: len(outcome.ids(stream)) for stream in STREAMS}
    assert counts == api.counts()
    assert sum(api.stats().faults.values()) > 0


def test_faults_and_a_rate_limit_leave_it_complete_and_in_order(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=30, tasks=2, time_records=2, faults=0.15, rate_limit=(40, 1))
    limit = {"rate_limit_requests": 40, "rate_limit_seconds": 1}
    outcome = run(api, tmp_path, concurrency=16, **limit)
    for stream in STREAMS:
        assert outcome.ids(stream) == [record["id"] for record in api.truth(stream)]
    assert max(api.stats().by_target.values()) <= 4
    assert api.stats().refused == 0


def test_a_rate_limit_that_is_not_configured_is_learned(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=30, tasks=2, time_records=2, rate_limit=(40, 1))
    outcome = run(api, tmp_path, concurrency=16)
    for stream in STREAMS:
        assert outcome.ids(stream) == [record["id"] for record in api.truth(stream)]
    assert api.stats().refused <= 16


def test_no_request_is_made_twice(api: Sandbox, tmp_path: Path) -> None:
    run(api, tmp_path)
    assert api.stats().requests == 4 + 2 * 6
    assert set(api.stats().by_path.values()) == {1}


def test_the_user_agent_names_tap_and_version(api: Sandbox, tmp_path: Path) -> None:
    run(api, tmp_path)
    agents = {request.headers["User-Agent"] for request in api.requests()}
    assert len(agents) == 1
    assert agents.pop().startswith("tap-analytics/0.")


def test_a_key_header_and_prefix_of_ones_own(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(api_key_header="X-Token", path_prefix="/api/rest")
    outcome = run(api, tmp_path, api_key_header="X-Token", path_prefix="api/rest/")
    assert outcome.ids("clients")


def test_no_prefix(sandbox: SandboxFactory, tmp_path: Path) -> None:
    assert run(sandbox(path_prefix=""), tmp_path, path_prefix="").ids("clients")


@pytest.mark.parametrize(
    ("envelope", "selector"),
    [("none", "$"), ("result.items", "result.items"), ("data[*].node", "data[*].node")],
)
def test_records_are_found_where_the_selector_says(
    sandbox: SandboxFactory, tmp_path: Path, envelope: str, selector: str
) -> None:
    api = sandbox(projects=2, envelope=envelope)
    outcome = run(api, tmp_path, data_selector=selector)
    assert {stream: len(outcome.ids(stream)) for stream in STREAMS} == api.counts()


# Messages


def test_schema_comes_once_per_stream_and_before_its_records(
    api: Sandbox, tmp_path: Path
) -> None:
    outcome = run(api, tmp_path)
    schemas = [message["stream"] for message in outcome.of_type("SCHEMA")]
    assert sorted(schemas) == sorted(STREAMS)
    for stream in STREAMS:
        kinds = [
            message["type"]
            for message in outcome.messages
            if message.get("stream") == stream
        ]
        assert kinds[0] == "SCHEMA"


def test_every_stream_declares_the_columns_of_the_design(tmp_path: Path) -> None:
    for entry in discover(tmp_path)["streams"]:
        columns = entry["schema"]["properties"]
        more = {"project_id"} if entry["stream"] in {"tasks", "time_records"} else set()
        assert columns.keys() == DECLARED | more | {"additional_fields"}
        assert columns["id"]["type"] == ["string"]
        assert columns["name"]["type"] == ["string", "null"]
        assert columns["createdAt"]["format"] == "date-time"
        assert all(column["description"] for column in columns.values())
        assert entry["key_properties"] == ["id"]
        assert entry["replication_method"] == "FULL_TABLE"


def test_state_holds_no_bookmark_per_project(api: Sandbox, tmp_path: Path) -> None:
    complete = {stream: {"unfinished": None} for stream in ("tasks", "time_records")}
    assert run(api, tmp_path).state == {
        "bookmarks": {stream: complete.get(stream, {}) for stream in STREAMS}
    }


def test_a_state_may_be_given(api: Sandbox, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text(json.dumps(run(api, tmp_path).state))
    assert run(api, tmp_path, "--state", str(state)).ids("users")


def test_versions_are_activated_once_after_the_last_record(
    api: Sandbox, tmp_path: Path
) -> None:
    outcome = run(api, tmp_path, emit_activate_version_messages=True)
    for stream in STREAMS:
        *before, last = (m for m in outcome.messages if m.get("stream") == stream)
        assert last["type"] == "ACTIVATE_VERSION"
        assert {m["version"] for m in before if m["type"] == "RECORD"} == {
            last["version"]
        }


# Selection, maps, flattening, batches


def test_only_selected_streams_are_written(api: Sandbox, tmp_path: Path) -> None:
    outcome = run(api, tmp_path, "--catalog", catalog_with(tmp_path, {"users"}))
    assert {m["stream"] for m in outcome.of_type("RECORD")} == {"users"}
    assert api.stats().by_path.keys() == {"/v1/team/users"}


def test_only_tasks_selected_reads_projects_without_writing_them(
    api: Sandbox, tmp_path: Path
) -> None:
    outcome = run(api, tmp_path, "--catalog", catalog_with(tmp_path, {"tasks"}))
    assert {m["stream"] for m in outcome.messages if "stream" in m} == {"tasks"}
    assert outcome.ids("tasks") == [record["id"] for record in api.truth("tasks")]
    assert not [path for path in api.stats().by_path if path.endswith("/time")]


def test_fields_that_are_not_selected_are_left_out(
    api: Sandbox, tmp_path: Path
) -> None:
    catalog = catalog_with(
        tmp_path, {"users"}, frozenset({"name", "additional_fields"})
    )
    outcome = run(api, tmp_path, "--catalog", catalog)
    columns = {"id", "createdAt", "status"}
    assert outcome.of_type("SCHEMA")[0]["schema"]["properties"].keys() == columns
    assert all(record.keys() == columns for record in outcome.records("users"))


def test_a_stream_map_changes_removes_and_filters(api: Sandbox, tmp_path: Path) -> None:
    maps = {
        "clients": {"label": "name.upper() if name else None", "name": None},
        "users": None,
        "time": {"__filter__": "id == 'none'"},
    }
    outcome = run(api, tmp_path, stream_maps=maps)
    for sent, arrived in zip(
        api.truth("clients"), outcome.records("clients"), strict=True
    ):
        assert arrived["label"] == (sent["name"] and sent["name"].upper())
        assert "name" not in arrived
    assert not outcome.of_type("SCHEMA", "users")
    assert not outcome.records("users")
    assert not outcome.records("time")


def test_a_map_that_filters_projects_filters_their_children(
    api: Sandbox, tmp_path: Path
) -> None:
    kept = api.truth("projects")[2]["id"]
    maps = {"projects": {"__filter__": f"id == '{kept}'"}}
    outcome = run(api, tmp_path, stream_maps=maps)
    assert outcome.ids("projects") == [kept]
    assert {record["project_id"] for record in outcome.records("tasks")} == {kept}


def test_flattening_makes_columns_of_nested_fields(
    api: Sandbox, tmp_path: Path
) -> None:
    maps = {"clients": {"city": "additional_fields.get('address', {}).get('city')"}}
    outcome = run(
        api,
        tmp_path,
        stream_maps=maps,
        flattening_enabled=True,
        flattening_max_depth=1,
    )
    sent = [record["address"]["city"] for record in api.truth("clients")]
    assert [record["city"] for record in outcome.records("clients")] == sent


@pytest.mark.parametrize("undeclared_fields", ["collect", "infer"])
def test_flattening_loses_no_field(
    api: Sandbox, tmp_path: Path, undeclared_fields: str
) -> None:
    outcome = run(
        api,
        tmp_path,
        undeclared_fields=undeclared_fields,
        flattening_enabled=True,
        flattening_max_depth=2,
    )
    for stream in STREAMS:
        (schema,) = outcome.of_type("SCHEMA", stream)
        columns = schema["schema"]["properties"]
        for sent, arrived in zip(
            api.truth(stream), outcome.records(stream), strict=True
        ):
            assert arrived.keys() <= columns.keys()
            rest = json.loads(arrived["additional_fields"] or "{}")
            assert sent.keys() <= arrived.keys() | rest.keys()


def batches_in(folder: Path) -> dict[str, Any]:
    """Return the setting by which records go into files of a folder."""
    return {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": folder.as_uri(), "prefix": "batch-"},
    }


def in_batches(outcome: Outcome, stream: str) -> list[dict[str, Any]]:
    """Return the records of a stream that went into files."""
    rows: list[dict[str, Any]] = []
    for message in outcome.of_type("BATCH", stream):
        for url in message["manifest"]:
            text = gzip.decompress(Path(url.removeprefix("file://")).read_bytes())
            rows += map(json.loads, text.splitlines())
    return rows


def test_batches_hold_all_records(api: Sandbox, tmp_path: Path) -> None:
    outcome = run(api, tmp_path, batch_config=batches_in(tmp_path))
    counts = {stream: len(in_batches(outcome, stream)) for stream in STREAMS}
    assert counts == api.counts()


def test_undeclared_fields_can_be_ignored(api: Sandbox, tmp_path: Path) -> None:
    outcome = run(api, tmp_path, undeclared_fields="ignore")
    assert {r["additional_fields"] for r in outcome.records("clients")} == {None}


def test_the_fields_that_are_ignored_are_logged_once(
    api: Sandbox, tmp_path: Path
) -> None:
    config = settings(api, undeclared_fields="ignore", streams=["clients"])
    err = run_tap(config, folder=tmp_path, log_level="INFO").err
    declared = {"id", "name", "createdAt", "status"}
    names = sorted({name for row in api.truth("clients") for name in row} - declared)
    (line,) = (line for line in err.splitlines() if "undeclared_fields" in line)
    assert line.endswith(
        "clients: dropped, because undeclared_fields is 'ignore': "
        + ", ".join(map(repr, names))
    )


# The command line


def test_discovery_needs_no_network_and_no_key(tmp_path: Path) -> None:
    assert [entry["stream"] for entry in discover(tmp_path)["streams"]] == [*STREAMS]


@pytest.mark.parametrize("form", [(), ("--format=json",), ("--format=markdown",)])
def test_about_shows_every_setting(tmp_path: Path, form: tuple[str, ...]) -> None:
    outcome = run_tap({}, "--about", *form, folder=tmp_path)
    assert outcome.status == 0
    for setting in ("api_key", "data_selector", "backoff_factor", "stream_maps"):
        assert setting in outcome.out


def test_every_setting_has_a_title_and_a_description(tmp_path: Path) -> None:
    outcome = run_tap({}, "--about", "--format=json", folder=tmp_path)
    about = json.loads(outcome.out)
    for name, setting in about["settings"]["properties"].items():
        assert setting.get("description"), name
        assert setting.get("title"), name
    assert about["settings"]["properties"]["api_key"]["secret"] is True


def test_the_connection_test_reads_little_and_succeeds(
    api: Sandbox, tmp_path: Path
) -> None:
    outcome = run(api, tmp_path, "--test")
    assert api.stats().requests <= 4 + 2 + 1  # Is there a date filter?
    assert outcome.messages == []
    assert "It works: all 6 streams can be read." in outcome.err


def test_the_connection_test_fails_with_a_wrong_key(
    api: Sandbox, tmp_path: Path
) -> None:
    outcome = run_tap(settings(api, api_key="wrong"), "--test", folder=tmp_path)
    (error,) = outcome.errors
    assert "The API key was refused" in error


def test_settings_come_from_the_environment(api: Sandbox, tmp_path: Path) -> None:
    env = {
        "TAP_ANALYTICS_API_KEY": api.options.api_key,
        "TAP_ANALYTICS_API_URL": api.url,
        "TAP_ANALYTICS_REQUEST_TIMEOUT": "2.5",
        "TAP_ANALYTICS_EMIT_ACTIVATE_VERSION_MESSAGES": "true",
        "TAP_ANALYTICS_STREAM_MAPS": '{"users": null}',
    }
    outcome = run_tap({}, folder=tmp_path, env=env)
    assert outcome.status == 0, outcome.err
    assert outcome.of_type("ACTIVATE_VERSION")
    assert not outcome.records("users")


def test_a_setting_that_is_null_is_not_set(api: Sandbox, tmp_path: Path) -> None:
    null = dict.fromkeys(("concurrency", "path_prefix", "page_size", "since_format"))
    assert run(api, tmp_path, **null).ids("clients")


def test_several_config_files_are_merged(api: Sandbox, tmp_path: Path) -> None:
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"stream_maps": {"users": None}}))
    outcome = run(api, tmp_path, "--config", str(more))
    assert outcome.ids("clients")
    assert not outcome.ids("users")


def test_a_log_at_info_has_no_line_per_request_or_project(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    def lines(projects: int) -> int:
        config = settings(sandbox(projects=projects))
        return run_tap(config, folder=tmp_path, log_level="INFO").err.count("\n")

    assert lines(2) == lines(20)


def test_what_batches_can_t_do_is_said_once(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    outcome = run(sandbox(projects=3), tmp_path, batch_config=batches_in(tmp_path))
    (line,) = (one for one in outcome.err.splitlines() if "batch_config" in one)
    assert "ACTIVATE_VERSION is not sent" in line


def test_batches_look_behind_the_end_that_was_believed_too(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=1, users=25, pagination="page", page_size=10, first_page=0)
    styles = {"pagination_by_stream": {"users": "page"}}
    outcome = run(api, tmp_path, batch_config=batches_in(tmp_path), **styles)
    read = {row["id"] for row in in_batches(outcome, "users")}
    assert read == {row["id"] for row in api.truth("users")}


def test_a_filter_leaves_its_stream_not_whole(api: Sandbox, tmp_path: Path) -> None:
    maps = {"clients": {"__filter__": "name != record['name']"}}
    more = {"emit_activate_version_messages": True, "stream_maps": maps}
    outcome = run(api, tmp_path, **more)
    assert outcome.records("clients") == []
    assert not outcome.of_type("ACTIVATE_VERSION", "clients")
    assert outcome.of_type("ACTIVATE_VERSION", "users")


def test_below_a_list_of_parents_that_may_not_be_whole_nothing_is_whole(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=6, users=2, pagination="page", page_size=3)
    styles = {"pagination_by_stream": {"projects": "none"}}
    outcome = run(api, tmp_path, emit_activate_version_messages=True, **styles)
    assert len(outcome.records("projects")) == 3
    activated = {one["stream"] for one in outcome.of_type("ACTIVATE_VERSION")}
    assert activated == {"clients", "time", "users"}
