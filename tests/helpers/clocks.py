"""A clock that tests move."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Clock:
    """Tells a time that the test sets."""

    now: float = 0

    def __call__(self) -> float:
        """Tells it."""
        return self.now
