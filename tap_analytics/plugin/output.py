"""Standard output: how all of a text gets out, or none of what takes no more."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress


def put_out(text: str) -> None:
    """Write a text to standard output, as UTF-8 whatever the environment names.

    Raises:
        OSError: Standard output is closed or full, or its reader is gone.
        ValueError: It was closed meanwhile.
    """
    if sys.stdout is None:  # it was closed before Python started
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    out = getattr(sys.stdout, "buffer", None)
    if out is None:  # a text stream has been put there
        sys.stdout.write(text)
    else:
        sys.stdout.flush()  # what was written before
        waiting = text.encode()
        while waiting:  # without a buffer, a part of it may be taken, or nothing
            if (taken := out.write(waiting)) is None:
                raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            waiting = waiting[taken:]
    sys.stdout.flush()


def drop_output() -> None:
    """Drop what standard output did not take; at exit Python would try again."""
    if sys.stdout is None:
        return
    with suppress(
        OSError, ValueError
    ):  # what is no file has nothing that is tried again
        descriptor = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
