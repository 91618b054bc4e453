"""In which order the values of a replication key are, by the type of its column."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from tap_analytics import json_text
from tap_analytics.errors import ConfigError
from tap_analytics.rows.fit import fit_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from msgspec import Raw

_SECONDS = len("2026-01-31T23:59:59")
_DATE_LENGTH = len("2026-01-31")


def timestamp(value: object, setting: str) -> str:
    """Return a date or a time as fields of type date-time are written.

    Args:
        value: What a setting or a state says.
        setting: Its name, for the error.

    Raises:
        ConfigError: If it is neither.
    """
    fitting = fit_timestamp(msgspec.json.encode(value))
    if fitting is None:
        msg = f"{setting} is not a date or time: {value!r}."
        raise ConfigError(msg)
    return str(msgspec.json.decode(fitting))


class KeyOrder(ABC):
    """Reads and compares the values of one type of replication key."""

    is_time = True
    """Whether values are moments or days, so that look-back and start date apply."""

    def value_of(self, raw: Raw) -> Any:
        """Return the value of a row's field, `None` if it is null."""
        return msgspec.json.decode(raw)

    @abstractmethod
    def read(self, value: object, setting: str) -> Any:
        """Return a value of a setting or a state.

        Raises:
            ConfigError: If the key has no such values.
        """

    def earlier(self, value: Any, lookback: timedelta) -> Any:
        """Return the value that lies so much before another one."""
        del lookback
        return value

    def capped(self, value: Any, now: str) -> Any:
        """Return a value, but none that lies in the future.

        Args:
            value: The value.
            now: The present, as a timestamp.
        """
        del now
        return value


class TimestampOrder(KeyOrder):
    """Moments, as RFC 3339 in UTC: their order is that of their text."""

    def read(self, value: object, setting: str) -> str:
        """Return a moment."""
        return timestamp(value, setting)

    def earlier(self, value: str, lookback: timedelta) -> str:
        """Return a moment before another one."""
        seconds, rest = value[:_SECONDS], value[_SECONDS:]
        try:
            moment = datetime.fromisoformat(seconds) - lookback
        except OverflowError:
            return "0001-01-01T00:00:00"
        return moment.isoformat()[:_SECONDS] + rest

    def capped(self, value: str, now: str) -> str:
        """Return a moment, at the latest the present."""
        return min(value, now)


class DateOrder(KeyOrder):
    """Days: their order is that of their text."""

    def read(self, value: object, setting: str) -> str:
        """Return a day, of a moment the day in UTC."""
        return timestamp(value, setting)[:_DATE_LENGTH]

    def earlier(self, value: str, lookback: timedelta) -> str:
        """Return a day before another one."""
        try:
            moment = datetime.fromisoformat(value) - lookback
        except OverflowError:
            return date.min.isoformat()
        return moment.isoformat()[:_DATE_LENGTH]

    def capped(self, value: str, now: str) -> str:
        """Return a day, at the latest today: one slip of the pen may say 2062."""
        return min(value, now[:_DATE_LENGTH])


class NumberOrder(KeyOrder):
    """Numbers."""

    is_time = False

    def value_of(self, raw: Raw) -> Any:
        """Return the number with all its digits."""
        return json_text.decoded(raw)

    def read(self, value: object, setting: str) -> Any:
        """Return a number."""
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            msg = f"{setting} is not a number: {value!r}."
            raise ConfigError(msg)
        return Decimal(str(value)) if isinstance(value, float) else value


def order_of(column: Mapping[str, Any]) -> KeyOrder | None:
    """Return the order of a column's values.

    Args:
        column: The column's JSON schema.

    Returns:
        The order; `None` for text, since "10" stands before "9" there.
    """
    types = column.get("type", [])
    types = {types} if isinstance(types, str) else {*types}
    if "string" in types:
        orders = {"date-time": TimestampOrder, "date": DateOrder}
        order = orders.get(column.get("format", ""))
        return order() if order else None
    return NumberOrder() if types & {"integer", "number"} else None
