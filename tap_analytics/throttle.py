"""When the next request may be sent: one throttle for all threads and streams."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Throttle:
    """Holds requests back as long as the API, or a configured limit, wants it.

    Args:
        requests: At most so many requests in any window; no limit if `None`.
        seconds: Length of the window.
        clock: Tells the time in seconds; only differences matter.
    """

    def __init__(
        self,
        requests: int | None = None,
        seconds: float = 10,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._sent: deque[float] = deque(maxlen=requests or 0)
        self._opens_at = clock()
        self._changed = threading.Condition()
        self.waited = 0.0

    def hold(self, seconds: float) -> None:
        """Let nobody send for so many seconds from now: the API asked for it."""
        with self._changed:
            self._opens_at = max(self._opens_at, self._clock() + seconds)

    def acquire(self) -> None:
        """Wait until a request may be sent, and count it as sent."""
        with self._changed:
            while (wait := self.book()) > 0:
                started = self._clock()
                self._changed.wait(wait)
                self.waited += self._clock() - started

    def book(self) -> float:
        """Count a request as sent now, if it may be; else change nothing.

        Returns:
            Seconds that it has to wait; not above 0 if it may be sent.
        """
        now = self._clock()
        wait = self._opens_at - now
        if self._sent.maxlen and len(self._sent) == self._sent.maxlen:
            wait = max(wait, self._sent[0] + self._seconds - now)
        if wait <= 0:
            self._sent.append(now)
        return wait
