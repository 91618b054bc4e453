"""How long an API asks to be left alone, in the words of its headers."""

from __future__ import annotations

import email.utils
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_analytics.api.answer import Answer

_SECONDS = re.compile(r"\d{1,9}(\.\d+)?")
_EPOCH = re.compile(r"\d{10}(\.\d+)?|\d{13}")
_MILLISECONDS_DIGITS = 13
_AFTER = ("Retry-After", "X-Retry-After")
_LIMITS = frozenset({"ratelimit", "quota"})
_RESETS = frozenset({"reset", "resets"})
_ROLES = _RESETS | {"x", "remaining", "in", "after", "at"}
_LEFT = re.compile(r"-?\d{1,18}(\.\d+)?")
_PARAMETER = re.compile(
    r"(?:^|[;,\s])(remaining|reset|r|t)\s*=\s*(\d{1,9})(?!\d)", re.IGNORECASE
)

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
    resets = [*_resets(headers, now), *_policies(headers.get("RateLimit", ""))]
    if spent := [wait for is_spent, wait in resets if is_spent]:
        return max(spent)
    if status in _LIMITS_SPENT:
        return min((wait for _, wait in resets), default=None)
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
    try:
        moment = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    except OverflowError:  # Some say never by the last date that there is.
        moment = datetime.max.replace(tzinfo=timezone.utc)
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


def _resets(headers: Mapping[str, str], now: datetime) -> Iterator[tuple[bool, float]]:
    """Yield of each limit whether it is spent, and in how many seconds it is not.

    An API may have several, such as one a minute and one a day, each with headers
    like `X-RateLimit-Remaining` and `X-RateLimit-Reset`, or `X-Quota-Resets-In`.
    """
    left: dict[str, float] = {}
    waits: dict[str, float] = {}
    for header, value in headers.items():
        words = header.lower().replace("rate-limit", "ratelimit").split("-")
        if _LIMITS.isdisjoint(words):
            continue
        limit = " ".join(word for word in words if word not in _ROLES)
        if "remaining" in words and _LEFT.fullmatch(value.strip()):
            left[limit] = float(value)
        wait = None if _RESETS.isdisjoint(words) else seconds_of(value, now)
        if wait is not None:
            waits.setdefault(limit, wait)
    for limit, wait in waits.items():
        yield left.get(limit, 1) <= 0, wait


def _policies(header: str) -> Iterator[tuple[bool, float]]:
    """Yield the same of the header RateLimit: `limit=9, reset=5` or `"a";r=0;t=5`."""
    for policy in header.split(",") if ";" in header else [header]:
        found = {name.lower(): int(n) for name, n in _PARAMETER.findall(policy)}
        wait = found.get("reset", found.get("t"))
        if wait is not None:
            yield found.get("remaining", found.get("r", 1)) <= 0, float(wait)
