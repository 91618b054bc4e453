"""What the first answers of well-known APIs lead to, as their documents show them."""

from __future__ import annotations

import gc
import json
import logging
from typing import Any, NamedTuple

import pytest
from requests.structures import CaseInsensitiveDict

from tap_analytics.api.answer import Answer
from tap_analytics.api.page import Page
from tap_analytics.api.pagination import Pagination

URL = "https://api.example.com/v1/team/time"
SECOND = f"{URL}?page=2"
R = [{"id": 1}, {"id": 2}]


class Api(NamedTuple):
    """The first answer of an API that has six records in pages of two.

    Attributes:
        name: Its name.
        body: The body; `R` stands for the records.
        leads_to: The next URL, or the parameter and value.
        selector: Where the records are.
        headers: The headers.
        status: The status.
    """

    name: str
    body: Any
    leads_to: str | tuple[str, str]
    selector: str = "data"
    headers: dict[str, str] = {}  # noqa: RUF012 - none changes it
    status: int = 200


APIS = [
    Api("Clockify", R, ("page", "1"), headers={"Last-Page": "false"}),
    Api(
        "Float",
        R,
        ("page", "2"),
        headers={
            "X-Pagination-Total-Count": "6",
            "X-Pagination-Page-Count": "3",
            "X-Pagination-Current-Page": "1",
            "X-Pagination-Per-Page": "2",
        },
    ),
    Api(
        "Harvest",
        {
            "time_entries": R,
            "per_page": 2,
            "total_pages": 3,
            "total_entries": 6,
            "next_page": 2,
            "previous_page": None,
            "page": 1,
            "links": {"first": URL, "next": SECOND, "previous": None, "last": URL},
        },
        SECOND,
        "time_entries",
    ),
    Api(
        "Toggl",
        R,
        ("cursor", "77"),
        headers={"X-Next-ID": "77", "X-Next-Row-Number": "3", "X-Page-Size": "2"},
    ),
    Api(
        "Pipedrive v1",
        {
            "success": True,
            "data": R,
            "additional_data": {
                "pagination": {
                    "start": 0,
                    "limit": 2,
                    "more_items_in_collection": True,
                    "next_start": 2,
                }
            },
        },
        ("offset", "2"),
    ),
    Api(
        "Pipedrive v2",
        {"success": True, "data": R, "additional_data": {"next_cursor": "abc"}},
        ("cursor", "abc"),
    ),
    Api(
        "GitLab",
        R,
        SECOND,
        headers={
            "Link": f'<{URL}>; rel="first", <{SECOND}>; rel="next"',
            "X-Next-Page": "2",
            "X-Page": "1",
            "X-Per-Page": "2",
            "X-Prev-Page": "",
            "X-Total": "6",
            "X-Total-Pages": "3",
        },
    ),
    Api(
        "GitLab without links",
        R,
        ("page", "2"),
        headers={"X-Next-Page": "2", "X-Page": "1", "X-Per-Page": "2"},
    ),
    Api(
        "Jira",
        {"startAt": 0, "maxResults": 2, "total": 6, "issues": R},
        ("offset", "2"),
        "issues",
    ),
    Api(
        "Jira Agile",
        {"startAt": 0, "maxResults": 2, "isLast": False, "values": R},
        ("offset", "2"),
        "values",
    ),
    Api(
        "Jira's new search",
        {"issues": R, "nextPageToken": "CAEa", "isLast": False},
        ("cursor", "CAEa"),
        "issues",
    ),
    Api(
        "HubSpot",
        {"results": R, "paging": {"next": {"after": "NTI1", "link": "?after=NTI1"}}},
        f"{URL}?after=NTI1",
        "results",
    ),
    Api(
        "HubSpot v1",
        {"contacts": R, "has-more": True, "vid-offset": 204727},
        ("page", "1"),
        "contacts",
    ),
    Api(
        "Salesforce",
        {
            "totalSize": 6,
            "done": False,
            "nextRecordsUrl": "/services/data/v58.0/query/01gD-2",
            "records": R,
        },
        "https://api.example.com/services/data/v58.0/query/01gD-2",
        "records",
    ),
    Api(
        "Spring",
        {
            "content": R,
            "pageable": {"pageNumber": 0, "pageSize": 2, "offset": 0},
            "last": False,
            "totalPages": 3,
            "totalElements": 6,
            "number": 0,
            "size": 2,
            "numberOfElements": 2,
            "first": True,
        },
        ("page", "1"),
        "content",
    ),
    Api(
        "Spring with a slice",
        {"content": R, "last": False, "number": 0, "size": 2, "first": True},
        ("page", "1"),
        "content",
    ),
    Api(
        "Spring HATEOAS",
        {
            "_embedded": {"users": R},
            "_links": {"self": {"href": URL}, "next": {"href": SECOND}},
            "page": {"size": 2, "totalElements": 6, "totalPages": 3, "number": 0},
        },
        SECOND,
        "_embedded.users",
    ),
    Api(
        "Django REST",
        {"count": 6, "next": SECOND, "previous": None, "results": R},
        SECOND,
        "results",
    ),
    Api(
        "Laravel",
        {
            "data": R,
            "links": {"first": URL, "last": URL, "prev": None, "next": SECOND},
            "meta": {
                "current_page": 1,
                "from": 1,
                "last_page": 3,
                "per_page": 2,
                "to": 2,
                "total": 6,
            },
        },
        SECOND,
    ),
    Api(
        "Laravel, flat",
        {
            "current_page": 1,
            "data": R,
            "first_page_url": URL,
            "last_page": 3,
            "last_page_url": URL,
            "links": [{"url": None, "label": "Previous", "active": False}],
            "next_page_url": SECOND,
            "per_page": 2,
            "prev_page_url": None,
            "total": 6,
        },
        SECOND,
    ),
    Api(
        "OData",
        {"@odata.count": 6, "value": R, "@odata.nextLink": f"{URL}?$skiptoken=2"},
        f"{URL}?$skiptoken=2",
        "value",
    ),
    Api(
        "OData v2",
        {"d": {"results": R, "__count": "6", "__next": f"{URL}?$skiptoken=2"}},
        f"{URL}?$skiptoken=2",
        "d.results",
    ),
    Api(
        "Shopify",
        {"orders": R},
        f"{URL}?page_info=abc",
        "orders",
        {"Link": f"<{URL}?page_info=abc>; rel=next"},
    ),
    Api(
        "Zendesk",
        {"tickets": R, "next_page": SECOND, "previous_page": None, "count": 6},
        SECOND,
        "tickets",
    ),
    Api(
        "Zendesk with cursors",
        {
            "tickets": R,
            "meta": {"has_more": True, "after_cursor": "x", "before_cursor": "y"},
            "links": {"prev": URL, "next": f"{URL}?page[after]=x"},
        },
        f"{URL}?page[after]=x",
        "tickets",
    ),
    Api(
        "Zendesk's exports",
        {"tickets": R, "after_cursor": "x", "end_of_stream": False},
        ("cursor", "x"),
        "tickets",
    ),
    Api(
        "Slack",
        {"ok": True, "members": R, "response_metadata": {"next_cursor": "dXNl"}},
        ("cursor", "dXNl"),
        "members",
    ),
    Api(
        "Stripe",
        {"object": "list", "url": "/v1/charges", "has_more": True, "data": R},
        ("page", "1"),
    ),
    Api(
        "Notion",
        {"object": "list", "results": R, "next_cursor": "fe2c", "has_more": True},
        ("cursor", "fe2c"),
        "results",
    ),
    Api(
        "Asana",
        {"data": R, "next_page": {"offset": "eyJ0", "uri": f"{URL}?offset=eyJ0"}},
        f"{URL}?offset=eyJ0",
    ),
    Api("ClickUp", {"tasks": R, "last_page": False}, ("page", "1"), "tasks"),
    Api(
        "QuickBooks Time",
        {
            "results": {"users": R},
            "more": True,
            "supplemental_data": {"groups": {"7": {"id": 7, "name": "x"}}},
        },
        ("page", "1"),
        "results.users",
    ),
    Api("Google", {"items": R, "nextPageToken": "Cg"}, ("cursor", "Cg"), "items"),
    Api("Square", {"payments": R, "cursor": "abc"}, ("cursor", "abc"), "payments"),
    Api(
        "X",
        {"data": R, "meta": {"result_count": 2, "next_token": "7140"}},
        ("cursor", "7140"),
    ),
    Api(
        "Solr",
        {"responseHeader": {"status": 0}, "response": {"numFound": 6, "start": 0}}
        | {"docs": R},
        ("offset", "2"),
        "docs",
    ),
    Api("PostgREST", R, ("offset", "2"), headers={"Content-Range": "0-1/6"}),
    Api(
        "PostgREST, in part",
        R,
        ("offset", "2"),
        headers={"Content-Range": "0-1/6"},
        status=206,
    ),
    Api("Dojo", R, ("offset", "2"), headers={"Content-Range": "items 0-1/6"}),
    Api(
        "Bitbucket Server",
        {
            "size": 2,
            "limit": 2,
            "isLastPage": False,
            "values": R,
            "start": 0,
            "nextPageStart": 2,
        },
        ("offset", "2"),
        "values",
    ),
    Api(
        "NetSuite",
        {
            "links": [{"rel": "next", "href": f"{URL}?offset=2"}],
            "count": 2,
            "hasMore": True,
            "items": R,
            "offset": 0,
            "totalResults": 6,
        },
        f"{URL}?offset=2",
        "items",
    ),
    Api(
        "Xero",
        {
            "pagination": {"page": 1, "pageSize": 2, "pageCount": 3, "itemCount": 6},
            "Users": R,
        },
        ("page", "2"),
        "Users",
    ),
    Api(
        "GraphQL",
        {
            "data": {
                "items": {
                    "nodes": R,
                    "pageInfo": {"hasNextPage": True, "endCursor": "abc"},
                }
            }
        },
        ("cursor", "abc"),
        "data.items.nodes",
    ),
    Api(
        "Teamwork",
        R,
        ("page", "2"),
        headers={"X-Page": "1", "X-Pages": "3", "X-Records": "6"},
    ),
    Api(
        "Teamwork v3",
        {
            "data": R,
            "meta": {
                "page": {"pageOffset": 0, "pageSize": 2, "count": 6, "hasMore": True}
            },
        },
        ("page", "1"),
    ),
    Api(
        "Redmine",
        {"issues": R, "total_count": 6, "offset": 0, "limit": 2},
        ("offset", "2"),
        "issues",
    ),
    Api(
        "Zoho",
        {
            "data": R,
            "info": {"per_page": 2, "count": 2, "page": 1, "more_records": True},
        },
        ("page", "2"),
    ),
    Api(
        "FreshBooks",
        {
            "response": {
                "result": {"users": R, "page": 1, "pages": 3, "per_page": 2, "total": 6}
            }
        },
        ("page", "2"),
        "response.result.users",
    ),
    Api(
        "WordPress",
        R,
        ("page", "1"),
        headers={"X-WP-Total": "6", "X-WP-TotalPages": "3"},
    ),
    Api(
        "Azure DevOps",
        {"count": 2, "value": R},
        ("cursor", "abc"),
        "value",
        {"X-MS-ContinuationToken": "abc"},
    ),
    Api(
        "AWS",
        {"Items": R, "IsTruncated": True, "NextMarker": "abc"},
        ("cursor", "abc"),
        "Items",
    ),
    Api(
        "a list named as something else is",
        {"time": {"rows": R, "total": 6, "offset": 0, "limit": 2}},
        ("offset", "2"),
        "time.rows",
    ),
]


def first(api: Api) -> Page:
    return Page(
        Answer(
            URL,
            api.status,
            headers=CaseInsensitiveDict(api.headers),
            body=json.dumps(api.body).encode(),
        ),
        "$" if isinstance(api.body, list) else api.selector,
    )


def is_read_whole(page: Page, caplog: pytest.LogCaptureFixture) -> bool:
    """Return whether a page is the only one, without any doubt."""
    paginator = Pagination({}, "time", logging.getLogger("test")).paginator()
    paginator.advance(page)
    return paginator.finished and not paginator.unproven and not caplog.messages


@pytest.mark.parametrize("api", APIS, ids=[api.name for api in APIS])
def test_what_an_api_sends_leads_to_its_next_page(api: Api) -> None:
    paginator = Pagination({}, "time", logging.getLogger("test")).paginator()
    paginator.advance(first(api))
    assert not paginator.finished
    request = paginator.current_value
    assert (request.url or request.params[0]) == api.leads_to


@pytest.mark.parametrize(
    ("body", "headers", "selector"),
    [
        ({"data": R, "offset": "itrX/recY"}, {}, "data"),  # Airtable
        ({"list": R, "next_offset": '["1","2"]'}, {}, "list"),  # Chargebee
        ({"users": R, "total_items": 6}, {}, "users"),  # Mailchimp
        ({"hits": {"total": {"value": 6}, "hits": R}}, {}, "hits.hits"),  # Elastic
        ({"data": R, "meta": {"total": {"count": 6}}}, {}, "data"),
        ({"data": R, "meta": {"from": 1, "to": 2, "total": 6}}, {}, "data"),
        ({"time": {"rows": R, "next_batch": "x"}}, {}, "time.rows"),
        ({"data": R, "more_after": "x"}, {}, "data"),
        (R, {"X-Records-Total": "6"}, "$"),
        (R, {"X-Next-Batch": "x"}, "$"),
        (R, {"X-Cursor-Position": "7"}, "$"),
    ],
)
def test_a_sign_that_is_not_understood_is_never_passed_over_in_silence(
    body: Any,
    headers: dict[str, str],
    selector: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    api = Api("", body, "", selector, headers)
    assert not is_read_whole(first(api), caplog)


@pytest.mark.parametrize(
    "envelope",
    [
        {"total_hours": 120, "total_time": 9000},
        {"summary": {"total_amount": 500, "count": 2}},
        {"count": 2, "total": 2},
        {"discount": 15, "account": 7, "country": "DE"},
        {"nextInvoiceDate": "2026-01-01", "nextInvoiceNumber": 120},
        {"account": {"next_billing_at": "2026-01-01", "next_payment": 1700000000}},
        {"page_title": "Users", "landing_page": "https://example.com/x"},
        {"next": None, "total": 2},
        {"has_more": False, "next_cursor": None},
        {"utc_offset": 120, "timezone_offset": "-60"},
        {"status_page": "https://status.example.com"},
        {"nextSyncToken": "CPDA", "next_sync_token": "x"},
        {"totals": {"hours": "12.5", "billable_amount": 3}},
        {"rate_limit": {"total": 100, "next_reset": 1700000000}},
        {"pages": ["a", "b"], "version": "2"},
        {"x" * 200 + "_next": "abc"},
    ],
)
def test_what_speaks_of_other_things_costs_no_request(
    envelope: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert is_read_whole(first(Api("", {"data": R, **envelope}, "")), caplog)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Request-Count": "7", "X-RateLimit-Remaining": "5", "X-Total-Time": "12"},
        {"X-NextJs-Cache": "HIT", "X-Next-Cache-Tags": "a,b"},
        {"X-Powered-By": "Next.js", "X-Page-Speed": "1.13.35"},
        {"Content-Range": "bytes 0-1/600"},
        {"Content-Range": f"items 0-1/{'9' * 5_000}"},
        {"X-Pagination": '{"TotalCount": 2, "PageSize": 2, "CurrentPage": 1'},
        {"X-Next-Page": "", "X-Total-Count": "2"},
        {"Link": '<https://api.example.com/docs>; rel="help next-archive"'},
    ],
)
def test_headers_that_speak_of_other_things_cost_no_request(
    headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert is_read_whole(first(Api("", R, "", headers=headers)), caplog)


def test_a_header_nested_too_deeply_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gc.collect()  # In the depth of a recursion nothing can be said of what is left.
    headers = {"X-Pagination": '{"a":' * 9_000}
    assert is_read_whole(first(Api("", R, "", headers=headers)), caplog)
