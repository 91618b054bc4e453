"""Standard output, which others read line by line: results, and nothing else."""

from __future__ import annotations

import os
import sys

from tap_analytics.fleet.errors import FleetError
from tap_analytics.plugin.output import put_out


def put(text: str) -> None:
    """Write to standard output at once; whoever has closed it wants no more of it.

    Raises:
        FleetError: If it can't be written, as when the disk is full.
    """
    try:
        put_out(text)
    except BrokenPipeError:
        _forget_the_rest()
    except OSError as error:
        _forget_the_rest()
        msg = (
            f"Standard output can't be written: {error.strerror}. Make room there, or "
            "send it elsewhere, and run again."
        )
        raise FleetError(msg) from None


def _forget_the_rest() -> None:
    """Write no more, so that what waits to be written fails no other time."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
