"""A loader that dies, and the one that takes over."""

from __future__ import annotations

import os
import signal
from datetime import datetime, timezone
from queue import SimpleQueue
from typing import TYPE_CHECKING

import pytest

from tap_analytics.fleet.ledger import Receipt
from tap_analytics.fleet.load_queue import FromLoader, LoadQueue
from tap_analytics.fleet.messages import Load, Loaded, Refused
from tap_analytics.fleet.packages import Size
from tap_analytics.target_dlt.settings import SETTINGS
from tests.helpers.databases import duckdb_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.helpers.databases import Database

LONGEST = 120.0
RECEIPT = Receipt(
    time=datetime(2025, 6, 18, 1, tzinfo=timezone.utc),
    account="acme",
    manifest="m1",
    load="17.5",
)


class Loads:
    """A queue with a real loader, which is stopped before it obeys, and killed."""

    def __init__(self, folder: Path, database: Database) -> None:
        defaults = {
            name: setting["default"]
            for name, setting in SETTINGS["properties"].items()
            if "default" in setting
        }
        load = Load(
            run="night",
            folder=str(folder),
            state="state",
            staging="staging",
            account_column="account",
            target={**defaults, **database.config},
        )
        self.receipts: list[Receipt] = []
        self.ended: list[Loaded | Refused] = []
        self._heard: SimpleQueue[FromLoader] = SimpleQueue()
        self.queue = LoadQueue(
            load, self._heard.put, lambda name: {"account": name}, self._left
        )
        self._hear_until(lambda: self.queue.is_ready)

    def kill_instead_of(self, ask: Callable[[], None]) -> None:
        """Ask the loader for something, which it does not live to do."""
        pid = self.queue.pid
        os.kill(pid, signal.SIGSTOP)
        ask()
        os.kill(pid, signal.SIGKILL)
        self._hear_until(lambda: self.queue.pid != pid)

    def finish(self) -> None:
        while not self.queue.is_idle:
            self.queue.pump(is_last=True)
            if not self.queue.is_idle:
                self.ended += self.queue.on(self._heard.get(timeout=LONGEST))

    def _left(self, _: Mapping[str, str]) -> list[Receipt]:
        return self.receipts

    def _hear_until(self, is_done: Callable[[], bool]) -> None:
        while not is_done():
            self.ended += self.queue.on(self._heard.get(timeout=LONGEST))


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return duckdb_at(tmp_path / "analytics.duckdb")


@pytest.fixture
def loads(tmp_path: Path, database: Database) -> Iterator[Loads]:
    made = Loads(tmp_path, database)
    yield made
    made.queue.close()


def test_what_a_dead_loader_has_a_receipt_for_is_loaded(loads: Loads) -> None:
    loads.queue.add("acme", "m1", Size(3))
    loads.queue.add("bolt", "m2", Size(3))
    loads.receipts = [RECEIPT]
    loads.kill_instead_of(lambda: loads.queue.pump(is_last=True))
    assert loads.ended == [Loaded(RECEIPT)]
    # The other one is given to the next loader, which finds nothing staged here.
    loads.finish()
    [_, refused] = loads.ended
    assert isinstance(refused, Refused)
    assert refused.account == "bolt"


def test_a_receipt_that_was_written_twice_counts_once(loads: Loads) -> None:
    loads.queue.add("acme", "m1", Size(3))
    loads.receipts = [RECEIPT, RECEIPT]
    loads.kill_instead_of(lambda: loads.queue.pump(is_last=True))
    assert loads.ended == [Loaded(RECEIPT)]


def test_the_next_loader_writes_the_table_that_the_dead_one_did_not(
    loads: Loads, database: Database
) -> None:
    row = {"account": "acme", "run": "night", "status": "failed"}
    loads.kill_instead_of(lambda: loads.queue.tell([row]))
    loads.finish()
    loads.queue.close()
    assert database.rows("account, status", "_fleet_accounts") == [("acme", "failed")]
