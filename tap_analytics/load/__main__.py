"""Starts the command `analytics-load`."""

from __future__ import annotations

import gc

from tap_analytics.signals import end_by_signals


def main() -> None:
    """Import the command, and run it."""
    end_by_signals()
    gc.disable()  # As the tap does: what is imported stays.
    from tap_analytics.load.command import main as command  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    command(prog_name="analytics-load")


if __name__ == "__main__":
    main()
