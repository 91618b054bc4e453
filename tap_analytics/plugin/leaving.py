"""The end of a process whose work is done."""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def end_with(work: Callable[[], object]) -> None:
    """Do the work of this process, and end the process without taking it apart.

    To free one by one what a thousand modules and millions of rows have left takes
    Python a third of a second. The system frees all of it at once.

    Before that, threads are waited for, functions of `atexit` are called, and output is
    flushed. Work that fails ends as it always does, and so does a process with a tracer
    or a profiler, which may have something to write.

    Args:
        work: What to do. It must close what is not closed with the process.
    """
    is_done = False

    def leave() -> None:
        if is_done and not _is_watched() and _is_flushed():
            os._exit(0)

    atexit.register(leave)  # as the first, so that it is called as the last
    try:
        work()
    except SystemExit as end:
        is_done = end.code in {None, 0}
        raise
    is_done = True


def _is_watched() -> bool:
    monitoring: Any = getattr(sys, "monitoring", None)  # since Python 3.12
    return (
        sys.gettrace() is not None
        or sys.getprofile() is not None
        or (monitoring is not None and any(map(monitoring.get_tool, range(6))))
    )


def _is_flushed() -> bool:
    """Flush the output; false if it can't be, which Python will tell."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return False
    return True
