"""Chooses how a command tells of its run: by a display, or by log lines."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from tap_analytics.report.report import LogReport, Report
from tap_analytics.report.terminal import (
    Terminal,
    TerminalHandler,
    TerminalReport,
    is_terminal,
)

if TYPE_CHECKING:
    from tap_analytics.run import Run


def report_to_user(run: Run, *, is_test: bool = False) -> Report:
    """Return who tells of the run, and hide its secrets from all log handlers.

    Args:
        run: The run.
        is_test: Whether it is a test, of which a terminal shows the verdict alone.
    """
    root = logging.getLogger()
    report: Report = LogReport(run.progress, run.logger)
    if is_terminal(os.environ, is_test=is_test):
        terminal = Terminal()
        report = TerminalReport(run.progress, terminal)
        root.handlers[:] = [TerminalHandler(terminal)]
    for handler in root.handlers:  # Others than the run log, too.
        handler.addFilter(run.redaction)
    return report
