"""docs/everhour.md: its commands and queries do what it says, one after the other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tap_analytics.sandbox import PRESETS, Sandbox, SandboxOptions
from tests.conftest import TODAY
from tests.e2e.commands import succeed
from tests.running import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[1]
TEXT = (PROJECT / "docs" / "everhour.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def api() -> Iterator[Sandbox]:
    options = PRESETS["everhour"] | {"rate_limit": None}
    with Sandbox(SandboxOptions(**options, today=TODAY, projects=3)) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def folder(api: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all commands were run, the last ones twice."""
    folder = tmp_path_factory.mktemp("everhour")
    *before, nightly = (
        block.replace("your-key", api.options.api_key) for block in blocks("sh")
    )
    for block in (*before, nightly, nightly):
        succeed(
            *("bash", "-euo", "pipefail", "-c", block),
            cwd=folder,
            TAP_ANALYTICS_API_URL=api.url,
            TAP_ANALYTICS_RATE_LIMIT_REQUESTS="1000",
        )
    return folder


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as database:
        for file in ("analytics", "everhour"):
            path = folder / f"{file}.duckdb"
            database.execute(f"attach '{path}' as {file} (read_only)")
        return database.execute(query).fetchall()


def test_all_streams_are_loaded(folder: Path, api: Sandbox) -> None:
    shared = 1  # A task of two projects, whose rows are merged where `id` is the key.
    for file, merged in (("analytics", shared), ("everhour", 0)):
        counts = {
            stream: rows(folder, f"select count(*) from {file}.analytics.{stream}")
            for stream in STREAMS
        }
        expected = api.counts() | {"tasks": api.counts()["tasks"] - merged}
        assert counts == {stream: [(count,)] for stream, count in expected.items()}


def test_the_first_query_adds_up_the_hours_of_projects(
    folder: Path, api: Sandbox
) -> None:
    found = rows(folder, blocks("sql")[0])
    assert len(found) == 3
    seconds = sum(entry["time"] for entry in api.truth("time_records"))
    assert sum(hours for _, hours in found) == seconds / 3600


def test_the_second_query_adds_up_the_hours_of_months(
    folder: Path, api: Sandbox
) -> None:
    found = rows(folder, blocks("sql")[1])
    months = sorted({entry["date"][:7] for entry in api.truth("time")})
    assert [f"{month:%Y-%m}" for month, _ in found] == months
    seconds = sum(entry["time"] for entry in api.truth("time"))
    assert sum(hours for _, hours in found) == seconds / 3600


def test_the_catalog_has_a_column_for_each_field(folder: Path) -> None:
    catalog = json.loads((folder / "catalog.json").read_text())
    columns = {
        entry["stream"]: entry["schema"]["properties"] for entry in catalog["streams"]
    }
    assert {"date", "time", "task", "comment"} <= columns["time"].keys()


def test_the_second_night_asks_for_the_days_of_the_look_back(
    folder: Path, api: Sandbox
) -> None:
    state = json.loads((folder / "state.json").read_text())
    assert state["bookmarks"]["time"]["replication_key_value"][:10] == "2025-06-18"
    queries = [entry.query for entry in api.requests() if entry.path == "/team/time"]
    assert queries[-1].startswith("from=2025-03-20&to=")
