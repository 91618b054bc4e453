"""Decides what a run is to do: which accounts, in which order, from where on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from tap_analytics.fleet import history
from tap_analytics.fleet.errors import UsageError
from tap_analytics.fleet.mistakes import unknown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_analytics.fleet.history import RunRecord
    from tap_analytics.fleet.places import Place

RESUME_HOURS = 12
"""A run that was interrupted no longer ago goes on."""

ALL, SOME = "all", "some"

_RUNS_LOOKED_AT = 5
"""So many runs back it is looked how long an account took."""


@dataclass(frozen=True)
class Plan:
    """What a run is to do.

    Attributes:
        run: The run's name.
        kind: Whether it does all accounts or some.
        accounts: All accounts of the run, in order; frozen from its beginning on.
        todo: Those of them that have no receipt.
        so_far: What the run did before it was interrupted, if it goes on.
        stale: Accounts that newer runs have loaded since: what is staged of them is
            older than their rows.
        note: A sentence about that, for the summary.
    """

    run: str
    kind: str
    accounts: Sequence[str]
    todo: Sequence[str]
    so_far: RunRecord | None = None
    stale: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True)
class Choice:
    """Which accounts are asked for; all, if nothing is said.

    Attributes:
        only: Just these, if any are named.
        failed: Those that were not loaded when they were tried for the last time.
        fresh: All, even if a run was interrupted.
    """

    only: Sequence[str] = ()
    failed: bool = False
    fresh: bool = False


def plan(
    place: Place, accounts: Collection[str], choice: Choice, now: datetime
) -> Plan:
    """Decide what a run is to do.

    Args:
        place: Where the fleet's state is.
        accounts: The names of the fleet's accounts.
        choice: Which of them are asked for.
        now: The time.

    Raises:
        UsageError: If an account that is asked for does not exist.
        FleetError: If the state can't be read.
    """
    accounts = dict.fromkeys(accounts)  # In which any of ten thousand is found at once.
    past = _Past(place)
    name = _new_name(now, {files[0].run for files in history.runs(place)})
    if choice.only:
        _require_known(choice.only, accounts)
        chosen = in_order(dict.fromkeys(choice.only), past)
        return Plan(name, SOME, chosen, chosen)
    if choice.failed:
        failed = _not_loaded(past, accounts)
        chosen = in_order(failed, past)
        return Plan(name, SOME, chosen, chosen)
    if not choice.fresh and (run := _interrupted(past, now)) is not None:
        return _going_on(run, accounts, _loaded_since(run, past))
    chosen = in_order(accounts, past)
    return Plan(name, ALL, chosen, chosen, note=_closed(past))


class _Past:
    """All runs, the newest first, of which no more are read than somebody looks at.

    Args:
        place: Where the fleet's state is.
    """

    def __init__(self, place: Place) -> None:
        self._coming = history.records(place)
        self._known: list[RunRecord] = []

    def __iter__(self) -> Iterator[RunRecord]:
        yield from self._known
        for run in self._coming:
            self._known.append(run)
            yield run


def _going_on(run: RunRecord, accounts: Collection[str], stale: Sequence[str]) -> Plan:
    """Go on with a run: with its own list, less what the fleet has no more."""
    kept = [name for name in run.accounts if name in accounts]
    todo = [name for name in kept if not run.accounts[name].has_receipt]
    note = (
        f"Goes on with the run {run.name}, which was interrupted: "
        f"{len(kept) - len(todo):,} of {len(kept):,} accounts were done already."
    )
    return Plan(run.name, run.kind, kept, todo, run, stale, note)


def _loaded_since(run: RunRecord, past: Iterable[RunRecord]) -> list[str]:
    """Return the accounts that newer runs have loaded."""
    newer = takewhile(lambda one: one is not run, past)
    return list(
        dict.fromkeys(
            account.name
            for one in newer
            for account in one.accounts.values()
            if account.has_receipt
        )
    )


def _closed(past: Iterable[RunRecord]) -> str:
    """Say that a run is closed that was interrupted, if the newest one was."""
    newest = next((run for run in past if run.kind == ALL), None)
    if newest is None or newest.is_over:
        return ""
    return (
        f"The run {newest.name} was interrupted, and is closed: all accounts begin "
        "anew."
    )


def _interrupted(past: Iterable[RunRecord], now: datetime) -> RunRecord | None:
    newest = next((run for run in past if run.kind == ALL), None)
    if newest is None or newest.is_over:
        return None
    is_recent = now - newest.last < timedelta(hours=RESUME_HOURS)
    return newest if is_recent else None


def _not_loaded(past: Iterable[RunRecord], accounts: Collection[str]) -> list[str]:
    """Return the accounts that were not loaded when they were tried for the last time.

    Runs of some accounts say nothing of the others, so that the runs before count, too.
    """
    loaded: dict[str, bool] = {}
    for run in past:
        not_loaded = set(run.not_loaded)
        for name in run.accounts:
            loaded.setdefault(name, name not in not_loaded)
        if run.kind == ALL or loaded.keys() >= set(accounts):
            break
    if not loaded:
        msg = "There was no run yet whose failed accounts could be tried again."
        raise UsageError(msg)
    return [
        name for name, is_loaded in loaded.items() if not is_loaded and name in accounts
    ]


def _require_known(names: Iterable[str], accounts: Collection[str]) -> None:
    for name in names:
        if name not in accounts:
            msg = f"{unknown(name, accounts, 'account').capitalize()}."
            raise UsageError(msg)


def in_order(accounts: Iterable[str], past: Iterable[RunRecord]) -> list[str]:
    """Return accounts in the order to read them in.

    Those that took longest come first, so that none is left over in the end. Nobody
    knows how long a new one takes, so it comes before them.

    Args:
        accounts: Their names.
        past: Earlier runs, the newest first.
    """
    names = list(accounts)
    seconds = _last_seconds(names, past)
    return sorted(names, key=lambda name: -seconds.get(name, float("inf")))


def _last_seconds(
    accounts: Iterable[str], past: Iterable[RunRecord]
) -> Mapping[str, float]:
    seconds: dict[str, float] = {}
    unknown_yet = set(accounts)
    runs = islice(past, _RUNS_LOOKED_AT)
    while unknown_yet and (run := next(runs, None)) is not None:
        for name in unknown_yet & run.accounts.keys():
            if (account := run.accounts[name]).has_receipt:
                seconds[name] = account.seconds
                unknown_yet.discard(name)
    return seconds


def _new_name(now: datetime, taken: Collection[str]) -> str:
    base = name = now.strftime("%Y%m%dT%H%M%SZ")
    number = 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name
