"""Holds back what is written to the target until it has said where it loads.

So the tap reads while the target starts, and yet nothing goes to tables that the state
does not belong to.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

HELD_BYTES = 8 << 20
"""So much is held back at most."""


class Pipe(Protocol):
    """What is written to."""

    def write(self, data: memoryview, /) -> int | None:
        """Write bytes; return how many of them were taken."""
        ...


class Gate:
    """A pipe that is held shut until something is settled.

    Args:
        pipe: The pipe.
        most: So many bytes are held back at most; then who writes has to wait.
    """

    def __init__(self, pipe: Pipe, most: int = HELD_BYTES) -> None:
        self._pipe = pipe
        self._most = most
        self._held = bytearray()
        self._is_open = True
        self._error: Exception | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def shut_until(self, settle: Callable[[], None]) -> None:
        """Hold back what is written.

        Args:
            settle: Returns when what was held back may be written. What it raises,
                whoever writes gets; and what was held back is dropped.
        """
        self._is_open = False
        self._thread = threading.Thread(target=self._feed, args=(settle,), daemon=True)
        self._thread.start()

    def write(self, data: memoryview) -> int:
        """Write, now or later; return how many bytes of it were taken."""
        if not self._is_open:
            with self._changed:
                self._changed.wait_for(lambda: self._is_settled or self._has_room)
                if self._error is not None:
                    raise self._error
                if not self._is_open:
                    self._held += data
                    return len(data)
        return self._pipe.write(data) or 0

    def settled(self) -> None:
        """Return when nothing is held back any more; raise what kept it shut."""
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def open(self) -> None:
        """Write what comes from now on, whatever kept the gate shut."""
        self._error, self._is_open = None, True

    @property
    def _is_settled(self) -> bool:
        return self._is_open or self._error is not None

    @property
    def _has_room(self) -> bool:
        return len(self._held) < self._most

    def _feed(self, settle: Callable[[], None]) -> None:
        error: Exception | None = None
        try:
            settle()
        except Exception as caught:  # noqa: BLE001 - whoever writes gets it
            error = caught
        with self._changed:
            try:
                if error is None:
                    self._write_held()
            except OSError as caught:
                error = caught
            self._held.clear()
            self._error, self._is_open = error, error is None
            self._changed.notify_all()

    def _write_held(self) -> None:
        with memoryview(self._held) as held:
            written = 0
            while written < len(held):
                written += self._pipe.write(held[written:]) or 0
