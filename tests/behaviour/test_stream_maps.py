"""Stream maps: which rows are read, and what is said of an expression that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.running import STREAMS, Outcome, run_tap, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

TOP_LEVEL = {"clients", "projects", "time", "users"}
CHILDREN = {"tasks", "time_records"}


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(projects=3, tasks=2, time_records=2, clients=3, users=2)


def run(api: Sandbox, folder: Path, maps: dict[str, Any], **more: Any) -> Outcome:
    return run_tap(settings(api, stream_maps=maps, **more), folder=folder)


def counts(outcome: Outcome) -> dict[str, int]:
    assert outcome.status == 0, outcome.err
    assert outcome.err == ""
    names = {message["stream"] for message in outcome.of_type("SCHEMA")}
    return {name: len(outcome.records(name)) for name in sorted(names)}


# A table that is dropped


@pytest.mark.parametrize(
    ("maps", "written"),
    [
        ({"projects": None}, {*STREAMS} - {"projects"}),
        ({"projects": "__NULL__"}, {*STREAMS} - {"projects"}),
        ({"proj*": None}, {*STREAMS} - {"projects"}),
        ({"projects": None, "tasks": None}, {*STREAMS} - {"projects", "tasks"}),
        ({"tasks": {}, "__else__": None}, {"tasks"}),
        ({"t*": {}, "__else__": "__NULL__"}, {"tasks", "time", "time_records"}),
    ],
)
def test_a_dropped_table_leaves_those_below_it_whole(
    api: Sandbox, tmp_path: Path, maps: dict[str, Any], written: set[str]
) -> None:
    outcome = run(api, tmp_path, maps, emit_activate_version_messages=True)
    assert counts(outcome) == {name: api.counts()[name] for name in sorted(written)}
    activated = outcome.of_type("ACTIVATE_VERSION")
    assert {message["stream"] for message in activated} == written


@pytest.mark.parametrize("copy", [{}, {"label": "name"}])
def test_a_table_may_be_loaded_by_another_name_only(
    api: Sandbox, tmp_path: Path, copy: dict[str, Any]
) -> None:
    maps = {"projects": None, "jobs": {"__source__": "projects", **copy}}
    found = counts(run(api, tmp_path, maps))
    assert "projects" not in found
    assert (found["jobs"], found["tasks"]) == (3, api.counts()["tasks"])


def test_no_request_is_made_for_a_table_that_nobody_gets(
    api: Sandbox, tmp_path: Path
) -> None:
    run(api, tmp_path, {"tasks": {}, "__else__": None})
    assert len(api.requests()) == 1 + 3


def test_rows_that_are_filtered_out_take_theirs_with_them(
    api: Sandbox, tmp_path: Path
) -> None:
    kept = api.truth("projects")[1]["id"]
    maps = {"projects": {"__filter__": f"id == {kept!r}"}}
    outcome = run(api, tmp_path, maps, emit_activate_version_messages=True)
    assert counts(outcome)["tasks"] == 2
    activated = {m["stream"] for m in outcome.of_type("ACTIVATE_VERSION")}
    assert activated == {*STREAMS} - {"projects", *CHILDREN}


def test_that_all_tables_are_dropped_is_said(api: Sandbox, tmp_path: Path) -> None:
    outcome = run(api, tmp_path, {"__else__": None})
    assert outcome.status == 0
    (warning,) = outcome.err.splitlines()
    assert "No stream is selected, so nothing is read" in warning
    assert api.requests() == []


# Expressions that fail


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"a": "record['nix']"}, "map of 'a', \"record['nix']\": KeyError: 'nix'"),
        ({"a": "1 / 0"}, "map of 'a', '1 / 0': ZeroDivisionError: division by zero"),
        ({"a": "int('x')"}, "map of 'a', \"int('x')\": ValueError: invalid literal"),
        ({"a": "status + 1"}, "map of 'a', 'status + 1': TypeError: "),
        ({"a": "'x'.nix"}, "map of 'a', \"'x'.nix\": AttributeDoesNotExist: "),
        ({"a": "nix"}, "map of 'a', 'nix': NameNotDefined: 'nix' is not defined"),
        ({"a": "open('x')"}, "map of 'a', \"open('x')\": FunctionNotDefined: "),
        ({"a": "[][1]"}, "map of 'a', '[][1]': IndexError: list index out of range"),
        (
            {"__filter__": "record['nix']"},
            "map of '__filter__', \"record['nix']\": KeyError: 'nix'",
        ),
    ],
)
@pytest.mark.parametrize("stream", ["clients", "projects", "tasks"])
def test_an_expression_that_fails_is_named_with_stream_and_field(
    api: Sandbox, tmp_path: Path, stream: str, fields: dict[str, str], said: str
) -> None:
    error = run(api, tmp_path, {stream: fields}).error
    assert error.startswith(f"stream {stream!r}: stream {said}")
    assert error.endswith("Correct it in stream_maps.")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"a": "name +"}, "stream map of 'a', 'name +', can't be read: "),
        ({"a": "it's"}, "stream map of 'a', \"it's\", can't be read: unterminated"),
        ({"a": " name"}, "stream map of 'a', ' name', can't be read: "),
        ({"a": "name\0"}, "stream map of 'a', 'name\\x00', can't be read: "),
        ({"a": ""}, "stream map of 'a', '', is not an expression. "),
        ({"a": "b = 1"}, "stream map of 'a', 'b = 1', is not an expression. "),
        ({"__filter__": "id =="}, "stream map of '__filter__', 'id ==', can't be read"),
        ({"__alias__": "my jobs"}, "stream map of '__alias__', 'my jobs', can't be "),
        ({"id": None}, "its stream map can't be used: StreamMapConfigError: Removing"),
        ({"__key_properties__": ["nix"]}, "its stream map can't be used: StreamMap"),
    ],
)
def test_a_map_that_can_t_be_used_is_named_before_anything_is_read(
    api: Sandbox, tmp_path: Path, fields: Any, said: str
) -> None:
    outcome = run(api, tmp_path, {"users": fields})
    assert outcome.error.startswith(f"stream 'users': {said}")
    assert outcome.out == ""
    assert api.requests() == []


def test_an_option_that_there_is_not_is_named(api: Sandbox, tmp_path: Path) -> None:
    error = run(api, tmp_path, {"__what__": None}).error
    assert error.startswith("stream_maps can't be used: StreamMapConfigError: ")
    assert "__what__" in error


def test_an_expression_that_fails_late_moves_no_bookmark(
    api: Sandbox, tmp_path: Path
) -> None:
    last = api.truth("time")[-1]["id"]
    maps = {"time": {"a": f"1 / (id != {last!r})"}}
    outcome = run(api, tmp_path, maps, incremental=True)
    assert "stream 'time': stream map of 'a'" in outcome.error
    assert outcome.state["bookmarks"].get("time", {}) == {}
