"""Sums a run of a fleet up, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_analytics.fleet.causes import causes
from tap_analytics.fleet.history import FAILED, LOADED, STAGED, WAITING
from tap_analytics.report.report import counted, duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_analytics.fleet.history import AccountRecord, RunRecord


def summary(
    ending: str, accounts: Sequence[AccountRecord], seconds: float
) -> Iterator[str]:
    """Yield the lines that sum a run up, the causes of failures in the end.

    Args:
        ending: How the run ended, in a word.
        accounts: All of its accounts.
        seconds: How long it took.
    """
    statuses = [account.status for account in accounts]
    rows = sum(sum(account.rows.values()) for account in accounts)
    requests = sum(account.requests for account in accounts)
    parts = [
        f"{statuses.count(LOADED):,} of {counted(len(accounts), 'account')} loaded",
        counted(rows, "row"),
        counted(requests, "request"),
    ]
    for status, words in (
        (FAILED, "failed"),
        (STAGED, "read but not loaded"),
        (WAITING, "not read"),
    ):
        if number := statuses.count(status):
            parts.append(f"{number:,} {words}")
    yield f"{ending} in {duration(seconds)}: {'; '.join(parts)}."
    errors = [(one.name, one.error) for one in accounts if one.status == FAILED]
    for cause in causes(errors):
        yield f"Failed: {cause}"


def missing_shards(run: RunRecord) -> Iterator[str]:
    """Yield the line that says which shards of a run are to be read still."""
    if run.missing_shards:
        shards = ", ".join(f"{one}/{max(run.shards)}" for one in run.missing_shards)
        yield (
            f"Shards that have not ended: {shards}. Their accounts are not loaded. For "
            f"each, use `shard` with --run {run.name}. Then use `load` again."
        )
