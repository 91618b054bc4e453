"""A clock that tests move, and what is measured by one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT = 10
"""Seconds after which a test gives up; nothing waits so long when all is well."""


@dataclass
class Clock:
    """Tells a time that the test sets, in whole numbers, so that sums are exact."""

    now: float = 0

    def __call__(self) -> float:
        """Tells it."""
        return self.now


def most_in_a_window(times: Sequence[float], window: float) -> int:
    """Return how many there are at most in any window, its end excluded."""
    most = 0
    recent: deque[float] = deque()
    for moment in sorted(times):
        recent.append(moment)
        while recent[0] <= moment - window:
            recent.popleft()
        most = max(most, len(recent))
    return most
