"""Meltano's own state, and reads that go on: it is replaced, or merged deeply."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psutil
import psycopg2
import pytest

from tap_analytics.sandbox import Sandbox, SandboxOptions
from tests.conftest import TODAY
from tests.helpers.commands import SCRIPTS, environment, run
from tests.helpers.running import STREAMS
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PROJECTS = 6
CHILDREN = ("tasks", "time_records")
TAP, TARGET = "tap-analytics", "target-postgres"
SECONDS = 120
"""After so long nothing is waited for any more."""


@pytest.fixture
def api() -> Iterator[Sandbox]:
    options = SandboxOptions(
        projects=PROJECTS, tasks=2, time_records=2, today=TODAY, api_key=KEY
    )
    with Sandbox(options) as sandbox:
        yield sandbox


class Nights:
    """Runs of one Meltano project into one database.

    Args:
        project: The project's folder.
        api: The sandbox.
        database: The database's URL.
    """

    def __init__(self, project: Path, api: Sandbox, database: str) -> None:
        self.api = api
        self._project = project
        self._database = database
        self._environ = {
            "TAP_ANALYTICS_API_KEY": api.options.api_key,
            "TAP_ANALYTICS_API_URL": api.url,
            "TAP_ANALYTICS_CONCURRENCY": "1",
            "TAP_ANALYTICS_RESUME_HOURS": "12",
            "TAP_ANALYTICS_INCREMENTAL": "true",
            "TAP_ANALYTICS_LOOKBACK_DAYS": "0",
            "TAP_ANALYTICS_EMIT_ACTIVATE_VERSION_MESSAGES": "true",
            "TARGET_POSTGRES_SQLALCHEMY_URL": database,
            "TARGET_POSTGRES_HARD_DELETE": "true",
        }

    def run(self, *options: str) -> list[int]:
        """Run it to its end; return below which projects it asked for tasks."""
        self.api.reset()
        command = ("meltano", "run", *options, TAP, TARGET)
        result = run(*command, cwd=self._project, **self._environ)
        assert result.returncode == 0, result.stdout + result.stderr
        by_path = self.api.stats().by_path
        paths = [
            self.api.path("tasks", one["id"]) for one in self.api.truth("projects")
        ]
        return [number for number, path in enumerate(paths) if path in by_path]

    def kill(self, *options: str, at: int) -> None:
        """Run it, and kill the tap when it asks for the tasks of a project."""
        self.api.reset()
        path = self.api.path("tasks", self.api.truth("projects")[at]["id"])
        self.api.fault(path, "hang")
        with subprocess.Popen(
            [SCRIPTS / "meltano", "run", *options, TAP, TARGET],
            cwd=self._project,
            env=environment(**self._environ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            until = time.monotonic() + SECONDS
            while path not in self.api.stats().by_path and time.monotonic() < until:
                time.sleep(0.05)
            for child in psutil.Process(process.pid).children(recursive=True):
                if any(part.endswith(f"bin/{TAP}") for part in child.cmdline()):
                    child.terminate()
            assert process.wait(SECONDS) != 0
        self.api.clear_faults()

    def state(self) -> dict[str, Any]:
        """Return the state that the next run begins with."""
        name = f"dev:{TAP}-to-{TARGET}"
        result = run("meltano", "state", "get", name, cwd=self._project)
        state: dict[str, Any] = json.loads(result.stdout)["singer_state"]["bookmarks"]
        return state

    def check(self, streams: Iterable[str] = STREAMS) -> None:
        """Check that the tables have what the API has."""
        with closing(psycopg2.connect(self._database)) as connection:
            cursor = connection.cursor()
            for stream in streams:
                cursor.execute(f"select id, name from tap_analytics.{stream}")
                truth = [(row["id"], row["name"]) for row in self.api.truth(stream)]
                assert sorted(cursor.fetchall()) == sorted(truth)


def test_runs_and_full_refreshes_that_are_killed_lose_nothing(
    own_project: Path, api: Sandbox, postgres: str
) -> None:
    nights = Nights(own_project, api, postgres)
    assert nights.run() == [*range(PROJECTS)]
    bookmark = nights.state()["time_records"]["replication_key_value"]

    # A run that is killed replaces the state.
    nights.kill(at=2)
    assert nights.state()["tasks"]["unfinished"]
    assert nights.state()["time_records"]["replication_key_value"] == bookmark

    # A full refresh that is killed begins from nothing, and is merged into it.
    nights.kill("--full-refresh", at=4)
    assert nights.state()["time_records"]["replication_key_value"] == bookmark
    assert nights.run() == [4, 5]
    nights.check()

    # One that is complete says so, else what was unfinished would come back.
    nights.kill(at=1)
    assert nights.run("--full-refresh") == [*range(PROJECTS)]
    assert not any(mark.get("unfinished") for mark in nights.state().values())
    for stream in ("tasks", "projects"):
        api.delete(stream, api.truth(stream)[-1]["id"])
    assert nights.run() == [*range(PROJECTS - 1)]
    # Increments delete nothing.
    nights.check({*STREAMS} - {"time", "time_records"})
