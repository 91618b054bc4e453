"""Starts the command `tap-analytics`."""

from __future__ import annotations

import gc

from tap_analytics.signals import end_by_signals


def main() -> None:
    """Import the command, and run it."""
    end_by_signals()
    # What is imported stays: looking for garbage in it, time and again while it grows,
    # is a tenth of what starting takes.
    gc.disable()
    # First of all: while it compiles its patterns, Python gives memory back to the
    # system and takes it again, 1,500 times if little is free by chance.
    import requests  # noqa: F401, PLC0415

    from tap_analytics import command  # noqa: PLC0415
    from tap_analytics.heap import share_one_heap  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    share_one_heap()
    command.main()


if __name__ == "__main__":
    main()
