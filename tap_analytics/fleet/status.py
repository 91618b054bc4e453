"""The command `status`: what the last run did, account by account."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tap_analytics.fleet.history import FAILED, STAGED, last_run
from tap_analytics.fleet.results import line_of_account, line_of_run
from tap_analytics.fleet.standard_output import put
from tap_analytics.fleet.summary import missing_shards, summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_analytics.fleet.history import AccountRecord, RunRecord
    from tap_analytics.fleet.places import Place


def show_status(place: Place, *, as_table: bool) -> None:
    """Write what the last run did: accounts to standard output, then a summary.

    Args:
        place: Where the fleet's state is.
        as_table: Whether a person reads it; else it is JSON lines, as `run` has them.

    Raises:
        FleetError: If the state can't be read, or standard output not be written.
    """
    run = last_run(place)
    if run is None:
        sys.stderr.write("There was no run of this fleet yet.\n")
        return
    accounts = list(run.accounts.values())
    seconds = (run.last - run.began).total_seconds()
    if as_table:
        lines = list(_table(accounts))
    else:
        lines = [line_of_account(account) for account in accounts]
        lines.append(line_of_run(run.name, accounts, seconds))
    put("".join(f"{line}\n" for line in lines))
    for line in (*summary(_ending(run), accounts, seconds), *_missing(run)):
        sys.stderr.write(f"{line}\n")


def _ending(run: RunRecord) -> str:
    began = run.began.strftime("%Y-%m-%d %H:%M UTC")
    if run.is_over:
        return f"The run {run.name}, begun at {began}, ended"
    return f"The run {run.name}, begun at {began}, has not ended. So far"


def _missing(run: RunRecord) -> Iterator[str]:
    yield from missing_shards(run)
    if not run.is_over and any(
        account.status == STAGED for account in run.accounts.values()
    ):
        command = f"load … --run {run.name}" if run.shards else "run"
        yield f"What is read and not loaded yet is loaded by `{command}`."


def _table(accounts: list[AccountRecord]) -> Iterator[str]:
    width = max((len(account.name) for account in accounts), default=0)
    for account in accounts:
        rows = sum(account.rows.values())
        error = f"  {account.error}" if account.status == FAILED else ""
        yield (
            f"{account.name:{width}}  {account.status:8} {rows:>10,} rows"
            f" {account.requests:>8,} requests {account.seconds:>8.1f} s{error}"
        )
