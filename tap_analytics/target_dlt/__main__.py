"""The command `target-dlt`."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

from tap_analytics.plugin.errors import ConfigError
from tap_analytics.plugin.leaving import end_with
from tap_analytics.plugin.logs import set_up_logs
from tap_analytics.plugin.stopping import stopping_signals
from tap_analytics.target_dlt.terminal import TerminalLines, is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_analytics.target_dlt.target import TargetDlt

NAME = "target-dlt"
_NOISE = (
    "Parsing env var for settings config...",
    "Skipping parse of env var settings...",
    (
        "Reader '%s' completed processing %d lines of input (%d schemas, %d records, "
        "%d batch manifests, %d state messages, %d activate version messages)."
    ),
)
"""What the SDK logs as information, and helps only who looks for a bug."""


def target_class() -> type[TargetDlt]:
    """Import the target."""
    from tap_analytics.target_dlt.target import TargetDlt  # noqa: PLC0415

    return TargetDlt


def main(import_target: Callable[[], type[TargetDlt]] = target_class) -> None:
    """Be the process of a target, which ends with it.

    Args:
        import_target: Imports what runs.
    """
    end_with(lambda: run_target(import_target))


def run_target(import_target: Callable[[], type[TargetDlt]]) -> None:
    """Run the target; every failure ends with one line on stderr and exit status 1.

    Args:
        import_target: Imports what runs.
    """
    # Until there is a target, which has handlers of its own.
    for number in stopping_signals():
        signal.signal(number, _stop)
    gc.disable()  # nothing that is imported is garbage
    try:
        import dlt  # noqa: F401, PLC0415
        import pyarrow  # noqa: F401, ICN001, PLC0415
    except ImportError:
        sys.exit(
            "target-dlt needs packages that are not installed. "
            "Install them: pip install 'tap-analytics[dlt]'"
        )
    _set_up_logs()
    target = import_target()

    # What was imported is not for the garbage collector to look at, until the end.
    gc.freeze()
    gc.enable()
    atexit.register(gc.unfreeze)
    try:
        target.get_singer_command()()
    except Exception as error:
        debug = target.logger.isEnabledFor(logging.DEBUG)
        target.logger.error("%s", error, exc_info=debug)  # noqa: TRY400 - in one line
        sys.exit(1)


def _set_up_logs() -> None:
    try:
        set_up_logs(os.environ, "TARGET_DLT_")
    except ConfigError as error:
        sys.exit(f"Error: {error}")
    if is_terminal(os.environ):
        logging.getLogger().handlers[:] = [TerminalLines(os.environ)]
    elif not logging.getLogger().isEnabledFor(logging.DEBUG):
        logging.getLogger(NAME).addFilter(lambda record: record.msg not in _NOISE)


def _stop(number: int, _: object) -> None:
    """Stop at once, not through all that is being imported: nothing is loaded yet."""
    line = f"Stopped by {signal.Signals(number).name} before anything was loaded.\n"
    os.write(2, line.encode())
    os._exit(128 + number)


if __name__ == "__main__":
    main()
