"""`shard` and `load`: for any scheduler that can count."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING

from tap_analytics.fleet import ledger
from tap_analytics.fleet.fleet_run import KEPT_RUNS
from tap_analytics.fleet.ledger import Began, Ledger
from tap_analytics.fleet.places import open_place

if TYPE_CHECKING:
    from tests.behaviour.fleet.conftest import FleetFactory

LOADED, SOME_FAILED, WRONG_USAGE = 0, 3, 2


def test_shards_read_and_load_loads(fleet: FleetFactory) -> None:
    some = fleet(5)
    first = some.run("shard", "1/2", "--run", "night")
    assert first.status == LOADED
    assert {line["status"] for line in first.lines.values()} == {"staged"}

    # The other shard has not come, so that much is missing, and said so.
    part = some.run("load", "--run", "night")
    assert part.status == SOME_FAILED
    assert "Shards that have not ended: 2/2. Their accounts are not loaded." in part.err
    assert some.wrong_rows(first.lines) == []

    second = some.run("shard", "2/2", "--run", "night")
    assert second.status == LOADED
    assert set(first.lines) | set(second.lines) == set(some.accounts)
    assert some.run("load", "--run", "night").status == LOADED
    assert some.wrong_rows(some.accounts) == []
    assert {some.requests_of(name) for name in some.accounts} == {10}


def test_an_account_that_was_not_read_is_not_told_to_be_loaded(
    fleet: FleetFactory,
) -> None:
    some = fleet(3)
    some.write(target={**some.database.config, "dataset_name": "agency_{account}"})
    first = some.run("shard", "1/2", "--run", "night")
    # The other shard began, and died.
    other = Ledger(open_place("state", some.folder), "night", "shard-2-of-2")
    other.add(
        Began(time=ledger.now(), kind="shard", accounts=some.accounts, shard=(2, 2))
    )
    other.close()
    assert some.run("load", "--run", "night").status == SOME_FAILED
    rows = some.database.query(
        "SELECT table_schema FROM information_schema.tables"
        " WHERE table_name = '_fleet_accounts'"
    )
    [(dataset,)] = rows
    rows = some.database.query(f"SELECT account FROM {dataset}._fleet_accounts")
    assert {account for (account,) in rows} == set(first.lines)


def test_a_night_that_is_older_than_what_is_loaded_is_not_loaded(
    fleet: FleetFactory,
) -> None:
    some = fleet(2)
    assert some.run("shard", "1/1", "--run", "old").status == LOADED
    client = some.api.account(1).truth("clients")[0]["id"]
    some.api.account(1).delete("clients", client)
    assert some.run("run", "--only", "a1").status == LOADED
    told = some.database.rows("*", "_fleet_accounts")
    outcome = some.run("load", "--run", "old")
    assert outcome.status == SOME_FAILED
    [error] = outcome.failed.values()
    assert "What the run old has read of it is older than what the run" in error
    assert some.wrong_rows(some.accounts) == []
    # What the table says of the account is true of its rows still.
    assert set(told) <= set(some.database.rows("*", "_fleet_accounts"))


def test_nights_of_shards_that_are_long_ago_leave_nothing(fleet: FleetFactory) -> None:
    some = fleet(1)
    state, staging = (open_place(name, some.folder) for name in ("state", "staging"))
    then = datetime(2025, 6, 18, 1, tzinfo=timezone.utc)
    for number in range(KEPT_RUNS):
        run = f"night-{number}"
        began = then + timedelta(days=number)
        Ledger(state, run, "shard-1-of-1", clock=partial(began.replace)).close()
        staging.write(f"{run}/a1/00001-0.jsonl.zst", b"")
    assert some.run("shard", "1/1", "--run", "night").status == LOADED
    assert some.run("load", "--run", "night").status == LOADED
    assert len({file.run for file in ledger.files(state)}) == KEPT_RUNS
    assert staging.names("night-0") == []
    assert staging.names("night-1") != []


def test_a_shard_that_does_not_exist_is_refused(fleet: FleetFactory) -> None:
    for wrong in ("0/16", "17/16"):
        outcome = fleet(1).run("shard", wrong, "--run", "night")
        assert outcome.status == WRONG_USAGE
        assert "is not a shard" in outcome.err
