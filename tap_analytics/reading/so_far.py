"""How far the lists below the parents of one stream were read, over several runs."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from tap_analytics.rows.bookmarks import VALUE
from tap_analytics.rows.unfinished import (
    UNFINISHED,
    Unfinished,
    as_json,
    fingerprint,
    one_by_one,
    packed,
    unfinished_in,
    unpacked,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from tap_analytics.reading.parents_and_children import Context


class SoFar:
    """How far the lists below the parents of one stream were read, over several runs.

    Args:
        state: The stream's state, as the last run left it.
        settings: The digest of what shapes the rows.
        now: When this run began, in UTC.
        hours: No longer ago the first part of a read may have begun that this run
            goes on with; with 0, this run begins anew.

    Attributes:
        before: How far an earlier run came that this run goes on with, `None` if this
            run begins anew.
        began_at: When the first part of this read began.
        state: The stream's state, as the first part found it.
        skipped: How many parents were not read again.

    Raises:
        ConfigError: If the state was written by a newer version.
    """

    def __init__(
        self, state: Mapping[str, Any], settings: str, now: datetime, hours: float
    ) -> None:
        found = unfinished_in(state)
        bookmark = as_json(state.get(VALUE))
        is_usable = found is not None and found.is_of(settings, now, hours)
        # Some tools merge states. Then the bookmark of a complete run is beside a read
        # that started from none, as a full refresh does.
        if found and not found.is_complete and found.bookmark not in {None, bookmark}:
            is_usable = False
        self.before = found if is_usable else None
        self.began_at = self.before.began_at if self.before else now
        self.state = state
        self.last_version = found.version if found else None
        self.skipped = 0
        self._settings = settings
        self._bookmark = bookmark
        if self.before and not self.before.is_complete:
            self._bookmark = self.before.bookmark
            self.state = state if self._bookmark else {}
        done = self.before.done if self.before else None
        self._done_before = unpacked(done, UNFINISHED)
        # One after another: a set takes twenty times the memory.
        self._done = bytearray()
        self._taken_back: set[bytes] = set()

    @property
    def is_complete(self) -> bool:
        """Whether an earlier part has read the stream to its end."""
        return self.before is not None and self.before.is_complete

    @property
    def knows_parents(self) -> bool:
        """Whether an earlier part has written rows below a parent."""
        return bool(self._done_before)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What speaks against the stream being whole, from the earlier parts."""
        return self.before.doubts if self.before else ()

    @property
    def refuted(self) -> tuple[str, ...]:
        """The beliefs that turned out to be wrong in the earlier parts."""
        return self.before.refuted if self.before else ()

    def skips(self, context: Context) -> bool:
        """Return whether the rows below a parent were written by an earlier part."""
        is_done = fingerprint(context) in self._done_before
        if is_done:
            self.skipped += 1
        return is_done

    def is_read(self, context: Context) -> None:
        """Take note that the rows below a parent have been written."""
        done = fingerprint(context)
        self._taken_back.discard(done)
        self._done += done

    def is_not_read(self, context: Context) -> None:
        """Take note that the rows below a parent were not all written after all."""
        self._taken_back.add(fingerprint(context))

    def text(
        self,
        *,
        undecided: Iterable[Context],
        version: int | None,
        highest: Any,
        doubts: Iterable[str],
        refuted: Iterable[str],
    ) -> str:
        """Return how far the stream was read, as it stands in a state.

        Args:
            undecided: Parents to read again, whatever was read: their lists may tell
                whether the end of others may be believed.
            version: The version of the rows.
            highest: The highest value of the replication key.
            doubts: What speaks against the stream being whole.
            refuted: The beliefs that turned out to be wrong.
        """
        again = self._taken_back.union(map(fingerprint, undecided))
        # One by one: most are in memory once, without a Python object for each.
        done = chain(sorted(self._done_before), one_by_one(self._done))
        return Unfinished(
            began_at=self.began_at,
            settings=self._settings,
            done=packed(one for one in done if one not in again),
            version=version,
            bookmark=self._bookmark,
            highest=highest,
            doubts=tuple(dict.fromkeys((*self.doubts, *doubts))),
            refuted=tuple(sorted({*self.refuted, *refuted})),
        ).text()

    def text_when_complete(self, version: int | None) -> str:
        """Return that the stream was read to its end, as it stands in a state."""
        return Unfinished(
            self.began_at, self._settings, is_complete=True, version=version
        ).text()


class StateCadence:
    """When the next STATE of a long read is due.

    Args:
        seconds: So much time is between two STATEs at least; a run that is shorter is
            not worth going on with.
        share: So much of the bytes of the records all STATEs together have at most.
    """

    def __init__(self, seconds: float = 60, share: float = 0.05) -> None:
        self.seconds = seconds
        self._share = share
        self._last: float | None = None
        self._size = 0

    def is_due(self, now: float, records: int, states: int) -> bool:
        """Return whether a STATE is due, by the size of the last one.

        Args:
            now: The time in seconds; only differences matter.
            records: Bytes of records that were written so far.
            states: Bytes of STATEs that were written so far.
        """
        if self._last is None:
            self._last = now
        is_time = now - self._last >= self.seconds
        return is_time and self.allows(self._size, records, states)

    def allows(self, size: int, records: int, states: int) -> bool:
        """Return whether a STATE of so many bytes is not too much.

        Args:
            size: Its bytes; the next one will not be much smaller.
            records: Bytes of records that were written so far.
            states: Bytes of STATEs that were written so far.
        """
        self._size = size
        return states + size <= records * self._share

    def wrote(self, now: float) -> None:
        """Take note of a STATE."""
        self._last = now
