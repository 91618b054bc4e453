"""Asks an API what its first answers leave open, with a request or two for each."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tap_analytics.api.answer_errors import Asker
from tap_analytics.api.page_hints import PageHints
from tap_analytics.api.seen_ids import digest_of
from tap_analytics.errors import FatalAPIError

if TYPE_CHECKING:
    from tap_analytics.api.client import Client
    from tap_analytics.api.page import Page
    from tap_analytics.singer.stream import AnalyticsStream

SINCE = ("since", "from", "start_date")
"""How APIs call the query parameter that leaves out older records."""

_AHEAD = timedelta(days=365)
_A_DAY = timedelta(days=1)


def first_page(stream: AnalyticsStream, page: Page, client: Client) -> int | None:
    """Return the number of a stream's first page; `None` if pages have no number.

    Args:
        stream: The stream.
        page: The page that was asked for first.
        client: Asks the API; that of the stream may be closed.
    """
    shared = stream.source.pagination.shared
    if shared.first_page is not None:
        return shared.first_page
    if (number := PageHints(page).number("page")) is not None:
        return number
    if not stream.source.pagination.found.startswith("page"):
        return None
    path = page.url.partition("?")[0]
    params = shared.request(page=0).params
    with suppress(FatalAPIError):
        zero = client.get(path, params, Asker(stream.name))
        if zero.records and digest_of(zero.records) != digest_of(page.records):
            return 0
    return 1


def since_param(stream: AnalyticsStream, page: Page) -> str | None:
    """Return the query parameter by which a stream's records can be filtered.

    Nothing is booked a year ahead, so a filter that works leaves nothing then.

    Args:
        stream: The stream.
        page: A page without a filter, which has records.

    Returns:
        The name; `None` if none of those that were tried has an effect.
    """
    config = stream.config
    since = datetime.now(timezone.utc) + _AHEAD
    path = page.url.partition("?")[0]
    for name in [config["since_param"]] if config.get("since_param") else SINCE:
        params = [(name, _written(since, config["since_format"]))]
        if config.get("until_param"):
            until = _written(since + _A_DAY, config["since_format"])
            params.append((config["until_param"], until))
        with suppress(FatalAPIError):
            found = stream.account.client.get(path, params, Asker(stream.name))
            if not found.records:
                return str(name)
    return None


def _written(moment: datetime, form: str) -> str:
    if form == "date":
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
