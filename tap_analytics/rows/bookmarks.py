"""Where an incremental stream starts, and how far it came."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from tap_analytics.errors import ConfigError
from tap_analytics.rows.fields import fit_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from msgspec import Raw

    from tap_analytics.rows.fields import Row

KEY = "replication_key"
VALUE = "replication_key_value"
PARENTS = "parents"
"""Where the state of a child stream says which parents were read."""

_PARENT_BYTES = 6
"""Of 100,000 parents, a new one is taken for one of them once in 3 billion times."""

_SECONDS = len("2026-01-31T23:59:59")

_decode = msgspec.json.decode


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
        msg = f"{setting} is no date or time: {value!r}."
        raise ConfigError(msg)
    return str(_decode(fitting))


class Bookmark:
    """The bookmark of one incremental stream during one run.

    The stream starts `lookback` before the bookmark of the last complete run, but not
    before `start_date`; for a parent that was not there then, at `start_date`. The new
    bookmark is written only once the stream is complete, so that a run which was
    interrupted changes nothing.

    Args:
        state: The stream's state, as the last run left it.
        key: The replication key.
        now: When the run began; no bookmark lies after it.
        start_date: Nothing before it is read; `None` for no such limit.
        lookback: How far a run reads back before its bookmark; `None` if the key's
            values are no timestamps.
    """

    def __init__(
        self,
        state: Mapping[str, Any],
        key: str,
        now: datetime,
        start_date: str | None = None,
        lookback: timedelta | None = None,
    ) -> None:
        self.key = key
        self.is_timestamp = lookback is not None
        self._start_date = start_date
        self._now = timestamp(now.isoformat(), "the present")
        self._last = state.get(VALUE) if state.get(KEY) == key else None
        self._since = self._last
        if lookback is not None and self._last is not None:
            self._last = timestamp(self._last, f"the bookmark of {key}")
            since = _earlier(self._last, lookback)
            self._since = max(since, start_date or since)
        self._highest = self._last
        self._parents_then = _unpacked(state.get(PARENTS))
        self._parents_now: set[bytes] = set()

    def since(self, context: Mapping[str, Any] | None) -> Any:
        """Return where to start, `None` for the very beginning.

        Args:
            context: The parent's context, `None` for a top-level stream.
        """
        known = not context or _fingerprint(context) in self._parents_then
        return self._since if known and self._since is not None else self._start_date

    @property
    def complete_since(self) -> Any:
        """From where on all rows are read, whatever their parent; `None` for all."""
        return self._start_date if self._since is None else self._since

    def passes(self, row: Row, since: Any) -> bool:
        """Note a row's value; return whether the row is not too old.

        A row without a value always passes.

        Args:
            row: The row.
            since: What `since` said for its context.
        """
        raw: Raw | None = row.get(self.key)
        value = None if raw is None else _decode(raw)
        if value is None:
            return True
        if since is not None and value < since:
            return False
        if self._highest is None or value > self._highest:
            self._highest = value
        return True

    def parent_is_read(self, context: Mapping[str, Any]) -> None:
        """Note that the rows below a parent are complete."""
        self._parents_now.add(_fingerprint(context))

    def promote(self, state: dict[str, Any]) -> None:
        """Write the new bookmark into the state: the stream is complete."""
        value = self._highest
        if self.is_timestamp and value is not None:
            value = min(value, self._now)
        has_parents = self._parents_now or self._parents_then
        # In one step, so that a signal leaves the old bookmark or the new one.
        state.update(
            ({} if value is None else {KEY: self.key, VALUE: value})
            | ({PARENTS: _packed(self._parents_now)} if has_parents else {})
        )


def timestamp_bookmark(
    state: Mapping[str, Any], key: str, now: datetime, settings: Mapping[str, Any]
) -> Bookmark:
    """Return the bookmark of a stream that is replicated by a time.

    Args:
        state: The stream's state, as the last run left it.
        key: The replication key.
        now: When the run began.
        settings: The tap's settings: `start_date` and `lookback_days` matter.

    Raises:
        ConfigError: If `start_date`, or the bookmark, is no date.
    """
    start = settings.get("start_date")
    return Bookmark(
        state,
        key,
        now,
        start_date=None if start is None else timestamp(start, "start_date"),
        lookback=timedelta(days=float(settings["lookback_days"])),
    )


def _earlier(value: str, lookback: timedelta) -> str:
    seconds, rest = value[:_SECONDS], value[_SECONDS:]
    try:
        return (datetime.fromisoformat(seconds) - lookback).isoformat()[
            :_SECONDS
        ] + rest
    except OverflowError:
        return "0001-01-01T00:00:00"


def _fingerprint(context: Mapping[str, Any]) -> bytes:
    text = msgspec.json.encode(context, order="sorted")
    return hashlib.blake2b(text, digest_size=_PARENT_BYTES).digest()


def _packed(fingerprints: set[bytes]) -> str:
    return base64.b64encode(b"".join(sorted(fingerprints))).decode()


def _unpacked(text: str | None) -> frozenset[bytes]:
    joined = base64.b64decode(text or "")
    return frozenset(
        joined[place : place + _PARENT_BYTES]
        for place in range(0, len(joined), _PARENT_BYTES)
    )
