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
from tap_analytics.errors import ConfigError
from tap_analytics.plugin.logs import set_up_logs
from tap_analytics.plugin.output import drop_output
from tap_analytics.report.choice import report_to_user
from tap_analytics.report.report import COMPLETE
from tap_analytics.run import Run
from tap_analytics.settings import DECLARED
from tap_analytics.signals import stopped_by_signals
from tap_analytics.tap import TapAnalytics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import click

    from tap_analytics.report.report import Report


def main() -> None:
    """Run the tap; exit with status 1 or 128 + the signal, and a line, if it fails."""
    try:
        set_up_logs(os.environ, DECLARED.prefix)
    except ConfigError as error:
        sys.exit(f"Error: {error}")
    command = TapAnalytics.get_singer_command()
    run = Run.logging_to(logging.getLogger(TapAnalytics.name))
    report = report_to_user(run, is_test=_is_test(sys.argv))
    if command.callback is not None:
        command.callback = _reported_on(command.callback, report)
    work = partial(_invoked, command, run)
    outcome = stopped_by_signals(lambda: concluded(work, run, report), run.stop)
    failure = outcome.error
    if isinstance(failure, OSError) and failure.strerror and not failure.filename:
        drop_output()
    sys.exit(exit_status(outcome, run))


def _invoked(command: click.Command, run: Run) -> Any:
    try:
        return command.main(obj=run, standalone_mode=False)
    except _ReaderGone as gone:
        raise gone.error from None


class _ReaderGone(Exception):  # noqa: N818 - it is told as what it carries
    """Takes an error past click, which ends the process where a reader is gone.

    Args:
        error: The error.
    """

    def __init__(self, error: BrokenPipeError) -> None:
        super().__init__(error)
        self.error = error


def _is_test(arguments: Sequence[str]) -> bool:
    return any(argument.partition("=")[0] == "--test" for argument in arguments)


def exit_status(outcome: Outcome, run: Run) -> int:
    """Return the exit status: 0, 1, or 128 + the signal that stopped the run."""
    if outcome.ending == COMPLETE:
        return outcome.status if isinstance(outcome.status, int) else 0
    return 128 + signal.Signals[run.stop.by] if run.stop.by else 1


def _reported_on(callback: Callable[..., Any], report: Report) -> Callable[..., Any]:
    """Return the tap's run, reported on: it is what no other option asks for."""

    @functools.wraps(callback)
    def invoke(**options: Any) -> Any:
        if not options.get("about"):
            report.begin()
        try:
            return callback(**options)
        except BrokenPipeError as error:
            raise _ReaderGone(error) from error

    return invoke
