"""What the SDK knows of a stream's lists: what is below a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_analytics.compat import override
from tap_analytics.reading.stream_reader import StreamReader
from tap_analytics.singer.messages import glanced_at
from tap_analytics.singer.stream_maps import passes

if TYPE_CHECKING:
    from tap_analytics.reading.parents_and_children import Context
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

    @override
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
            and any(one.is_to_read for one in child.family)
        ]
        if not children and stream.is_plain:
            return []
        record = glanced_at(row)
        if not passes(stream, record):
            for one in stream.family:
                one.is_filtered = True
            return []
        return [
            (child.source, child_context)
            for child_context in stream.generate_child_contexts(record, context)
            if child_context is not None
            for child in children
            if not child.source.skips(child_context)
        ]
