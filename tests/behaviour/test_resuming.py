"""Reads that were stopped, and what the next run makes of their STATE."""

from __future__ import annotations

import io
import json
import logging
from collections import Counter
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.account_run import run_account
from tap_analytics.progress import Progress
from tap_analytics.reading.so_far import StateCadence
from tap_analytics.run import Run
from tests.helpers.clocks import Clock
from tests.helpers.running import STREAMS, Outcome, run_tap, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

CHILDREN = ("tasks", "time_records")
PROJECTS = 6
STOPPED_AT = 3
"""The project, counted from 0, at which the first part stops."""


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(projects=PROJECTS, tasks=3, time_records=3, pagination="link")


class Reading:
    """Runs one after the other, each with the state of the one before.

    Args:
        api: The API.
        folder: Where files may be put.
        config: Settings, beyond where the API is.
    """

    def __init__(self, api: Sandbox, folder: Path, **config: Any) -> None:
        self.api = api
        self.folder = folder
        self.config: dict[str, Any] = {
            "concurrency": 1,
            "resume_hours": 12,
            "emit_activate_version_messages": True,
            **config,
        }
        self.state: dict[str, Any] = {}
        self.parts: list[Outcome] = []

    def project(self, number: int) -> str:
        identifier: str = self.api.truth("projects")[number]["id"]
        return identifier

    def run(self, *args: str, log_level: str = "WARNING", **config: Any) -> Outcome:
        """Run the tap with the last state."""
        file = self.folder / "state.json"
        file.write_text(json.dumps(self.state))
        merged = settings(self.api, **{**self.config, **config})
        self.api.reset()
        args = ("--state", str(file), *args)
        outcome = run_tap(merged, *args, folder=self.folder, log_level=log_level)
        if outcome.of_type("STATE"):
            self.state = outcome.state
        self.parts.append(outcome)
        return outcome

    def stop(
        self, stream: str = "tasks", at: int = STOPPED_AT, **config: Any
    ) -> Outcome:
        """Run the tap up to what is below a project."""
        self.api.fault(self.api.path(stream, self.project(at)), status=400)
        outcome = self.run(**config)
        assert outcome.status == 1
        self.api.clear_faults()
        return outcome

    def requests(self, stream: str) -> list[int]:
        """Return below which projects the last run asked for a stream."""
        by_path = self.api.stats().by_path
        return [
            number
            for number, project in enumerate(self.api.truth("projects"))
            if self.api.path(stream, project["id"]) in by_path
        ]

    def ids(self, stream: str) -> set[str]:
        """Return the ids that all parts wrote."""
        return {id_ for part in self.parts for id_ in part.ids(stream)}

    def truth(self, stream: str) -> set[str]:
        return {record["id"] for record in self.api.truth(stream)}

    def say(self, stream: str, **values: Any) -> None:
        """Change what the state says of how far a stream was read."""
        mark = self.state["bookmarks"][stream]
        mark["unfinished"] = json.dumps(json.loads(mark["unfinished"]) | values)

    def versions(self, stream: str) -> list[set[int]]:
        """Return the versions that each part gave to rows of a stream."""
        return [
            {message["version"] for message in part.of_type("RECORD", stream)}
            for part in self.parts
        ]


@pytest.fixture
def reading(api: Sandbox, tmp_path: Path) -> Reading:
    return Reading(api, tmp_path)


# What is skipped


def test_the_next_run_reads_what_was_not_read(reading: Reading) -> None:
    reading.stop()
    assert reading.run().status == 0
    assert reading.requests("tasks") == [3, 4, 5]
    assert reading.requests("time_records") == [3, 4, 5]
    assert all(reading.ids(stream) == reading.truth(stream) for stream in STREAMS)


def test_both_parts_have_one_version_which_is_active_in_the_end(
    reading: Reading,
) -> None:
    first = reading.stop()
    assert not first.of_type("ACTIVATE_VERSION", "tasks")
    second = reading.run()
    for stream in CHILDREN:
        before, after = reading.versions(stream)
        (active,) = second.of_type("ACTIVATE_VERSION", stream)
        assert before == after == {active["version"]}


def test_the_state_says_in_the_end_that_nothing_is_unfinished(reading: Reading) -> None:
    reading.stop()
    reading.run()
    marks = reading.state["bookmarks"]
    assert [marks[stream]["unfinished"] for stream in CHILDREN] == [None, None]
    reading.run()
    assert reading.requests("tasks") == [*range(PROJECTS)]


def test_each_child_stream_has_its_own_parents_that_are_done(reading: Reading) -> None:
    reading.stop("time_records")  # The tasks of that project are there.
    reading.run()
    assert reading.requests("tasks") == [4, 5]
    assert reading.requests("time_records") == [3, 4, 5]


def test_a_read_goes_on_after_several_interruptions(reading: Reading) -> None:
    reading.stop(at=1)
    reading.stop(at=2)
    reading.stop(at=4)
    reading.run()
    assert reading.requests("tasks") == [4, 5]
    assert all(reading.ids(stream) == reading.truth(stream) for stream in STREAMS)
    first, *rest = filter(None, reading.versions("tasks"))
    assert all(versions == first for versions in rest)


def test_parents_that_are_new_are_read_and_those_that_are_gone_not_missed(
    reading: Reading, api: Sandbox
) -> None:
    reading.stop()
    api.delete("projects", reading.project(0))
    api.add("projects", {"id": "new"}, position=0)
    api.add("tasks", {"id": "of-new"}, parent="new")
    second = reading.run()
    assert reading.requests("tasks") == [0, 3, 4, 5]
    assert "of-new" in second.ids("tasks")
    assert second.of_type("ACTIVATE_VERSION", "tasks")


@pytest.mark.parametrize("status", [403, 404])
def test_parents_that_vanished_or_were_left_out_are_not_done(
    reading: Reading, api: Sandbox, status: int
) -> None:
    api.fault(api.path("tasks", reading.project(1)), status=status)
    reading.stop()
    reading.run()
    assert reading.requests("tasks") == [1, 3, 4, 5]
    assert reading.requests("time_records") == [3, 4, 5]


def test_a_stream_that_is_complete_is_not_read_again(
    reading: Reading, api: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = partial(StateCadence, seconds=0, share=1000)
    monkeypatch.setattr("tap_analytics.reading.account.StateCadence", at_once)
    api.fault("/v1/team/users", status=400)
    reading.run()
    api.clear_faults()
    second = reading.run(log_level="INFO")
    assert reading.requests("tasks") == reading.requests("time_records") == []
    assert second.ids("projects")
    assert "skipped tasks, time_records, 0 projects" in second.err
    assert all(reading.ids(stream) == reading.truth(stream) for stream in STREAMS)
    marks = reading.state["bookmarks"]
    assert [marks[stream]["unfinished"] for stream in CHILDREN] == [None, None]
    assert reading.run().of_type("ACTIVATE_VERSION", "tasks")
    assert reading.requests("tasks") == [*range(PROJECTS)]


# What begins anew


@pytest.mark.parametrize(
    "config",
    [
        {"resume_hours": 0},
        {"resume_hours": None},
        {"undeclared_fields": "ignore"},
        {"stream_maps": {"tasks": {"name": "id"}}},
        {"incremental": True, "emit_activate_version_messages": False},
        {"flattening_enabled": True, "flattening_max_depth": 1},
    ],
    ids=str,
)
def test_a_run_with_other_settings_reads_all_of_it(
    reading: Reading, config: dict[str, Any]
) -> None:
    reading.stop()
    reading.run(**config)
    assert reading.requests("tasks") == [*range(PROJECTS)]
    before, after = (
        {message.get("version") for message in part.of_type("RECORD", "tasks")}
        for part in reading.parts
    )
    assert not before & after


@pytest.mark.parametrize(
    "config",
    [{"concurrency": 3}, {"max_retries": 7}, {"page_size": 2}, {"request_timeout": 9}],
    ids=str,
)
def test_settings_that_shape_no_rows_do_not_matter(
    reading: Reading, config: dict[str, Any]
) -> None:
    reading.stop()
    reading.run(**config)
    assert reading.requests("tasks") == [3, 4, 5]


def test_a_run_with_another_catalog_reads_all_of_it(
    reading: Reading, tmp_path: Path
) -> None:
    reading.stop()
    config = settings(reading.api, **reading.config)
    catalog = json.loads(run_tap(config, "--discover", folder=tmp_path).out)
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if item["breadcrumb"] == ["properties", "status"]:
                item["metadata"]["selected"] = False
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    reading.run("--catalog", str(tmp_path / "catalog.json"))
    assert reading.requests("tasks") == [*range(PROJECTS)]


@pytest.mark.parametrize("hours", [13, -1])
def test_a_read_that_began_too_long_ago_or_in_the_future_is_given_up(
    reading: Reading, hours: float
) -> None:
    reading.stop()
    began_at = datetime.now(timezone.utc) - timedelta(hours=hours)
    reading.say("tasks", began_at=began_at.isoformat())
    reading.run()
    assert reading.requests("tasks") == [*range(PROJECTS)]
    assert reading.requests("time_records") == [3, 4, 5]


def test_the_first_state_says_that_an_earlier_read_is_given_up(
    reading: Reading,
) -> None:
    reading.stop()
    outcome = reading.run(resume_hours=0)
    first = outcome.of_type("STATE")[0]["value"]["bookmarks"]
    assert [first[stream]["unfinished"] for stream in CHILDREN] == [None, None]
    assert outcome.messages[0]["type"] == "STATE"


def test_versions_grow_even_if_the_read_before_had_a_later_clock(
    reading: Reading,
) -> None:
    reading.stop()
    reading.say("tasks", version=9_000_000_000_000)
    reading.run(resume_hours=0)
    assert reading.versions("tasks")[-1] == {9_000_000_000_001}


def test_a_newer_versions_state_is_refused_before_anything_is_asked_for(
    reading: Reading, api: Sandbox
) -> None:
    reading.stop()
    reading.say("tasks", format=2)
    assert "newer version of this tap" in reading.run().error
    assert not api.requests()


def test_a_state_of_a_version_that_knew_no_parts_is_understood(
    reading: Reading,
) -> None:
    reading.state = {"bookmarks": {"tasks": {"version": 1_700_000_000}}}
    assert reading.run().status == 0
    assert reading.ids("tasks") == reading.truth("tasks")


# What is whole


def test_a_project_that_was_forbidden_to_the_first_part_is_not_deleted_by_the_second(
    reading: Reading, api: Sandbox
) -> None:
    api.fault(api.path("tasks", reading.project(1)), status=403)
    reading.stop()
    second = reading.run()
    assert not second.of_type("ACTIVATE_VERSION", "tasks")
    assert second.of_type("ACTIVATE_VERSION", "time_records")
    assert reading.run().of_type("ACTIVATE_VERSION", "tasks")


def test_doubts_of_the_first_part_keep_the_second_from_deleting_and_moving_on(
    api: Sandbox, tmp_path: Path
) -> None:
    reading = Reading(api, tmp_path, incremental=True)
    reading.stop()
    for stream in CHILDREN:
        reading.say(stream, doubts=["more rows may exist than were read"])
    second = reading.run()
    assert not second.of_type("ACTIVATE_VERSION", "tasks")
    assert "replication_key_value" not in reading.state["bookmarks"]["time_records"]


def test_a_key_that_could_read_before_is_not_taken_for_hopeless(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=27, tasks=1, time_records=1, pagination="link")
    reading = Reading(api, tmp_path)
    reading.stop()
    for number in range(STOPPED_AT, 27):
        api.fault(api.path("tasks", reading.project(number)), status=403)
    assert reading.run().status == 0


# Increments


def test_an_increment_goes_on_and_its_bookmark_ends_where_the_first_part_began(
    api: Sandbox, tmp_path: Path
) -> None:
    reading = Reading(api, tmp_path, incremental=True, lookback_days=0)
    reading.stop("time_records")
    began_at = datetime.now(timezone.utc)
    for number, project in ((0, "done"), (5, "not done")):
        created = (began_at + timedelta(seconds=number)).isoformat()
        record = {"id": f"between: {project}", "createdAt": created}
        api.add("time_records", record, parent=reading.project(number))
    second = reading.run()
    assert reading.requests("time_records") == [3, 4, 5]
    assert "between: done" not in second.ids("time_records")
    assert "between: done" in reading.run().ids("time_records")
    assert reading.ids("time_records") == reading.truth("time_records")


def test_an_increment_reads_parents_that_are_not_done_from_the_old_bookmark(
    api: Sandbox, tmp_path: Path
) -> None:
    reading = Reading(api, tmp_path, incremental=True, lookback_days=0)
    reading.run()
    bookmark = reading.state["bookmarks"]["time_records"]["replication_key_value"]
    reading.stop("time_records")
    mark = reading.state["bookmarks"]["time_records"]
    assert mark["replication_key_value"] == bookmark
    late = {"id": "late", "createdAt": bookmark}
    api.add("time_records", late, parent=reading.project(5))
    assert "late" in reading.run().ids("time_records")


def test_a_full_refresh_goes_on_as_one_though_an_old_bookmark_is_merged_beneath_it(
    api: Sandbox, tmp_path: Path
) -> None:
    reading = Reading(api, tmp_path, incremental=True, lookback_days=0)
    reading.run()
    complete, reading.state, reading.parts = reading.state, {}, []
    reading.stop("time_records")
    for stream, mark in complete["bookmarks"].items():
        kept = reading.state["bookmarks"].get(stream, {})
        reading.state["bookmarks"][stream] = mark | kept
    reading.run()
    assert reading.requests("time_records") == [3, 4, 5]
    assert reading.ids("time_records") == reading.truth("time_records")


# What is said


def test_the_summary_says_since_when_and_what_was_skipped(reading: Reading) -> None:
    reading.stop()
    began_at = json.loads(reading.state["bookmarks"]["tasks"]["unfinished"])["began_at"]
    outcome = reading.run(log_level="INFO")
    since = f"{datetime.fromisoformat(began_at.replace('Z', '+00:00')):%Y-%m-%d %H:%M}"
    lines = outcome.err.splitlines()
    said = f"went on with the read that began {since} UTC, skipped {STOPPED_AT} proj"
    assert said in lines[-1]
    (line,) = [line for line in lines if "Goes on with the read" in line]
    assert "To read everything anew, set resume_hours to 0" in line


@pytest.mark.parametrize(
    ("hours", "said"),
    [(0, "off: a run that was stopped is begun anew"), (12, "within 12 h")],
)
def test_the_connection_test_says_whether_reads_go_on(
    reading: Reading, hours: float, said: str
) -> None:
    outcome = reading.run("--test", log_level="INFO", resume_hours=hours)
    (line,) = [line for line in outcome.err.splitlines() if " stopped " in line]
    assert said in line


# STATEs of a long read


def messages_of(api: Sandbox, seconds: float) -> list[dict[str, Any]]:
    """Return what a read writes, at each look at whose clock time has passed."""

    class Ticking(Clock):
        def __call__(self) -> float:
            self.now += seconds
            return self.now

    out = io.BytesIO()
    run = Run.logging_to(logging.NullHandler())
    object.__setattr__(run, "progress", Progress(Ticking()))
    assert run_account(settings(api), out, run=run).error is None
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_long_read_puts_a_state_out_now_and_then(sandbox: SandboxFactory) -> None:
    api = sandbox(projects=40, tasks=40, time_records=40)
    short, long = (
        [one for one in messages_of(api, seconds) if one["type"] == "STATE"]
        for seconds in (0, 60)
    )
    assert len(long) > len(short)


def test_states_of_a_long_read_are_small_beside_its_records(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(projects=60, tasks=20, time_records=20)
    messages = messages_of(api, 600)
    size = Counter[str]()
    for message in messages:
        size[message["type"]] += len(json.dumps(message))
    assert len([one for one in messages if one["type"] == "STATE"]) > 4
    assert size["STATE"] < 0.05 * size["RECORD"]
