"""Catalogs as users have them: cut down, edited by hand, or of another tap."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.running import STREAMS, Outcome, run_tap, settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

CHILDREN = {"tasks", "time_records"}


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(projects=3, tasks=2, time_records=2, clients=3, users=2)


def discovered(folder: Path) -> dict[str, Any]:
    catalog: dict[str, Any] = json.loads(run_tap({}, "--discover", folder=folder).out)
    return catalog


def run(api: Sandbox, folder: Path, catalog: Any, **config: Any) -> Outcome:
    file = folder / "catalog.json"
    file.write_text(catalog if isinstance(catalog, str) else json.dumps(catalog))
    return run_tap(settings(api, **config), "--catalog", str(file), folder=folder)


def select(catalog: dict[str, Any], *streams: str) -> dict[str, Any]:
    for entry in catalog["streams"]:
        (root,) = (item for item in entry["metadata"] if not item["breadcrumb"])
        root["metadata"]["selected"] = entry["tap_stream_id"] in streams
    return catalog


def without(catalog: dict[str, Any], *streams: str) -> dict[str, Any]:
    kept = [e for e in catalog["streams"] if e["tap_stream_id"] not in streams]
    return {"streams": kept}


def entry_of(catalog: dict[str, Any], stream: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        entry for entry in catalog["streams"] if entry["tap_stream_id"] == stream
    )
    return found


# A parent that is not in the catalog


def deselected(catalog: dict[str, Any]) -> dict[str, Any]:
    return select(catalog, *({*STREAMS} - {"projects"}))


def deselected_without_columns(catalog: dict[str, Any]) -> dict[str, Any]:
    entry_of(catalog, "projects")["schema"] = {}
    return deselected(catalog)


@pytest.mark.parametrize(
    "cut",
    [
        lambda catalog: without(catalog, "projects"),
        lambda catalog: without(catalog, "clients", "projects", "users"),
        deselected,
        deselected_without_columns,
    ],
)
@pytest.mark.parametrize("maps", [{}, {"tasks": {"label": "name"}}])
def test_children_are_read_without_their_parent_s_table(
    api: Sandbox,
    tmp_path: Path,
    cut: Callable[[dict[str, Any]], dict[str, Any]],
    maps: dict[str, Any],
) -> None:
    outcome = run(api, tmp_path, cut(discovered(tmp_path)), stream_maps=maps)
    assert outcome.status == 0, outcome.err
    assert outcome.err == ""
    for stream in CHILDREN:
        assert outcome.ids(stream) == [row["id"] for row in api.truth(stream)]
    assert not outcome.of_type("SCHEMA", "projects")
    assert not outcome.records("projects")


@pytest.mark.parametrize("cut", [lambda c: without(c, "projects"), deselected])
def test_a_map_of_a_parent_that_is_not_written_filters_its_children(
    api: Sandbox, tmp_path: Path, cut: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    kept = api.truth("projects")[1]["id"]
    maps = {"projects": {"__filter__": f"id == {kept!r}"}}
    outcome = run(api, tmp_path, cut(discovered(tmp_path)), stream_maps=maps)
    assert outcome.status == 0, outcome.err
    assert {row["project_id"] for row in outcome.records("tasks")} == {kept}
    assert not outcome.records("projects")


def test_a_child_that_is_not_in_the_catalog_is_not_asked_for(
    api: Sandbox, tmp_path: Path
) -> None:
    outcome = run(api, tmp_path, without(discovered(tmp_path), *CHILDREN))
    assert outcome.status == 0, outcome.err
    assert len(outcome.ids("projects")) == 3
    assert len(api.requests()) == 4


# What is no catalog of this tap


OTHER = {"tap_stream_id": "issues", "stream": "issues", "schema": {}, "metadata": []}


@pytest.mark.parametrize(
    ("catalog", "said"),
    [
        ({}, "has none of the streams of this tap, which are clients, projects, "),
        ({"streams": []}, "has none of the streams of this tap"),
        ({"streams": [OTHER]}, "has none of the streams of this tap"),
        ([], "is not a catalog: Expected `object`, got `array`"),
        ("null", "is not a catalog: Expected `object`, got `null`"),
        ({"streams": {}}, "is not a catalog: Expected `array`, got `object`"),
        ({"streams": ["users"]}, "is not a catalog: Expected `object`, got `str`"),
        ({"streams": [{"stream": "users"}]}, "missing required field `tap_stream_id`"),
        ("", "is not valid JSON: "),
        ('{"streams": [', "is not valid JSON: "),
    ],
)
def test_a_file_that_is_no_catalog_of_this_tap_is_named(
    api: Sandbox, tmp_path: Path, catalog: Any, said: str
) -> None:
    outcome = run(api, tmp_path, catalog)
    assert outcome.error.startswith(f"The catalog {tmp_path / 'catalog.json'} ")
    assert said in outcome.error
    assert "--discover" in outcome.error
    assert outcome.out == ""
    assert api.requests() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": {}}, "declares no column 'id' for the stream 'users'"),
        ({"schema": {"type": "object"}}, "declares no column 'id' for the stream"),
        ({"schema": {"properties": {}}}, "declares no column 'id' for the stream"),
        ({"schema": {"properties": {"name": {}}}}, "declares no column 'id' for the"),
        (
            {"key_properties": ["nix"]},
            "declares no column 'nix' for the stream",
        ),
        ({"schema": {"properties": {"id": 5}}}, "is not a catalog: "),
        ({"schema": None}, "is not a catalog: "),
        ({"metadata": [{}]}, "is not a catalog: "),
        ({"stream": "people"}, "calls the stream 'users' 'people', too"),
        ({"tap_stream_id": "people"}, "calls the stream 'users' 'people', too"),
        (
            {"tap_stream_id": "user", "stream": "user"},
            "selects the stream 'user', which this tap does not have. Did you mean",
        ),
    ],
)
def test_a_stream_that_was_edited_is_named(
    api: Sandbox, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    catalog = discovered(tmp_path)
    entry_of(catalog, "users").update(change)
    outcome = run(api, tmp_path, catalog)
    assert outcome.error.startswith(f"The catalog {tmp_path / 'catalog.json'} ")
    assert said in outcome.error
    assert outcome.out == ""
    assert api.requests() == []


def test_an_unknown_stream_that_is_not_selected_harms_nobody(
    api: Sandbox, tmp_path: Path
) -> None:
    catalog = discovered(tmp_path)
    root = {"breadcrumb": [], "metadata": {"selected": False}}
    catalog["streams"].append({**OTHER, "metadata": [root]})
    outcome = run(api, tmp_path, catalog)
    assert outcome.status == 0, outcome.err
    assert {m["stream"] for m in outcome.of_type("SCHEMA")} == {*STREAMS}


def test_a_catalog_that_selects_nothing_is_warned_of(
    api: Sandbox, tmp_path: Path
) -> None:
    outcome = run(api, tmp_path, select(discovered(tmp_path)))
    assert outcome.status == 0
    (warning,) = outcome.err.splitlines()
    assert "No stream is selected, so nothing is read" in warning
