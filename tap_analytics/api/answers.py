"""What a failed try says: how long to wait, and what went wrong."""

from __future__ import annotations

import email.utils
import re
from datetime import datetime, timezone

import requests

_SECONDS = re.compile(r"\d{1,9}(\.\d+)?")


def retry_after(value: str, now: datetime | None = None) -> float | None:
    """Return the seconds that a Retry-After header asks for.

    RFC 9110, section 10.2.3: a number of seconds, or an HTTP date.

    Args:
        value: The header, empty if there was none.
        now: The time to count a date from; the present if `None`.

    Returns:
        Seconds, 0 for a date in the past; `None` if the header says nothing.
    """
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        until = email.utils.parsedate_to_datetime(value)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=timezone.utc)
    now = now or datetime.now(timezone.utc)
    return max(0.0, (until - now).total_seconds())


def reason(error: requests.RequestException) -> str:
    """Return in a few words why no response came."""
    if isinstance(error, requests.ConnectTimeout):
        return "no connection within the time-out"
    if isinstance(error, requests.Timeout):
        return "no answer within the time-out"
    here: BaseException | None = error
    innermost: BaseException = error
    while here is not None:
        innermost = here
        if isinstance(here, OSError) and here.strerror:
            return here.strerror
        here = getattr(here, "reason", None) or here.__cause__ or here.__context__
        if not isinstance(here, BaseException):
            break
    if isinstance(innermost, TimeoutError):
        return "no answer within the time-out"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the answer was cut off"
    return " ".join(str(innermost).split()) or type(innermost).__name__
