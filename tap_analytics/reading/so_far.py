"""How far the lists below the parents of one stream were read, over several runs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_analytics.rows.unfinished import (
    UNFINISHED,
    Unfinished,
    fingerprint,
    packed,
    unfinished_in,
    unpacked,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from tap_analytics.reading.branches import Context


class SoFar:
    """How far the lists below the parents of one stream were read.

    Args:
        state: The stream's state, as the last run left it.
        settings: The digest of what shapes the rows.
        now: When this run began, in UTC.
        hours: So long ago the first part of a read may have begun that this run goes
            on with; with 0, this run begins anew.

    Attributes:
        before: The part of an earlier run that this run goes on with, `None` if it
            begins anew.
        skipped: How many parents were not read again.

    Raises:
        ConfigError: If the state was written by a newer version.
    """

    def __init__(
        self, state: Mapping[str, Any], settings: str, now: datetime, hours: float
    ) -> None:
        found = unfinished_in(state)
        is_usable = found is not None and found.is_of(settings, now, hours)
        self.before = found if hours and is_usable else None
        self.skipped = 0
        self._settings = settings
        self._began_at = self.before.began_at if self.before else now.isoformat()
        done = self.before.done if self.before else None
        self._done_before = unpacked(done, UNFINISHED)
        self._done: set[bytes] = set()

    def skips(self, context: Context) -> bool:
        """Return whether the rows below a parent were written by an earlier part."""
        is_done = fingerprint(context) in self._done_before
        if is_done:
            self.skipped += 1
            self._done.add(fingerprint(context))
        return is_done

    def is_read(self, context: Context) -> None:
        """Take note that the rows below a parent have been written."""
        self._done.add(fingerprint(context))

    def text(
        self,
        *,
        undecided: Iterable[Context],
        version: int | None,
        highest: Any,
        doubts: Iterable[str],
    ) -> str:
        """Return how far the lists were read, as it stands in a state.

        Args:
            undecided: Parents to read again, whatever was read: their lists may tell
                whether the end of others may be believed.
            version: The version of the rows.
            highest: The highest value of the replication key.
            doubts: What speaks against the stream being whole.
        """
        again = set(map(fingerprint, undecided))
        return Unfinished(
            self._began_at,
            self._settings,
            packed((self._done | self._done_before) - again),
            version,
            highest,
            [*(self.before.doubts if self.before else ()), *doubts],
        ).text()


class StateCadence:
    """When the next STATE of a long read is due.

    Args:
        seconds: So much time is between two STATEs at least.
        share: So much of the bytes of the records all STATEs together have at most.
    """

    def __init__(self, seconds: float = 60, share: float = 0.05) -> None:
        self._between = timedelta(seconds=seconds).total_seconds()
        self._share = share
        self._last: float | None = None
        self._states = 0
        self._size = 0

    def is_due(self, now: float, written: int) -> bool:
        """Return whether a STATE is due.

        Args:
            now: The time in seconds; only differences matter.
            written: Bytes written so far.
        """
        if self._last is None:
            self._last = now
        is_time = now - self._last >= self._between
        return is_time and self._states + self._size <= written * self._share

    def wrote(self, now: float, size: int) -> None:
        """Take note of a STATE.

        Args:
            now: The time in seconds.
            size: Its bytes; the next one will not be much smaller.
        """
        self._last = now
        self._states += size
        self._size = size
