"""Starts the command `tap-analytics`."""

from __future__ import annotations

import gc
import os
import signal


def main() -> None:
    """Import the command, and run it."""
    # Until there is a tap, which has handlers of its own.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    # What is imported stays: looking for garbage in it, time and again while it grows,
    # is a tenth of what starting takes.
    gc.disable()
    from tap_analytics import command  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    command.main()


def _end(number: int, _: object) -> None:
    """End at once, not through all that is being imported: nothing is read yet."""
    line = f"Ended by {signal.Signals(number).name} before anything was read.\n"
    os.write(2, line.encode())
    os._exit(1)


if __name__ == "__main__":
    main()
