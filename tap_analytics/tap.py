"""The tap: its settings and its streams."""

from __future__ import annotations

from copy import deepcopy
from functools import cached_property
from typing import TYPE_CHECKING

from singer_sdk.singerlib.encoding.simple import StateMessage

from tap_analytics.compat import override
from tap_analytics.reading.account import Account
from tap_analytics.selection import chosen_streams
from tap_analytics.settings import SCHEMA
from tap_analytics.singer import going_on
from tap_analytics.singer.configuration import ConfiguredTap
from tap_analytics.singer.stream import AnalyticsStream
from tap_analytics.singer.stream_maps import MappedTap
from tap_analytics.singer.verdict import VerdictTap
from tap_analytics.streams import STREAM_NAMES, STREAMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_analytics.rows.inference import Inference


class TapAnalytics(ConfiguredTap, MappedTap, VerdictTap):
    """Projects, tasks, time, clients and users from a REST API with an API key."""

    name = "tap-analytics"
    config_jsonschema = deepcopy(SCHEMA)  # The SDK adds its own settings to it.
    stream_names = STREAM_NAMES

    @cached_property
    def account(self) -> Account:
        """What all streams share."""
        return Account(self.config, self.run)

    @property
    def _to_read(self) -> list[AnalyticsStream]:
        return [
            stream
            for stream in self.streams.values()
            if isinstance(stream, AnalyticsStream) and stream.selected
        ]

    @override
    def begin(self) -> None:
        going_on.begin(self._to_read)

    @override
    def finish(self) -> None:
        for stream in self._to_read:
            stream.source.say_what_was_ignored()
        if going_on.end(self._to_read):
            self.write_message(StateMessage(value=self.state))
        for stream in self._to_read:
            stream.source.wholeness.raise_exhausted()

    @override
    def close(self) -> None:
        self.account.close()

    @override
    def discover_streams(self) -> Sequence[AnalyticsStream]:
        chosen = chosen_streams(self.config.get("streams"), STREAM_NAMES)
        columns: dict[type[AnalyticsStream], Inference] = {}
        if self.input_catalog is None and self.config["undeclared_fields"] == "infer":
            from tap_analytics.singer.discovery import (  # noqa: PLC0415 - rarely needed
                inferred_columns,
            )

            self.require_valid_config()
            named = zip(STREAM_NAMES, STREAMS, strict=True)
            wanted = [stream for name, stream in named if name in chosen]
            sampled = {*wanted, *(stream.parent_stream_type for stream in wanted)}
            samplers = [
                stream(self, self.account) for stream in STREAMS if stream in sampled
            ]
            columns = inferred_columns(samplers, self.config["infer_sample_size"])
        streams = [
            stream(self, self.account, columns.get(stream)) for stream in STREAMS
        ]
        for stream in streams:
            # A catalog, or what Meltano writes into one, says it in so many words.
            stream.selected_by_default = stream.name in chosen
        return streams
