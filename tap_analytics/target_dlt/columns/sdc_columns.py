"""The `_sdc_` columns, which say where a row comes from.

What they mean: https://sdk.meltano.com/en/latest/implementation/record_metadata.html
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from tap_analytics.target_dlt.columns import values
from tap_analytics.target_dlt.columns.column_types import INTEGER, TIMESTAMP
from tap_analytics.target_dlt.columns.misfits import MisfitError, TooNarrowError
from tap_analytics.target_dlt.columns.moments import truncate_to_microseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_analytics.target_dlt.columns.column_types import ColumnType

DELETED_AT = "_sdc_deleted_at"
TABLE_VERSION = "_sdc_table_version"

COLUMNS: dict[str, ColumnType] = {
    "_sdc_extracted_at": TIMESTAMP,
    "_sdc_received_at": TIMESTAMP,
    "_sdc_batched_at": TIMESTAMP,
    DELETED_AT: TIMESTAMP,
    "_sdc_sequence": INTEGER,
    TABLE_VERSION: INTEGER,
    "_sdc_sync_started_at": INTEGER,
}


class Message(Protocol):
    """A decoded RECORD message."""

    record: Any
    version: int | None
    time_extracted: str | None


@dataclass(frozen=True)
class SdcColumns:
    """Which `_sdc_` columns a run adds, and what is the same in all its rows.

    Attributes:
        add_all: Whether all of them are added, or only what versions need.
        mark_deleted: Whether rows of older versions are marked instead of removed.
        sync_started_at: When the run began, in milliseconds since 1970.
    """

    add_all: bool
    mark_deleted: bool
    sync_started_at: int

    def arrays(
        self, messages: Sequence[Message], received_at: dt.datetime
    ) -> dict[str, pa.Array]:
        """Make the columns for some messages.

        Raises:
            MisfitError: A message has a `time_extracted` that is not a date-time, or a
                version of more than 64 bits.
        """
        count = len(messages)
        versions = [message.version for message in messages]
        if not self.add_all:
            if versions.count(None) == count:
                return {}
            arrays = {TABLE_VERSION: _integers(versions)}
            if self.mark_deleted:
                arrays[DELETED_AT] = pa.nulls(count, TIMESTAMP.arrow)
            return arrays

        def repeated(name: str, value: Any) -> pa.Array:
            return pa.repeat(pa.scalar(value, COLUMNS[name].arrow), count)

        extracted_at = [message.time_extracted for message in messages]
        return {
            "_sdc_extracted_at": values.to_arrow(
                TIMESTAMP, truncate_to_microseconds(extracted_at)
            ),
            "_sdc_received_at": repeated("_sdc_received_at", received_at),
            "_sdc_batched_at": repeated(
                "_sdc_batched_at", dt.datetime.now(tz=dt.timezone.utc)
            ),
            DELETED_AT: repeated(DELETED_AT, None),
            "_sdc_sequence": repeated(
                "_sdc_sequence", int(received_at.timestamp() * 1000)
            ),
            TABLE_VERSION: _integers(versions),
            "_sdc_sync_started_at": repeated(
                "_sdc_sync_started_at", self.sync_started_at
            ),
        }


def _integers(versions: Sequence[int | None]) -> pa.Array:
    try:
        return values.to_arrow(INTEGER, versions)
    except TooNarrowError:
        sizes = [abs(version or 0) for version in versions]
        msg = "the version has more than 64 bits"
        raise MisfitError(sizes.index(max(sizes)), msg) from None
