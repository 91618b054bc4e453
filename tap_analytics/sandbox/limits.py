"""How many requests are granted, and in which words a refusal says when to come again.

`LIMIT_HEADERS` is the table of those words: what begins with `retry-after` comes with a
refusal only, all else with every answer.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LONG_AGO = 3_600


@dataclass(frozen=True)
class Quota:
    """What a limit says after a request.

    Attributes:
        limit: How many requests a window may have.
        remaining: How many of them are left.
        reset: Whole seconds until there is one more.
        is_used_up: Whether the request was refused.
        now: The time of day, in Unix seconds.
    """

    limit: int
    remaining: int
    reset: int
    is_used_up: bool
    now: float


def _retry_after(say: Callable[[Quota], str]) -> Callable[[Quota], dict[str, str]]:
    return lambda quota: {"Retry-After": say(quota)} if quota.is_used_up else {}


def _counted(
    prefix: str, reset: Callable[[Quota], int]
) -> Callable[[Quota], dict[str, str]]:
    return lambda quota: {
        f"{prefix}Limit": str(quota.limit),
        f"{prefix}Remaining": str(quota.remaining),
        f"{prefix}Reset": str(reset(quota)),
    }


def _at(quota: Quota) -> int:
    return math.ceil(quota.now) + quota.reset


LIMIT_HEADERS: dict[str, Callable[[Quota], dict[str, str]]] = {
    "retry-after": _retry_after(lambda quota: str(quota.reset)),
    "retry-after-date": _retry_after(lambda quota: formatdate(_at(quota), usegmt=True)),
    "retry-after-0": _retry_after(lambda _: "0"),
    "retry-after-past": _retry_after(
        lambda quota: formatdate(quota.now - LONG_AGO, usegmt=True)
    ),
    "x-ratelimit": _counted("X-RateLimit-", _at),
    "x-ratelimit-seconds": _counted("X-RateLimit-", lambda quota: quota.reset),
    "ratelimit-reset": _counted("RateLimit-", lambda quota: quota.reset),
    "ratelimit": lambda quota: {
        "RateLimit": f"limit={quota.limit}, remaining={quota.remaining}, "
        f"reset={quota.reset}"
    },
    "ratelimit-item": lambda quota: {
        "RateLimit": f'"default";r={quota.remaining};t={quota.reset}'
    },
}


def limit_headers(names: Iterable[str], quota: Quota) -> dict[str, str]:
    """Says how much is left, and when there is more.

    Args:
        names: In which words.
        quota: What there is to say.

    Returns:
        The headers.
    """
    return {
        header: value
        for name in names
        for header, value in LIMIT_HEADERS[name](quota).items()
    }


class RateLimit:
    """At most so many requests in any window; those refused don't count as used.

    Args:
        requests: How many.
        seconds: How long a window is.
        clock: A clock in seconds that never goes back.
    """

    def __init__(
        self, requests: int, seconds: float, clock: Callable[[], float]
    ) -> None:
        self._requests = requests
        self._seconds = seconds
        self._clock = clock
        self._granted: deque[float] = deque()

    def refuses_for(self) -> int:
        """Grants or refuses one request.

        Returns:
            0 if it is granted, else the whole seconds until the next one can be.
        """
        now = self._clock()
        granted = self._granted
        while granted and granted[0] + self._seconds <= now:
            granted.popleft()
        if len(granted) < self._requests:
            granted.append(now)
            return 0
        return self._reset(now)

    def quota(self, *, is_used_up: bool, now: float) -> Quota:
        """Tells what is left after a request.

        Args:
            is_used_up: Whether the request was refused.
            now: The time of day, in Unix seconds.

        Returns:
            What there is to say of it.
        """
        return Quota(
            limit=self._requests,
            remaining=self._requests - len(self._granted),
            reset=self._reset(self._clock()),
            is_used_up=is_used_up,
            now=now,
        )

    def _reset(self, now: float) -> int:
        return max(1, math.ceil(self._granted[0] + self._seconds - now))
