"""Starts the command `analytics-load`."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import closing

from tap_analytics.load.waiting_child import WaitingChild, is_run
from tap_analytics.signals import end_by_signals


def main() -> None:
    """Start the target, import the command, and run it."""
    with closing(WaitingChild()) as child:
        end_by_signals(child.kill)
        if is_run(sys.argv[1:], os.environ):
            child.start()
        gc.disable()  # As the tap does: what is imported stays. See `command`.
        from tap_analytics.load.command import main as command  # noqa: PLC0415

        command(prog_name="analytics-load", obj=child)


if __name__ == "__main__":
    main()
