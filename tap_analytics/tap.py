"""The tap: its settings and its streams."""

from __future__ import annotations

from copy import deepcopy
from functools import cached_property
from typing import TYPE_CHECKING

from tap_analytics.compat import override
from tap_analytics.reading.account import Account
from tap_analytics.settings import SCHEMA
from tap_analytics.singer.configuration import ConfiguredTap
from tap_analytics.singer.connection_test import VerdictTap
from tap_analytics.singer.discovery import inferred_columns
from tap_analytics.singer.stream import AnalyticsStream
from tap_analytics.singer.stream_maps import MappedTap
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

    @override
    def finish(self) -> None:
        for stream in self.streams.values():
            if isinstance(stream, AnalyticsStream):
                stream.source.raise_exhausted()

    @override
    def close(self) -> None:
        self.account.close()

    @override
    def discover_streams(self) -> Sequence[AnalyticsStream]:
        columns: dict[type[AnalyticsStream], Inference] = {}
        if self.input_catalog is None and self.config["undeclared_fields"] == "infer":
            self.require_valid_config()
            samplers = [stream(self, self.account) for stream in STREAMS]
            columns = inferred_columns(samplers, self.config["infer_sample_size"])
        return [stream(self, self.account, columns.get(stream)) for stream in STREAMS]
