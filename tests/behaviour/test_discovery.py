"""Columns that are inferred from a sample of the API."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.rows.fields import ADDITIONAL_FIELDS
from tap_analytics.singer.discovery import PARENTS_TRIED
from tap_analytics.streams import STREAMS as RESOURCES
from tests.helpers.running import STREAMS, Outcome, run_tap, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

DECLARED = ("id", "name", "createdAt", "status", ADDITIONAL_FIELDS)


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(projects=6, tasks=3, time_records=4, clients=5, users=4)


def discover(api: Sandbox, folder: Path, **config: Any) -> dict[str, dict[str, Any]]:
    """Return the columns of each stream as discovery reports them."""
    outcome = run_tap(
        settings(api, undeclared_fields="infer", **config), "--discover", folder=folder
    )
    assert outcome.status == 0, outcome.err
    (folder / "catalog.json").write_text(outcome.out)
    return {
        entry["stream"]: entry["schema"]["properties"]
        for entry in json.loads(outcome.out)["streams"]
    }


def run(api: Sandbox, folder: Path, *args: str, **config: Any) -> Outcome:
    outcome = run_tap(
        settings(api, undeclared_fields="infer", **config), *args, folder=folder
    )
    assert outcome.status == 0, outcome.err
    return outcome


def values(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record's values whether they have columns or not, without nulls."""
    columns = {**record, **(record.get(ADDITIONAL_FIELDS) or {})}
    columns.pop(ADDITIONAL_FIELDS, None)
    return {name: value for name, value in columns.items() if value is not None}


def test_discovery_finds_a_column_for_each_field(api: Sandbox, tmp_path: Path) -> None:
    columns = discover(api, tmp_path)
    types = {
        name: (column["type"][0], column.get("format"))
        for name, column in columns["users"].items()
    }
    assert types == {
        "id": ("string", None),
        "name": ("string", None),
        "createdAt": ("string", "date-time"),
        "status": ("string", None),
        "email": ("string", None),
        "role": ("string", None),
        "remote": ("boolean", None),
        "weeklyHours": ("number", None),
        "hourlyRate": ("number", None),
        "utilisation": ("number", None),
        "startDate": ("string", "date"),
        "manager": ("string", None),
        "skills": ("array", None),
        "settings": ("object", None),
        "additional_fields": ("object", None),
    }
    for stream in STREAMS:
        fields = {name for record in api.truth(stream) for name in record}
        assert fields <= columns[stream].keys()


def test_the_declared_columns_stay_as_they_are(api: Sandbox, tmp_path: Path) -> None:
    columns = discover(api, tmp_path)
    for resource in RESOURCES:
        declared = resource.properties.to_dict()["properties"]
        found = columns[resource.name]  # type: ignore[misc]
        assert {name: found[name] for name in declared} == declared
        assert list(found)[-1] == ADDITIONAL_FIELDS


def test_a_run_without_a_catalog_writes_the_inferred_columns(
    api: Sandbox, tmp_path: Path
) -> None:
    outcome = run(api, tmp_path)
    columns = discover(api, tmp_path)
    for stream in STREAMS:
        (schema,) = outcome.of_type("SCHEMA", stream)
        assert schema["schema"]["properties"].keys() == columns[stream].keys()
        for sent, arrived in zip(
            api.truth(stream), outcome.records(stream), strict=True
        ):
            assert arrived.keys() == columns[stream].keys()
            sent["createdAt"] = sent["createdAt"].replace("Z", "+00:00")
            assert values(arrived) == values(sent)


def test_a_number_keeps_its_digits(api: Sandbox, tmp_path: Path) -> None:
    run_lines = run(api, tmp_path).out
    for user in api.truth("users"):
        assert f'"utilisation":{user["utilisation"]:f}' in run_lines
        assert f'"hourlyRate":{user["hourlyRate"]}' in run_lines


def test_nothing_is_sampled_where_a_catalog_is_given(
    api: Sandbox, tmp_path: Path
) -> None:
    columns = discover(api, tmp_path)
    api.reset()
    outcome = run(api, tmp_path, "--catalog", str(tmp_path / "catalog.json"))
    assert set(api.stats().by_path.values()) == {1}
    for stream in STREAMS:
        (schema,) = outcome.of_type("SCHEMA", stream)
        assert schema["schema"]["properties"] == columns[stream]
        assert len(outcome.ids(stream)) == api.counts()[stream]


def test_what_contradicts_its_column_is_kept_beside_it(
    api: Sandbox, tmp_path: Path
) -> None:
    discover(api, tmp_path)
    later = {
        "id": "later",
        "remote": "sometimes",
        "hourlyRate": {"amount": 90},
        "startDate": "soon",
        "skills": None,
        "manager": 5,
        "new": [1],
    }
    api.add("users", later)
    outcome = run(api, tmp_path, "--catalog", str(tmp_path / "catalog.json"))
    record = outcome.records("users")[-1]
    assert record[ADDITIONAL_FIELDS] == {
        "remote": "sometimes",
        "hourlyRate": {"amount": 90},
        "startDate": "soon",
        "new": [1],
    }
    assert record["manager"] == "5"
    assert (record["remote"], record["hourlyRate"], record["skills"]) == (None,) * 3
    assert len([line for line in outcome.err.splitlines() if "don't fit" in line]) == 3


def test_fields_without_a_column_are_told_of_once_per_stream(
    api: Sandbox, tmp_path: Path
) -> None:
    api.add("clients", {"id": "x", "Id": 1, "odd": True, "": 2})
    api.add("clients", {"id": "y", "odd": 1})
    outcome = run(api, tmp_path)
    (line,) = outcome.err.splitlines()
    assert "clients: these fields get no column and stay in 'additional_fields'" in line
    for name in ("'Id' (another", "'odd' (values", "'' (no name"):
        assert name in line
    kept = [record[ADDITIONAL_FIELDS] for record in outcome.records("clients")]
    assert kept[-2:] == [{"Id": 1, "odd": True, "": 2}, {"odd": 1}]


def test_a_stream_without_rows_has_its_declared_columns(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    columns = discover(sandbox(clients=0, tasks=0, projects=2), tmp_path)
    assert columns["clients"].keys() == {*DECLARED}
    assert columns["tasks"].keys() == {*DECLARED, "project_id"}
    assert len(columns["projects"]) > len(DECLARED)


# The sample


def test_no_more_records_are_sampled_than_asked_for(
    api: Sandbox, tmp_path: Path
) -> None:
    api.add("users", {"id": "late", "rare": 1})
    assert "rare" in discover(api, tmp_path)["users"]
    assert "rare" not in discover(api, tmp_path, infer_sample_size=4)["users"]


def test_pages_are_read_until_the_sample_is_complete(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=1, users=50, pagination="link", page_size=10)
    discover(api, tmp_path, infer_sample_size=25)
    assert api.stats().by_path[api.path("users")] == 3


def test_no_longer_pages_are_asked_for_than_the_sample_needs(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=1, users=50, pagination="page", page_size=40)
    sizes = {"page_size_by_stream": {"users": 40}, "infer_sample_size": 5}
    discover(api, tmp_path, pagination="page", **sizes)
    (request,) = (entry for entry in api.requests() if entry.path == api.path("users"))
    assert request.query == "page=1&limit=5"


def test_children_are_sampled_below_the_first_parents_that_have_some(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=3, tasks=0)
    parent = api.truth("projects")[-1]["id"]
    api.add("tasks", {"id": "t1", "effort": 3}, parent=parent)
    assert "effort" in discover(api, tmp_path)["tasks"]


def test_few_parents_are_tried(sandbox: SandboxFactory, tmp_path: Path) -> None:
    api = sandbox(projects=60, tasks=1, time_records=5)
    discover(api, tmp_path, infer_sample_size=30)
    paths = api.stats().by_path
    tried = [path for path in paths if path.endswith("/tasks")]
    assert len(tried) == PARENTS_TRIED
    assert len([path for path in paths if path.endswith("/time")]) == 1 + 30 // 5


def test_a_parent_that_vanishes_meanwhile_is_passed_over(
    api: Sandbox, tmp_path: Path
) -> None:
    first = api.truth("projects")[0]["id"]
    api.fault(api.path("tasks", first), status=404, body="{}", times=1)
    assert "position" in discover(api, tmp_path)["tasks"]


def test_sampling_keeps_to_the_rate_limit(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=30, rate_limit=(20, 0.5))
    discover(api, tmp_path, rate_limit_requests=20, rate_limit_seconds=0.5)
    assert api.stats().requests > 20
    assert api.stats().refused == 0


def test_faults_while_sampling_are_retried(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=10, faults=0.2)
    assert "email" in discover(api, tmp_path)["users"]
    assert api.stats().faults


def test_an_incremental_stream_is_sampled_from_its_start(
    api: Sandbox, tmp_path: Path
) -> None:
    start = max(record["createdAt"] for record in api.truth("time"))
    api.add("time", {"id": "late", "createdAt": start, "rare": 1})
    config = {"incremental": True, "start_date": start, "since_param": "since"}
    assert "rare" in discover(api, tmp_path, infer_sample_size=50, **config)["time"]
    queries = {entry.query for entry in api.requests() if "team/time" in entry.path}
    day_before = datetime.fromisoformat(start) - timedelta(days=1)
    assert queries == {f"since={day_before.isoformat()[:10]}"}


def test_sampling_leaves_no_trace_in_the_state(api: Sandbox, tmp_path: Path) -> None:
    # A signal would have it written, before the state that was given has been read.
    assert run(api, tmp_path, incremental=True).messages[0]["type"] == "SCHEMA"


# When discovery fails


def test_without_a_key_discovery_says_so(api: Sandbox, tmp_path: Path) -> None:
    config = {"api_url": api.url, "undeclared_fields": "infer"}
    outcome = run_tap(config, "--discover", folder=tmp_path)
    assert outcome.errors == [outcome.error]
    assert outcome.error.startswith("The setting api_key is missing")
    assert outcome.out == ""


def test_with_a_wrong_key_discovery_says_so(api: Sandbox, tmp_path: Path) -> None:
    config = settings(api, api_key="wrong", undeclared_fields="infer")
    outcome = run_tap(config, "--discover", folder=tmp_path)
    assert "The API key was refused" in outcome.error
    assert outcome.out == ""


def test_an_api_that_fails_fails_discovery(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(faults=1, fault_kinds=("503",), faults_in_a_row=0)
    config = settings(api, undeclared_fields="infer", max_retries=1)
    outcome = run_tap(config, "--discover", folder=tmp_path)
    assert "Given up after 2 tries" in outcome.error
    assert outcome.out == ""


@pytest.mark.parametrize("undeclared_fields", ["collect", "ignore"])
def test_otherwise_discovery_asks_nothing(
    api: Sandbox, tmp_path: Path, undeclared_fields: str
) -> None:
    config = {"api_url": api.url, "undeclared_fields": undeclared_fields}
    assert run_tap(config, "--discover", folder=tmp_path).status == 0
    assert api.stats().requests == 0


# A sample of each run


def test_a_field_that_tonight_s_sample_does_not_show_is_warned_of(
    api: Sandbox, tmp_path: Path
) -> None:
    api.add("users", {"id": "late", "rare": 1})
    outcome = run(api, tmp_path, infer_sample_size=4)
    (line,) = outcome.err.splitlines()
    assert "users: the sample did not show the fields 'rare'" in line
    assert "Keep a catalog" in line


def test_with_a_catalog_nothing_is_warned_of(api: Sandbox, tmp_path: Path) -> None:
    discover(api, tmp_path)
    api.add("users", {"id": "late", "rare": 1})
    outcome = run(api, tmp_path, "--catalog", str(tmp_path / "catalog.json"))
    assert outcome.err == ""
