"""Reads an account into the target's process, and says how both ended."""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_analytics.account_run import concluded, read_account
from tap_analytics.command import exit_status
from tap_analytics.load.errors import LoadError, OtherTablesError
from tap_analytics.report.choice import report_to_user
from tap_analytics.run import NAME, Run
from tap_analytics.signals import stopped_by_signals
from tap_analytics.singer.configuration import warn_of_unknown_streams
from tap_analytics.streams import STREAM_NAMES
from tap_analytics.tap import TapAnalytics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_analytics.load.kept_state import KeptState
    from tap_analytics.load.target_process import TargetProcess


def load(
    settings: Mapping[str, Any],
    target: TargetProcess,
    kept: KeptState | None,
    catalog: Mapping[str, Any] | None,
) -> int:
    """Read all streams into the target.

    Args:
        settings: The settings of the tap, as its config files and environment have
            them.
        target: Takes the messages.
        kept: The state of earlier runs; `None` if everything is to be read.
        catalog: Says which streams and fields are selected.

    Returns:
        The exit status.
    """
    run = Run.logging_to(logging.getLogger(NAME))
    report = report_to_user(run)
    target.on_early_end(run.stop.set)

    def work() -> None:
        with target:
            declared = TapAnalytics.declared_settings()
            # The environment, which wins, may have settings of the SDK, too.
            config = {**settings, **declared.read((), os.environ)}
            run.redaction.hide(*TapAnalytics.secrets(config))
            declared.warn_of_unknown(config, run.logger)
            warn_of_unknown_streams(config, STREAM_NAMES, run.logger)
            state = kept.read(run.logger) if kept else {}
            read = partial(read_account, config, target, catalog=catalog)
            try:
                if state.get("bookmarks"):
                    target.hold_until_it_fits()
                read(state=state, run=run.attempt())
                target.settled()
            except OtherTablesError as other:
                run.logger.warning("%s", other)
                run.progress.begin_anew()
                target.begin_anew()
                read(state={}, run=run)
            run.progress.is_read = True

    report.begin()
    outcome = stopped_by_signals(
        lambda: concluded(work, run, report), run.stop, hurry=target.hurry
    )
    if isinstance(outcome.error, LoadError):
        # A run that was stopped and then lost its state is one that was stopped.
        stopped = outcome.error.status == 1 and run.stop.by
        return exit_status(outcome, run) if stopped else outcome.error.status
    return exit_status(outcome, run)
