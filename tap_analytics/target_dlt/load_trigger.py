"""What waits to be loaded, and whether it has waited enough."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class LoadTrigger:
    """Counts what was taken since the last load, against the settings' limits.

    Args:
        config: The target's settings.
        clock: Tells the time in seconds.
    """

    def __init__(
        self, config: Mapping[str, Any], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = config
        self._clock = clock
        self._rows: dict[str, int] = {}
        self._bytes = 0
        self._since = 0.0
        self.state: str | None = None
        self.versions: list[tuple[str, int]] = []

    def clear(self) -> None:
        """Forget all: it is loaded."""
        self._rows = {}
        self._bytes = 0
        self._since = 0.0
        self.state = None
        self.versions = []

    @property
    def is_empty(self) -> bool:
        """Whether a STATE can go out now."""
        return not self._rows and not self.versions

    def add(self, stream: str, rows: int, size: int) -> bool:
        """Count rows of a stream.

        Args:
            stream: The stream's name.
            rows: How many.
            size: Their size in bytes.

        Returns:
            Whether it is enough for a load.
        """
        if self.is_empty:
            self._since = self._clock()
        self._rows[stream] = self._rows.get(stream, 0) + rows
        self._bytes += size
        most: int | None = self._limits.get("batch_size_rows")
        if most is not None and self._rows[stream] >= most:
            return True
        return bool(self._bytes >= self._limits["batch_size_bytes"])

    @property
    def is_overdue(self) -> bool:
        """Whether the first row has waited as long as it may."""
        waited = self._clock() - self._since
        limit: int = self._limits["batch_wait_limit_seconds"]
        return not self.is_empty and waited >= limit
