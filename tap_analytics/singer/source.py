"""What the SDK knows of a stream's lists: what is below a row, what was filtered."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tap_analytics.reading.stream_reader import StreamReader
from tap_analytics.singer.messages import glanced_at

if TYPE_CHECKING:
    from tap_analytics.reading.branches import Context
    from tap_analytics.rows.fields import Row
    from tap_analytics.singer.stream import AnalyticsStream


class StreamSource(StreamReader):
    """Reads the lists of a stream of the SDK.

    Args:
        stream: The stream.
        options: What a reader takes.
    """

    def __init__(self, stream: AnalyticsStream, **options: Any) -> None:
        super().__init__(**options)
        self.stream = stream

    def below(
        self, row: Row, context: Context | None
    ) -> list[tuple[StreamSource, Context]]:
        """Return the sources to read below a row, each with its context.

        There are none below a row that the stream's own map filters out. Then neither
        this stream nor those below it are whole.
        """
        stream = self.stream
        children = [
            child
            for child in stream.family[1:]
            if child in stream.child_streams
            and (child.selected or child.has_selected_descendents)
        ]
        if not children and stream.is_plain:
            return []
        record = glanced_at(row)
        if not stream.stream_maps[0].get_filter_result(record):
            for one in stream.family:
                one.is_filtered = True
            return []
        return [
            (child.source, child_context)
            for child_context in stream.generate_child_contexts(record, context)
            if child_context is not None
            for child in children
        ]

    def not_whole(self, *, is_filtered: bool) -> tuple[int, str] | None:
        """Return why rows that were not read may still exist, `None` if they don't.

        Args:
            is_filtered: Whether a stream map left out parents.

        Returns:
            How much that matters, as a level of a log, and why it is so.
        """
        if is_filtered:
            why = "a stream map left out some parents and what is below them"
            return logging.INFO, why
        if self.left_out_for:
            count = len(self.left_out_for)
            return logging.INFO, f"the rows of {count} parents could not be read"
        if self.parents_gone > 1 and not self.parents_read:
            return logging.WARNING, (
                f"the API says of each of its {self.parents_gone} parents that it is "
                "gone. That may be another mistake"
            )
        if self.pagination.shared.doubts:
            return logging.INFO, "more rows may exist than were read"
        return None

    def promote(self, state: dict[str, Any]) -> None:
        """Write the bookmark into the state, unless rows may have been missed.

        Rows that are missing below some parents are no reason: such parents are not
        among those that the state knows.
        """
        if self.bookmark is not None and not self.pagination.shared.doubts:
            self.bookmark.promote(state)
