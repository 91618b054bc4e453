"""Reads one account: settings and a state go in, messages and an outcome come out."""

from __future__ import annotations

import logging
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import SingerSDKError

from tap_analytics.errors import ConfigError, FatalAPIError, StoppedError
from tap_analytics.report.report import COMPLETE, FAILED, STOPPED, LogReport
from tap_analytics.singer.messages import MessageWriter
from tap_analytics.tap import TapAnalytics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_analytics.report.report import Report
    from tap_analytics.run import Run
    from tap_analytics.singer.messages import BinaryFile


SECONDS_TO_KNOW = 0.5
"""So long a signal that has ended the reader of a pipe may take to arrive here."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        ending: `COMPLETE`, `FAILED`, or `STOPPED` because it was told to end.
        message: The one line that says why, empty if it is complete.
        error: What ended it, `None` if it is complete.
        status: What the work returned.
    """

    ending: str
    message: str = ""
    error: Exception | None = None
    status: Any = None


def run_account(
    config: Mapping[str, Any],
    out: BinaryFile,
    *,
    run: Run,
    state: Mapping[str, Any] | None = None,
    catalog: Mapping[str, Any] | None = None,
) -> Outcome:
    """Read one account, as `tap-analytics --config …` does.

    Any number of runs may go on in threads of one process. A run touches neither
    standard output nor the root logger, signals or the environment, and leaves
    nothing behind. `run.stop.set()` ends it from any thread, with its last STATE.

    Args:
        config: The settings.
        out: Takes the Singer messages.
        run: What belongs to the run; says where its log goes.
        state: Where an earlier run has come to.
        catalog: Says which streams and fields are selected.

    Returns:
        How the run ended; an error that a user may meet is part of it.
    """
    report = LogReport(run.progress, run.logger)
    report.begin()
    read = partial(read_account, config, out, run=run, state=state, catalog=catalog)
    return concluded(read, run, report)


def read_account(
    config: Mapping[str, Any],
    out: BinaryFile,
    *,
    run: Run,
    state: Mapping[str, Any] | None = None,
    catalog: Mapping[str, Any] | None = None,
) -> None:
    """Read one account, and leave it to `concluded` to tell how that ended.

    Args:
        config: The settings.
        out: Takes the Singer messages.
        run: What belongs to the run.
        state: Where an earlier run has come to.
        catalog: Says which streams and fields are selected.

    Raises:
        ConfigError: If the settings, the catalog or the state are not valid.
        FatalAPIError: If the API refuses, or retries are used up.
        OSError: If the messages are not taken.
    """
    tap = TapAnalytics(
        config=deepcopy(dict(config)),
        state=deepcopy(dict(state or {})),
        catalog=None if catalog is None else deepcopy(dict(catalog)),
        message_writer=MessageWriter(out),
        run=run,
    )
    tap.read()


def concluded(work: Callable[[], Any], run: Run, report: Report) -> Outcome:
    """Do the work of a run, and say how it ended.

    Args:
        work: What to do.
        run: The run that it is the work of.
        report: Sums the run up.
    """
    outcome = Outcome(STOPPED)
    try:
        outcome = Outcome(COMPLETE, status=work())
    except BrokenPipeError as error:  # The reader is gone, and says itself why.
        # But Ctrl-C ends both, and the reader may be the first to know.
        by = run.stop.by_whom(SECONDS_TO_KNOW)
        outcome = Outcome(STOPPED, _stopped_by(by) if by else "", error)
    except StoppedError as error:
        outcome = Outcome(STOPPED, _stopped_by(run.stop.by or "its caller"), error)
    except Exception as error:  # noqa: BLE001 - it is told in one line
        outcome = Outcome(FAILED, message_for(error), error)
    finally:
        if report.ends_with_error:
            report.end(outcome.ending)
        if outcome.message:
            # No traceback, unless somebody looks for a bug.
            debug = run.logger.isEnabledFor(logging.DEBUG)
            exc_info = outcome.error if debug else None
            run.logger.error("%s", outcome.message, exc_info=exc_info)
        report.end(outcome.ending)
    return outcome


def _stopped_by(name: str) -> str:
    return (
        f"Stopped by {name} before everything was read. The last STATE is valid: the "
        "next run makes up for this one."
    )


def message_for(error: Exception) -> str:
    """Return the one line that tells a user of an error."""
    if isinstance(error, click.ClickException):
        text = f"{error.format_message().rstrip('.')}. See {TapAnalytics.name} --help."
    elif isinstance(error, SingerSDKError | ConfigError | FatalAPIError):
        text = str(error)
    elif isinstance(error, OSError):
        # A file has a name; what has none is what the messages are written to.
        place = error.filename or "The messages can't be written to standard output"
        hint = "" if error.filename else ". Is it closed, or is the disk full?"
        text = f"{place}: {error.strerror}{hint}" if error.strerror else str(error)
    else:
        text = (
            f"{type(error).__name__}: {error}. If this is not explained by what you "
            "passed in, it is a bug: TAP_ANALYTICS_LOGLEVEL=DEBUG shows where."
        )
    return " ".join(text.split())
