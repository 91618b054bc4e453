"""How long an API asks to be left alone, in the words of its headers."""

from __future__ import annotations

import email.utils
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_analytics.api.answer import Answer

_SECONDS = re.compile(r"\d{1,9}(\.\d+)?")
_EPOCH = re.compile(r"\d{10}(\.\d+)?|\d{13}")
_MILLISECONDS_DIGITS = 13
_OLDEST_EPOCH = 1_000_000_000
"""From here on, a number of seconds is a moment: the year 2001."""

_AFTER = ("Retry-After", "X-Retry-After", "X-RateLimit-Reset-After")
_RESETS = (
    "X-RateLimit-Reset",
    "X-Rate-Limit-Reset",
    "RateLimit-Reset",
    "Rate-Limit-Reset",
    "X-RateLimit-Requests-Reset",
)
_REMAINING = (
    "X-RateLimit-Remaining",
    "X-Rate-Limit-Remaining",
    "RateLimit-Remaining",
    "Rate-Limit-Remaining",
    "X-RateLimit-Requests-Remaining",
)
_POLICY = re.compile(r"(?:^|[;,\s])(remaining|reset|r|t)\s*=\s*(\d+)", re.IGNORECASE)

_ASK_TO_WAIT = frozenset({202, 402, 403, 408, 425, 429})
_LIMITS_SPENT = frozenset({429, 503})
_SERVER_ERRORS = range(500, 600)


def wait_of(answer: Answer) -> float | None:
    """Return how long an answer asks to wait.

    `Retry-After` is RFC 9110, section 10.2.3. `RateLimit` is the IETF's draft
    `draft-ietf-httpapi-ratelimit-headers`; the others are what APIs had before.

    Args:
        answer: The answer.

    Returns:
        Seconds, 0 for a moment in the past; `None` if the answer asks for no wait, or
        has a status with which a wait is not believed.
    """
    status, headers = answer.status, answer.headers
    if status not in _ASK_TO_WAIT and status not in _SERVER_ERRORS:
        return None
    now = _clock_of(answer)
    waits = (seconds_of(headers.get(name, ""), now) for name in _AFTER)
    after = next((wait for wait in waits if wait is not None), None)
    if after is not None:
        return after
    reset, remaining = _reset_of(headers, now), _remaining_of(headers)
    if reset is not None and (status in _LIMITS_SPENT or remaining == 0):
        return reset
    return None


def seconds_of(value: str, now: datetime | None = None) -> float | None:
    """Return for how long a header asks to wait.

    Args:
        value: Seconds, a moment in seconds or milliseconds since 1970, an HTTP date or
            an ISO 8601 date; empty if there is no such header.
        now: The time to count a moment from; the present if `None`.

    Returns:
        Seconds, 0 for a moment in the past; `None` if the value says nothing.
    """
    value = value.strip()
    now = now or datetime.now(timezone.utc)
    if _EPOCH.fullmatch(value):
        number = float(value)
        scale = 1000 if len(value) == _MILLISECONDS_DIGITS else 1
        return max(0.0, number / scale - now.timestamp())
    if _SECONDS.fullmatch(value):
        return float(value)
    moment = _moment(value)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def until(seconds: float) -> str:
    """Return the moment at which a wait is over, as people read it, in UTC."""
    moment = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _moment(value: str) -> datetime | None:
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (ValueError, IndexError, TypeError, OverflowError):
        try:
            moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _clock_of(answer: Answer) -> datetime:
    """Return the time by the API's own clock: this machine's may be wrong."""
    return _moment(answer.headers.get("Date", "")) or answer.received_at


def _policy(headers: Mapping[str, str]) -> dict[str, int]:
    """Return what the header RateLimit says: `limit=10, reset=5` or `"a";r=0;t=5`."""
    found = _POLICY.findall(headers.get("RateLimit", ""))
    return {name.lower(): int(number) for name, number in found}


def _reset_of(headers: Mapping[str, str], now: datetime) -> float | None:
    waits = (seconds_of(headers.get(name, ""), now) for name in _RESETS)
    reset = next((wait for wait in waits if wait is not None), None)
    if reset is not None:
        return reset
    policy = _policy(headers)
    told = policy.get("reset", policy.get("t"))
    return None if told is None else float(told)


def _remaining_of(headers: Mapping[str, str]) -> int | None:
    for name in _REMAINING:
        value = headers.get(name, "").strip()
        if value.isdigit():
            return int(value)
    policy = _policy(headers)
    return policy.get("remaining", policy.get("r"))
