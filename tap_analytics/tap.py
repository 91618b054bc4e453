"""The tap: its settings and its streams."""

from __future__ import annotations

import sys
from copy import deepcopy
from typing import TYPE_CHECKING

from tap_analytics.settings import SCHEMA
from tap_analytics.singer.configuration import ConfiguredTap
from tap_analytics.singer.connection_test import VerdictTap
from tap_analytics.singer.discovery import inferred_columns
from tap_analytics.singer.stream import Api
from tap_analytics.singer.sync import InterruptibleTap
from tap_analytics.streams import STREAM_NAMES, STREAMS

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_analytics.singer.stream import AnalyticsStream


class TapAnalytics(ConfiguredTap, VerdictTap, InterruptibleTap):
    """Projects, tasks, time, clients and users from a REST API with an API key."""

    name = "tap-analytics"
    config_jsonschema = deepcopy(SCHEMA)  # The SDK adds its own settings to it.
    stream_names = STREAM_NAMES

    @override
    def discover_streams(self) -> Sequence[AnalyticsStream]:
        if self.input_catalog is None and self.config["undeclared_fields"] == "infer":
            self.require_valid_config()
            return self._inferred_streams()
        api = Api(self.config)
        return [stream(self, api) for stream in STREAMS]

    def _inferred_streams(self) -> Sequence[AnalyticsStream]:
        api = Api(self.config)
        samplers = [stream(self, api) for stream in STREAMS]
        columns = inferred_columns(samplers, self.config["infer_sample_size"])
        return [stream(self, api, columns[stream]) for stream in STREAMS]
