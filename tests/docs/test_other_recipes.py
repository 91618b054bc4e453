"""Meltano, a fleet and dlt, with all that may go wrong: no row is lost.

Before each mishap there are new rows. If it moved the state, they were never read: each
run reads only what is newer than the state says.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import psutil
import pytest

from tap_analytics.sandbox import Sandbox, SandboxOptions
from tests.conftest import TODAY
from tests.docs.documents import COMMANDS, Document
from tests.helpers.commands import environment
from tests.helpers.databases import duckdb_at, postgres_at
from tests.helpers.scanning import PLAIN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.helpers.databases import Database

NOBODY = "127.0.0.1:1"
"""Where no server listens."""

MISHAPS = (
    "a missing config",
    "a typo in the target's config",
    "a wrong key",
    "an API that is down",
    "a database that is down",
    "a run that is killed",
)

SECONDS = 200


class Night(ABC):
    """A way to load, as its document shows it.

    Args:
        folder: Where it runs.
        api: What it reads.
        database: Where it loads to.
    """

    config = ""
    """The file without which nothing goes."""

    def __init__(self, folder: Path, api: Sandbox, database: Database) -> None:
        self.folder = folder
        self.api = api
        self.environ: dict[str, str] = {}
        self._database = database

    @abstractmethod
    def command(self, wrong: str | None) -> str:
        """Return what is run, where this goes wrong."""

    @abstractmethod
    def wrong(self) -> Mapping[str, Mapping[str, str]]:
        """Return what to set, by what goes wrong."""

    def go(self, wrong: str | None = None) -> tuple[int, str]:
        """Run it; return its exit status, and what it said."""
        if wrong == "a run that is killed":
            return self._killed()
        config = self.folder / self.config
        away = config.with_name("away")
        if wrong == "a missing config":
            shutil.move(config, away)
        with self._start(wrong) as process:
            said, _ = process.communicate(timeout=SECONDS)
        if wrong == "a missing config":
            shutil.move(away, config)
        return process.returncode, said

    def _start(self, wrong: str | None) -> subprocess.Popen[str]:
        environ = {**self.environ, **(self.wrong().get(wrong or "", {}))}
        return subprocess.Popen(
            (*COMMANDS["sh"], self.command(wrong)),
            cwd=self.folder,
            env=environment(**environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _killed(self) -> tuple[int, str]:
        self.api.reset()
        for path in ("/v1/clients", "/v1/projects"):
            self.api.fault(path, status=429, headers={"Retry-After": "60"}, times=1)
        with self._start(None) as process:
            deadline = time.monotonic() + SECONDS
            while not self.api.requests() and time.monotonic() < deadline:
                time.sleep(0.05)
            self.kill(process.pid)
            said, _ = process.communicate(timeout=SECONDS)
        self.api.clear_faults()
        return process.returncode, said

    def kill(self, pid: int) -> None:
        """Kill all processes."""
        os.killpg(pid, signal.SIGKILL)

    def add_rows(self, minute: int) -> None:
        """Let people book time, twice."""
        project = self.api.truth("projects")[0]["id"]
        for second in (0, 30):
            id_ = f"new:{minute}:{second}"
            made = f"{TODAY}T23:{minute:02}:{second:02}Z"
            self.api.add("time_records", {"id": id_, "createdAt": made}, parent=project)

    def loaded(self) -> list[str]:
        """Return the ids of the time records that are in the table."""
        return sorted(id_ for (id_,) in self._database.rows("id", "time_records"))


class Fleet(Night):
    """`analytics-fleet run`, of one account."""

    config = "fleet.yml"

    def __init__(self, folder: Path, api: Sandbox, database: Database) -> None:
        super().__init__(folder, api, database)
        self.environ = {"KEY_ACME": PLAIN_KEY}
        [self._fleet] = [
            block.text
            for block in Document("docs/fleet.md").blocks
            if block.note == self.config
        ]
        (folder / "accounts.csv").write_text("account\nacme\n")
        (folder / self.config).touch()

    def command(self, wrong: str | None) -> str:
        """Return the command of the document."""
        file = self.folder / self.config
        if file.exists():
            url = f"http://{NOBODY}" if wrong == "an API that is down" else self.api.url
            settings = {
                "https://api.example.com": f"{url}\n  incremental: true\n"
                "  lookback_days: 0\n  max_retries: 0",
                "runners: 1": "runners: 1\ntries: 1",
            }
            if wrong == "a typo in the target's config":
                settings["destination: duckdb"] = "destination: duckdbb"
            if wrong == "a database that is down":
                settings["destination: duckdb"] = "destination: postgres"
                settings["agency.duckdb"] = f"postgresql://me@{NOBODY}/none"
            text = self._fleet
            for given, set_ in settings.items():
                assert given in text
                text = text.replace(given, set_)
            file.write_text(text)
        return "analytics-fleet run fleet.yml"

    def wrong(self) -> Mapping[str, Mapping[str, str]]:
        """Return a wrong key; all else is in the file."""
        return {"a wrong key": {"KEY_ACME": "wrong"}}


class Dlt(Night):
    """A dlt pipeline."""

    config = ".dlt/secrets.toml"

    def __init__(self, folder: Path, api: Sandbox, database: Database) -> None:
        super().__init__(folder, api, database)
        document = Document("docs/dlt-source.md")
        self._python = next(
            block.text for block in document.blocks if "pipeline.run" in block.text
        )
        [secrets] = [one.text for one in document.blocks if one.note == self.config]
        (folder / ".dlt").mkdir()
        (folder / self.config).write_text(secrets.replace("your-key", PLAIN_KEY))
        self.environ = {
            "DLT_DATA_DIR": str(folder / "dlt"),
            "SOURCES__ANALYTICS__API_URL": api.url,
            "SOURCES__ANALYTICS__INCREMENTAL": "true",
            "SOURCES__ANALYTICS__LOOKBACK_DAYS": "0",
            "SOURCES__ANALYTICS__MAX_RETRIES": "0",
        }

    def command(self, wrong: str | None) -> str:
        """Return the script of the document."""
        text = self._python
        if wrong == "a typo in the target's config":
            text = text.replace('"duckdb"', '"duckdbb"')
        if wrong == "a database that is down":
            text = text.replace('"duckdb"', '"postgres"')
        (self.folder / "pipeline.py").write_text(text)
        return "python pipeline.py"

    def wrong(self) -> Mapping[str, Mapping[str, str]]:
        """Return the variables that dlt reads."""
        return {
            "a wrong key": {"SOURCES__ANALYTICS__API_KEY": "wrong"},
            "an API that is down": {"SOURCES__ANALYTICS__API_URL": f"http://{NOBODY}"},
            "a database that is down": {
                "DESTINATION__POSTGRES__CREDENTIALS": f"postgresql://me@{NOBODY}/none"
            },
        }


class Meltano(Night):
    """`meltano run tap-analytics target-postgres`."""

    config = "meltano.yml"

    def __init__(self, folder: Path, api: Sandbox, database: Database) -> None:
        super().__init__(folder, api, database)
        self._url = str(database.config["credentials"])
        self.environ = {
            "TAP_ANALYTICS_API_KEY": PLAIN_KEY,
            "TAP_ANALYTICS_API_URL": api.url,
            "TAP_ANALYTICS_INCREMENTAL": "true",
            "TAP_ANALYTICS_LOOKBACK_DAYS": "0",
            "TAP_ANALYTICS_MAX_RETRIES": "0",
            "TARGET_POSTGRES_SQLALCHEMY_URL": self._url,
        }

    def command(self, wrong: str | None) -> str:
        """Return the command of the document."""
        del wrong
        return "meltano run tap-analytics target-postgres"

    def kill(self, pid: int) -> None:
        """Kill the tap: Meltano itself would leave the file with the key."""
        for child in psutil.Process(pid).children(recursive=True):
            if any(part.endswith("bin/tap-analytics") for part in child.cmdline()):
                child.kill()

    def wrong(self) -> Mapping[str, Mapping[str, str]]:
        """Return the settings that Meltano hands over."""
        typo = self._url.replace("postgresql", "postgresq")
        return {
            "a typo in the target's config": {"TARGET_POSTGRES_SQLALCHEMY_URL": typo},
            "a wrong key": {"TAP_ANALYTICS_API_KEY": "wrong"},
            "an API that is down": {"TAP_ANALYTICS_API_URL": f"http://{NOBODY}"},
            "a database that is down": {
                "TARGET_POSTGRES_SQLALCHEMY_URL": f"postgresql://me@{NOBODY}/none"
            },
        }


@pytest.fixture
def api() -> Iterator[Sandbox]:
    options = SandboxOptions(
        projects=1, tasks=1, time_records=2, today=TODAY, api_key=PLAIN_KEY
    )
    with Sandbox(options) as sandbox:
        yield sandbox


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", [Fleet, Dlt, Meltano])
def test_no_row_is_lost_whatever_goes_wrong(
    kind: type[Night], request: pytest.FixtureRequest, api: Sandbox, tmp_path: Path
) -> None:
    if kind is Meltano:
        folder = request.getfixturevalue("own_project")
        database = postgres_at(request.getfixturevalue("postgres"), "tap_analytics")
    else:
        folder = tmp_path
        file = "agency" if kind is Fleet else "analytics"
        database = duckdb_at(tmp_path / f"{file}.duckdb")
        database.dataset = f"{file}.agency"
    night = kind(folder, api, database)
    status, said = night.go()
    assert status == 0, said
    for minute, wrong in enumerate(MISHAPS):
        night.add_rows(minute)
        status, said = night.go(wrong)
        assert status != 0, (wrong, said)
    status, said = night.go()
    assert status == 0, said
    assert night.loaded() == sorted(row["id"] for row in api.truth("time_records"))
