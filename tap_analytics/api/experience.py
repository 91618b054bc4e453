"""What a run has found out about the API and its key so far."""

from __future__ import annotations

import threading
from collections import Counter

FORBIDDEN_IN_A_ROW = 20
"""After so many refusals and no rows, a stream is not asked for again."""

EXHAUSTED_IN_A_ROW = 5
"""After so many failures and no answer, the API is taken for down."""


class Experience:
    """What a run has found out about the API and its key so far.

    It is told by all threads.

    Attributes:
        answers: How many requests were answered with what was asked for.
        counts_from_0: Whether the API's first page turned out to have the number 0.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.answers = 0
        self.counts_from_0 = False
        self._forbidden: Counter[str] = Counter()
        self._is_read: set[str] = set()
        self._exhausted_in_a_row = 0

    @property
    def key_has_worked(self) -> bool:
        """Whether the key got an answer at least once."""
        return self.answers > 0

    def answered(self, stream: str) -> None:
        """Take note of an answer."""
        with self._lock:
            self.answers += 1
            self._exhausted_in_a_row = 0
            self._is_read.add(stream)

    def can_read(self, stream: str) -> None:
        """Take note that an earlier run has read rows of a stream."""
        with self._lock:
            self._is_read.add(stream)

    def forbidden(self, stream: str) -> bool:
        """Take note that the key may not read what is below one parent.

        Returns:
            Whether to try other parents: some may be allowed.
        """
        with self._lock:
            self._forbidden[stream] += 1
            is_hopeless = self._forbidden[stream] >= FORBIDDEN_IN_A_ROW
            return stream in self._is_read or not is_hopeless

    def others_answer(self, answers_before: int) -> bool:
        """Take note that a request failed for good; return whether others succeed.

        Where no other was even tried meanwhile, as with one request at a time, the
        next ones tell: one parent may fail in each of its streams, and so may its
        neighbour.

        Args:
            answers_before: How many answers there were when the request first failed.
        """
        with self._lock:
            self._exhausted_in_a_row += 1
            is_alone = self._exhausted_in_a_row < EXHAUSTED_IN_A_ROW
            return self.answers > answers_before or is_alone
