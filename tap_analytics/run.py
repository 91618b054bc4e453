"""A run is a value: what belongs to one run hangs on one object that is passed on.

So many runs share a process, and none sees another: no module holds anything that
changes.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_analytics.errors import StoppedError
from tap_analytics.progress import Progress
from tap_analytics.redaction import Redaction

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable


class StopFlag:
    """Tells all threads of a run to end, and wakes those that wait."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._wakers: list[Callable[[], None]] = []

    def set(self) -> None:
        """End the run: every wait is over, and the next `check` raises."""
        self._event.set()
        for wake in self._wakers:
            wake()

    @property
    def is_set(self) -> bool:
        """Whether the run is to end."""
        return self._event.is_set()

    def on_set(self, wake: Callable[[], None]) -> None:
        """Call `wake` when the flag is set, for a wait that is not on the flag.

        Args:
            wake: Must not raise and must not block.
        """
        self._wakers.append(wake)

    def check(self) -> None:
        """Return if the run goes on.

        Raises:
            StoppedError: If the run is to end.
        """
        if self.is_set:
            raise StoppedError

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than until the run is to end.

        Args:
            seconds: How long.

        Raises:
            StoppedError: If the run is to end.
        """
        self._event.wait(min(seconds, threading.TIMEOUT_MAX))
        self.check()


@dataclass(frozen=True)
class Run:
    """What belongs to one run.

    Attributes:
        logger: Takes all that the run says.
        progress: Counts what the run has done.
        redaction: Hides the secrets of this run, and of no other.
        stop: Set to end the run.
    """

    logger: logging.Logger
    progress: Progress = field(default_factory=Progress)
    redaction: Redaction = field(default_factory=Redaction)
    stop: StopFlag = field(default_factory=StopFlag)
