"""How many requests an API takes in which time: arithmetic, without threads."""

from __future__ import annotations

import math
from collections import deque

FIRST_AT_ONCE = 4
"""So many requests are sent at once to an API of which nothing is known yet."""

FEW = 8
"""A refusal after fewer answers says nothing yet of a limit, if it is the first."""

REMEMBERED = 10_000
"""So many answers are remembered at least; a limit that is learned may be larger."""

STRETCH = 1.1
"""So much longer the window gets if a limit that seemed good was none."""

PATIENCE = 64
"""After so many windows without a refusal at most, a learned limit is raised."""


class RateLimit:
    """When the next request may be sent.

    At most `requests` requests reach the API in any window of `seconds`. What counts
    is when a request arrives there, which is not known; but an answer took at least
    as long as the fastest one did, so a request counts as arrived half that long
    before its answer, and as long as there is none, as arriving now.

    If no limit is configured, one is learned from the first refusal: what was
    answered until then, in the time until then and the wait that the API asks for.
    After some windows without a refusal it is raised by one, then window by window
    by twice as much as before, so that a refusal that was no limit is soon forgotten;
    after each refusal it takes twice as many windows until that is tried again. And
    since each request under way may be refused, there are at first few of them.

    All times are seconds of one clock, of which only differences matter.

    Args:
        requests: At most so many in any window; `None` if no limit is known.
        seconds: Length of the window.
    """

    def __init__(self, requests: int | None = None, seconds: float = 10) -> None:
        self.requests = requests
        self.seconds = seconds
        self.refusals = 0
        self._learns = requests is None
        self._under_way = 0
        self._answered: deque[float] = deque(maxlen=max(requests or 0, REMEMBERED))
        self._fastest = math.inf
        self._first_answer_at = math.inf
        self._is_connected = False
        self._closed_until = -math.inf
        self._opened_at: float | None = None
        self._answers = 0
        self._doubted = False
        self._good = 1
        self._step = 1
        self._patience = 1
        self._raise_at = math.inf

    def close(self, until: float) -> None:
        """Let nobody send until then."""
        self._closed_until = max(self._closed_until, until)

    def refused(self, sent_at: float, now: float, seconds: float) -> None:
        """Take note that the API refused a request as one too many.

        Args:
            sent_at: When the request was sent.
            now: When the refusal came.
            seconds: How long nobody may send from now.
        """
        self.refusals += 1
        if self._opened_at is not None and sent_at >= self._opened_at:
            if self._learns:
                self._learn(now, seconds)
            self._opened_at, self._answers = None, 0
        self.close(now + seconds)

    def wait(self, now: float) -> float:
        """Return for how many seconds no request may be sent.

        Returns:
            Not above 0 if one may be sent now, infinity if an answer has to come first.
        """
        wait = self._closed_until - now
        if self._learns and self._under_way >= max(FIRST_AT_ONCE, self._answers // 3):
            return math.inf
        if self.requests is not None:
            self._raise(now)
            while self._answered and self._leaves_at() <= now:
                self._answered.popleft()
            if self._under_way + len(self._answered) >= self.requests:
                if not self._answered:
                    return math.inf
                wait = max(wait, self._leaves_at() - now)
        return wait

    def _leaves_at(self) -> float:
        """Return when the request that arrived first leaves the window."""
        # The first requests had to connect, which may take longer than all the rest.
        back = self._fastest / 2 if self._is_connected else 0
        return self._answered[0] - back + self.seconds

    def sent(self, now: float) -> None:
        """Count a request as sent."""
        self._under_way += 1
        if self._opened_at is None:
            self._opened_at = now

    def answered(self, sent_at: float, now: float) -> None:
        """Count a request as answered, or failed without an answer."""
        self._under_way -= 1
        if self._opened_at is not None and sent_at >= self._opened_at:
            self._answers += 1
        self._fastest = min(self._fastest, now - sent_at)
        self._is_connected = self._is_connected or sent_at >= self._first_answer_at
        self._first_answer_at = min(self._first_answer_at, now)
        self._answered.append(now)

    def _learn(self, now: float, seconds: float) -> None:
        opened_at = now if self._opened_at is None else self._opened_at
        doubtful = self._answers < FEW and not self._doubted
        self._doubted = doubtful
        if doubtful:
            return
        known = self.requests is not None and seconds <= self.seconds
        if known and self._answers >= (self.requests or 0):
            if self.requests == self._good:
                self.seconds *= STRETCH
            self.requests = self._good
        else:
            self.requests = max(1, self._answers)
            self.seconds = max(1, seconds + now - opened_at)
        self._good, self._step = self.requests, 1
        self._patience = min(2 * self._patience, PATIENCE)
        self._raise_at = now + seconds + self._patience * self.seconds

    def _raise(self, now: float) -> None:
        if self.requests is not None and now >= self._raise_at:
            self._good = self.requests
            self.requests += self._step
            self._step *= 2
            self._raise_at = now + self.seconds
