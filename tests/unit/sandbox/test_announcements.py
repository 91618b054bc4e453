"""In which words the sandbox says how long a list is, and that more follows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.sandbox.announcements import ANNOUNCEMENTS
from tests.helpers.sandbox_client import get

if TYPE_CHECKING:
    from tests.conftest import SandboxFactory

PAGES: dict[str, Any] = {"pagination": "page", "page_size": 5, "clients": 12}

SECOND_PAGE = {
    "page": 2,
    "current_page": 2,
    "per_page": 5,
    "limit": 5,
    "offset": 5,
    "start": 5,
    "count": 5,
    "total": 12,
    "total_pages": 3,
    "last_page": 3,
    "next_page": 3,
    "next_start": 10,
    "has_more": True,
    "more_items_in_collection": True,
    "Last-Page": False,
    "Total-Count": 12,
    "X-Total-Count": 12,
    "X-Next-Page": 3,
    "X-Pagination-Total-Count": 12,
    "X-Pagination-Page-Count": 3,
    "X-Pagination-Current-Page": 2,
    "X-Pagination-Per-Page": 5,
    "Content-Range": "items 5-9/12",
}
LAST_PAGE = {
    "next_page": None,
    "next_start": None,
    "has_more": False,
    "Last-Page": True,
    "X-Next-Page": "",
    "Content-Range": "items 10-11/12",
}


def test_each_word_tells_the_same_in_the_body_and_in_a_header(
    sandbox: SandboxFactory,
) -> None:
    names = tuple(ANNOUNCEMENTS)
    api = sandbox(**PAGES, totals=names, total_headers=names, totals_in="")
    response = get(api, "/v1/clients", {"page": 2})
    body = response.json()
    del body["data"]
    assert json.loads(body.pop("X-Pagination")) == {
        "TotalCount": 12,
        "PageSize": 5,
        "CurrentPage": 2,
        "TotalPages": 3,
        "HasNext": True,
    }
    assert body == SECOND_PAGE
    for name, value in SECOND_PAGE.items():
        text = value if isinstance(value, str) else json.dumps(value)
        assert response.headers[name] == text


def test_the_last_page_says_that_nothing_follows(sandbox: SandboxFactory) -> None:
    api = sandbox(**PAGES, totals=tuple(LAST_PAGE), totals_in="")
    body = get(api, "/v1/clients", {"page": 3}).json()
    del body["data"]
    assert body == LAST_PAGE


def test_a_range_of_nothing_has_a_star(sandbox: SandboxFactory) -> None:
    api = sandbox(**PAGES, total_headers=("Content-Range",))
    response = get(api, "/v1/clients", {"page": 4})
    assert response.headers["Content-Range"] == "items */12"


def test_a_total_may_be_capped(sandbox: SandboxFactory) -> None:
    api = sandbox(**PAGES, total_cap=7)
    meta = get(api, "/v1/clients").json()["meta"]
    assert (meta["total"], meta["total_pages"]) == (7, 2)
    assert len(get(api, "/v1/clients", {"page": 3}).json()["data"]) == 2


@pytest.mark.parametrize("style", ["link", "next_url", "cursor", "page", "offset"])
def test_headers_come_with_every_style(sandbox: SandboxFactory, style: str) -> None:
    options = PAGES | {"pagination": style}
    api = sandbox(**options, total_headers=("X-Total-Count",))
    assert get(api, "/v1/clients").headers["X-Total-Count"] == "12"
