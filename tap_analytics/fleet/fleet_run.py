"""The commands that read and load: `run`, `shard`, `load` and `forget`."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import TYPE_CHECKING

from tap_analytics.fleet import history, ledger
from tap_analytics.fleet.account_states import AccountStates
from tap_analytics.fleet.aftermath import Aftermath
from tap_analytics.fleet.asking import ask_loader
from tap_analytics.fleet.beats import beating, end_left
from tap_analytics.fleet.coordinator import Coordinator
from tap_analytics.fleet.engines import read_locally
from tap_analytics.fleet.errors import UsageError
from tap_analytics.fleet.fleet_progress import FleetProgress
from tap_analytics.fleet.history import LOADED, STAGED, AccountRecord
from tap_analytics.fleet.hosts import share
from tap_analytics.fleet.key_owners import KeyOwners
from tap_analytics.fleet.ledger import Began, Ended, Ledger
from tap_analytics.fleet.messages import Forget, Work
from tap_analytics.fleet.parts import Parts
from tap_analytics.fleet.places import open_place
from tap_analytics.fleet.plan import SOME, Choice, plan
from tap_analytics.fleet.preparing import catalog_of, salt_of, target_of
from tap_analytics.fleet.run_lock import only_run
from tap_analytics.fleet.staging import Staging
from tap_analytics.fleet.summary import missing_shards
from tap_analytics.fleet.teller import Teller

if TYPE_CHECKING:
    from tap_analytics.fleet.engines import Engine
    from tap_analytics.fleet.fleet_file import Fleet
    from tap_analytics.fleet.places import Place
    from tap_analytics.fleet.plan import Plan
    from tap_analytics.fleet.shards import Shard

ALL_WELL = 0
SOME_FAILED = 3

KEPT_RUNS = 60
"""So many runs are remembered."""

LEFT_RUNS = 5
"""Of so many runs it is looked whether processes elsewhere go on for them."""

CLEARED_RUNS = 5
"""Of so many runs it is looked whether they left something in the staging place."""


@dataclass(frozen=True)
class _Places:
    state: Place
    staging: Place

    @classmethod
    def of(cls, fleet: Fleet) -> _Places:
        return cls(
            open_place(fleet.state, fleet.folder),
            open_place(fleet.staging, fleet.folder),
        )


def run_fleet(fleet: Fleet, choice: Choice, engine: Engine, *, beats: bool) -> int:
    """Read and load accounts.

    Args:
        fleet: What the fleet file says.
        choice: Which accounts are asked for.
        engine: Places the reading on processes.
        beats: Whether some of these are elsewhere.

    Returns:
        The exit status.

    Raises:
        FleetError: If the fleet itself fails.
    """
    places = _Places.of(fleet)
    began = time.monotonic()
    with ExitStack() as stack:
        check_lock = stack.enter_context(only_run(places.state))
        todo = plan(places.state, fleet.accounts, choice, ledger.now())
        records = _records(todo)
        name = token_hex(8)
        newest = ledger.newest_runs(places.state)[:LEFT_RUNS]
        end_left(places.staging, newest, name)
        if todo.kind != SOME:
            _clear_closed(places, todo.run)
        own = Ledger(places.state, todo.run, "run")
        stack.callback(own.close)
        own.add(
            Began(
                time=ledger.now(),
                kind=todo.kind,
                accounts=list(todo.accounts),
                goes_on=todo.so_far is not None,
            )
        )
        progress = FleetProgress(todo.todo, len(todo.accounts) - len(todo.todo))
        teller = Teller(progress)
        if todo.note:
            teller.say(todo.note)
        staging = Staging(places.staging, todo.run)
        aftermath = Aftermath(places.state, staging)
        for account in todo.stale:
            # Else older rows, and an older state, would take the place of newer ones.
            staging.remove(account)
        if todo.so_far is not None:
            aftermath.settle(records)
        parts = Parts(
            fleet, records, own, staging, teller, progress, check_lock, aftermath
        )
        if beats:
            stack.enter_context(beating(places.staging, todo.run, name))
        with teller.watching():
            load = target_of(fleet, todo.run)
            work = _work(fleet, places.state, todo.run, name if beats else "")
            Coordinator(parts, load).run(todo.todo, work, engine)
        own.add(Ended(time=ledger.now()))
        accounts = list(records.values())
        teller.end(todo.run, "The run ended", accounts, time.monotonic() - began)
        places.staging.remove_folder(todo.run)
        _forget_old(places)
    return _status(accounts)


def read_shard(fleet: Fleet, shard: Shard, run: str) -> int:
    """Read one shard of a run into the staging place.

    Args:
        fleet: What the fleet file says.
        shard: Which accounts.
        run: The run's name; all shards of a run have the same.

    Returns:
        The exit status.

    Raises:
        FleetError: If the fleet itself fails.
    """
    # All shards may be read at a time.
    fleet = replace(fleet, host_limit=share(fleet.host_limit, shard.count))
    places = _Places.of(fleet)
    began = time.monotonic()
    so_far = _so_far(places.state, run)
    names = [name for name in fleet.accounts if shard.has(name)]
    records = {name: _known(so_far, name) for name in names}
    todo = [name for name in names if not records[name].has_receipt]
    own = Ledger(places.state, run, f"shard-{shard.number}-of-{shard.count}")
    place = (shard.number, shard.count)
    own.add(Began(time=ledger.now(), kind="shard", accounts=names, shard=place))
    progress = FleetProgress(todo, len(names) - len(todo))
    teller = Teller(progress)
    staging = Staging(places.staging, run)
    aftermath = Aftermath(places.state, staging)
    parts = Parts(
        fleet, records, own, staging, teller, progress, lambda: None, aftermath
    )
    with teller.watching():
        work = _work(fleet, places.state, run)
        Coordinator(parts, None).run(todo, work, read_locally)
    own.add(Ended(time=ledger.now()))
    own.close()
    accounts = list(records.values())
    ending = f"Shard {shard} of the run {run} ended"
    teller.end(run, ending, accounts, time.monotonic() - began)
    is_well = all(one.status in {LOADED, STAGED} for one in accounts)
    return ALL_WELL if is_well else SOME_FAILED


def load_run(fleet: Fleet, run: str) -> int:
    """Load what is staged whole of a run.

    Args:
        fleet: What the fleet file says.
        run: The run's name.

    Returns:
        The exit status.

    Raises:
        UsageError: If there is no such run.
        FleetError: If the fleet itself fails.
    """
    places = _Places.of(fleet)
    began = time.monotonic()
    with only_run(places.state) as check_lock:
        found = _so_far(places.state, run)
        if found is None:
            msg = f"There is no run {run!r}: no shard of it has begun."
            raise UsageError(msg)
        records = found.accounts
        staging = Staging(places.staging, run)
        aftermath = Aftermath(places.state, staging)
        aftermath.settle(records)
        todo = [name for name in staging.whole() if not _known(found, name).has_receipt]
        own = Ledger(places.state, run, "load")
        own.add(Began(time=ledger.now(), kind="load"))
        progress = FleetProgress(todo, len(records) - len(todo))
        teller = Teller(progress)
        parts = Parts(
            fleet, records, own, staging, teller, progress, check_lock, aftermath
        )
        with teller.watching():
            Coordinator(parts, target_of(fleet, run)).run(todo, None, None)
        own.add(Ended(time=ledger.now()))
        own.close()
        accounts = list(records.values())
        teller.end(run, "Loading ended", accounts, time.monotonic() - began)
        _forget_old(places)
        for line in missing_shards(found):
            teller.say(line)
        if found.missing_shards:
            return SOME_FAILED
        if all(one.has_receipt for one in accounts):
            places.staging.remove_folder(run)
    return _status(accounts)


def forget_account(fleet: Fleet, account: str) -> None:
    """Remove an account's rows and state.

    Raises:
        FleetError: If the destination can't be reached, or the state not be removed.
    """
    places = _Places.of(fleet)
    is_known = AccountStates(places.state).has(account)
    with only_run(places.state):
        ask_loader(target_of(fleet, "forget"), Forget(account))
        # Last, so that it is done again if the destination could not be reached.
        KeyOwners(places.state).forget(account)
    what = (
        f"The rows and the state of account {account} are removed."
        if is_known
        else f"This fleet has loaded no account {account}. If it had rows, they are "
        "removed."
    )
    sys.stderr.write(f"{what}\n")


def _work(fleet: Fleet, state: Place, run: str, coordinator: str = "") -> Work:
    return Work(
        run=run,
        folder=str(fleet.folder),
        state=fleet.state,
        staging=fleet.staging,
        account_column=fleet.account_column,
        accounts_at_once=fleet.accounts_at_once,
        max_seconds=fleet.max_seconds,
        salt=salt_of(state),
        catalog=catalog_of(fleet, state),
        coordinator=coordinator,
    )


def _records(todo: Plan) -> dict[str, AccountRecord]:
    return {name: _known(todo.so_far, name) for name in todo.accounts}


def _known(run: history.RunRecord | None, account: str) -> AccountRecord:
    found = run.accounts.get(account) if run else None
    return found or AccountRecord(account)


def _so_far(state: Place, run: str) -> history.RunRecord | None:
    for files in history.runs(state):
        if files[0].run == run:
            return history.record(state, files)
    return None


def _status(accounts: list[AccountRecord]) -> int:
    is_well = all(one.status == LOADED for one in accounts)
    return ALL_WELL if is_well else SOME_FAILED


def _forget_old(places: _Places) -> None:
    """Remove what old runs have left: last the ledgers, by which the rest is found."""
    for run in ledger.newest_runs(places.state)[KEPT_RUNS:]:
        places.staging.remove_folder(run)
        ledger.remove_run(places.state, run)


def _clear_closed(places: _Places, run: str) -> None:
    """Remove what other runs left in the staging place; they are closed now.

    What shards have read stays: it is for `load`.
    """
    files = ledger.files(places.state)
    shards = {file.run for file in files if file.writer.startswith("shard-")}
    names = dict.fromkeys(file.run for file in reversed(files))
    for name in [name for name in names if name not in shards][:CLEARED_RUNS]:
        if name != run:
            places.staging.remove_folder(name)
