"""The hosts that a runner's accounts share: their limit, and whether they are down.

One account's requests may fail by its own fault. Where those of several fail and none
is answered, the host is down: all wait, and one asks until there is an answer.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from tap_analytics.compat import override
from tap_analytics.run import Host

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_analytics.fleet.fleet_file import HostLimit
    from tap_analytics.run import AnswerT, StopFlag

FAILURES = 6
"""So many requests in a row have to fail, of two accounts at least."""

ANSWERED_SECONDS = 600.0
"""A host that has answered is waited for so long; then its accounts fail."""

SILENT_SECONDS = 60.0
"""The same of a host that has never answered: its address may be wrong."""

_LONGEST_PAUSE = 8.0
_WAKE_SECONDS = 1.0
_GATEWAY_ERRORS = frozenset({502, 503, 504})
_MARGIN_SECONDS = 0.05
"""A request may take so much longer to the host than another."""


class Hosts:
    """All hosts that a process talks to.

    Args:
        limit: How many requests each of them takes from this process.
    """

    def __init__(self, limit: HostLimit | None = None) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._shared: dict[str, SharedHost] = {}

    def of(self, account: str, api_url: str) -> Host:
        """Return the host of an account.

        Args:
            account: The account's name.
            api_url: Where its API is.
        """
        parts = urlsplit(api_url)
        with self._lock:
            origin = f"{parts.scheme}://{parts.netloc}".lower()
            if origin not in self._shared:
                self._shared[origin] = SharedHost(self._limit)
            return _HostOfAccount(self._shared[origin], account)


class _HostOfAccount(Host):
    def __init__(self, shared: SharedHost, account: str) -> None:
        self._shared = shared
        self._account = account

    @override
    def send(self, request: Callable[[], AnswerT], stop: StopFlag) -> AnswerT:
        return self._shared.send(self._account, request, stop)


class SharedHost:
    """One host.

    Args:
        limit: How many requests it takes from this process.
        clock: Tells the time in seconds; only differences matter.
    """

    def __init__(
        self,
        limit: HostLimit | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._turns = Turns(limit, clock) if limit else None
        self._clock = clock
        self._changed = threading.Condition()
        self._has_answered = False
        self._failures = 0
        self._failed_accounts: set[str] = set()
        self._down_since: float | None = None
        self._is_given_up = False
        self._is_asked = False
        self._ask_at = 0.0
        self._pause = 1.0

    @property
    def is_down(self) -> bool:
        """Whether all wait."""
        return self._down_since is not None

    def send(
        self, account: str, request: Callable[[], AnswerT], stop: StopFlag
    ) -> AnswerT:
        """Send a request of an account, as soon as the host takes one.

        Raises:
            StoppedError: If the account's run is to end.
            requests.RequestException: If the request failed, and not since the host is
                down.
        """
        while True:
            asks = self._wait_until_up(stop)
            try:
                if self._turns:
                    stop.wait(self._turns.take())
                answer = request()
            except (requests.ConnectionError, requests.Timeout):
                if self._failed(account, asks=asks):
                    continue
                raise
            except BaseException:
                if asks:
                    self._asks_no_more()
                raise
            if answer.status in _GATEWAY_ERRORS:
                if self._failed(account, asks=asks):
                    continue
            else:
                self._answered()
            return answer

    def _wait_until_up(self, stop: StopFlag) -> bool:
        """Wait while the host is down; return whether it is for this one to ask."""
        with self._changed:
            while self.is_down:
                stop.check()
                wait = self._ask_at - self._clock()
                if wait <= 0 and not self._is_asked:
                    self._is_asked = True
                    return True
                self._changed.wait(min(max(wait, 0.01), _WAKE_SECONDS))
        return False

    def _answered(self) -> None:
        if self._failures == 0 and self._has_answered and not self.is_down:
            return
        with self._changed:
            self._has_answered = True
            self._failures = 0
            self._failed_accounts.clear()
            self._down_since = None
            self._is_asked = self._is_given_up = False
            self._pause = 1.0
            self._changed.notify_all()

    def _failed(self, account: str, *, asks: bool) -> bool:
        """Take note of a failure; return whether the host is down, not the account."""
        with self._changed:
            if self.is_down and not asks:
                return True  # It was under way already, and tells nothing new.
            now = self._clock()
            self._failures += 1
            self._failed_accounts.add(account)
            self._is_asked = False
            if self._is_given_up:
                return False
            if self._down_since is None:
                if self._failures < FAILURES or len(self._failed_accounts) < 2:  # noqa: PLR2004
                    return False
                self._down_since = now
            patience = ANSWERED_SECONDS if self._has_answered else SILENT_SECONDS
            if now - self._down_since > patience:
                self._is_given_up = True
                self._down_since = None
                self._changed.notify_all()
                return False
            self._ask_at = now + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            return True

    def _asks_no_more(self) -> None:
        with self._changed:
            self._is_asked = False
            self._changed.notify_all()


class Turns:
    """Gives each request a time to be sent at, first come, first served.

    Args:
        limit: How many may be sent in which time.
        clock: Tells the time in seconds; only differences matter.
    """

    def __init__(
        self, limit: HostLimit, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = limit.seconds + _MARGIN_SECONDS
        self._clock = clock
        self._lock = threading.Lock()
        self._times: deque[float] = deque(maxlen=limit.requests)

    def take(self) -> float:
        """Take the next turn; return in how many seconds it is."""
        with self._lock:
            now = turn = self._clock()
            if len(self._times) == self._times.maxlen:
                turn = max(now, self._times[0] + self._seconds)
            self._times.append(turn)
            return turn - now


def share(limit: HostLimit | None, processes: int) -> HostLimit | None:
    """Return the part of a limit that each of some processes keeps to.

    Args:
        limit: The limit of all of them together.
        processes: How many there are.
    """
    if limit is None or processes <= 1:
        return limit
    requests_each = max(1, limit.requests // processes)
    longer = max(1.0, processes / limit.requests)
    return type(limit)(requests_each, limit.seconds * longer)
