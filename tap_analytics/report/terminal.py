"""A run in a terminal: one display, redrawn in place, with messages above it.

The terminal is often not ours alone: in `tap-analytics | target-…` both write to it.
So the cursor rests on an empty line above the display, where a line that another
process writes stands undisturbed, and the display goes on below it. `rich` renders
what is shown; its own live display would overwrite such lines.

No mode of the terminal is changed, so that even a run that is killed leaves it sane.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from collections import deque
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from tap_analytics.compat import override
from tap_analytics.report.report import Report

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from tap_analytics.progress import Progress

SECONDS_BETWEEN = 0.25
"""So much time is between two frames."""

_FRAMES_COUNTED = 20
"""Over so many frames requests per second are counted."""

_TO_LINE_START, _ERASE_LINE, _ERASE_BELOW = "\r", "\x1b[K", "\x1b[J"


class Terminal:
    """Standard error, as a terminal: messages, and below them a display."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._frame = ""
        # Not sys.stderr itself: a signal handler can't write to it while it is in use.
        self._fd = sys.stderr.fileno()
        self._encoding = sys.stderr.encoding
        self._rendering = io.TextIOWrapper(io.BytesIO(), self._encoding, "replace")

    @cached_property
    def _console(self) -> Console:
        """What renders for this terminal: knows its width, and whether it has colours.

        It is made when there is something to show: importing it takes a while.
        """
        from rich.console import Console  # noqa: PLC0415

        return Console(file=self._rendering, force_terminal=True, highlight=False)

    def say(self, text: str, kind: str = "", style: str = "") -> None:
        """Show a message for good.

        Args:
            text: The message; on one line, as it may be copied from here.
            kind: What it is, if that is to be said: an error, a warning.
            style: How its kind is shown.
        """
        from rich.text import Text  # noqa: PLC0415

        # What an API sends may be in it, and mean something to a terminal.
        text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
        with self._lock:
            line = self._rendered(
                Text.assemble((kind, style), ": " if kind else "", text), wrap=False
            )
            self._write(_TO_LINE_START + _ERASE_BELOW + line + self._frame)

    def draw(self, display: RenderableType) -> None:
        """Show a display in place of the one before, cut to the terminal's size."""
        if not self._is_in_foreground:
            return
        with self._lock:
            lines = self._rendered(display).splitlines()[: self._console.height - 2]
            below = (_ERASE_LINE + "\n").join(["", *lines])
            back = f"\x1b[{len(lines)}A" if lines else ""
            self._frame = below + _ERASE_BELOW + _TO_LINE_START + back
            self._write(_TO_LINE_START + self._frame)

    def leave(self, display: RenderableType) -> None:
        """Show a display for good, in place of the one before."""
        with self._lock:
            self._frame = ""
            text = self._rendered(display)
            self._write(_TO_LINE_START + _ERASE_BELOW + text)

    def _rendered(self, what: RenderableType, *, wrap: bool = True) -> str:
        # A line as wide as the terminal may or may not have ended: one column is left.
        width = max(1, self._console.width - 1)
        self._console.print(what, soft_wrap=not wrap, width=width if wrap else None)
        self._rendering.seek(0)
        text = self._rendering.read()
        self._rendering.seek(0)
        self._rendering.truncate()
        return text

    @property
    def _is_in_foreground(self) -> bool:
        """Whether the shell has not taken the terminal back, for other commands."""
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:  # Nobody controls it.
            return True

    def _write(self, text: str) -> None:
        rest = text.encode(self._encoding, "replace")
        with suppress(OSError):  # The terminal may be gone; the run goes on.
            while rest:
                rest = rest[os.write(self._fd, rest) :]


class TerminalHandler(logging.Handler):
    """Shows what matters to a person, without time and logger.

    Args:
        terminal: Where to show them.
    """

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal

    @override
    def emit(self, record: logging.LogRecord) -> None:
        kind = getattr(record, "kind", "")
        try:
            if record.levelno >= logging.ERROR:
                self._terminal.say(self.format(record), "Error", "bold red")
            elif kind == "verdict":
                self._terminal.say(self.format(record))
            elif record.levelno == logging.WARNING and kind != "limit":
                # For the limit, the display says what is waited for.
                self._terminal.say(self.format(record), "Warning", "yellow")
        except Exception:  # noqa: BLE001 - as all handlers do
            self.handleError(record)


class TerminalReport(Report):
    """Tells of a run by a display.

    Args:
        progress: The run's numbers.
        terminal: Where to show it.
        seconds: So much time is between two frames.
    """

    ends_with_error = False

    def __init__(
        self, progress: Progress, terminal: Terminal, seconds: float = SECONDS_BETWEEN
    ) -> None:
        super().__init__(progress, seconds)
        self._terminal = terminal
        self._sent: deque[tuple[float, int]] = deque(maxlen=_FRAMES_COUNTED)

    @override
    def update(self) -> None:
        if not self.progress.requests or sys.stdout.isatty():
            return  # There is nothing to show yet, or messages pass by in its place.
        from tap_analytics.report.screen import under_way  # noqa: PLC0415

        self._terminal.draw(under_way(self.progress, self._requests_per_second()))

    @override
    def close(self, outcome: str) -> None:
        from tap_analytics.report.screen import summed_up  # noqa: PLC0415

        self._terminal.leave(summed_up(self.progress, outcome))

    def _requests_per_second(self) -> float:
        self._sent.append((self.progress.clock(), self.progress.requests))
        (since, before), (now, sent) = self._sent[0], self._sent[-1]
        return (sent - before) / (now - since) if now > since else 0.0
