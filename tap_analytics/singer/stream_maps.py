"""Stream maps: a table that they drop is not selected, and one that fails is named.

The SDK registers the streams of the catalog alone, by another name than it looks for
them, and takes a dropped table for one whose rows are all filtered out. So
`setup_mapper` is replaced here. `tests/unit/singer/test_stream_maps.py` notices when
the SDK changes under this.
"""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING

from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.mapper import PluginMapper, RemoveRecordTransform

from tap_analytics.compat import override
from tap_analytics.errors import ConfigError
from tap_analytics.plugin.map_expressions import (
    check_expressions,
    failed_expression,
    reason,
)
from tap_analytics.singer.tap import RunTap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Stream
    from singer_sdk.helpers.types import Record
    from singer_sdk.mapper import StreamMap


class MappedTap(RunTap):
    """A tap whose stream maps drop tables without dropping what is below their rows."""

    @override
    def setup_mapper(self) -> None:
        """Let the mapper know all streams, and leave out those that it drops.

        Raises:
            ConfigError: If a stream map can't be used.
        """
        check_expressions(self.config.get("stream_maps") or {})
        try:
            # A copy: the mapper takes `__else__` out of what it is given.
            self.mapper = PluginMapper(deepcopy(dict(self.config)), self.logger)
        except Exception as error:
            msg = f"stream_maps can't be used: {reason(error)}"
            raise ConfigError(msg) from error
        for stream in self.streams.values():
            self._register(stream)
            if all(map(_drops_table, stream.stream_maps)):
                stream.selected = False
        if not any(stream.selected for stream in self.streams.values()):
            self.logger.warning(
                "No stream is selected, so nothing is read. Select one in the catalog, "
                "or take out of stream_maps what drops all tables."
            )

    def _register(self, stream: Stream) -> None:
        schema = stream.effective_schema
        if stream.selected:
            schema = get_selected_schema(stream.name, schema, stream.mask)
        try:
            self.mapper.register_raw_stream_schema(
                stream.name, schema, stream.primary_keys
            )
        except Exception as error:
            msg = (
                f"stream {stream.name!r}: its stream map can't be used: {reason(error)}"
            )
            raise ConfigError(msg) from error


def passes(stream: Stream, record: Record) -> bool:
    """Return whether what is below a row is to be read.

    Args:
        stream: The row's stream.
        record: The row.

    Raises:
        ConfigError: If the filter fails.
    """
    first = stream.stream_maps[0]
    if _drops_table(first):
        return True
    with failures_named(stream.name):
        return first.get_filter_result(record)


def _drops_table(stream_map: StreamMap) -> bool:
    return isinstance(stream_map, RemoveRecordTransform)


@contextmanager
def failures_named(stream: str) -> Iterator[None]:
    """Say which expression failed, and for which stream.

    Args:
        stream: The name of the stream whose maps are used.

    Raises:
        ConfigError: If an expression fails.
    """
    try:
        yield
    except Exception as error:
        if (failed := failed_expression(error)) is None:
            raise
        msg = f"stream {stream!r}: {failed}. Correct it in stream_maps."
        raise ConfigError(msg) from error
