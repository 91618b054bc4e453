"""The command `tap-analytics`: the SDK's, with one line for every failure."""

from __future__ import annotations

import functools
import logging
import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_analytics.account_run import Outcome, concluded
from tap_analytics.report.report import COMPLETE, LogReport, Report
from tap_analytics.report.terminal import (
    Terminal,
    TerminalHandler,
    TerminalReport,
    is_terminal,
)
from tap_analytics.run import Run
from tap_analytics.signals import stopped_by_signals
from tap_analytics.tap import TapAnalytics

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Run the tap; exit with status 1 or 128 + the signal, and a line, if it fails."""
    command = TapAnalytics.cli
    run = Run.logging_to(logging.getLogger(TapAnalytics.name))
    report = _report(run)
    if command.callback is not None:
        command.callback = _reported_on(command.callback, report)
    work = partial(command.main, obj=run, standalone_mode=False)
    outcome = stopped_by_signals(lambda: concluded(work, run, report), run.stop)
    error = outcome.error
    if isinstance(error, OSError) and error.strerror and not error.filename:
        _drop_output()
    sys.exit(_status(outcome, run))


def _report(run: Run) -> Report:
    """Return who tells of the run, and hide its secrets from all log handlers."""
    root = logging.getLogger()
    report: Report = LogReport(run.progress, run.logger)
    if is_terminal(os.environ):
        terminal = Terminal()
        report = TerminalReport(run.progress, terminal)
        root.handlers[:] = [TerminalHandler(terminal)]
    for handler in root.handlers:  # Others than the run log, too.
        handler.addFilter(run.redaction)
    return report


def _status(outcome: Outcome, run: Run) -> int:
    if outcome.ending == COMPLETE:
        return outcome.status if isinstance(outcome.status, int) else 0
    return 128 + signal.Signals[run.stop.by] if run.stop.by else 1


def _drop_output() -> None:
    """Drop what standard output did not take; at exit Python would try again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _reported_on(callback: Callable[..., Any], report: Report) -> Callable[..., Any]:
    """Return the tap's run, reported on: it is what no other option asks for."""

    @functools.wraps(callback)
    def invoke(**options: Any) -> Any:
        if not options.get("about"):
            report.begin()
        return callback(**options)

    return invoke
