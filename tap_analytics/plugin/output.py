"""Standard output that takes no more."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def drop_output() -> None:
    """Drop what standard output did not take; at exit Python would try again."""
    if sys.stdout is None:
        return
    with suppress(OSError):  # what is no file has nothing that is tried again
        descriptor = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
