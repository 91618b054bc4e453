"""A run is a value: what belongs to one run hangs on one object that is passed on.

So many runs share a process, and none sees another: no module holds anything that
changes.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from tap_analytics.errors import StoppedError
from tap_analytics.progress import Progress
from tap_analytics.redaction import Redaction
from tap_analytics.run_logger import RunLogger

if TYPE_CHECKING:
    from collections.abc import Callable


NAME = "tap-analytics"
"""What stands for the tap in its log."""


class StopFlag:
    """Tells all threads of a run to end, and wakes those that wait."""

    def __init__(self) -> None:
        self.by = ""
        """Who has set it, in a word, if that was said."""
        self._event = threading.Event()
        self._named = threading.Event()
        self._wakers: list[Callable[[], None]] = []

    def set(self, by: str = "") -> None:
        """End the run: every wait is over, and the next `check` raises.

        Not for a signal handler: it strikes while its own thread may hold a lock.

        Args:
            by: Who wants that, in a word; the first word stays.
        """
        if by and not self.by:
            self.by = by
            self._named.set()
        self._event.set()
        for wake in list(self._wakers):
            wake()

    @property
    def is_set(self) -> bool:
        """Whether the run is to end."""
        return self._event.is_set()

    def by_whom(self, seconds: float) -> str:
        """Return who has set it, in a word; wait for that word.

        Args:
            seconds: How long to wait.
        """
        self._named.wait(seconds)
        return self.by

    def on_set(self, wake: Callable[[], None]) -> None:
        """Call `wake` when the flag is set, for a wait that is not on the flag.

        Args:
            wake: Must not raise and must not block. It may be called more than once,
                and at once if the flag is set already.
        """
        self._wakers.append(wake)
        if self.is_set:
            wake()

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


class HasStatus(Protocol):
    """An answer, of which no more is known than its HTTP status."""

    @property
    def status(self) -> int:
        """The status."""
        ...


AnswerT = TypeVar("AnswerT", bound=HasStatus)


class Host:
    """What all requests of a run go through, and those of other runs may, too."""

    def send(self, request: Callable[[], AnswerT], stop: StopFlag) -> AnswerT:
        """Send a request, now or later.

        Args:
            request: Sends the request; may be called again if that failed.
            stop: Ends every wait.

        Returns:
            The answer.

        Raises:
            StoppedError: If the run is to end.
        """
        del stop
        return request()


@dataclass(frozen=True)
class Run:
    """What belongs to one run.

    Attributes:
        logger: Takes all that the run says.
        progress: Counts what the run has done.
        redaction: Hides the secrets of this run, and of no other.
        stop: Set to end the run.
        host: Sends the run's requests.
    """

    logger: logging.Logger
    progress: Progress = field(default_factory=Progress)
    redaction: Redaction = field(default_factory=Redaction)
    stop: StopFlag = field(default_factory=StopFlag)
    host: Host = field(default_factory=Host)

    def attempt(self) -> Run:
        """Return a run that ends with this one, while this one may go on after it."""
        stop = StopFlag()
        self.stop.on_set(lambda: stop.set(self.stop.by))
        return replace(self, stop=stop)

    @classmethod
    def logging_to(
        cls,
        log: logging.Logger | logging.Handler,
        level: int = logging.NOTSET,
        host: Host | None = None,
    ) -> Run:
        """Return a run with a logger of its own.

        Args:
            log: Takes what the run says.
            level: Of what is said, this and above; by default what `log` wants.
            host: Sends the run's requests; by default nothing but that.
        """
        progress, redaction = Progress(), Redaction()
        parent = log if isinstance(log, logging.Logger) else None
        logger = RunLogger(NAME, parent, progress, redaction)
        logger.setLevel(level)
        if isinstance(log, logging.Handler):
            logger.addHandler(log)
        return cls(logger, progress, redaction, host=host or Host())
