"""Every setting of the tap, declared once: its schema, default and pattern."""

from __future__ import annotations

from typing import Any, Literal, get_args

from tap_analytics.plugin.declared import DeclaredSettings
from tap_analytics.presets import PRESETS

PaginationStyle = Literal[
    "auto", "none", "link", "next_url", "cursor", "page", "offset"
]
"""How the API splits a list into pages."""

UndeclaredFields = Literal["collect", "infer", "ignore"]
"""What becomes of fields that have no column."""

# What a text must look like. `$` alone would let a line end pass.

KEY = r"^((Bearer|Basic|Token|ApiKey) )?[!-~]+$(?!\n)"
"""A key; a scheme that its header wants is part of it."""

HEADER_NAME = (
    r"^(?![Hh]ost$|[Cc]onnection$|[Cc]ontent-[Ll]ength$|[Tt]ransfer-[Ee]ncoding$)"
    r"[!#$%&'*+.^_`|~0-9A-Za-z-]+$(?!\n)"
)
"""A header that may carry the key, and does not say where a request goes, or ends."""

HEADER_VALUE = r"^[!-~]([ -~]*[!-~])?$(?!\n)"

COLUMN_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,62}$(?!\n)"

_URL = "^https?://[^/]"
_PATH = r"^[^\s\x00-\x20\x7f?#\\]*$(?!\n)"
_PARAMETER = r"^[^\s\x00-\x20\x7f]+$(?!\n)"

_MEANINGS = {
    KEY: "be ASCII text without spaces and line breaks, after a scheme such as Bearer "
    "if its header wants one",
    HEADER_NAME: "be the name of a header that may carry a key, such as X-Api-Key",
    HEADER_VALUE: "be ASCII text without line breaks, and without spaces around it",
    _URL: "begin with http:// or https://",
    _PATH: "be a path without spaces, line breaks, ?, # and \\",
    COLUMN_NAME: "be the name of a column: letters, digits and _, no digit in front",
    _PARAMETER: "be the name of a query parameter, without spaces and line breaks",
}
"""What a text must do to match a pattern, in words."""

_HIDDEN = frozenset({"api_key_header", "user_agent"})
"""Settings into which a key may slip, so that no message shows their values."""


def _setting(
    kind: str, title: str, description: str, default: Any = None, **checks: Any
) -> dict[str, Any]:
    """Return the JSON schema of a setting that may be left out, or be null.

    Args:
        kind: Its JSON type.
        title: Its name for people.
        description: What it is for, in plain words.
        default: What it is if it is not set; `None` if there is no default.
        checks: What else its value has to fit, as JSON schema.
    """
    given = {} if default is None else {"default": default}
    about = {"title": title, **given, "description": description}
    return {"type": [kind, "null"], **checks, **about}


def _parameter(
    title: str, description: str, default: str | None = None
) -> dict[str, Any]:
    """Return the JSON schema of the name of a query parameter."""
    return _setting("string", title, description, default, pattern=_PARAMETER)


def _by_stream(
    kind: str, title: str, description: str, **checks: Any
) -> dict[str, Any]:
    """Return the JSON schema of a setting that has a value for each stream it names."""
    values = {"type": [kind], **checks}
    return _setting(
        *("object", title, description), properties={}, additionalProperties=values
    )


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "api_key": {
            "type": ["string"],
            "pattern": KEY,
            "title": "API key",
            "description": "Your API key.",
            "secret": True,
            "writeOnly": True,
        },
        "preset": _setting(
            "string",
            "Preset",
            "Name of a known API. It sets everything that is needed to reach that API, "
            "except `api_key`. Settings that you give yourself win.",
            enum=sorted(PRESETS),
        ),
        "api_url": _setting(
            "string",
            "API URL",
            "Address of the API: scheme and host, and a port if it needs one.",
            "https://api.example.com",
            pattern=_URL,
        ),
        "api_key_header": _setting(
            "string",
            "API key header",
            "Header that carries the key. For `Authorization`, put the scheme in front "
            "of the key: `Bearer your-key`.",
            "X-Api-Key",
            pattern=HEADER_NAME,
        ),
        "path_prefix": _setting(
            "string",
            "Path prefix",
            'Text put before every path. Use `""` for none.',
            "/v1",
            pattern=_PATH,
        ),
        "data_selector": _setting(
            "string",
            "Data selector",
            "JSONPath of the list of records in a response. Use `$` if the response "
            "itself is the list.",
            "data",
            minLength=1,
        ),
        "pagination": _setting(
            "string",
            "Pagination",
            "How the API splits a list into pages: `link` (a Link header), `next_url` "
            "(the response has the URL of the next page), `cursor`, `page` (page "
            "numbers), `offset`, or `none`. `auto` finds out from the first response.",
            "auto",
            enum=list(get_args(PaginationStyle)),
        ),
        "pagination_by_stream": _by_stream(
            "string",
            "Pagination by stream",
            'Another `pagination` for single streams, such as `{"users": "none"}`.',
            enum=list(get_args(PaginationStyle)),
        ),
        "first_page": _setting(
            "integer",
            "First page",
            "Number of the first page, where pages are numbered. If not set, the tap "
            "finds out: the API may count from 0 or from 1.",
            minimum=0,
        ),
        "page_size": _setting(
            "integer",
            "Page size",
            "Records to ask for per page. If not set, the API decides.",
            minimum=1,
        ),
        "page_size_by_stream": _by_stream(
            "integer",
            "Page size by stream",
            'Another `page_size` for single streams, such as `{"time": 5000}`.',
            minimum=1,
        ),
        "page_param": _parameter(
            "Page parameter", "Query parameter for the page number.", "page"
        ),
        "page_size_param": _parameter(
            "Page size parameter", "Query parameter for the page size.", "limit"
        ),
        "offset_param": _parameter(
            "Offset parameter",
            "Query parameter for the number of records to skip.",
            "offset",
        ),
        "cursor_param": _parameter(
            "Cursor parameter", "Query parameter for the cursor.", "cursor"
        ),
        "max_retries": _setting(
            "integer",
            "Retries",
            "Maximum number of times that a failed request is tried again.",
            3,
            minimum=0,
        ),
        "backoff_factor": _setting(
            "number",
            "Backoff factor",
            "Seconds to wait before the first retry. Each further wait is twice as "
            "long.",
            2,
            minimum=0,
            maximum=3_600,
        ),
        "request_timeout": _setting(
            "number",
            "Request time-out",
            "Seconds that the API may take to answer. Connecting may take at most 10.",
            60,
            exclusiveMinimum=0,
            maximum=86_400,
        ),
        "max_response_mb": _setting(
            "number",
            "Largest response",
            "Megabytes that a response may have, once decompressed. A larger one is "
            "not read to its end, and stops the run. If not set, any size is read.",
            exclusiveMinimum=0,
            maximum=1_000_000,
        ),
        "concurrency": _setting(
            "integer",
            "Concurrency",
            "Maximum number of requests at the same time.",
            8,
            minimum=1,
            maximum=1_000,
        ),
        "rate_limit_requests": _setting(
            "integer",
            "Rate limit: requests",
            "Maximum requests per `rate_limit_seconds`. If not set, the tap learns the "
            "limit.",
            minimum=1,
        ),
        "rate_limit_seconds": _setting(
            "number",
            "Rate limit: seconds",
            "Length of the time in which `rate_limit_requests` are counted.",
            10,
            exclusiveMinimum=0,
            maximum=2_678_400,
        ),
        "streams": _setting(
            "array",
            "Streams",
            'Names of the streams to read, such as `["users", "time"]`. A name with '
            '`-` in front leaves that stream out: `["-time_records"]`. If not set, all '
            "streams are read. A catalog, or Meltano's `select`, wins.",
            items={"type": "string"},
        ),
        "undeclared_fields": _setting(
            "string",
            "Undeclared fields",
            "What happens to fields that have no column: `collect` keeps them in the "
            "column `additional_fields`, `infer` makes a column for each field that "
            "discovery finds and keeps the others, `ignore` drops them.",
            "collect",
            enum=list(get_args(UndeclaredFields)),
        ),
        "infer_sample_size": _setting(
            "integer",
            "Sample size",
            "Maximum number of records per stream that `infer` reads to find columns.",
            1000,
            minimum=1,
        ),
        "incremental": _setting(
            "boolean",
            "Incremental",
            "Read only new records of `time` and `time_records`: those created since "
            "the last run, and in the `lookback_days` before it.",
            default=False,
        ),
        "start_date": _setting(
            "string",
            "Start date",
            "Incremental streams leave out records created before this date.",
            format="date-time",
        ),
        "lookback_days": _setting(
            "number",
            "Look-back",
            "An incremental run starts this many days before its bookmark, because "
            "time is often booked late.",
            30,
            minimum=0,
            maximum=365_000,
        ),
        "resume_hours": _setting(
            "number",
            "Resume",
            "After a run that was stopped, the next run goes on where it stopped, if "
            "the first part began at most this many hours ago. 0 turns this off. Use "
            "it only with a target that merges rows: a target that replaces tables "
            "would keep only the last part.",
            0,
            minimum=0,
            maximum=8_784,
        ),
        "since_param": _parameter(
            "Since parameter",
            "Query parameter with which the API leaves out older records, if it has "
            "one.",
        ),
        "until_param": _parameter(
            "Until parameter",
            "Query parameter for the end of that time, if the API needs one. The tap "
            "sends a date 90 days ahead, because people book their holidays ahead.",
        ),
        "since_format": _setting(
            "string",
            "Since format",
            "How both are written: `date` as `2026-01-31`, `datetime` with the time.",
            "date",
            enum=["date", "datetime"],
        ),
        "account": _setting(
            "string",
            "Account",
            "Name of the account. If set, it is in the first column of each record, "
            "and this column is part of every key. So the data of many accounts fits "
            "into the same tables.",
            minLength=1,
        ),
        "account_column": _setting(
            "string",
            "Account column",
            "Name of that column. The API must have no field of this name.",
            "account",
            pattern=COLUMN_NAME,
        ),
        "emit_activate_version_messages": _setting(
            "boolean",
            "Emit ACTIVATE_VERSION",
            "After each stream that was read completely, tell the target which rows "
            "are current. The target can then remove rows that the API no longer has.",
            default=False,
        ),
        "user_agent": _setting(
            "string",
            "User agent",
            "Text of the User-Agent header. If not set, `tap-analytics/<version>`.",
            pattern=HEADER_VALUE,
        ),
    },
    "required": ["api_key"],
    "$schema": "https://json-schema.org/draft/2020-12/schema",
}
"""JSON schema of the settings, without those that the SDK adds."""

DECLARED = DeclaredSettings(SCHEMA, "TAP_ANALYTICS_", _MEANINGS, _HIDDEN)

DEFAULTS: dict[str, Any] = {
    name: setting["default"]
    for name, setting in SCHEMA["properties"].items()
    if "default" in setting
}

SHAPES_NO_ROWS = frozenset(
    {"backoff_factor", "concurrency", "max_response_mb", "max_retries"}
    | {"rate_limit_requests"}
    | {"rate_limit_seconds", "request_timeout", "resume_hours", "user_agent"}
    | {"page_size", "page_size_by_stream", "streams"}
)
"""Settings with which the same rows come: they say how to ask, not for what."""
