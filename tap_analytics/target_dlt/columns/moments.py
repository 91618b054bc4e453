"""Dates, times of day and moments, as ISO 8601 writes them."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from tap_analytics.target_dlt.columns.misfits import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable

_BEYOND_MICROSECONDS = re.compile(r"([.,]\d{6})(\d+)")


class FinerError(ValueError):
    """A text with digits beyond microseconds."""


def truncate_to_microseconds(values: Iterable[str | None]) -> list[str | None]:
    """Cut the digits beyond microseconds off timestamps or times."""
    return [
        None if text is None else _BEYOND_MICROSECONDS.sub(r"\1", text)
        for text in values
    ]


def _without_zeros(text: str) -> str:
    """Drop zeros beyond microseconds.

    Raises:
        FinerError: There are other digits there, which would be lost.
    """
    if (found := _BEYOND_MICROSECONDS.search(text)) is None:
        return text
    if found[2].strip("0"):
        msg = f"a column holds microseconds, got {shorten(text)}"
        raise FinerError(msg)
    return text.replace(found[0], found[1])


def parse_timestamp(text: str) -> dt.datetime:
    """Parse an ISO 8601 date and time; one without an offset is taken for UTC.

    Raises:
        FinerError: It is finer than microseconds.
        ValueError: It is not a date and time.
    """
    clipped = _without_zeros(text.upper())
    try:
        moment = dt.datetime.fromisoformat(clipped)
    except ValueError:
        msg = f"expected a date-time, got {shorten(text)}"
        raise ValueError(msg) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)


def parse_date(text: str) -> dt.date:
    """Parse an ISO 8601 date; one with a time is taken if that is midnight.

    Raises:
        ValueError: It is not a date.
    """
    try:
        moment = dt.datetime.fromisoformat(_without_zeros(text.upper()))
    except ValueError:  # also what is finer than microseconds, so not midnight
        moment = None
    if moment is None or moment.time() != dt.time():
        msg = f"expected a date, got {shorten(text)}"
        raise ValueError(msg)
    return moment.date()


def parse_time(text: str) -> dt.time:
    """Parse an ISO 8601 time of day, in UTC or without an offset.

    Raises:
        FinerError: It is finer than microseconds.
        ValueError: It is not a time of day, or has another offset.
    """
    # Python writes a timedelta so, and with it taps of MySQL.
    padded = f"0{text}" if text[1:2] == ":" else text
    clipped = _without_zeros(padded.upper())
    try:
        time = dt.time.fromisoformat(clipped)
    except ValueError:
        time = None
    if time is None or time.utcoffset():
        msg = f"expected a time without an offset, got {shorten(text)}"
        raise ValueError(msg)
    return time.replace(tzinfo=None)
