"""Every failure: exit status 1, one line that says what, where, and what to do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.tap import TapAnalytics
from tests.helpers.running import Outcome, run_tap, settings

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

SMALL = {"projects": 3, "tasks": 2, "time_records": 2, "clients": 4, "users": 2}


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(**SMALL)


def run(api: Sandbox, folder: Path, *args: str, **config: Any) -> Outcome:
    return run_tap(settings(api, **config), *args, folder=folder)


def test_a_wrong_key_names_the_settings_to_check(api: Sandbox, tmp_path: Path) -> None:
    error = run(api, tmp_path, api_key="wrong").error
    assert f"GET {api.url}/v1/clients answered 401" in error
    assert "The API key was refused" in error
    assert "api_key_header (X-Api-Key)" in error


def test_a_wrong_key_is_tried_once(api: Sandbox, tmp_path: Path) -> None:
    run(api, tmp_path, api_key="wrong")
    assert api.stats().by_path == {"/v1/clients": 1}


def test_403_is_a_refused_key_too_if_the_key_has_not_worked_yet(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault("/v1/clients", status=403)
    error = run(api, tmp_path).error
    assert "answered 403 Forbidden: an empty body. The API key was refused." in error


def test_403_after_the_key_has_worked_says_how_to_leave_the_stream_out(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault("/v1/projects", status=403)
    error = run(api, tmp_path).error
    assert "may not read the stream 'projects'" in error
    assert 'set streams to ["-projects"]' in error


def test_a_missing_key_says_where_to_put_it(api: Sandbox, tmp_path: Path) -> None:
    error = run_tap({"api_url": api.url}, folder=tmp_path).error
    assert "The setting api_key is missing" in error
    assert "TAP_ANALYTICS_API_KEY" in error


@pytest.mark.parametrize(
    ("setting", "value", "must"),
    [
        ("concurrency", 0, "be a whole number from 1 to 1000, not 0"),
        ("lookback_days", 1e10, "be a number from 0 to 365000, not 10000000000.0"),
        (
            "request_timeout",
            1e12,
            "be a number above 0, at most 86400, not 1000000000000.0",
        ),
        ("max_retries", -1, "be a whole number of at least 0, not -1"),
        ("request_timeout", "long", "be a number above 0, at most 86400, not 'long'"),
        ("incremental", "yes", "be true or false, not 'yes'"),
        ("api_url", "foo", "begin with http:// or https://, not 'foo'"),
        ("path_prefix", "/v 1", "be a path without spaces, line breaks, ?, # and \\"),
        ("page_param", "", "be the name of a query parameter"),
        ("undeclared_fields", "keep", "be 'collect', 'infer' or 'ignore', not 'keep'"),
    ],
)
def test_a_setting_that_is_not_valid_is_explained_in_plain_words(
    api: Sandbox, tmp_path: Path, setting: str, value: Any, must: str
) -> None:
    error = run(api, tmp_path, **{setting: value}).error
    assert error.startswith(f"{setting} must {must}")


def test_a_header_that_is_not_valid_is_not_shown_since_a_key_may_be_in_it(
    api: Sandbox, tmp_path: Path
) -> None:
    error = run(api, tmp_path, api_key_header="X-Api-Key: another-key").error
    assert error.startswith("api_key_header must be the name of a header")
    assert "another-key" not in error


def test_all_settings_that_are_not_valid_are_named_at_once(
    api: Sandbox, tmp_path: Path
) -> None:
    error = run(api, tmp_path, concurrency=0, api_url="foo").error
    assert "api_url must " in error
    assert "concurrency must " in error


@pytest.mark.parametrize("key", [5, "", ["secret-key"]])
def test_a_key_that_is_no_text_is_not_shown(
    api: Sandbox, tmp_path: Path, key: Any
) -> None:
    outcome = run(api, tmp_path, api_key=key)
    assert outcome.error.startswith("api_key must be ASCII text without spaces")
    assert "secret-key" not in outcome.err


def test_a_config_that_is_no_json_is_named(api: Sandbox, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"api_key":')
    error = run(api, tmp_path, "--config", str(broken)).error
    assert f"The config file {broken} is not valid JSON" in error


def test_a_config_that_is_not_there_is_named(api: Sandbox, tmp_path: Path) -> None:
    error = run(api, tmp_path, "--config", "none.json").error
    assert (
        error == "The config file none.json can't be read: No such file or directory."
    )


def test_an_unknown_option_points_to_the_help(api: Sandbox, tmp_path: Path) -> None:
    assert "See tap-analytics --help" in run(api, tmp_path, "--nope").error


def test_a_setting_that_is_not_known_is_named(api: Sandbox, tmp_path: Path) -> None:
    outcome = run(api, tmp_path, **{"incremantal": True, "$schema": "settings.json"})
    assert outcome.status == 0
    (warning,) = outcome.err.splitlines()
    assert warning.endswith(
        "There is no setting 'incremantal': it is ignored. Did you mean 'incremental'?"
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [("page_size_by_stream", 5), ("pagination_by_stream", "none")],
)
def test_a_stream_that_only_a_setting_knows_is_warned_of(
    api: Sandbox, tmp_path: Path, setting: str, value: Any
) -> None:
    outcome = run(api, tmp_path, **{setting: {"time": value, "user": value}})
    assert outcome.status == 0
    (warning,) = outcome.err.splitlines()
    assert warning.endswith(
        f"There is no stream 'user', which {setting} names: it is ignored. "
        "Did you mean 'users'?"
    )


def test_a_stream_that_only_stream_maps_know_is_warned_of(
    api: Sandbox, tmp_path: Path
) -> None:
    maps = {"cleints": {"name": None}, "time*": {}, "people": {"__source__": "users"}}
    outcome = run(api, tmp_path, stream_maps={**maps, "copies": {"__source__": "task"}})
    assert outcome.status == 0
    said = [line.rpartition("| ")[2] for line in outcome.err.splitlines()]
    ignored = "There is no stream {!r}, which stream_maps names: it is ignored. "
    assert said == [
        ignored.format("cleints") + "Did you mean 'clients'?",
        ignored.format("task") + "Did you mean 'tasks'?",
    ]


def test_an_environment_variable_of_another_type_is_named(
    api: Sandbox, tmp_path: Path
) -> None:
    env = {"TAP_ANALYTICS_CONCURRENCY": "many"}
    error = run_tap(settings(api), folder=tmp_path, env=env).error
    assert error == (
        "The environment variable TAP_ANALYTICS_CONCURRENCY must be a whole number "
        "from 1 to 1000, not 'many'."
    )


def test_an_empty_environment_variable_counts_as_not_set(
    api: Sandbox, tmp_path: Path
) -> None:
    names = TapAnalytics.config_jsonschema["properties"]
    env = {f"TAP_ANALYTICS_{name.upper()}": "" for name in names}
    outcome = run_tap(settings(api), folder=tmp_path, env=env)
    assert outcome.status == 0, outcome.err
    assert outcome.ids("users")


def test_a_host_that_refuses_connections_is_tried_four_times(tmp_path: Path) -> None:
    config = {
        "api_key": "some-key",
        "api_url": "http://127.0.0.1:9",
        "backoff_factor": 0.001,
    }
    outcome = run_tap(config, folder=tmp_path)
    assert "Connection refused. Check api_url" in outcome.error
    assert "Given up after 4 tries" in outcome.error


def test_a_host_that_is_not_known_is_named(tmp_path: Path) -> None:
    config = {
        "api_key": "some-key",
        "api_url": "http://nowhere.invalid",
        "max_retries": 0,
    }
    error = run_tap(config, folder=tmp_path).error
    assert "nowhere.invalid" in error
    assert "Check api_url" in error


def test_a_wrong_prefix_is_named(api: Sandbox, tmp_path: Path) -> None:
    error = run(api, tmp_path, path_prefix="/v2").error
    assert f"{api.url}/v2/clients answered 404" in error
    assert "path_prefix ('/v2')" in error


def test_html_instead_of_json_is_shown(api: Sandbox, tmp_path: Path) -> None:
    api.fault(status=200, body="<html><title>Sign in</title></html>")
    error = run(api, tmp_path).error
    assert "not JSON" in error
    assert "<html><title>Sign in</title></html>" in error
    assert "api_url" in error


def test_a_selector_that_finds_nothing_is_answered_with_a_proposal(
    api: Sandbox, tmp_path: Path
) -> None:
    error = run(api, tmp_path, data_selector="items").error
    assert "has the keys data: set data_selector to 'data'" in error


def test_a_list_where_an_object_was_expected_is_answered_with_a_proposal(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    error = run(sandbox(envelope="none"), tmp_path).error
    assert "is a top-level array: set data_selector to '$'" in error


def test_another_4xx_stops_at_once_and_shows_the_body(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault("/v1/clients", status=422, body="No such thing. " * 100)
    error = run(api, tmp_path).error
    assert "answered 422" in error
    assert ("No such thing. " * 100)[:200] in error
    assert ("No such thing. " * 100)[:201] not in error
    assert api.stats().by_path["/v1/clients"] == 1


@pytest.mark.parametrize("kind", ["429", "500", "502", "503", "504", "reset"])
def test_a_request_that_fails_three_times_succeeds_at_the_fourth(
    api: Sandbox, tmp_path: Path, kind: str
) -> None:
    api.fault("/v1/clients", kind, times=3)
    outcome = run(api, tmp_path)
    assert outcome.status == 0
    assert len(outcome.ids("clients")) == api.counts()["clients"]
    assert api.stats().by_path["/v1/clients"] == 4


@pytest.mark.parametrize(
    "kind", ["cut-off", "invalid-json", "hang", "slow-drip", "slow-headers"]
)
def test_a_body_that_does_not_arrive_whole_is_asked_for_again(
    api: Sandbox, tmp_path: Path, kind: str
) -> None:
    api.fault("/v1/clients", kind, times=2)
    outcome = run(api, tmp_path, request_timeout=0.2)
    assert outcome.status == 0
    assert len(outcome.ids("clients")) == api.counts()["clients"]
    assert api.stats().by_path["/v1/clients"] == 3


def test_a_server_that_answers_503_forever_gets_exactly_four_requests(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault(kind="503")
    error = run(api, tmp_path).error
    assert f"GET {api.url}/v1/clients answered 503 Service Unavailable" in error
    assert "Given up after 4 tries" in error
    assert api.stats().by_path == {"/v1/clients": 4}


def test_max_retries_0_means_one_try(api: Sandbox, tmp_path: Path) -> None:
    api.fault(kind="500")
    assert "Given up after 1 try." in run(api, tmp_path, max_retries=0).error
    assert api.stats().by_path["/v1/clients"] == 1


def test_retry_after_is_waited_for(api: Sandbox, tmp_path: Path) -> None:
    api.fault("/v1/clients", status=429, headers={"Retry-After": "1"}, times=1)
    outcome = run(api, tmp_path)
    assert outcome.status == 0
    first, second = (r for r in api.requests() if r.path == "/v1/clients")
    assert second.at - first.at >= 1


def test_retry_after_holds_all_requests(api: Sandbox, tmp_path: Path) -> None:
    project = api.path("tasks", parent=api.truth("projects")[0]["id"])
    api.fault(project, status=429, headers={"Retry-After": "1"}, times=1)
    run(api, tmp_path, concurrency=2)
    sent = [request.at for request in api.requests()]
    refused = next(request.at for request in api.requests() if request.status == 429)
    assert not [at for at in sent if refused + 0.1 < at < refused + 1]


def test_being_told_to_wait_uses_up_no_other_request_s_retries(
    api: Sandbox, tmp_path: Path
) -> None:
    wait: dict[str, Any] = {"status": 429, "headers": {"Retry-After": "0.05"}}
    for project in api.truth("projects"):
        for stream in ("tasks", "time_records"):
            api.fault(api.path(stream, project["id"]), times=1, **wait)
    outcome = run(api, tmp_path, max_retries=1)
    assert outcome.status == 0
    assert len(outcome.ids("tasks")) == api.counts()["tasks"]


@pytest.mark.parametrize("status", [404, 410])
def test_a_project_that_vanished_has_no_rows_and_a_warning(
    api: Sandbox, tmp_path: Path, status: int
) -> None:
    gone = api.truth("projects")[1]["id"]
    api.fault(api.path("tasks", parent=gone), status=status)
    outcome = run(api, tmp_path)
    assert outcome.status == 0
    assert gone not in {record["project_id"] for record in outcome.records("tasks")}
    assert len(outcome.ids("tasks")) == 4
    (warning,) = (line for line in outcome.err.splitlines() if "| WARNING" in line)
    assert f"no rows for project_id {gone}" in warning


def test_a_failing_child_stops_the_run(api: Sandbox, tmp_path: Path) -> None:
    project = api.truth("projects")[1]["id"]
    api.fault(api.path("time_records", parent=project), kind="500")
    assert "Given up after 4 tries" in run(api, tmp_path).error


def test_a_record_without_an_id_names_stream_and_parent(
    api: Sandbox, tmp_path: Path
) -> None:
    project = api.truth("projects")[0]["id"]
    api.fault(api.path("tasks", parent=project), status=200, body='{"data":[{"a":1}]}')
    error = run(api, tmp_path).error
    assert "stream 'tasks'" in error
    assert project in error
    assert "without 'id'" in error


def test_a_redirect_to_another_origin_is_not_followed(
    api: Sandbox, sandbox: SandboxFactory, tmp_path: Path
) -> None:
    other = sandbox()
    api.fault(
        "/v1/clients", status=302, headers={"Location": f"{other.url}/v1/clients"}
    )
    error = run(api, tmp_path).error
    assert f"leads to {other.url}" in error
    assert other.stats().requests == 0


def test_a_redirect_within_the_api_is_followed_with_the_key(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault("/v1/clients", status=302, headers={"Location": "/v1/team/users"})
    outcome = run(api, tmp_path)
    assert outcome.status == 0
    assert outcome.ids("clients") == outcome.ids("users")


def test_no_traceback_unless_the_log_level_is_debug(
    api: Sandbox, tmp_path: Path
) -> None:
    config = settings(api, api_key="wrong")
    assert "Traceback" not in run_tap(config, folder=tmp_path, log_level="INFO").err
    assert "Traceback" in run_tap(config, folder=tmp_path, log_level="DEBUG").err


def test_the_key_is_in_no_output_at_any_level(api: Sandbox, tmp_path: Path) -> None:
    key = "s3cr3t/key+with=odd&chars"
    api.fault("/v1/clients", status=400, body=f'{{"you sent": "{key}"}}')
    outcome = run_tap(settings(api, api_key=key), folder=tmp_path, log_level="DEBUG")
    assert outcome.status == 1
    assert "***" in outcome.err
    assert not re.search(r"s3cr3t", outcome.out + outcome.err)


def test_nothing_says_that_a_failed_run_is_complete(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault("/v1/projects", kind="500")
    outcome = run(api, tmp_path, emit_activate_version_messages=True)
    assert outcome.status == 1
    versions = outcome.of_type("ACTIVATE_VERSION")
    assert [message["stream"] for message in versions] == ["clients"]


def test_a_full_disk_behind_standard_output_is_named(
    api: Sandbox, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings(api)))
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "tap_analytics", "--config", config],
            env={"TAP_ANALYTICS_LOGLEVEL": "WARNING"},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.endswith(
        "standard output: No space left on device. Is it closed, or is the disk full?"
    )


def test_a_standard_output_that_is_closed_is_named(
    api: Sandbox, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings(api)))
    result = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m tap_analytics --config {config} >&-"],
        env={"TAP_ANALYTICS_LOGLEVEL": "WARNING"},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.endswith(
        "standard output: Bad file descriptor. Is it closed, or is the disk full?"
    )
