"""What a person sees of a load: warnings, errors, and in the end what was done.

The terminal is not the target's alone: in `tap-… | target-dlt` the tap may have a
display on it, that it draws again after each line of ours.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from tap_analytics.compat import override
from tap_analytics.plugin.logs import LOG_CONFIG, LOG_FORMAT

if TYPE_CHECKING:
    from collections.abc import Mapping

SUMMARY = "summary"
"""The kind of the line that says what was done."""

_ASKS_FOR_LOGS = ("TARGET_DLT_LOGLEVEL", "LOGLEVEL", LOG_CONFIG, LOG_FORMAT)
_NO_CURSOR = frozenset({"", "dumb", "unknown"})
_ERASE_BELOW = "\r\x1b[J"
_STYLES = {"Error": "\x1b[1;31m", "Warning": "\x1b[33m"}
_NO_STYLE = "\x1b[0m"


def is_terminal(environ: Mapping[str, str]) -> bool:
    """Return whether a person looks at standard error, and asked for no logs."""
    return (
        sys.stderr is not None
        and sys.stderr.isatty()
        and environ.get("TERM", "") not in _NO_CURSOR
        and not any(environ.get(name) for name in _ASKS_FOR_LOGS)
    )


class TerminalLines(logging.Handler):
    """Shows what matters to a person, without time and logger.

    Args:
        environ: The environment, which may want no colours.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__()
        self._fd = sys.stderr.fileno()
        self._has_styles = not environ.get("NO_COLOR")

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self._show("Error", self.format(record))
        elif record.levelno == logging.WARNING:
            self._show("Warning", self.format(record))
        elif getattr(record, "kind", "") == SUMMARY:
            self._show("", self.format(record))

    def _show(self, kind: str, text: str) -> None:
        # What a tap sends may be in it, and mean something to a terminal.
        text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
        if kind:
            styled = f"{_STYLES[kind]}{kind}{_NO_STYLE}"
            text = f"{styled if self._has_styles else kind}: {text}"
        line = f"{_ERASE_BELOW}{text}\n".encode(sys.stderr.encoding, "replace")
        with suppress(OSError):  # The terminal may be gone; the run goes on.
            while line:
                line = line[os.write(self._fd, line) :]
