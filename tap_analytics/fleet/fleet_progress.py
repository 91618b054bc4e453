"""What a run of a fleet has done so far, for whoever tells of it."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from tap_analytics.fleet.history import FAILED, LOADED, STAGED, WAITING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

RUNNING = "running"

_TIMED = 5
"""So many accounts have to be done before their pace says anything."""


class FleetProgress:
    """The numbers of a run. One thread changes them, any thread may read them.

    Args:
        accounts: The accounts that are to be done.
        done: How many others the run had done before it was interrupted.
        clock: Tells the time in seconds; only differences matter.

    Attributes:
        done_before: How many accounts were done before.
        rows: Rows that were read.
        requests: Requests that were sent.
    """

    def __init__(
        self,
        accounts: Iterable[str],
        done: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.done_before = done
        self.rows = 0
        self.requests = 0
        self.clock = clock
        self._began_at = clock()
        self._states = dict.fromkeys(accounts, WAITING)
        self._counts = Counter({WAITING: len(self._states)})

    def move(self, account: str, state: str) -> None:
        """Take note of where an account is now."""
        self._counts[self._states[account]] -= 1
        self._counts[state] += 1
        self._states[account] = state

    def count(self, rows: int, requests: int) -> None:
        """Count rows that were read and requests that were sent."""
        self.rows += rows
        self.requests += requests

    @property
    def counts(self) -> Mapping[str, int]:
        """How many accounts are where."""
        return self._counts

    @property
    def total(self) -> int:
        """How many accounts the run has, those that were done before among them."""
        return self.done_before + len(self._states)

    @property
    def done(self) -> int:
        """How many of them are loaded or failed."""
        return self.done_before + self._counts[LOADED] + self._counts[FAILED]

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return self.clock() - self._began_at

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest will take; `None` while nothing tells.

        Accounts that are being read count by half. Many are read side by side and end
        at about the same time: by the first ends alone, the rest would seem to take
        many times as long.
        """
        read = self._counts[LOADED] + self._counts[FAILED] + self._counts[STAGED]
        if read < _TIMED:
            return None
        so_far = read + self._counts[RUNNING] / 2
        return self.seconds / so_far * (len(self._states) - so_far)
