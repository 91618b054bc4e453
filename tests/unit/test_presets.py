"""Presets: one setting that stands for all by which an API is reached."""

from __future__ import annotations

import json
import signal
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics import sandbox as sandboxes
from tap_analytics.presets import PRESET_SETTINGS, documented_page_size, with_preset
from tap_analytics.tap import TapAnalytics
from tests.helpers.running import STREAMS, Outcome, run_tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

EVERHOUR = {"preset": "everhour", "api_key": "k"}
API = sandboxes.PRESETS["everhour"] | {"rate_limit": None}


@pytest.fixture(autouse=True)
def signal_handlers() -> Iterator[None]:
    """Put back the handlers that every new tap replaces."""
    before = {number: signal.getsignal(number) for number in (1, 2, 15)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def effective(config: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Return the settings that a tap runs with."""
    return dict(TapAnalytics(config=config, **options).config)


def test_a_preset_and_a_key_are_all_that_is_needed() -> None:
    config = effective(EVERHOUR)
    expected = {
        "api_key": "k",
        "api_url": "https://api.everhour.com",
        "api_key_header": "X-Api-Key",
        "path_prefix": "",
        "data_selector": "$",
        "pagination": "page",
        "pagination_by_stream": {"clients": "none", "users": "none"},
        "page_param": "page",
        "page_size_param": "limit",
        "page_size_by_stream": {"tasks": 250, "time": 50_000, "time_records": 50_000},
        "since_param": "from",
        "until_param": "to",
        "since_format": "date",
        "rate_limit_requests": 20,
        "rate_limit_seconds": 10,
        "undeclared_fields": "collect",
        "max_retries": 3,
        "lookback_days": 30,
    }
    assert {name: config[name] for name in expected} == expected


def test_without_a_preset_the_defaults_hold() -> None:
    config = effective({"api_key": "k"})
    assert config["api_url"] == "https://api.example.com"
    assert config["pagination"] == "auto"
    assert "since_param" not in config


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("api_url", "https://proxy.example"),
        ("path_prefix", "/v1"),
        ("data_selector", "data"),
        ("pagination", "auto"),
        ("rate_limit_requests", 5),
        ("rate_limit_requests", None),
        ("since_param", None),
        ("page_size_by_stream", {"tasks": 100}),
    ],
)
def test_what_is_set_explicitly_wins_even_if_it_is_the_default(
    setting: str, value: Any
) -> None:
    assert effective({**EVERHOUR, setting: value})[setting] == value


@pytest.mark.parametrize(
    ("setting", "by_stream"),
    [("pagination", "pagination_by_stream"), ("page_size", "page_size_by_stream")],
)
def test_what_is_set_for_all_streams_is_for_all(setting: str, by_stream: str) -> None:
    value = {"pagination": "auto", "page_size": 100}[setting]
    config = effective({**EVERHOUR, setting: value})
    assert config[setting] == value
    assert by_stream not in config


def test_the_environment_wins_over_a_preset_and_may_choose_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TAP_ANALYTICS_PRESET", "everhour")
    monkeypatch.setenv("TAP_ANALYTICS_PATH_PREFIX", "/v1")
    config = effective({"api_key": "k"}, parse_env_config=True)
    assert config["api_url"] == "https://api.everhour.com"
    assert config["path_prefix"] == "/v1"


def test_what_the_caller_hands_over_is_not_changed() -> None:
    given = dict(EVERHOUR)
    effective(given)
    assert given == EVERHOUR


def test_a_preset_holds_access_settings_only() -> None:
    schema = TapAnalytics.config_jsonschema["properties"]
    assert schema.keys() >= PRESET_SETTINGS
    assert not PRESET_SETTINGS & {
        "api_key",
        "incremental",
        "start_date",
        "undeclared_fields",
    }


@pytest.mark.parametrize("preset", ["toggl", "", None, 5, ["everhour"]])
def test_a_preset_that_does_not_exist_stands_for_nothing(preset: Any) -> None:
    assert with_preset({"preset": preset, "page_size": 1}) == {
        "preset": preset,
        "page_size": 1,
    }


def test_a_preset_documents_page_sizes() -> None:
    config = effective(EVERHOUR)
    assert documented_page_size(config, "tasks") == 250
    assert documented_page_size(config, "projects") is None


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"preset": None},
        {"page_size_by_stream": {"tasks": 250}},
        {**EVERHOUR, "page_size_by_stream": {"tasks": 100}},
        {**EVERHOUR, "page_size": 250},
    ],
)
def test_a_page_size_of_ones_own_is_not_a_documented_one(
    config: dict[str, Any],
) -> None:
    assert documented_page_size(with_preset(config), "tasks") is None


def test_a_preset_that_does_not_exist_is_told_of(tmp_path: Path) -> None:
    outcome = run_tap({**EVERHOUR, "preset": "toggl"}, folder=tmp_path)
    assert outcome.error == "preset must be 'everhour', not 'toggl'."


# Everhour, against a server of its shape


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(**API, projects=5, tasks=3, time_records=4)


def run(api: Sandbox, folder: Path, *args: str, **config: Any) -> Outcome:
    given = {
        "preset": "everhour",
        "api_url": api.url,
        "api_key": api.options.api_key,
        "rate_limit_requests": 1_000,  # The server has no limit, to save time.
        **config,
    }
    outcome = run_tap(given, *args, folder=folder)
    assert outcome.status == 0, outcome.err
    return outcome


@pytest.mark.parametrize("undeclared_fields", ["collect", "infer"])
def test_every_record_arrives_without_a_word(
    api: Sandbox, tmp_path: Path, undeclared_fields: str
) -> None:
    outcome = run(api, tmp_path, undeclared_fields=undeclared_fields)
    for stream in STREAMS:
        ids = [str(record["id"]) for record in api.truth(stream)]
        assert outcome.ids(stream) == ids
    assert outcome.err == ""


def test_discovery_with_a_preset_infers_its_fields(
    api: Sandbox, tmp_path: Path
) -> None:
    outcome = run(api, tmp_path, "--discover", undeclared_fields="infer")
    (entry,) = (
        entry
        for entry in json.loads(outcome.out)["streams"]
        if entry["stream"] == "time"
    )
    types = {
        name: (column["type"][0], column.get("format"))
        for name, column in entry["schema"]["properties"].items()
    }
    assert types == {
        "id": ("string", None),
        "name": ("string", None),
        "createdAt": ("string", "date-time"),
        "status": ("string", None),
        "date": ("string", "date"),
        "user": ("integer", None),
        "time": ("integer", None),
        "task": ("object", None),
        "isLocked": ("boolean", None),
        "isInvoiced": ("boolean", None),
        "history": ("array", None),
        "comment": ("string", None),
        "additional_fields": ("object", None),
    }


def test_the_largest_pages_are_asked_for(api: Sandbox, tmp_path: Path) -> None:
    run(api, tmp_path)
    first = {
        request.path.rpartition("/")[2]: request.query
        for request in reversed(api.requests())
        if "page=1" in request.query or not request.query
    }
    assert first == {
        "clients": "",
        "users": "",
        "projects": "page=1",
        "tasks": "page=1&limit=250",
        "time": "page=1&limit=50000",
    }


def test_more_tasks_than_a_page_holds_arrive(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(**API, projects=1, tasks=501, time_records=0, team_time=0)
    assert len(run(api, tmp_path).ids("tasks")) == 501


def test_a_task_of_two_projects_arrives_once_for_each(
    api: Sandbox, tmp_path: Path
) -> None:
    maps = {"tasks": {"__key_properties__": ["id", "project_id"]}}
    outcome = run(api, tmp_path, stream_maps=maps)
    (schema,) = outcome.of_type("SCHEMA", "tasks")
    assert schema["key_properties"] == ["id", "project_id"]
    tasks = outcome.records("tasks")
    keys = {(task["id"], task["project_id"]) for task in tasks}
    assert len(keys) == len(tasks) == 15
    assert len({task["id"] for task in tasks}) == 15 - 2


def test_an_incremental_run_reads_the_days_of_the_look_back(
    api: Sandbox, tmp_path: Path
) -> None:
    first = run(api, tmp_path, incremental=True, start_date="2025-06-01")
    (tmp_path / "state.json").write_text(json.dumps(first.state))
    late = {"id": 1, "time": 900, "createdAt": "2025-06-18 23:00:00"}
    api.add("time", late | {"date": "2025-05-25"})
    api.add("time", late | {"id": 2, "date": "2025-01-01"})
    api.reset()
    state = str(tmp_path / "state.json")
    second = run(api, tmp_path, "--state", state, incremental=True)
    assert "1" in second.ids("time")
    assert "2" not in second.ids("time")  # Booked for a day before the look-back.
    bookmark = first.state["bookmarks"]["time"]["replication_key_value"]
    since = datetime.fromisoformat(bookmark) - timedelta(days=31)
    for request in api.requests():
        if request.path == "/team/time":
            assert request.query.startswith(f"from={since.date()}&to=")
