"""The command `tap-analytics`: the SDK's, with one line for every failure."""

from __future__ import annotations

import functools
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import SingerSDKError

from tap_analytics.errors import ConfigError
from tap_analytics.progress import progress
from tap_analytics.redaction import redaction
from tap_analytics.report.report import (
    COMPLETE,
    FAILED,
    STOPPED,
    LogReport,
    Report,
    WarningCounter,
)
from tap_analytics.report.terminal import (
    Terminal,
    TerminalHandler,
    TerminalReport,
    is_terminal,
)
from tap_analytics.tap import TapAnalytics

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Run the tap; exit with status 1 and one message if it fails."""
    command = TapAnalytics.cli
    logger = TapAnalytics.logger
    root = logging.getLogger()
    report: Report = LogReport(progress, logger)
    if is_terminal(os.environ):
        terminal = Terminal()
        report = TerminalReport(progress, terminal)
        root.handlers[:] = [TerminalHandler(terminal)]
    for handler in root.handlers:
        handler.addFilter(redaction)
    root.addHandler(WarningCounter(progress))
    outcome = STOPPED
    if command.callback is not None:
        command.callback = _run(command.callback, report)
    try:
        status = command.main(standalone_mode=False)
        outcome = COMPLETE
    except BrokenPipeError:  # The reader is gone.
        _drop_output()
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort):
        logger.error("Interrupted.")  # noqa: TRY400 - no traceback, as below
        sys.exit(1)
    except Exception as error:
        outcome = FAILED
        if isinstance(report, LogReport):
            # Some show the last line alone: Meltano, where it tests a configuration.
            report.end(outcome)
        logger.error(  # noqa: TRY400
            "%s", message_for(error), exc_info=logger.isEnabledFor(logging.DEBUG)
        )
        if isinstance(error, OSError) and error.strerror and not error.filename:
            _drop_output()
        sys.exit(1)
    finally:
        report.end(outcome)
    sys.exit(status if isinstance(status, int) else 0)


def _drop_output() -> None:
    """Drop what standard output did not take; at exit Python would try again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def message_for(error: Exception) -> str:
    """Return the one line that tells a user of an error."""
    if isinstance(error, click.ClickException):
        text = f"{error.format_message().rstrip('.')}. See {TapAnalytics.name} --help."
    elif isinstance(error, SingerSDKError | ConfigError):
        text = str(error)
    elif isinstance(error, OSError):
        # A file has a name; what has none is what the messages are written to.
        place = error.filename or "standard output"
        text = f"{place}: {error.strerror}" if error.strerror else str(error)
    else:
        text = (
            f"{type(error).__name__}: {error}. If this is not explained by what you "
            "passed in, it is a bug: TAP_ANALYTICS_LOGLEVEL=DEBUG shows where."
        )
    return " ".join(text.split())


def _run(callback: Callable[..., Any], report: Report) -> Callable[..., Any]:
    """Return the tap's run, reported on: it is what no other option asks for."""

    @functools.wraps(callback)
    def invoke(**options: Any) -> Any:
        if not options.get("about"):
            report.begin()
        return callback(**options)

    return invoke
