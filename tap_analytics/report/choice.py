"""Chooses how a command tells of its run: by a display, or by log lines."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from tap_analytics.plugin.logs import LOG_CONFIG, LOG_FORMAT
from tap_analytics.report.report import LogReport, Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_analytics.run import Run

_FORMS_OF_LOGS = (LOG_CONFIG, LOG_FORMAT)
_ASKS_FOR_LOGS = ("TAP_ANALYTICS_LOGLEVEL", "LOGLEVEL", *_FORMS_OF_LOGS)
_NO_CURSOR = frozenset({"", "dumb", "unknown"})


def is_terminal(environ: Mapping[str, str], *, is_test: bool = False) -> bool:
    """Return whether a person looks at standard error, and asked for no logs.

    Args:
        environ: The environment.
        is_test: Whether only a verdict is to be shown: whatever the level of the log,
            but for DEBUG, no other line helps.
    """
    asks = _FORMS_OF_LOGS if is_test else _ASKS_FOR_LOGS
    is_for_a_bug = logging.getLogger().isEnabledFor(logging.DEBUG)
    return (
        sys.stderr is not None
        and sys.stderr.isatty()
        and environ.get("TERM", "") not in _NO_CURSOR
        and not any(environ.get(name) for name in asks)
        and not (is_test and is_for_a_bug)
    )


def report_to_user(run: Run, *, is_test: bool = False) -> Report:
    """Return who tells of the run, and hide its secrets from all log handlers.

    Args:
        run: The run.
        is_test: Whether it is a test, of which a terminal shows the verdict alone.
    """
    root = logging.getLogger()
    report: Report = LogReport(run.progress, run.logger)
    if is_terminal(os.environ, is_test=is_test):
        from tap_analytics.report.terminal import (  # noqa: PLC0415 - where there is one
            Terminal,
            TerminalHandler,
            TerminalReport,
        )

        terminal = Terminal()
        report = TerminalReport(run.progress, terminal)
        root.handlers[:] = [TerminalHandler(terminal)]
    for handler in root.handlers:  # Others than the run log, too.
        handler.addFilter(run.redaction)
    return report
