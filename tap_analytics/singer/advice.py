"""Settings that would help where an API can't be read as it is set up."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tap_analytics.api.client import Client
from tap_analytics.api.page import Page
from tap_analytics.errors import FatalAPIError

if TYPE_CHECKING:
    from tap_analytics.api.answer import Answer
    from tap_analytics.singer.stream import AnalyticsStream

PREFIXES = ("", "/v1", "/api", "/api/v1", "/v2", "/api/v2")
"""Where an API that is not where it was looked for may be."""


def advice_on_key(refusal: Answer) -> dict[str, Any]:
    """Return how the key has to be sent, if the API that refused it says so."""
    scheme = refusal.headers.get("WWW-Authenticate", "").partition(" ")[0]
    if scheme.lower() != "bearer":
        return {}
    return {"api_key_header": "Authorization", "api_key": f"{scheme} your-key"}


def advice_on_selector(answer: Answer, selector: str) -> dict[str, Any]:
    """Return where an answer has a list of records, if it has one.

    Args:
        answer: The answer.
        selector: Where the records were looked for.
    """
    with suppress(FatalAPIError):
        if selectors := Page(answer, selector).lists():
            return {"data_selector": selectors[0]}
    return {}


def advice_on_prefix(stream: AnalyticsStream) -> dict[str, Any]:
    """Look whether a stream is somewhere else at the same origin."""
    config = {**stream.config, "max_retries": 0}
    for prefix in PREFIXES:
        if prefix == config["path_prefix"].rstrip("/"):
            continue
        client = Client({**config, "path_prefix": prefix}, stream.account.run)
        with suppress(FatalAPIError):
            client.get(stream.path)
            return {"path_prefix": prefix}
    return {}
