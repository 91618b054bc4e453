"""In which rounds accounts are read: all, then those that failed, then suspects alone.

An account is suspect if its runner died while it was read: it, or one beside it, has
killed the process. Each suspect is read in a process of its own, which tells.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_analytics.fleet.messages import Finished, Job

LOST_UNSEEN = 2
"""An account that was lost so often before it began is suspect, too."""

DEATHS_ALONE = 2
"""A suspect is guilty if a process of its own died so often after it had begun.

If nobody saw it begin, it takes twice as many: what died may have died of other things.
"""


@dataclass(frozen=True)
class Round:
    """Accounts to read now.

    Attributes:
        jobs: The accounts.
        alone: Whether each needs a process of its own.
    """

    jobs: list[Job]
    alone: bool


class Rounds:
    """Decides which accounts are read next, and which have failed for good.

    Args:
        jobs: All accounts to read, in order.
        tries: How often each is tried.
    """

    def __init__(self, jobs: Iterable[Job], tries: int) -> None:
        self._jobs = {job.account: job for job in jobs}
        self._tries = tries
        self._next = list(self._jobs)
        self._suspects: list[str] = []
        self._round = Round([], alone=False)
        self._open: set[str] = set()
        self._begun: set[str] = set()
        self._tried: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()
        self._lost_alone: Counter[str] = Counter()

    def begin(self) -> Round | None:
        """Begin the next round; `None` if all is read."""
        names, alone = self._next, False
        if names:
            self._next = []
        else:
            names, alone, self._suspects = self._suspects, True, []
        if not names:
            return None
        self._round = Round([self._jobs[name] for name in names], alone)
        self._open = set(names)
        self._begun = set()
        return self._round

    def started(self, account: str) -> None:
        """Take note that an account has begun."""
        self._begun.add(account)

    def finished(self, message: Finished) -> bool:
        """Take note of what came of an account; return whether it is the last word."""
        account = message.read.account
        self._open.discard(account)
        self._tried[account] += 1
        if message.read.ending != "failed" or message.is_final:
            return True
        if self._tried[account] >= self._tries:
            return True
        self._next.append(account)
        return False

    def end(self) -> list[str]:
        """End a round; return the accounts that have killed their process for good."""
        poison = []
        for account in (job.account for job in self._round.jobs):
            if account not in self._open:
                continue
            if self._round.alone:
                self._lost_alone[account] += 2 if account in self._begun else 1
                if self._lost_alone[account] >= 2 * DEATHS_ALONE:
                    poison.append(account)
                else:
                    self._suspects.append(account)
                continue
            self._lost[account] += 1
            if account in self._begun or self._lost[account] >= LOST_UNSEEN:
                self._suspects.append(account)
            else:
                self._next.append(account)
        self._open = set()
        return poison
