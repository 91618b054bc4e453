"""Which version the rows of a run have, and whether ACTIVATE_VERSION goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

if TYPE_CHECKING:
    from tap_analytics.singer.stream import AnalyticsStream

VERSION = "version"
"""Where the version of the last run is in the state of a stream."""


def has_versions(stream: AnalyticsStream) -> bool:
    """Return whether the rows of a stream get a version, which may be activated."""
    return (
        bool(stream.config.get("emit_activate_version_messages"))
        and stream.replication_method == REPLICATION_FULL_TABLE
        and stream.ABORT_AT_RECORD_COUNT is None
    )


def may_be_activated(stream: AnalyticsStream) -> bool:
    """Return whether all was read that there is; if not, say why.

    Args:
        stream: A stream with versions that was read to its end.
    """
    left_out_by = "a stream map" if stream.is_filtered else ""
    reason = stream.source.wholeness.why_not(left_out_by)
    if reason is None:
        return True
    level, why = reason
    stream.logger.log(
        level,
        "%s: %s, so the target is not told to drop rows.",
        stream.name,
        why,
    )
    return False


def new_version(stream: AnalyticsStream, now: int) -> int:
    """Return the version of the rows of this run, in milliseconds.

    It is that of the read that this run goes on with, and larger than that of the
    last one: a clock that was ahead would else keep rows for years.

    Args:
        stream: The stream that is going to be read.
        now: When the run began, in milliseconds since 1970.
    """
    so_far = stream.source.so_far
    if so_far and so_far.before and so_far.before.version is not None:
        return so_far.before.version
    known = (stream.state_then.get(VERSION), so_far and so_far.last_version)
    last = max((one for one in known if isinstance(one, int)), default=0)
    if last < now:
        return now
    stream.logger.warning(
        "%s: the last run had a later time than this one. Check the clock of this "
        "machine. The versions of rows go on from the last run's.",
        stream.name,
        extra={"kind": "clock"},
    )
    return last + 1
