"""How much memory the pages take that wait to be written."""

from __future__ import annotations

import threading
import weakref
from typing import Protocol

WAITING_BYTES = 8 << 20
"""While so much waits to be written, nothing is fetched that is needed only later."""


class Waker(Protocol):
    """Who waits until there is room."""

    def wake(self) -> None:
        """Look again whether there is room."""


class PageMemory:
    """Counts the bytes of pages that wait to be written.

    Args:
        limit: So many bytes are enough.
    """

    def __init__(self, limit: int = WAITING_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self._lock = threading.Lock()
        self._users: weakref.WeakSet[Waker] = weakref.WeakSet()

    def used_by(self, user: Waker) -> None:
        """Wake a user, as long as it lives, whenever there is room again."""
        with self._lock:
            self._users.add(user)

    @property
    def is_full(self) -> bool:
        """Whether enough waits."""
        return self._bytes >= self._limit

    def take(self, size: int) -> None:
        """Count so many bytes more."""
        with self._lock:
            self._bytes += size

    def give_back(self, size: int) -> None:
        """Count so many bytes less."""
        with self._lock:
            was_full = self.is_full
            self._bytes -= size
            has_room = was_full and not self.is_full
            waiting = list(self._users) if has_room else []
        for user in waiting:
            user.wake()


PAGE_MEMORY = PageMemory()
"""What all runs of the process share: the memory is the process's, not a run's."""
