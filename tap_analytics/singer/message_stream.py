"""A stream that writes its messages: records by the shortest way that there is.

The SDK writes SCHEMA anew for every parent, and flushes after each message.
`tests/unit/singer/test_stream.py` notices when the SDK changes under this.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.encoding.simple import StateMessage

from tap_analytics.compat import override
from tap_analytics.rows.fields import ADDITIONAL_FIELDS
from tap_analytics.singer.messages import decoded, record_frame
from tap_analytics.singer.run_stream import RunStream
from tap_analytics.singer.stream_maps import failures_named

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from singer_sdk.helpers.types import Record
    from singer_sdk.singerlib import RecordMessage

    from tap_analytics.api.page import Page
    from tap_analytics.progress import Progress
    from tap_analytics.rows.fields import Row
    from tap_analytics.singer.messages import MessageWriter
    from tap_analytics.singer.tap import RunTap


class MessageStream(RunStream):
    """A stream that writes its messages.

    Args:
        tap: The tap.
        schema: The JSON schema of its records.
        progress: Counts what is written.
    """

    def __init__(self, tap: RunTap, schema: dict[str, Any], progress: Progress) -> None:
        self.progress = progress
        self.writer: MessageWriter = tap.writer
        self.is_filtered = False
        """Whether a stream map left out records, here or of the parents."""
        self._schema_is_written = False
        super().__init__(tap, schema=schema)

    @override
    def _write_schema_message(self) -> None:
        """Write the SCHEMA messages, once a run."""
        if not self._schema_is_written:
            self._schema_is_written = True
            super()._write_schema_message()

    @override
    def _generate_record_messages(
        self, record: Record
    ) -> Generator[RecordMessage, None, None]:
        with failures_named(self.name):
            yield from super()._generate_record_messages(record)

    def write_rows(self, page: Page, rows: Iterable[Row]) -> int:
        """Write RECORD messages: as they are, or as the SDK maps and cuts them.

        Args:
            page: The page that the rows come from.
            rows: The rows, each of which may be changed here.

        Returns:
            How many rows there were.
        """
        count = 0
        if self.is_plain:
            write, unselected = self.writer.write_row, self._unselected
            before, after = record_frame(
                self.name, self._stream_version, page.received_at
            )
            for count, row in enumerate(rows, 1):  # noqa: B007 - the last one counts
                for name in unselected:
                    row.pop(name, None)
                write(before, row, after)
        else:
            for count, row in enumerate(rows, 1):  # noqa: B007
                written = self.writer.written
                self._write_record_message(decoded(row))
                if self.writer.written == written:
                    self.is_filtered = True
        self.progress.wrote(self.name, count)
        return count

    @cached_property
    def is_plain(self) -> bool:
        """Whether records are written as they are: not mapped, flattened or cut."""
        first, *more = self.stream_maps
        return (
            not more
            and type(first) is SameRecordTransform
            and not first.flattening_enabled
            and all(
                included or len(breadcrumb) <= len(("properties", "name"))
                for breadcrumb, included in self.mask.items()
            )
        )

    @cached_property
    def _unselected(self) -> list[str]:
        declared = self.effective_schema["properties"]
        return [
            *(name for name in declared if not self.mask["properties", name]),
            *({ADDITIONAL_FIELDS} - declared.keys()),
        ]

    def write_state(self) -> None:
        """Write a STATE message."""
        self._tap.write_message(self.state_message)
        self.state_manager.is_flushed = True

    @property
    def state_message(self) -> StateMessage:
        """The STATE message that would be written now."""
        return StateMessage(value=self.tap_state)
