"""The tap: its settings and its streams."""

from __future__ import annotations

import os
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from singer_sdk.tap_base import CliTestOptionValue

from tap_analytics.api.origin import HEADER_NAME, HEADER_VALUE, KEY
from tap_analytics.compat import override
from tap_analytics.errors import ConfigError
from tap_analytics.plugin.environment import settings_from
from tap_analytics.settings import PRESETS
from tap_analytics.reading.account import Account
from tap_analytics.singer.discovery import inferred_columns
from tap_analytics.singer.preset import PresetTap
from tap_analytics.singer.tap import RunTap, run_of_command
from tap_analytics.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from tap_analytics.singer.stream import AnalyticsStream

_PAGINATION_STYLES = [
    "auto",
    "none",
    "link",
    "next_url",
    "cursor",
    "page",
    "offset",
]
# `$` alone would let a line end pass.
_PATH = r"^[^\s\x00-\x20\x7f?#\\]*$(?!\n)"
_PARAMETER = r"^[^\s\x00-\x20\x7f]+$(?!\n)"


class TapAnalytics(PresetTap, RunTap):
    """Projects, tasks, time, clients and users from a REST API with an API key."""

    name = "tap-analytics"

    config_jsonschema = th.PropertiesList(
        th.Property(
            "api_key",
            th.StringType(pattern=KEY),
            required=True,
            secret=True,
            title="API key",
            description="The key that the API knows you by.",
        ),
        th.Property(
            "preset",
            th.StringType(allowed_values=sorted(PRESETS)),
            title="Preset",
            description=(
                "The name of an API that is known: stands for the settings by which it "
                "is reached, all but `api_key`. Those that are set explicitly win."
            ),
        ),
        th.Property(
            "api_url",
            th.StringType(pattern="^https?://[^/]"),
            default="https://api.example.com",
            title="API URL",
            description="Where the API is: scheme and host, a port if it needs one.",
        ),
        th.Property(
            "api_key_header",
            th.StringType(pattern=HEADER_NAME),
            default="X-Api-Key",
            title="API key header",
            description=(
                "The header that the key is sent in. If it is `Authorization`, the key "
                "begins with the scheme: `Bearer your-key`."
            ),
        ),
        th.Property(
            "path_prefix",
            th.StringType(pattern=_PATH),
            default="/v1",
            title="Path prefix",
            description="What stands before every path; empty for nothing.",
        ),
        th.Property(
            "data_selector",
            th.StringType(min_length=1),
            default="data",
            title="Data selector",
            description=(
                "Where the records are in a response, as JSONPath; `$` where the "
                "response is the list of records itself."
            ),
        ),
        th.Property(
            "pagination",
            th.StringType(allowed_values=_PAGINATION_STYLES),
            default="auto",
            title="Pagination",
            description=(
                "How the API hands out more than one page: by a Link header, the next "
                "page's URL or a cursor in the response, by page number, by offset, or "
                "not at all. `auto` sees it from the first response."
            ),
        ),
        th.Property(
            "pagination_by_stream",
            th.ObjectType(
                additional_properties=th.StringType(allowed_values=_PAGINATION_STYLES)
            ),
            title="Pagination by stream",
            description='A style of its own for a stream: `{"users": "none"}`.',
        ),
        th.Property(
            "page_size",
            th.IntegerType(minimum=1),
            title="Page size",
            description="Records asked for per page; the API decides if it isn't set.",
        ),
        th.Property(
            "page_size_by_stream",
            th.ObjectType(additional_properties=th.IntegerType(minimum=1)),
            title="Page size by stream",
            description='A page size for single streams, such as `{"time": 5000}`.',
        ),
        th.Property(
            "page_param",
            th.StringType(pattern=_PARAMETER),
            default="page",
            title="Page parameter",
            description="The query parameter for the number of a page.",
        ),
        th.Property(
            "page_size_param",
            th.StringType(pattern=_PARAMETER),
            default="limit",
            title="Page size parameter",
            description="The query parameter for the page size.",
        ),
        th.Property(
            "offset_param",
            th.StringType(pattern=_PARAMETER),
            default="offset",
            title="Offset parameter",
            description="The query parameter for how many records to skip.",
        ),
        th.Property(
            "cursor_param",
            th.StringType(pattern=_PARAMETER),
            default="cursor",
            title="Cursor parameter",
            description="The query parameter for a cursor.",
        ),
        th.Property(
            "max_retries",
            th.IntegerType(minimum=0),
            default=3,
            title="Retries",
            description="How often a failed request is tried again.",
        ),
        th.Property(
            "backoff_factor",
            th.NumberType(minimum=0),
            default=2,
            title="Backoff factor",
            description=(
                "Seconds before the first retry; every further wait is twice as long."
            ),
        ),
        th.Property(
            "request_timeout",
            th.NumberType(exclusive_minimum=0),
            default=60,
            title="Request time-out",
            description=(
                "Seconds that the API may take to answer; connecting gets at most 10."
            ),
        ),
        th.Property(
            "concurrency",
            th.IntegerType(minimum=1),
            default=8,
            title="Concurrency",
            description="How many requests are in flight at most.",
        ),
        th.Property(
            "rate_limit_requests",
            th.IntegerType(minimum=1),
            title="Rate limit: requests",
            description="At most so many requests in any window; no limit if not set.",
        ),
        th.Property(
            "rate_limit_seconds",
            th.NumberType(exclusive_minimum=0),
            default=10,
            title="Rate limit: seconds",
            description="Length of the window that the rate limit counts in.",
        ),
        th.Property(
            "undeclared_fields",
            th.StringType(allowed_values=["collect", "infer", "ignore"]),
            default="collect",
            title="Undeclared fields",
            description=(
                "What becomes of fields that are no columns: `collect` keeps them in "
                "the column `additional_fields`, `infer` makes columns of those that "
                "discovery finds and keeps the others, `ignore` drops them."
            ),
        ),
        th.Property(
            "infer_sample_size",
            th.IntegerType(minimum=1),
            default=1000,
            title="Sample size",
            description=(
                "How many records of each stream columns are inferred from, at most."
            ),
        ),
        th.Property(
            "incremental",
            th.BooleanType,
            default=False,
            title="Incremental",
            description=(
                "Read of `time` and `time_records` only what was created since the "
                "last run, and the look-back before it."
            ),
        ),
        th.Property(
            "start_date",
            th.DateTimeType,
            title="Start date",
            description=(
                "Nothing created before it is emitted by an incremental stream."
            ),
        ),
        th.Property(
            "lookback_days",
            th.NumberType(minimum=0),
            default=30,
            title="Look-back",
            description=(
                "So many days before its bookmark an incremental run starts to read: "
                "time is often booked for days gone by."
            ),
        ),
        th.Property(
            "since_param",
            th.StringType(pattern=_PARAMETER),
            title="Since parameter",
            description=(
                "The query parameter by which the API itself leaves out what is older, "
                "if it has one."
            ),
        ),
        th.Property(
            "until_param",
            th.StringType(pattern=_PARAMETER),
            title="Until parameter",
            description=(
                "The query parameter for the end of the same window, if the API wants "
                "one: tomorrow is sent."
            ),
        ),
        th.Property(
            "since_format",
            th.StringType(allowed_values=["date", "datetime"]),
            default="date",
            title="Since format",
            description="How the two are written: `2026-01-31`, or with the time.",
        ),
        th.Property(
            "emit_activate_version_messages",
            th.BooleanType,
            default=False,
            title="Emit ACTIVATE_VERSION",
            description=(
                "Say after each stream that arrived whole which rows are current, so "
                "that the target can drop rows that are gone at the source."
            ),
        ),
        th.Property(
            "user_agent",
            th.StringType(pattern=HEADER_VALUE),
            title="User agent",
            description="Sent along; `tap-analytics/<version>` by default.",
        ),
    ).to_dict()

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> Any:
        """Read the config files, and over them what the environment sets."""
        schema = cls.config_jsonschema
        cls.append_builtin_config(schema)
        files = tuple(path for path in value if path != "ENV")
        try:
            given = super().cb_config(ctx, param, files)
        except ValueError as error:
            msg = f"{' or '.join(files)} is no valid JSON: {error}."
            raise ConfigError(msg) from error
        given.config |= settings_from(os.environ, "TAP_ANALYTICS_", schema)
        # Editors take `$schema` for the JSON schema of the file.
        for name in sorted(given.config.keys() - {"$schema", *schema["properties"]}):
            cls.logger.warning("There is no setting %r: it is ignored.", name)
        # A setting that is null is one that isn't set.
        unset = [name for name, setting in given.config.items() if setting is None]
        for name in unset:
            del given.config[name]
        # Before anything is said of it: it may not be valid.
        run = run_of_command(ctx, cls.logger)
        run.redaction.hide(str(given.config.get("api_key", "")))
        return given

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Read one record of each stream, and tell what was found out.

        Raises:
            FatalAPIError: If a stream can't be read.
        """
        if value != CliTestOptionValue.All.value:
            super().cb_test(ctx, param, value)
            return
        from tap_analytics.singer.connection_test import Check  # noqa: PLC0415 - no run needs it

        # Columns are not inferred for it: that takes more requests than the test.
        config = {**ctx.params["config"].config}
        if config.get("undeclared_fields") == "infer":
            config["undeclared_fields"] = "collect"
        check = Check(partial(cls, config=config))
        check.run()
        for line in check.verdict():
            cls.logger.info(line, extra={"kind": "verdict"})
        if (error := check.error()) is not None:
            raise error
        ctx.exit()

    @cached_property
    def account(self) -> Account:
        """What all streams share."""
        return Account(self.config, self.run)

    @override
    def close(self) -> None:
        self.account.close()

    @override
    def discover_streams(self) -> Sequence[AnalyticsStream]:
        if self.input_catalog is None and self.config["undeclared_fields"] == "infer":
            self.require_valid_config()
            return self._inferred_streams()
        return [stream(self, self.account) for stream in STREAMS]

    def _inferred_streams(self) -> Sequence[AnalyticsStream]:
        samplers = [stream(self, self.account) for stream in STREAMS]
        columns = inferred_columns(samplers, self.config["infer_sample_size"])
        return [stream(self, self.account, columns[stream]) for stream in STREAMS]
