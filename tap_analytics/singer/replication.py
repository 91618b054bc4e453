"""How a stream is replicated: by which key, and from where on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.singerlib.catalog import (
    REPLICATION_FULL_TABLE,
    REPLICATION_INCREMENTAL,
)

from tap_analytics.errors import ConfigError
from tap_analytics.rows.bookmarks import Bookmark, bookmark_of
from tap_analytics.rows.replication_keys import order_of

if TYPE_CHECKING:
    from tap_analytics.reading.so_far import SoFar
    from tap_analytics.singer.stream import AnalyticsStream

REPLICATION_KEY = "createdAt"


def prefer_setting(stream: AnalyticsStream, *, is_incremental: bool) -> None:
    """Let the setting `incremental` win over the catalog.

    Discovery writes that setting into the catalog, which many keep. Another
    replication key than discovery's is somebody's own choice, and stays.

    Args:
        stream: The stream, to which the catalog was applied.
        is_incremental: The setting.
    """
    method = REPLICATION_INCREMENTAL if is_incremental else REPLICATION_FULL_TABLE
    is_own_choice = stream.replication_key not in {None, REPLICATION_KEY}
    if is_own_choice or stream.replication_method == method:
        return
    stream.replication_key = REPLICATION_KEY if is_incremental else None
    stream.forced_replication_method = method
    stream.logger.info(
        "%s: incremental is %s, so the catalog's replication method is not used.",
        stream.name,
        str(is_incremental).lower(),
    )


def bookmark_for(stream: AnalyticsStream, so_far: SoFar | None) -> Bookmark | None:
    """Return where a read starts, `None` for a full table.

    Args:
        stream: The stream that is going to be read.
        so_far: How far it came, over several runs; `None` without parents.

    Raises:
        ConfigError: If there is no such field, its order is not known, or start_date
            or the state is not valid.
    """
    if stream.replication_method != REPLICATION_INCREMENTAL:
        return None
    key = stream.replication_key
    if not key:
        msg = f"stream {stream.name!r} is INCREMENTAL, but has no replication key."
        raise ConfigError(msg)
    column = stream.effective_schema["properties"].get(key)
    if column is None:
        msg = f"stream {stream.name!r} has no field {key!r} to replicate it by."
        raise ConfigError(msg)
    order = order_of(column)
    if order is None:
        msg = (
            f"stream {stream.name!r} can't be replicated by {key!r}: that is text, "
            'and "10" stands before "9" there. Choose a date, a date-time or a '
            "number as the replication key."
        )
        raise ConfigError(msg)
    return bookmark_of(
        stream.state_then if so_far is None else so_far.state,
        key,
        order,
        stream.account.client.started_at if so_far is None else so_far.began_at,
        stream.config,
    )
