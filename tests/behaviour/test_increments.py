"""Incremental runs: what they ask for, what they emit, and where they start again."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from tests.helpers.running import Outcome, run_tap, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

EMPTY = {"clients": 0, "users": 0, "team_time": 0, "tasks": 0, "time_records": 0}
NOW = datetime.now(timezone.utc).replace(microsecond=0)


def days_ago(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat()


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    """Return an API with one project, and no time booked yet."""
    return sandbox(projects=1, **EMPTY)


class Runs:
    """Runs one after the other, each with the state of the one before."""

    def __init__(self, api: Sandbox, folder: Path, **config: Any) -> None:
        self.api = api
        self.folder = folder
        self.config = {"incremental": True, "lookback_days": 0, **config}
        self.state: dict[str, Any] = {}

    def __call__(self, **config: Any) -> Outcome:
        file = self.folder / "state.json"
        file.write_text(json.dumps(self.state))
        merged = settings(self.api, **{**self.config, **config})
        outcome = run_tap(merged, "--state", str(file), folder=self.folder)
        if outcome.of_type("STATE"):
            self.state = outcome.state
        return outcome

    def bookmark(self, stream: str = "time") -> str | None:
        bookmark: str | None = self.state["bookmarks"][stream].get(
            "replication_key_value"
        )
        return bookmark


@pytest.fixture
def runs(api: Sandbox, tmp_path: Path) -> Runs:
    return Runs(api, tmp_path)


def book(api: Sandbox, name: str, days: float | str | None, **more: Any) -> None:
    created = days_ago(days) if isinstance(days, (int, float)) else days
    api.add("time", {"id": name, "createdAt": created}, **more)


def test_the_first_run_reads_everything(api: Sandbox, runs: Runs) -> None:
    book(api, "old", 900)
    book(api, "new", 1)
    assert runs().ids("time") == ["old", "new"]


def test_the_next_run_reads_from_the_bookmark_on(api: Sandbox, runs: Runs) -> None:
    book(api, "old", 3)
    book(api, "last", 2)
    runs()
    assert runs.bookmark() == days_ago(2)
    book(api, "new", 1)
    assert runs().ids("time") == ["last", "new"]
    assert runs.bookmark() == days_ago(1)


def test_the_look_back_finds_back_dated_entries(api: Sandbox, runs: Runs) -> None:
    book(api, "first", 2)
    runs()
    book(api, "back-dated", 20)
    book(api, "before the look-back", 40)
    assert runs(lookback_days=30).ids("time") == ["first", "back-dated"]


def test_nothing_before_the_start_date_is_emitted(api: Sandbox, runs: Runs) -> None:
    book(api, "before", 11)
    book(api, "after", 9)
    start = {"start_date": days_ago(10)}
    assert runs(**start).ids("time") == ["after"]
    assert runs(**start, lookback_days=30).ids("time") == ["after"]


@pytest.mark.parametrize("created", [None, "soon", "", {"a": 1}])
def test_a_row_without_a_usable_time_always_passes(
    api: Sandbox, runs: Runs, created: Any
) -> None:
    book(api, "dated", 1)
    book(api, "undated", created)
    runs()
    assert "undated" in runs().ids("time")
    assert runs.bookmark() == days_ago(1)


def test_a_future_row_does_not_push_the_bookmark_past_now(
    api: Sandbox, runs: Runs
) -> None:
    book(api, "planned", -30)
    runs()
    bookmark = runs.bookmark()
    assert bookmark is not None
    assert NOW <= datetime.fromisoformat(bookmark) < NOW + timedelta(hours=1)
    assert runs().ids("time") == ["planned"]


def test_a_failed_run_does_not_move_the_bookmark(api: Sandbox, runs: Runs) -> None:
    book(api, "old", 2)
    runs()
    before = runs.bookmark()
    book(api, "new", 1)
    api.fault("/v1/team/time", kind="500", times=4)
    assert runs().status == 1
    assert runs.bookmark() == before
    assert "new" in runs().ids("time")


def test_a_child_that_fails_is_read_from_its_start_by_the_next_run(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=2, **EMPTY)
    runs = Runs(api, tmp_path)
    first, second = (project["id"] for project in api.truth("projects"))
    api.add("time_records", {"id": "a", "createdAt": days_ago(2)}, parent=first)
    api.add("time_records", {"id": "b", "createdAt": days_ago(90)}, parent=second)
    api.fault(api.path("time_records", parent=second), kind="500")
    failed = runs()
    assert failed.status == 1
    assert failed.ids("time_records") == ["a"]
    api.clear_faults()
    assert runs().ids("time_records") == ["a", "b"]


def test_one_bookmark_for_all_projects(sandbox: SandboxFactory, tmp_path: Path) -> None:
    api = sandbox(projects=2, **EMPTY)
    runs = Runs(api, tmp_path)
    first, second = (project["id"] for project in api.truth("projects"))
    api.add("time_records", {"id": "a", "createdAt": days_ago(5)}, parent=first)
    api.add("time_records", {"id": "b", "createdAt": days_ago(2)}, parent=second)
    runs()
    assert runs.bookmark("time_records") == days_ago(2)
    assert runs().ids("time_records") == ["b"]


def test_a_project_that_was_not_there_is_read_from_the_start(
    api: Sandbox, runs: Runs
) -> None:
    (known,) = (project["id"] for project in api.truth("projects"))
    api.add("time_records", {"id": "a", "createdAt": days_ago(5)}, parent=known)
    api.add("time_records", {"id": "b", "createdAt": days_ago(1)}, parent=known)
    runs()
    api.add("projects", {"id": "late", "createdAt": days_ago(400)})
    api.add("time_records", {"id": "c", "createdAt": days_ago(300)}, parent="late")
    assert runs().ids("time_records") == ["b", "c"]
    assert runs().ids("time_records") == ["b"]


def test_a_project_that_vanished_is_new_when_it_comes_back(
    api: Sandbox, runs: Runs
) -> None:
    (project,) = (project["id"] for project in api.truth("projects"))
    api.add("time_records", {"id": "a", "createdAt": days_ago(5)}, parent=project)
    api.add("time_records", {"id": "b", "createdAt": days_ago(1)}, parent=project)
    runs()
    api.fault(api.path("time_records", parent=project), status=404, times=1)
    assert runs().ids("time_records") == []
    assert runs().ids("time_records") == ["a", "b"]


@pytest.mark.parametrize(
    ("form", "since", "until"),
    [
        ("date", days_ago(13)[:10], (NOW + timedelta(days=90)).isoformat()[:10]),
        ("datetime", days_ago(12), None),
    ],
    ids=["date", "datetime"],
)
def test_the_api_s_own_filter_is_asked_for(
    sandbox: SandboxFactory, tmp_path: Path, form: str, since: str, until: str | None
) -> None:
    api = sandbox(projects=1, since_param="from", until_param="to", **EMPTY)
    names = {"since_param": "from", "until_param": "to", "since_format": form}
    runs = Runs(api, tmp_path, lookback_days=10, **names)
    book(api, "old", 20)
    book(api, "last", 2)
    runs()
    assert "from" not in last_query(api, "/v1/team/time")
    runs()
    query = last_query(api, "/v1/team/time")
    assert query["from"] == since
    assert until is None or query["to"] == until
    assert "from" not in last_query(api, "/v1/clients")


def last_query(api: Sandbox, path: str) -> dict[str, str]:
    request = [request for request in api.requests() if request.path == path][-1]
    return dict(parse_qsl(request.query))


def test_full_table_is_the_default(api: Sandbox, runs: Runs) -> None:
    book(api, "old", 20)
    book(api, "new", 1)
    runs(incremental=False)
    assert runs(incremental=False).ids("time") == ["old", "new"]
    assert runs.state["bookmarks"]["time"] == {}


def test_a_catalog_makes_any_stream_incremental(api: Sandbox, tmp_path: Path) -> None:
    found = run_tap({}, "--discover", folder=tmp_path)
    catalog = json.loads(found.out)
    for entry in catalog["streams"]:
        if entry["stream"] == "clients":
            entry["replication_method"] = "INCREMENTAL"
            entry["replication_key"] = "createdAt"
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    api.add("clients", {"id": "old", "createdAt": days_ago(9)})
    api.add("clients", {"id": "new", "createdAt": days_ago(3)})
    state = tmp_path / "clients.json"
    state.write_text("{}")
    for expected in (["old", "new"], ["new"]):
        outcome = run_tap(
            settings(api, lookback_days=0),
            *("--catalog", str(tmp_path / "catalog.json"), "--state", str(state)),
            folder=tmp_path,
        )
        assert outcome.ids("clients") == expected
        state.write_text(json.dumps(outcome.state))


def catalog_for(folder: Path, stream: str, key: str | None, **config: Any) -> Path:
    """Write a catalog in which a stream is incremental by a key, or not at all."""
    catalog = json.loads(run_tap(config, "--discover", folder=folder).out)
    method = "INCREMENTAL" if key else "FULL_TABLE"
    for entry in catalog["streams"]:
        if entry["stream"] == stream:
            entry["replication_method"], entry["replication_key"] = method, key
    file = folder / "catalog.json"
    file.write_text(json.dumps(catalog))
    return file


def test_a_key_that_is_text_is_refused_since_10_stands_before_9(
    api: Sandbox, tmp_path: Path
) -> None:
    catalog = catalog_for(tmp_path, "clients", "id")
    outcome = run_tap(settings(api), "--catalog", str(catalog), folder=tmp_path)
    assert "stream 'clients' can't be replicated by 'id': that is text" in outcome.error


@pytest.mark.parametrize(
    ("key", "values", "again"),
    [("number", [9, 10], [10]), ("day", ["2026-01-09", "2026-01-10"], ["2026-01-10"])],
)
def test_numbers_and_days_may_be_keys_too(
    api: Sandbox, tmp_path: Path, key: str, values: list[Any], again: list[Any]
) -> None:
    for number, value in enumerate(values):
        api.add("clients", {"id": f"c{number}", key: value})
    config = settings(api, undeclared_fields="infer", lookback_days=0)
    catalog = catalog_for(tmp_path, "clients", key, **config)
    state = tmp_path / "state.json"
    for expected in (values, again):
        args = ("--catalog", str(catalog), "--state", str(state))
        outcome = run_tap(config, *args, folder=tmp_path)
        assert [row[key] for row in outcome.records("clients")] == expected
        state.write_text(json.dumps(outcome.state))


def test_a_day_in_the_far_future_does_not_end_replication(
    api: Sandbox, tmp_path: Path
) -> None:
    api.add("clients", {"id": "slip", "day": "2062-11-10"})
    config = settings(api, undeclared_fields="infer")
    catalog = catalog_for(tmp_path, "clients", "day", **config)
    outcome = run_tap(config, "--catalog", str(catalog), folder=tmp_path)
    bookmark = outcome.state["bookmarks"]["clients"]["replication_key_value"]
    assert bookmark == NOW.isoformat()[:10]


def test_what_the_api_s_own_window_returns_is_not_too_old(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=1, **EMPTY)
    # The sandbox ignores the filter, as an API does that filters by another field.
    runs = Runs(api, tmp_path, since_param="worked_since")
    book(api, "last", 2)
    runs()
    book(api, "booked ahead long ago", 40)
    assert "booked ahead long ago" in runs().ids("time")


def test_incremental_may_be_set_against_a_catalog_that_was_made_without(
    api: Sandbox, tmp_path: Path
) -> None:
    book(api, "old", 3)
    book(api, "last", 2)
    catalog = catalog_for(tmp_path, "time", None)
    state = tmp_path / "state.json"
    for expected in (["old", "last"], ["last"]):
        config = settings(api, incremental=True, lookback_days=0)
        args = ("--catalog", str(catalog), "--state", str(state))
        outcome = run_tap(config, *args, folder=tmp_path)
        assert outcome.ids("time") == expected
        state.write_text(json.dumps(outcome.state))


def test_incremental_may_be_unset_against_a_catalog_that_was_made_with_it(
    api: Sandbox, tmp_path: Path
) -> None:
    catalog = catalog_for(tmp_path, "time", "createdAt", incremental=True)
    more = {"emit_activate_version_messages": True}
    config = settings(api, incremental=False, **more)
    outcome = run_tap(config, "--catalog", str(catalog), folder=tmp_path)
    assert outcome.of_type("ACTIVATE_VERSION", "time")


def test_a_catalog_s_method_counts_where_incremental_is_not_set(
    api: Sandbox, tmp_path: Path
) -> None:
    book(api, "one", 2)
    catalog = catalog_for(tmp_path, "time", "createdAt")
    outcome = run_tap(settings(api), "--catalog", str(catalog), folder=tmp_path)
    assert outcome.state["bookmarks"]["time"]["replication_key_value"]


def test_a_replication_key_that_is_no_field_is_named(
    api: Sandbox, tmp_path: Path
) -> None:
    catalog = json.loads(run_tap({}, "--discover", folder=tmp_path).out)
    for entry in catalog["streams"]:
        entry["replication_method"] = "INCREMENTAL"
        entry["replication_key"] = "changedAt"
    file = tmp_path / "catalog.json"
    file.write_text(json.dumps(catalog))
    outcome = run_tap(settings(api), "--catalog", str(file), folder=tmp_path)
    assert "'changedAt'" in outcome.error


def test_a_start_date_that_is_none_is_named(runs: Runs) -> None:
    assert (
        runs(start_date="last week").error
        == "start_date is not a date or time: 'last week'."
    )


def test_the_state_is_of_the_form_that_others_know(api: Sandbox, runs: Runs) -> None:
    book(api, "a", 1)
    runs()
    assert runs.state["bookmarks"]["time"] == {
        "replication_key": "createdAt",
        "replication_key_value": days_ago(1),
    }


def test_an_incremental_stream_activates_no_version(api: Sandbox, runs: Runs) -> None:
    book(api, "a", 1)
    outcome = runs(emit_activate_version_messages=True)
    streams = {message["stream"] for message in outcome.of_type("ACTIVATE_VERSION")}
    assert streams == {"clients", "projects", "tasks", "users"}


# A warehouse kept by a sequence of runs


class Warehouse:
    """What a target has: the last record of each id, and the last state."""

    def __init__(self, api: Sandbox, folder: Path, **config: Any) -> None:
        self.rows: dict[str, dict[str, dict[str, Any]]] = {}
        self.state: dict[str, Any] = {}
        self.folder = folder
        self.config = settings(api, incremental=True, **config)

    def run(self, kill_after: int | None = None) -> None:
        """Run the tap in a process of its own, perhaps killed after so many lines."""
        for name, content in (("config", self.config), ("state", self.state)):
            (self.folder / f"{name}.json").write_text(json.dumps(content))
        command = [sys.executable, "-m", "tap_analytics", "--config", "config.json"]
        with subprocess.Popen(
            [*command, "--state", "state.json"],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as tap:
            assert tap.stdout is not None
            for number, line in enumerate(tap.stdout):
                if number == kill_after:
                    tap.kill()
                if line.endswith(b"\n"):
                    self.take(json.loads(line))
        assert tap.returncode == 0 or kill_after is not None

    def take(self, message: dict[str, Any]) -> None:
        if message["type"] == "RECORD":
            rows = self.rows.setdefault(message["stream"], {})
            rows[message["record"]["id"]] = message["record"]
        elif message["type"] == "STATE":
            self.state = message["value"]


@pytest.mark.parametrize("seed", range(3))
def test_a_sequence_of_runs_misses_nothing_inside_the_look_back(
    sandbox: SandboxFactory, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    filters = {"since_param": "from", "until_param": "to"}
    api = sandbox(projects=3, **EMPTY, **filters)
    warehouse = Warehouse(api, tmp_path, lookback_days=10, **filters)
    projects = [project["id"] for project in api.truth("projects")]
    known: dict[str, str] = {}
    for step in range(7):
        for number in range(chance.randint(1, 40)):
            name, age = f"{step}-{number}", chance.uniform(0, 9 if step else 300)
            known[name] = chance.choice(projects)
            record = {"id": name, "name": "new", "createdAt": days_ago(age)}
            api.add("time_records", record, parent=known[name])
            api.add("time", record)
        if recent := [name for name in known if name.startswith(f"{step}-")]:
            changed = chance.choice(recent)
            api.change("time", changed, {"name": f"changed in {step}"})
        if chance.random() < 0.4:
            warehouse.run(kill_after=chance.randint(1, 60))
            continue
        warehouse.run()
        for stream in ("time", "time_records"):
            assert warehouse.rows[stream].keys() == known.keys()
        names = {record["id"]: record["name"] for record in api.truth("time")}
        loaded = {name: row["name"] for name, row in warehouse.rows["time"].items()}
        assert loaded == names
    assert [request for request in api.requests() if "from=" in request.query]


def test_time_without_a_date_of_creation_is_said_to_be_read_in_full(
    api: Sandbox, runs: Runs
) -> None:
    book(api, "undated", None)
    outcome = runs()
    assert "time: no record has a value in 'createdAt'" in outcome.err
    assert "the next run reads everything again" in outcome.err
