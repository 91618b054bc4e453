"""Where an incremental stream starts, and how far it came."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_analytics.rows.replication_keys import KeyOrder, TimestampOrder, timestamp
from tap_analytics.rows.unfinished import fingerprint, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from msgspec import Raw

    from tap_analytics.rows.fields import Row

KEY = "replication_key"
VALUE = "replication_key_value"
PARENTS = "parents"
"""Where the state of a child stream says which parents were read."""


class Bookmark:
    """The bookmark of one incremental stream during one run.

    The stream starts `lookback` before the bookmark of the last complete run, but not
    before `start_date`; for a parent that was not there then, at `start_date`. The new
    bookmark is written only once the stream is complete, so that a run which was
    interrupted changes nothing.

    Args:
        state: The stream's state, as the last run left it.
        key: The replication key.
        now: When the read began; no bookmark lies after it.
        order: How the key's values follow one another.
        start_date: Nothing before it is read; `None` for no such limit.
        lookback: How far a run reads back before its bookmark.
        api_filters: Whether the API itself leaves out what is too old. It may go by
            another field, the day of the work for example: then what it returns is
            not too old, whatever the key says.

    Raises:
        ConfigError: If the state is not one of the stream.
    """

    def __init__(  # noqa: PLR0913 - four of them have defaults
        self,
        state: Mapping[str, Any],
        key: str,
        now: datetime,
        order: KeyOrder | None = None,
        *,
        start_date: Any = None,
        lookback: timedelta = timedelta(),
        api_filters: bool = False,
    ) -> None:
        self.key = key
        self.order = order or TimestampOrder()
        self._start_date = None
        if start_date is not None and self.order.is_time:
            self._start_date = self.order.read(start_date, "start_date")
        self._now = timestamp(now.isoformat(), "the present")
        self._api_filters = api_filters
        self._last = state.get(VALUE) if state.get(KEY) == key else None
        self._since = self._last
        self._lookback = lookback
        if self._last is not None:
            self._last = self.order.read(self._last, f"the bookmark of {key}")
            since = self.order.earlier(self._last, lookback)
            start = self._start_date
            self._since = since if start is None else max(since, start)
        self._highest = self._last
        self._goes_on_by_number = False
        self._highest_then: Any = None
        self._without_value = 0
        self._parents_then = unpacked(state.get(PARENTS), PARENTS)
        self._parents_now: set[bytes] = set()

    def since(self, context: Mapping[str, Any] | None) -> Any:
        """Return where to start, `None` for the very beginning.

        Args:
            context: The parent's context, `None` for a top-level stream.
        """
        known = not context or fingerprint(context) in self._parents_then
        return self._since if known and self._since is not None else self._start_date

    @property
    def never_had_a_value(self) -> bool:
        """Whether rows were read, but none had a value to start from the next time."""
        return self._without_value > 0 and self._highest is None

    @property
    def complete_since(self) -> Any:
        """From where on all rows are read, whatever their parent; `None` for all."""
        return self._start_date if self._since is None else self._since

    @property
    def origin(self) -> str:
        """From where on rows are read, and why, in words."""
        if self._last is None:
            if self._start_date is None:
                return "from the beginning: there is no bookmark yet"
            return f"from {self._start_date}: start_date, there is no bookmark yet"
        if self._since == self._start_date:
            return f"from {self._since}: start_date, which is later than the bookmark"
        days = self._lookback / timedelta(days=1)
        less = f" less {days:g} day{'s' * (days != 1)}" if self.order.is_time else ""
        return f"from {self._since}: bookmark{less}"

    def passes(self, row: Row, since: Any) -> bool:
        """Note a row's value; return whether the row is not too old.

        A row without a value always passes.

        Args:
            row: The row.
            since: What `since` said for its context.
        """
        raw: Raw | None = row.get(self.key)
        value = None if raw is None else self.order.value_of(raw)
        if value is None:
            self._without_value += 1
            return True
        oldest = self._start_date if self._api_filters else since
        if oldest is not None and value < oldest:
            return False
        if self._highest is None or value > self._highest:
            self._highest = value
        return True

    @property
    def highest(self) -> Any:
        """The highest value so far, `None` if there is none."""
        return self._highest

    def go_on(self, highest: Any) -> None:
        """Go on with an earlier part of this read.

        What was added since to a parent that is done has not been read. A bookmark of
        time ends where the first part began; one of numbers where the earlier part did.

        Args:
            highest: The highest value of the earlier part, `None` if there was none.
        """
        if highest is not None:
            highest = self.order.read(highest, f"the bookmark of {self.key}")
            if self._highest is None or highest > self._highest:
                self._highest = highest
        self._goes_on_by_number = not self.order.is_time
        self._highest_then = self._highest

    def parent_is_read(self, context: Mapping[str, Any]) -> None:
        """Note that the rows below a parent are complete."""
        self._parents_now.add(fingerprint(context))

    def parent_is_not_read(self, context: Mapping[str, Any]) -> None:
        """Note that the rows below a parent are not complete after all."""
        self._parents_now.discard(fingerprint(context))

    def promote(self, state: dict[str, Any]) -> None:
        """Write the new bookmark into the state: the stream is complete."""
        value = self._highest_then if self._goes_on_by_number else self._highest
        if value is not None:
            value = self.order.capped(value, self._now)
        has_parents = self._parents_now or self._parents_then
        # In one step, so that a signal leaves the old bookmark or the new one.
        state.update(
            ({} if value is None else {KEY: self.key, VALUE: value})
            | ({PARENTS: packed(sorted(self._parents_now))} if has_parents else {})
        )


def bookmark_of(
    state: Mapping[str, Any],
    key: str,
    order: KeyOrder,
    now: datetime,
    settings: Mapping[str, Any],
) -> Bookmark:
    """Return the bookmark of a stream.

    Args:
        state: The stream's state, as the last run left it.
        key: The replication key.
        order: How the key's values follow one another.
        now: When the read began.
        settings: The tap's settings: `start_date`, `lookback_days` and `since_param`
            matter.

    Raises:
        ConfigError: If `start_date` is not a date, or the state not one of the stream.
    """
    return Bookmark(
        state,
        key,
        now,
        order,
        start_date=settings.get("start_date"),
        lookback=timedelta(days=float(settings["lookback_days"])),
        api_filters=order.is_time and bool(settings.get("since_param")),
    )
