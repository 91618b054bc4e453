"""Options that together make the sandbox like an API that is known."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    # https://developers.everhour.com: pagination, filtering, rate limits.
    "everhour": {
        "data": "everhour",
        "path_prefix": "",
        "envelope": "none",
        "pagination": "page",
        "page_sizes": (
            ("projects", 10_000),
            ("tasks", 250),
            ("time_records", 50_000),
            ("time", 50_000),
            ("clients", 0),
            ("users", 0),
        ),
        "since_param": "from",
        "until_param": "to",
        "since_field": "date",
        "since_streams": ("time", "time_records"),
        "rate_limit": (20, 10.0),
    }
}
