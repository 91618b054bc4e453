"""Tells of a run: JSON lines on standard output, and log or display on standard error.

In a terminal, where a person looks at both, the display stands for the JSON lines.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tap_analytics.fleet.repeating import repeating
from tap_analytics.fleet.results import line_of_account, line_of_run
from tap_analytics.fleet.standard_output import put
from tap_analytics.fleet.summary import summary
from tap_analytics.report.choice import is_terminal
from tap_analytics.report.report import counted, duration
from tap_analytics.report.terminal import SECONDS_BETWEEN, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from tap_analytics.fleet.fleet_progress import FleetProgress
    from tap_analytics.fleet.history import AccountRecord

SECONDS_BETWEEN_LINES = 30.0
"""So much time is between two log lines that say how far a run is."""

_FRAMES_COUNTED = 20


class Teller:
    """Tells of a run.

    Args:
        progress: The run's numbers.
    """

    def __init__(self, progress: FleetProgress) -> None:
        self._progress = progress
        self._terminal = Terminal() if is_terminal(os.environ) else None
        self._seen: deque[tuple[float, int]] = deque(maxlen=_FRAMES_COUNTED)
        self._has_lines = self._terminal is None or not sys.stdout.isatty()

    def say(self, text: str) -> None:
        """Tell a person something."""
        if self._terminal is not None:
            self._terminal.say(text)
        else:
            with suppress(OSError):  # Nobody could be told.
                sys.stderr.write(f"{text}\n")
                sys.stderr.flush()

    def account(self, account: AccountRecord) -> None:
        """Tell what became of an account.

        Raises:
            FleetError: If standard output can't be written.
        """
        self._line(line_of_account(account))

    def end(
        self, run: str, ending: str, accounts: Sequence[AccountRecord], seconds: float
    ) -> None:
        """Sum a run up.

        Args:
            run: The run's name.
            ending: How it ended, in some words.
            accounts: All of its accounts.
            seconds: How long it took.

        Raises:
            FleetError: If standard output can't be written.
        """
        self._line(line_of_run(run, accounts, seconds))
        for text in summary(ending, accounts, seconds):
            self.say(text)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Tell every now and then how far the run is, from a thread."""
        seconds = SECONDS_BETWEEN if self._terminal else SECONDS_BETWEEN_LINES
        try:
            with repeating("teller", seconds, self._tell):
                yield
        finally:
            if self._terminal is not None:
                self._terminal.leave(self._picture())

    def _tell(self) -> None:
        if self._terminal is not None:
            self._terminal.draw(self._picture())
        else:
            self.say(self._sentence())

    def _picture(self) -> RenderableType:
        # Importing it takes a while, and is for terminals only.
        from tap_analytics.fleet.screen import under_way  # noqa: PLC0415

        return under_way(self._progress, self._per_second())

    def _per_second(self) -> float:
        now = self._progress.seconds, self._progress.requests
        then = self._seen[0] if self._seen else (0.0, 0)
        self._seen.append(now)
        passed = now[0] - then[0]
        return (now[1] - then[1]) / passed if passed > 0 else 0.0

    def _sentence(self) -> str:
        progress = self._progress
        left = progress.seconds_left
        parts = [
            f"{progress.done:,} of {counted(progress.total, 'account')}",
            counted(progress.rows, "row"),
            counted(progress.requests, "request"),
            *([f"about {duration(left)} left"] if left else []),
        ]
        return f"{'; '.join(parts)}."

    def _line(self, text: str) -> None:
        if self._has_lines:
            put(f"{text}\n")
