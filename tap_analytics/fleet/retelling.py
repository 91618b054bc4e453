"""What is known of an account, told once more: to the ledger, and in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_analytics.fleet import ledger
from tap_analytics.fleet.history import FAILED, LOADED
from tap_analytics.fleet.ledger import Read

if TYPE_CHECKING:
    from tap_analytics.fleet.history import AccountRecord
    from tap_analytics.fleet.staging import Manifest


_STOPPED = (
    "Stopped after max_minutes: what was read is loaded, and the next run goes on."
)


def read_of(manifest: Manifest) -> Read:
    """Return the event that an account was read, which its reader could not tell."""
    return Read(
        time=ledger.now(),
        account=manifest.account,
        ending="complete" if manifest.is_complete else "stopped",
        totals=manifest.totals,
        error="" if manifest.is_complete else _STOPPED,
        manifest=manifest.digest,
        key=manifest.key,
    )


def row_of(record: AccountRecord, run: str) -> dict[str, object]:
    """Return what the table of accounts says of one that is loaded or failed."""
    return {
        "account": record.name,
        "run": run,
        "status": FAILED if record.error else LOADED,
        "rows": sum(record.rows.values()),
        "requests": record.requests,
        "seconds": record.seconds,
        "error": record.error or None,
        "ended_at": ledger.now().isoformat(),
    }
