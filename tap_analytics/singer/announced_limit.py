"""What an API announces of its limit, and the settings that keep to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMIT_HEADER = re.compile(
    r"(x-)?rate-?limit(-(limit|remaining|reset|policy))?", re.IGNORECASE
)
_ALLOWED = re.compile(r"(x-)?rate-?limit-limit", re.IGNORECASE)
_POLICY = re.compile(r"\b(?:q=)?(\d+);\s*w=(\d+)")


def limit_headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return those headers of an answer that tell of a limit."""
    return [pair for pair in headers.items() if _LIMIT_HEADER.fullmatch(pair[0])]


def announced_limit(headers: Mapping[str, str]) -> dict[str, int]:
    """Return the settings that keep to what headers announce, none if they don't.

    Args:
        headers: Those that tell of a limit.
    """
    limit: dict[str, int] = {}
    for name, value in headers.items():
        if found := _POLICY.search(value):
            return {
                "rate_limit_requests": int(found[1]),
                "rate_limit_seconds": int(found[2]),
            }
        if _ALLOWED.fullmatch(name) and value.isdigit():
            limit["rate_limit_requests"] = int(value)
    return limit
