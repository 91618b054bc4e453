"""Presets: the settings by which an API that is well known is reached.

A preset says how to talk to an API, not what to make of its data: it holds no names of
fields, and what is set explicitly wins over it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PRESETS: dict[str, dict[str, Any]] = {
    # https://developers.everhour.com: its pages on authentication, pagination,
    # filtering and rate limits.
    "everhour": {
        "api_url": "https://api.everhour.com",
        "api_key_header": "X-Api-Key",
        "path_prefix": "",
        "data_selector": "$",
        "pagination": "page",
        "pagination_by_stream": {"clients": "none", "users": "none"},
        "page_param": "page",
        "first_page": 1,
        "page_size_param": "limit",
        "page_size_by_stream": {
            "tasks": 250,
            "time": 50_000,
            "time_records": 50_000,
        },
        "since_param": "from",
        "until_param": "to",
        "since_format": "date",
        "rate_limit_requests": 20,
        "rate_limit_seconds": 10,
    },
}

PRESET_SETTINGS = frozenset[str]().union(*PRESETS.values())
"""The settings that a preset may stand for."""

BY_STREAM = {"pagination": "pagination_by_stream", "page_size": "page_size_by_stream"}
"""The settings that have another value for single streams, by the one for all."""


def with_preset(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings together with those that their preset stands for.

    Args:
        config: What is set explicitly, no defaults; a preset that doesn't exist counts
            as none.
    """
    name = config.get("preset")
    preset = dict(PRESETS.get(name, {})) if isinstance(name, str) else {}
    for setting, by_stream in BY_STREAM.items():
        if setting in config:  # It is meant for all streams.
            preset.pop(by_stream, None)
    return preset | dict(config)


def documented_page_size(config: Mapping[str, Any], stream: str) -> int | None:
    """Return the largest page that the API documents, if it is the one asked for.

    Args:
        config: All settings, with those of the preset.
        stream: Name of the stream.

    Returns:
        Records per page; `None` if no preset knows, or another size is set.
    """
    preset = PRESETS.get(config.get("preset") or "", {})
    documented: int | None = preset.get("page_size_by_stream", {}).get(stream)
    asked_for = (config.get("page_size_by_stream") or {}).get(stream)
    return documented if documented == asked_for else None
