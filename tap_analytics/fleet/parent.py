"""The process that a child works for, as the child sees it.

A child listens from its first moment on, before it has imported anything that takes a
while: when its parent dies, its input ends, and so does the child.
"""

from __future__ import annotations

import os
import sys
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_ORPHANED = 3
"""The exit status of a process whose parent has died."""


class Parent:
    """Standard input and output, of which nobody else makes use.

    What a library prints goes to standard error, so that nobody takes it for a message.
    """

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self._heard: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self._listen, name="parent", daemon=True).start()

    def say(self, *messages: msgspec.Struct) -> None:
        """Say something; end if nobody hears it."""
        content = b"".join(msgspec.json.encode(one) + b"\n" for one in messages)
        try:
            with self._lock:
                self._out.write(content)
                self._out.flush()
        except (OSError, ValueError):
            end(_ORPHANED)

    def lines(self) -> Iterator[bytes]:
        """Yield what it says, for ever."""
        while True:
            yield self._heard.get()

    def _listen(self) -> None:
        for one in sys.stdin.buffer:
            if one.endswith(b"\n"):
                self._heard.put(one)
        end(_ORPHANED)


def end(status: int) -> None:
    """End this process at once, whatever its threads do."""
    os._exit(status)
