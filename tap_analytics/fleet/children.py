"""Processes of the fleet: each reads lines and writes lines, and ends with its parent.

A process sees its input end when its parent dies, whatever killed it, and ends at once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import msgspec

from tap_analytics.fleet.messages import line

FRUGAL = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
"""What keeps memory from being set apart for each of hundreds of threads.

The thresholds are the C library's own; that they are named keeps it from raising them
to 64 MB, so that columns and answers leave no holes that stay.
"""


class Child:
    """A process that does some of the fleet's work.

    Args:
        module: Its `main` does the work, and is told of the parent.
        first: What it is told first.
    """

    def __init__(self, module: str, first: msgspec.Struct) -> None:
        self._lock = threading.Lock()
        self._last_words: deque[str] = deque(maxlen=20)
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "tap_analytics.fleet.child", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            close_fds=False,  # It inherits the lock of the run's processes.
            env={**FRUGAL, **os.environ},
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.send(first)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def send(self, *messages: msgspec.Struct) -> None:
        """Say something; a process that has died hears nothing."""
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        content = b"".join(map(line, messages))
        with self._lock, suppress(OSError, ValueError):
            self._process.stdin.write(content)
            self._process.stdin.flush()

    def lines(self) -> Iterator[bytes]:
        """Yield what it says, until it ends; the last line may be torn, and is none."""
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        with self._process.stdout as said:
            for one in said:
                if one.endswith(b"\n"):
                    yield one

    def death(self) -> str:
        """Wait until it has ended; say how, in some words, if that was not well."""
        status = self._process.wait()
        self._listener.join(1)
        with self._lock, suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        if not status:
            return ""
        how = f"killed by signal {-status}" if status < 0 else f"status {status}"
        last = self._last_words[-1] if self._last_words else ""
        return f"{how}: {last}" if last else how

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def _listen(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - for the type checker
        with self._process.stderr as said:
            for one in said:
                if text := " ".join(one.decode(errors="replace").split()):
                    self._last_words.append(text[:300])
