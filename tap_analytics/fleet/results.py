"""Standard output: a JSON line for each account that is done, and one for all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from tap_analytics.fleet.history import FAILED, LOADED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_analytics.fleet.history import AccountRecord

_encode = msgspec.json.Encoder().encode


def line_of_account(account: AccountRecord) -> str:
    """Return the line of an account that is loaded or failed."""
    return _line(
        account=account.name,
        status=account.status,
        rows=dict(account.rows),
        requests=account.requests,
        seconds=round(account.seconds, 3),
        error=account.error or None,
    )


def line_of_run(run: str, accounts: Iterable[AccountRecord], seconds: float) -> str:
    """Return the line of a run that is over.

    Args:
        run: The run's name.
        accounts: All of its accounts.
        seconds: How long it took.
    """
    statuses: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    requests = 0
    for account in accounts:
        statuses[account.status] += 1
        rows.update(account.rows)
        requests += account.requests
    return _line(
        run=run,
        accounts=statuses.total(),
        loaded=statuses[LOADED],
        failed=statuses[FAILED],
        rows=dict(rows),
        requests=requests,
        seconds=round(seconds, 3),
    )


def _line(**content: Any) -> str:
    return _encode(content).decode()
