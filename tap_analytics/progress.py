"""What a run has done so far: counted where it happens, per request or per page.

The numbers are read by whoever reports on the run, at any time and on any thread. That
takes no lock, so that a signal handler may do it too.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from datetime import timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from datetime import datetime
    from types import TracebackType

PARENTS_TIMED = 4
"""So many parents have to be read before their pace says anything."""

SECONDS_TIMED = 5.0
"""So long it has to take: a limit may be met soon, and then all takes longer."""

SETTLED = 1.4
"""The estimates of late may differ by this factor; beyond it none is told."""

_GRAIN = 0.02
"""The part of the time so far within which estimates are remembered as one."""


class Estimate:
    """How long all of a job takes, by the part that is done.

    Where an API lets a few requests through every few seconds, what is done jumps, and
    the estimate with it. Where the limit is still being learned, the first estimates
    are far too low. So an estimate is told once those of the later half of the time
    agree, and it is their middle.
    """

    def __init__(self) -> None:
        self._past: deque[tuple[float, float, float]] = deque()

    def add(self, passed: float, done: float) -> None:
        """Take note of how far the job is.

        Args:
            passed: Seconds since it began.
            done: The part of it that is done, above 0.
        """
        whole = passed / done
        if self._past and passed - self._past[-1][0] < _GRAIN * passed:
            at, low, high = self._past[-1]
            self._past[-1] = (at, min(low, whole), max(high, whole))
        else:
            self._past.append((passed, whole, whole))
        while len(self._past) > 1 and self._past[1][0] <= passed / 2:
            self._past.popleft()

    def left(self, passed: float, done: float) -> float | None:
        """Return for how many more seconds the job takes; `None` if it is not clear.

        Args:
            passed: Seconds since it began.
            done: The part of it that is done, above 0.
        """
        past = tuple(self._past)  # Whoever asks does so on another thread.
        late = [one for one in past if one[0] >= passed / 2] or past[-1:]
        whole = passed / done
        low = min([whole, *(one[1] for one in late)])
        high = max([whole, *(one[2] for one in late)])
        if high > SETTLED * low:
            return None
        return max(0.0, (low + high) / 2 - passed)


class Holdup:
    """Measures for how long at least one request was held back.

    It is a context manager, entered by each thread that waits.

    Args:
        clock: Tells the time in seconds; only differences matter.

    Attributes:
        until: When the wait that began last will be over, by the clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.until = 0.0
        self._clock = clock
        self._lock = threading.RLock()
        self._waiting = 0
        self._since: float | None = None
        self._before = 0.0

    def __enter__(self) -> None:
        with self._lock:
            self._waiting += 1
            if self._waiting == 1:
                self._since = self._clock()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._waiting -= 1
            if self._waiting == 0 and self._since is not None:
                self._before += self._clock() - self._since
                self._since = None

    @property
    def lasts(self) -> bool:
        """Whether a request is held back now."""
        return self._since is not None

    @property
    def left(self) -> float:
        """Seconds until that is over, as far as is known."""
        return max(0.0, self.until - self._clock()) if self.lasts else 0.0

    @property
    def seconds(self) -> float:
        """Seconds so far; what several threads wait at once counts once."""
        since = self._since
        return self._before + (0 if since is None else self._clock() - since)


class Progress:
    """The numbers of a run.

    Args:
        clock: Tells the time in seconds; only differences matter.

    Attributes:
        rows: Rows written, by stream: those that are going to be read have 0.
        origins: From where on incremental streams are read, and why, by stream.
        complete: The streams that have been written whole.
        requests: Requests sent, each retry one.
        retries: How many of them were retries.
        held: How long the API's limit, or its Retry-After, held requests back.
        gone: What vanished after it was listed.
        warnings: What was warned of, by kind.
        parents: The parents whose children have been read.
        parents_known: The parents that are known of.
        parents_open: Whether there may be more of them.
        parents_skipped: The parents that an earlier run had read, of the stream with
            most of them.
        is_read: Whether everything is read, and only the loading is waited for.
        streams_skipped: The streams that an earlier run had read whole.
        went_on_since: When the first part of this read began, as people read it; empty
            if it began with this run.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._lock = threading.RLock()
        self.began_at = self.clock()
        self.rows: dict[str, int] = {}
        self.origins: dict[str, str] = {}
        self.complete: set[str] = set()
        self.requests = 0
        self.retries = 0
        self.held = Holdup(self.clock)
        self.gone: set[Hashable] = set()
        self.warnings: Counter[str] = Counter()
        self.parents = 0
        self.parents_known = 0
        self.parents_open = True
        self.parents_skipped = 0
        self.is_read = False
        self.streams_skipped: list[str] = []
        self.went_on_since = ""
        self._parents_began_at = self.began_at
        self._parents_timed = 0
        self._estimate = Estimate()

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return self.clock() - self.began_at

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the other parents will take; `None` while nothing tells."""
        passed = self.clock() - self._parents_began_at
        if self._parents_timed < PARENTS_TIMED or self.parents_open:
            return None
        if passed < SECONDS_TIMED:
            return None
        return self._estimate.left(passed, self._part_done)

    @property
    def _part_done(self) -> float:
        """The part of the parents that is done, of those that take time."""
        skipped = self.parents - self._parents_timed
        return self._parents_timed / max(1, self.parents_known - skipped)

    def begin_anew(self) -> None:
        """Forget what was read, because everything is read again."""
        for stream in self.rows:
            self.rows[stream] = 0
        self.origins.clear()
        self.complete.clear()
        self.gone.clear()
        self.streams_skipped.clear()
        self.parents = self.parents_known = self.parents_skipped = 0
        self.parents_open = True
        self.went_on_since = ""
        self._parents_timed = 0
        self._estimate = Estimate()

    def expect(self, streams: Iterable[str]) -> None:
        """Take note of streams that are going to be read."""
        for stream in streams:
            self.rows.setdefault(stream, 0)

    def sent(self) -> None:
        """Count a request."""
        with self._lock:
            self.requests += 1

    def retried(self) -> None:
        """Count a retry."""
        with self._lock:
            self.retries += 1

    def warned(self, kind: str) -> None:
        """Count a warning."""
        with self._lock:
            self.warnings[kind] += 1

    # What follows is for the one thread that writes.

    def wrote(self, stream: str, rows: int) -> None:
        """Count rows of a stream."""
        self.rows[stream] = self.rows.get(stream, 0) + rows

    def finished(self, stream: str) -> None:
        """Take note that a stream has been written whole."""
        self.complete.add(stream)

    def parents_begin(self) -> None:
        """Take note that the children of the first parent are going to be read."""
        self._parents_began_at = self.clock()

    def parents_seen(self, known: int, more: bool) -> None:  # noqa: FBT001
        """Take note of how many parents there are, and whether there may be more."""
        self.parents_known, self.parents_open = known, more

    def parent_read(self, *, is_skipped: bool = False) -> None:
        """Count a parent whose children have been read.

        Args:
            is_skipped: Whether nothing was read below it in this run, which takes no
                time.
        """
        self.parents += 1
        self._parents_timed += not is_skipped
        if not is_skipped and not self.parents_open:
            passed = self.clock() - self._parents_began_at
            self._estimate.add(passed, self._part_done)

    def goes_on(self, began_at: datetime) -> None:
        """Take note that this run goes on with a read, and when that began."""
        since = f"{began_at.astimezone(timezone.utc):%Y-%m-%d %H:%M UTC}"
        self.went_on_since = min(since, self.went_on_since or since)

    def skipped_stream(self, stream: str) -> None:
        """Take note of a stream that an earlier run has read whole."""
        self.streams_skipped.append(stream)
        self.complete.add(stream)

    def skipped(self, parents: int) -> None:
        """Take note of how many parents of a stream were read by an earlier run."""
        self.parents_skipped = max(self.parents_skipped, parents)

    def vanished(self, parent: Hashable) -> None:
        """Take note that a parent is gone since it was listed."""
        self.gone.add(parent)
