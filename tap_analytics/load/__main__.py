"""Starts the command `analytics-load`."""

from __future__ import annotations

import gc

from tap_analytics.signals import stop_before_work


def main() -> None:
    """Import the command, and run it."""
    stop_before_work("anything was read")
    gc.disable()  # As the tap does: what is imported stays.
    from tap_analytics.load.command import main as command  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    command(prog_name="analytics-load")


if __name__ == "__main__":
    main()
