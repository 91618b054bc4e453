"""The API's own time filter: from when, and until when, it is asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_analytics.rows.replication_keys import DateOrder, TimestampOrder, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tap_analytics.rows.replication_keys import KeyOrder

DAYS_AHEAD = 90
"""Until so many days from now: people book their holidays ahead."""

_DATE_LENGTH = len("2026-01-31")
_A_DAY = timedelta(days=1)


class TimeWindow:
    """The API's own time filter.

    An API filters by days of its users' clocks, and perhaps by another field than the
    replication key. So a window of days begins a day before a moment in UTC.

    Args:
        settings: Has `since_param`, `until_param` and `since_format`.
        order: How the values of the replication key follow one another.
        now: The present, in UTC.
    """

    def __init__(
        self, settings: Mapping[str, Any], order: KeyOrder, now: datetime
    ) -> None:
        self._since_param = settings.get("since_param")
        self._until_param = settings.get("until_param")
        self._by_day = settings["since_format"] == "date"
        self._order = order
        until = now + timedelta(days=DAYS_AHEAD)
        self._until = timestamp(until.isoformat(), "the present")

    @property
    def is_there(self) -> bool:
        """Whether the API leaves out by itself what is too old."""
        return bool(self._since_param) and self._order.is_time

    def params(self, since: Any) -> Iterator[tuple[str, str]]:
        """Yield the query parameters, as pairs of name and value.

        Args:
            since: Where to start, a value of the replication key; `None` for the very
                beginning, for which nothing is filtered.
        """
        if since is None or not self.is_there:
            return
        if self._since_param:
            yield self._since_param, self._written(self._first(since))
        if self._until_param:
            yield self._until_param, self._written(self._until)

    def _first(self, since: str) -> str:
        if isinstance(self._order, DateOrder):
            return timestamp(since, "the bookmark")
        return TimestampOrder().earlier(since, _A_DAY) if self._by_day else since

    def _written(self, moment: str) -> str:
        return moment[:_DATE_LENGTH] if self._by_day else moment
