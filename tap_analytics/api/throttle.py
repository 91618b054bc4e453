"""The gate that every request of a run goes through, on whichever thread."""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from tap_analytics.api.rate_limit import RateLimit
from tap_analytics.progress import Holdup
from tap_analytics.run import StopFlag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


class Throttle:
    """Holds requests back as long as the API, or a limit, wants it.

    Args:
        limit: Says when a request may be sent.
        clock: Tells the time in seconds; only differences matter.
        held: Measures how long requests are held back.
        stop: Ends every wait.
    """

    def __init__(
        self,
        limit: RateLimit | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        held: Holdup | None = None,
        stop: StopFlag | None = None,
    ) -> None:
        self.limit = limit or RateLimit()
        self.held = held or Holdup(clock)
        self._clock = clock
        self._stop = stop or StopFlag()
        self._changed = threading.Condition()
        self._stop.on_set(self._wake)

    @contextmanager
    def request(self) -> Iterator[float]:
        """Wait until a request may be sent; it is over when the context is left.

        Yields:
            When the request was sent, by the clock.

        Raises:
            StoppedError: If the run is to end.
        """
        with self._changed:
            self._stop.check()
            while (wait := self.limit.wait(self._clock())) > 0:
                with self._held(wait):
                    self._changed.wait(min(wait, threading.TIMEOUT_MAX))
                self._stop.check()
            sent_at = self._clock()
            self.limit.sent(sent_at)
        try:
            yield sent_at
        finally:
            with self._changed:
                self.limit.answered(sent_at, self._clock())
                self._changed.notify_all()

    def hold(self, seconds: float) -> None:
        """Let nobody send for so many seconds from now."""
        with self._changed:
            self.limit.close(self._clock() + seconds)

    def refused(self, sent_at: float, seconds: float) -> None:
        """Take note that the API refused a request as one too many.

        Args:
            sent_at: When the request was sent, by the clock.
            seconds: How long nobody may send from now.
        """
        with self._changed:
            self.limit.refused(sent_at, self._clock(), seconds)

    def _held(self, wait: float) -> AbstractContextManager[None]:
        if wait == math.inf:  # It is for an answer, which may come at any time.
            return nullcontext()
        self.held.until = self._clock() + wait
        return self.held

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
