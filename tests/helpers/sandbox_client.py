"""A client with the sandbox's key."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_analytics.sandbox import Sandbox

TIMEOUT = 10


def get(
    api: Sandbox,
    path: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    headers: dict[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> requests.Response:
    """Requests a path, with the key, without following redirects."""
    key = {api.options.api_key_header: api.options.api_key}
    return requests.get(
        api.url + path,
        params=parameters,
        headers=key | (headers or {}),
        timeout=timeout,
        allow_redirects=False,
    )


def rows(api: Sandbox, stream: str, parent: str | None = None) -> Any:
    """Reads the records of one response, numbers with their digits."""
    response = get(api, api.path(stream, parent))
    response.raise_for_status()
    return response.json(parse_float=Decimal)["data"]


def control(api: Sandbox, method: str, operation: str, body: Any = None) -> Any:
    """Calls the control path, without a key."""
    url = f"{api.url}/_sandbox/{operation}"
    response = requests.request(method, url, json=body, timeout=TIMEOUT)
    response.raise_for_status()
    return response.json(parse_float=Decimal)
