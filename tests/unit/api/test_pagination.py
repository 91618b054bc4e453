"""Pagination, against responses and servers made up in memory."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from tap_analytics.api.answer import Answer
from tap_analytics.api.page import Page
from tap_analytics.api.pagination import Pagination
from tap_analytics.api.paginators import EMPTY_PAGES, Paginator
from tap_analytics.api.stream_pages import Belief, NextRequest
from tap_analytics.errors import (
    FatalAPIError,
    ForbiddenError,
    RefusedError,
    ShiftedError,
    VanishedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "https://api.example.com/v1/team/time"
STREAM = "time"


def page(
    body: Any, link: str = "", url: str = URL, selector: str = "data", **headers: str
) -> Page:
    """Make a page; a list becomes the whole body, the records elsewhere `data`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if link:
        named["Link"] = link
    answer = Answer(
        url, headers=CaseInsensitiveDict(named), body=json.dumps(body).encode()
    )
    return Page(answer, "$" if isinstance(body, list) else selector)


def rows(count: int, start: int = 0) -> list[dict[str, int]]:
    return [{"id": number} for number in range(start, start + count)]


def pagination(style: str = "auto", **config: Any) -> Pagination:
    return Pagination(
        {"pagination": style, **config}, STREAM, logging.getLogger("test")
    )


def after(response: Page, style: str = "auto", **config: Any) -> NextRequest | None:
    """Return the request after a first response, `None` if it was the last."""
    paginator = pagination(style, **config).paginator()
    paginator.advance(response)
    return None if paginator.finished else paginator.current_value


def params(**values: object) -> NextRequest:
    return NextRequest(
        params=tuple((name, str(value)) for name, value in values.items())
    )


def feed(paginator: Paginator, *responses: Page) -> list[bool]:
    """Advance over responses, and return which were repeated."""
    repeated = []
    for response in responses:
        paginator.advance(response)
        repeated.append(paginator.repeated)
    return repeated


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


# The first request


@pytest.mark.parametrize(
    ("style", "config", "first"),
    [
        ("auto", {}, params()),
        ("auto", {"page_size": 50}, params(limit=50)),
        ("none", {"page_size": 50, "page_size_param": "n"}, params(n=50)),
        ("link", {}, params()),
        ("cursor", {"page_size": 50}, params(limit=50)),
        ("page", {}, params(page=1)),
        ("page", {"page_size": 50, "page_param": "p"}, params(p=1, limit=50)),
        ("offset", {"page_size": 50}, params(offset=0, limit=50)),
        ("offset", {"offset_param": "skip"}, params(skip=0)),
        ("page", {"page_size_by_stream": {"time": 7}}, params(page=1, limit=7)),
        (
            "page",
            {"page_size": 50, "page_size_by_stream": {"time": 7}},
            params(page=1, limit=7),
        ),
        (
            "page",
            {"page_size": 50, "page_size_by_stream": {"tasks": 7}},
            params(page=1, limit=50),
        ),
    ],
)
def test_the_first_request_carries_what_is_configured(
    style: str, config: dict[str, Any], first: NextRequest
) -> None:
    assert pagination(style, **config).paginator().current_value == first


# Links


@pytest.mark.parametrize(
    "header",
    [
        f'<{URL}?page=2>; rel="next"',
        f"<{URL}?page=2>; rel=next",
        f'<{URL}?page=2>;REL="NEXT"',
        f'<{URL}?page=2>; rel="prefetch next"',
        f'<{URL}>; rel="first", <{URL}?page=2>; rel="next", <{URL}?page=9>; rel="last"',
        f'<{URL}?page=2>; title="a, b; c"; rel="next"',
        '</v1/team/time?page=2>; rel="next"',
        '<?page=2>; rel="next"',
        '<time?page=2>; rel="next"',
    ],
)
@pytest.mark.parametrize("style", ["auto", "link"])
def test_the_link_header_leads_to_the_next_page(style: str, header: str) -> None:
    assert after(page(rows(2), link=header), style) == NextRequest(f"{URL}?page=2")


@pytest.mark.parametrize("target", ["time;v=2?ids=1,2&page=2", "items2"])
def test_a_link_may_hold_any_character_of_a_url(target: str) -> None:
    request = after(page(rows(2), link=f'<{target}>; rel="next"'), "link")
    assert request == NextRequest(f"https://api.example.com/v1/team/{target}")


@pytest.mark.parametrize(
    "header",
    ["", "nonsense", f"<{URL}>", f'<{URL}>; rel="last"', f'<{URL}>; rel="nextish"'],
)
def test_a_link_header_without_next_ends_the_stream(header: str) -> None:
    assert after(page(rows(2), link=header), "link") is None


@pytest.mark.parametrize(
    "envelope",
    [
        {"next": f"{URL}?page=2"},
        {"next": "/v1/team/time?page=2"},
        {"next": "?page=2"},
        {"next_url": "time?page=2"},
        {"nextPageUrl": f"{URL}?page=2"},
        {"links": {"next": f"{URL}?page=2"}},
        {"links": {"next": {"href": f"{URL}?page=2"}}},
        {"links": [{"rel": "self", "href": URL}, {"rel": "next", "href": "?page=2"}]},
        {"_links": {"next": {"href": "?page=2"}}},
        {"paging": {"next": f"{URL}?page=2"}},
        {"paging": {"cursors": {"after": "x"}, "next": f"{URL}?page=2"}},
        {"pagination": {"next_url": f"{URL}?page=2"}},
        {"meta": {"next": f"{URL}?page=2"}},
        {"meta": {"pagination": {"links": {"next": f"{URL}?page=2"}}}},
        {"@odata.nextLink": f"{URL}?page=2"},
    ],
)
@pytest.mark.parametrize("style", ["auto", "next_url"])
def test_a_url_in_the_body_leads_to_the_next_page(
    style: str, envelope: dict[str, Any]
) -> None:
    request = after(page({"data": rows(2), **envelope}), style, page_size=2)
    assert request == NextRequest(f"{URL}?page=2")


def test_a_url_beside_the_records_leads_to_the_next_page() -> None:
    body = {"result": {"items": rows(2), "next": f"{URL}?page=2"}}
    assert after(page(body, selector="result.items")) == NextRequest(f"{URL}?page=2")


def test_a_url_that_is_none_is_an_error_of_the_api() -> None:
    with pytest.raises(FatalAPIError, match="URL of the next page is not valid"):
        after(page({"data": rows(2), "next": "https://[::1"}))


def test_a_url_is_resolved_against_the_one_that_answered() -> None:
    response = page({"data": rows(1), "next": "more?page=2"}, url=f"{URL}/de/")
    assert after(response) == NextRequest(f"{URL}/de/more?page=2")


# Cursors


@pytest.mark.parametrize(
    ("envelope", "cursor"),
    [
        ({"next_cursor": "abc=="}, "abc=="),
        ({"next_cursor": 12345}, "12345"),
        ({"next_cursor": "/9j/4A=="}, "/9j/4A=="),
        ({"cursor": "abc"}, "abc"),
        ({"cursor": "old", "next_cursor": "abc"}, "abc"),
        ({"nextPageToken": "abc"}, "abc"),
        ({"next_page_token": "abc"}, "abc"),
        ({"next": "abc"}, "abc"),
        ({"meta": {"next_token": "abc"}}, "abc"),
        ({"response_metadata": {"next_cursor": "abc"}}, "abc"),
        ({"cursors": {"before": "x", "after": "abc"}}, "abc"),
        ({"paging": {"next": {"after": "abc"}}}, "abc"),
        ({"pageInfo": {"endCursor": "abc", "hasNextPage": True}}, "abc"),
        ({"has_more": True, "next_cursor": "abc"}, "abc"),
    ],
)
@pytest.mark.parametrize("style", ["auto", "cursor"])
def test_a_cursor_in_the_body_is_sent_back(
    style: str, envelope: dict[str, Any], cursor: str
) -> None:
    request = after(
        page({"data": rows(2), **envelope}), style, cursor_param="c", page_size=2
    )
    assert request == params(c=cursor, limit=2)


@pytest.mark.parametrize(
    "envelope",
    [
        {},
        {"next_cursor": None},
        {"next_cursor": ""},
        {"next_cursor": 0},
        {"next_cursor": "0"},
        {"next_cursor": False},
        {"next_cursor": -1},
        {"next_cursor": 1.5},
        {"next_cursor": None, "cursor": "the one that was sent"},
        {"links": {"next": None}, "meta": {"cursor": "the one that was sent"}},
        {"pageInfo": {"endCursor": "abc", "hasNextPage": False}},
        {"has_more": False, "next_cursor": "abc"},
    ],
)
@pytest.mark.parametrize("style", ["auto", "cursor"])
def test_without_a_next_cursor_the_stream_ends(
    style: str, envelope: dict[str, Any]
) -> None:
    assert after(page({"data": rows(2), **envelope}), style) is None


def test_what_is_next_is_looked_for_where_it_was_found_first() -> None:
    paginator = pagination().paginator()
    paginator.advance(page({"data": rows(2), "next_cursor": "a", "cursor": "0"}))
    paginator.advance(page({"data": rows(2, start=2), "cursor": "a"}))
    assert paginator.finished


@pytest.mark.parametrize(
    "envelope", [{"next_cursor": "abc"}, {"next": "/v1/team/time?page=2"}]
)
def test_an_empty_page_with_a_next_one_is_not_the_last(
    envelope: dict[str, Any],
) -> None:
    assert after(page({"data": [], **envelope})) is not None


@pytest.mark.parametrize(
    ("style", "envelope"),
    [
        ("link", {}),
        ("next_url", {"next": f"{URL}?page=2"}),
        ("next_url", {"next": URL}),
        ("cursor", {"next_cursor": "abc"}),
    ],
)
def test_a_server_that_goes_round_in_circles_is_an_error(
    style: str, envelope: dict[str, Any]
) -> None:
    paginator = pagination(style).paginator()
    response = page({"data": rows(2), **envelope}, link=f'<{URL}?page=2>; rel="next"')
    with pytest.raises(FatalAPIError, match=r"stream 'time'.*read before"):
        feed(paginator, *[response] * 3)


def test_a_page_that_names_itself_as_the_next_is_an_error() -> None:
    with pytest.raises(FatalAPIError, match="read before"):
        after(page({"data": rows(2), "next": URL}))


def test_an_empty_page_that_names_its_own_cursor_is_the_last() -> None:
    paginator = pagination("cursor").paginator()
    paginator.advance(page({"data": rows(2), "next_cursor": "abc"}))
    paginator.advance(page({"data": [], "next_cursor": "abc"}))
    assert paginator.finished


def test_empty_pages_without_end_are_an_error() -> None:
    paginator = pagination("cursor").paginator()
    numbers = range(EMPTY_PAGES + 1)
    responses = [page({"data": [], "next_cursor": f"c{number}"}) for number in numbers]
    with pytest.raises(FatalAPIError, match="empty pages in a row"):
        feed(paginator, *responses)


def test_empty_pages_with_records_between_them_are_no_loop() -> None:
    paginator = pagination("cursor").paginator()
    for number in range(2 * EMPTY_PAGES):
        data = rows(1) if number == EMPTY_PAGES else []
        paginator.advance(page({"data": data, "next_cursor": f"c{number}"}))
    assert not paginator.finished


# Numbers


@pytest.mark.parametrize(
    ("envelope", "following"),
    [
        ({"page": 1, "total_pages": 7}, 2),
        ({"page": 0, "total_pages": 7}, 1),
        ({"page": "1", "total_pages": "7"}, 2),
        ({"current_page": 1, "last_page": 7}, 2),
        ({"meta": {"page": 1, "per_page": 2, "total": 13}}, 2),
        ({"meta": {"pagination": {"page": 1, "pageCount": 7}}}, 2),
        ({"page": {"number": 0, "size": 2, "totalElements": 13}}, 1),
        ({"pages": {"page": 1, "total_pages": 7}}, 2),
        ({"total": 13, "per_page": 2}, 1),
        ({"total_pages": 7}, 1),
        ({"page": 1, "has_more": True}, 2),
        ({"number": 0, "last": False, "totalPages": 7}, 1),
        ({"has_more": True}, 1),
        ({"next_page": 2}, 2),
        ({"next_page": 1}, 1),
        ({"page": 1, "next_page": 2, "total_pages": 7}, 2),
        ({"page": 1, "offset": 0, "limit": 2, "total": 13}, 2),
    ],
)
def test_totals_lead_to_the_page_after_the_one_that_is_told(
    envelope: dict[str, Any], following: int
) -> None:
    assert after(page({"data": rows(2), **envelope})) == params(page=following)


@pytest.mark.parametrize(
    "headers", [{"X_Page": "1", "X_Total_Pages": "7"}, {"X_Next_Page": "2"}]
)
def test_totals_may_stand_in_headers(headers: dict[str, str]) -> None:
    assert after(page(rows(2), **headers)) == params(page=2)


@pytest.mark.parametrize(
    "envelope",
    [
        {"offset": 0, "limit": 2, "total": 13},
        {"offset": 0, "has_more": True},
        {"meta": {"skip": 0, "limit": 2, "total": 13}},
        {"startAt": 0, "total": 13},
        {"next_offset": 2},
    ],
)
def test_a_told_offset_leads_to_the_next_offset(envelope: dict[str, Any]) -> None:
    request = after(page({"data": rows(2), **envelope}), offset_param="from")
    assert request == NextRequest(params=(("from", "2"),))


@pytest.mark.parametrize(
    "envelope",
    [
        {},
        {"page": 1, "total_pages": 1},
        {"page": 0, "total_pages": 1},
        {"page": 1, "per_page": 2, "total": 2},
        {"offset": 0, "limit": 2, "total": 2},
        {"page": 1, "per_page": 10},
        {"page": 1, "has_more": False},
        {"page": 1, "next": None},
        {"total_pages": True},
        {"total_pages": -7},
        {"total_pages": 7.5},
        {"total_pages": "seven"},
        {"total_pages": [7]},
        {"summary": {"total": 36000}, "page_size": 100},
        {"filters": {"after": "2024-01-01"}},
        {"has_more": "no idea"},
    ],
)
def test_one_page_is_enough_where_nothing_says_that_more_follows(
    envelope: dict[str, Any],
) -> None:
    assert after(page({"data": rows(2), **envelope})) is None


@pytest.mark.parametrize(
    ("style", "envelope"),
    [
        ("page", {"total_pages": 7}),
        ("page", {"total": 13}),
        ("page", {"has_more": True}),
        ("page", {"next": "/v1/team/time?page=2"}),
        ("offset", {"total": 13}),
        ("offset", {"has_more": True}),
    ],
)
def test_a_short_page_is_not_the_last_where_more_is_announced(
    style: str, envelope: dict[str, Any]
) -> None:
    paginator = pagination(style, page_size=1000).paginator()
    paginator.advance(page({"data": rows(2), **envelope}))
    paginator.advance(page({"data": rows(1, start=2), **envelope}))
    assert not paginator.finished


@pytest.mark.parametrize("nonsense", [True, -7, 7.5, "seven", [7], None, 0])
@pytest.mark.parametrize("name", ["total_pages", "page_count", "total"])
def test_totals_that_make_no_sense_are_ignored(name: str, nonsense: Any) -> None:
    assert after(page({"data": rows(2), name: nonsense}), "page") == params(page=2)


def test_pages_fetched_beyond_the_end_are_told_apart_without_an_error() -> None:
    paginator = pagination("page").paginator()
    responses = [page({"data": rows(2, start), "total": 4}) for start in (0, 2, 2)]
    assert feed(paginator, *responses) == [False, False, True]
    assert paginator.finished


def test_an_empty_page_is_not_the_last_where_pages_are_counted() -> None:
    paginator = pagination("page").paginator()
    paginator.advance(page({"data": rows(2), "total_pages": 3}))
    paginator.advance(page({"data": [], "total_pages": 3}))
    assert paginator.current_value == params(page=3)


@pytest.mark.parametrize("style", ["page", "offset"])
@pytest.mark.parametrize("envelope", [{}, {"per_page": 1000, "limit": 1000}])
def test_a_first_page_shorter_than_asked_may_be_capped(
    style: str, envelope: dict[str, Any]
) -> None:
    assert after(page({"data": rows(2), **envelope}), style, page_size=1000)


@pytest.mark.parametrize("style", ["page", "offset"])
def test_a_page_shorter_than_the_one_before_is_the_last(style: str) -> None:
    paginator = pagination(style, page_size=2).paginator()
    paginator.advance(page(rows(2)))
    paginator.advance(page(rows(1, start=2)))
    assert paginator.finished


def test_a_page_shorter_than_another_of_the_stream_is_the_last() -> None:
    stream = pagination("page", page_size=2)
    stream.paginator().advance(page(rows(2)))
    paginator = stream.paginator()
    paginator.advance(page(rows(1)))
    assert paginator.finished


def test_an_offset_grows_by_the_records_received() -> None:
    paginator = pagination("offset", page_size=10).paginator()
    paginator.advance(page({"data": rows(3), "total": 9}))
    paginator.advance(page({"data": rows(2, start=3), "total": 9}))
    assert paginator.current_value == params(offset=5, limit=10)


def test_each_parent_decides_anew() -> None:
    stream = pagination()
    stream.paginator().advance(page({"data": []}))
    paginator = stream.paginator()
    paginator.advance(page({"data": rows(2), "next_cursor": "abc"}))
    assert paginator.current_value == params(cursor="abc")


# What is known ahead


def test_numbered_pages_up_to_a_known_end_are_known_ahead() -> None:
    paginator = pagination(page_size=2).paginator()
    paginator.advance(page({"data": rows(2), "page": 1, "total_pages": 5}))
    assert paginator.ahead(2) == [params(page=3, limit=2), params(page=4, limit=2)]
    assert len(paginator.ahead(9)) == 3


def test_a_count_of_rows_tells_the_pages_ahead() -> None:
    paginator = pagination("page").paginator()
    paginator.advance(page({"data": rows(2), "total": 7}))
    assert paginator.ahead(9) == [params(page=3), params(page=4)]


@pytest.mark.parametrize(
    ("style", "envelope"),
    [
        ("auto", {"next_cursor": "abc", "total_pages": 7}),
        ("auto", {"total_pages": 7}),
        ("page", {}),
        ("offset", {"total": 13}),
    ],
)
def test_nothing_is_known_ahead_where_it_depends_on_pages_unread(
    style: str, envelope: dict[str, Any]
) -> None:
    paginator = pagination(style).paginator()
    assert paginator.ahead(9) == []
    paginator.advance(page({"data": rows(2), **envelope}))
    assert paginator.ahead(9) == []


# Repetitions


@pytest.mark.parametrize("style", ["page", "offset"])
def test_a_server_without_pages_is_read_once_with_one_warning(
    style: str, caplog: pytest.LogCaptureFixture
) -> None:
    stream = pagination(style)
    everything = page(rows(2))
    first, second = stream.paginator(), stream.paginator()
    assert feed(first, *[everything] * 3) == [False, True, True]
    assert first.finished
    assert feed(second, *[everything] * 2) == [False, True]
    assert second.finished
    assert len(warnings(caplog)) == 1
    assert not stream.shared.doubts


def test_a_server_that_answers_with_its_last_page_again_is_read_once() -> None:
    paginator = pagination("page").paginator()
    responses = [page(rows(2, start)) for start in (0, 2, 2, 2)]
    assert feed(paginator, *responses) == [False, False, True, True]
    assert paginator.finished


def test_a_server_that_begins_again_is_read_once_and_the_list_is_in_doubt() -> None:
    stream = pagination("page")
    paginator = stream.paginator()
    responses = [page(rows(2, start)) for start in (0, 2, 0, 2)]
    assert feed(paginator, *responses) == [False, False, True, True]
    assert paginator.finished
    assert "two pages in a row" in stream.shared.doubts[0]


@pytest.mark.parametrize("style", ["page", "offset"])
def test_rows_that_move_a_page_to_the_next_place_hide_none_behind_it(
    style: str,
) -> None:
    paginator = pagination(style).paginator()
    responses = [page(rows(2, start)) for start in (0, 2, 2, 4)]
    assert feed(paginator, *responses) == [False, False, True, False]
    assert not paginator.finished


@pytest.mark.parametrize("first_again", [True, False])
def test_known_records_on_one_page_do_not_end_a_list_that_is_told(
    *, first_again: bool
) -> None:
    paginator = pagination("cursor").paginator()
    starts = (0, 0, 2) if first_again else (0, 2, 0, 4)
    for number, start in enumerate(starts):
        paginator.advance(page({"data": rows(2, start), "next_cursor": f"c{number}"}))
    assert not paginator.finished


@pytest.mark.parametrize(
    ("style", "envelope"),
    [("cursor", "next_cursor"), ("next_url", "next")],
)
def test_the_same_records_at_each_next_page_are_an_error(
    style: str, envelope: str
) -> None:
    paginator = pagination(style).paginator()
    responses = [
        page({"data": rows(2), envelope: f"/v1/team/time?nonce={number}"})
        for number in range(3)
    ]
    with pytest.raises(FatalAPIError, match="same records for each next page"):
        feed(paginator, *responses)


def test_progress_is_judged_by_ids_not_by_what_is_beside_them() -> None:
    paginator = pagination("page").paginator()
    for nonce in range(3):
        signed = [{**row, "avatar": f"?signature={nonce}"} for row in rows(2)]
        paginator.advance(page(signed))
    assert paginator.finished


def test_a_repetition_is_noticed_whatever_is_around_the_records() -> None:
    paginator = pagination("page").paginator()
    paginator.advance(page({"data": rows(2), "time": "12:00:00"}))
    paginator.advance(page({"data": rows(2), "time": "12:00:01"}))
    assert paginator.repeated


@pytest.mark.parametrize(
    ("style", "envelope", "parameter"),
    [
        ("auto", {"page": 1, "total_pages": 3}, "page"),
        ("auto", {"page": 1, "total_pages": 2}, "page"),
        ("page", {"total_pages": 2}, "page"),
        ("page", {"total": 3, "per_page": 2}, "page"),
        ("offset", {"total": 3}, "offset"),
        ("auto", {"has_more": True}, "page"),
        ("page", {"total": 6}, "page"),
        ("offset", {"total": 6}, "offset"),
    ],
)
def test_a_repetition_where_more_is_announced_is_an_error(
    style: str, envelope: dict[str, Any], parameter: str
) -> None:
    paginator = pagination(style).paginator()
    responses = [page({"data": rows(2), **envelope})] * 4
    with pytest.raises(FatalAPIError, match=f"stream 'time'.*{parameter}_param"):
        feed(paginator, *responses)


@pytest.mark.parametrize("status", [404, 416])
def test_a_repetition_of_an_announced_page_is_no_end(status: int) -> None:
    paginator = pagination("page", first_page=1).paginator()
    feed(paginator, *[page({"data": rows(2), "total": 3, "per_page": 2})] * 2)
    with pytest.raises(FatalAPIError, match="page=2 got a page that had been read"):
        paginator.refused(RefusedError("no such page", status))


def test_the_last_page_again_beyond_the_announced_ones_is_the_end() -> None:
    paginator = pagination("page", first_page=1).paginator()
    first = page({"data": rows(2), "total_pages": 2})
    last = page({"data": rows(2, 2), "total_pages": 2})
    feed(paginator, first, last)
    while not paginator.finished:
        feed(paginator, last)
    assert not paginator.shared.doubts


def test_the_first_page_again_means_that_the_parameter_counts_from_1() -> None:
    paginator = pagination().paginator()
    first = page({"data": rows(2), "number": 0, "totalPages": 2})
    second = page({"data": rows(1, 2), "number": 1, "totalPages": 2})
    assert feed(paginator, first) == [False]
    assert paginator.current_value == params(page=1)
    assert feed(paginator, first) == [True]
    assert paginator.current_value == params(page=2)
    assert feed(paginator, second) == [False]
    assert paginator.finished


# What is said


def test_a_full_single_page_is_suspicious(caplog: pytest.LogCaptureFixture) -> None:
    stream = pagination("none", page_size=2)
    for count in (1, 2, 2, 3):
        stream.paginator().advance(page(rows(count)))
    (warning,) = warnings(caplog)
    assert "exactly the 2 records asked for" in warning


def test_a_page_longer_than_asked_for_is_not_suspicious(
    caplog: pytest.LogCaptureFixture,
) -> None:
    after(page(rows(3)), "none", page_size=2)
    assert not warnings(caplog)


def test_repeated_records_are_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    meta = {"total": 5, "per_page": 2}
    starts_and_counts = [(0, 2), (0, 2), (2, 2), (4, 0)]
    responses = [page({"data": rows(n, at), **meta}) for at, n in starts_and_counts]
    assert feed(pagination().paginator(), *responses) == [False, True, False, False]
    assert warnings(caplog)[0].startswith("stream 'time': 4 records were read")


@pytest.mark.parametrize(
    ("style", "config"), [("none", {}), ("page", {"first_page": 1}), ("offset", {})]
)
def test_fewer_records_than_the_api_counts_are_suspicious(
    style: str, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    stream = pagination(style, **config)
    paginator = stream.paginator()
    paginator.advance(page({"data": rows(2), "total": 6}))
    feed(paginator, *[page({"data": [], "total": 6})] * 2)
    assert paginator.finished
    (warning,) = warnings(caplog)
    assert "2 records were read, the API counts more (total 6)" in warning
    assert stream.shared.doubts


def doubts_after(style: str, *responses: Page, **config: Any) -> list[str]:
    """Return what a list that ends with the last of these pages leaves in doubt."""
    stream = pagination(style, **config)
    paginator = stream.paginator()
    for response in responses:
        assert not paginator.finished
        paginator.advance(response)
    assert paginator.finished
    return stream.shared.doubts


@pytest.mark.parametrize("last", [[], {"data": []}, {"data": rows(1, 2)}])
@pytest.mark.parametrize("style", ["auto", "page"])
def test_a_count_that_was_told_first_holds_where_the_last_page_has_none(
    style: str, last: Any
) -> None:
    first = page({"data": rows(2), "total": 9, "per_page": 2, "page": 1})
    stream = pagination(style, first_page=1)
    paginator = stream.paginator()
    feed(paginator, first, page(last))
    doubts = [*stream.shared.doubts, *(one.doubt for one in paginator.unproven)]
    assert paginator.finished
    assert "API counts more (total 9" in doubts[0] or "per_page" in doubts[0]


def test_a_look_further_knows_what_was_counted_before() -> None:
    stream = pagination()
    paginator = stream.paginator()
    paginator.advance(page({"data": rows(2), "total": 9}))
    further = paginator.unproven[0].go_on()
    feed(further, page({"data": rows(2, 2)}), page({"data": []}))
    assert further.finished
    assert "4 records were read, the API counts more" in stream.shared.doubts[0]


@pytest.mark.parametrize("last", [{"data": []}, {"data": rows(1, 2)}])
def test_a_cursor_does_not_hide_what_was_counted_first(last: Any) -> None:
    first = page({"data": rows(2), "total": 9, "next_cursor": "a"})
    (doubt,) = doubts_after("cursor", first, page(last))
    assert doubt.startswith(f"{2 + len(last['data'])} records were read")


@pytest.mark.parametrize(
    ("style", "envelope"),
    [
        ("auto", {"page": 1, "total_pages": 3}),
        ("page", {"total_pages": 3}),
        ("page", {"has_more": True}),
        ("offset", {"has_more": True}),
    ],
)
def test_a_page_that_was_announced_and_is_empty_is_a_doubt(
    style: str, envelope: dict[str, Any]
) -> None:
    first = page({"data": rows(2), **envelope})
    (doubt,) = doubts_after(style, first, page({"data": []}), first_page=1)
    assert f"{'offset' if style == 'offset' else 'page'}=2 was announced" in doubt


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ({"has_more": True}, {"has_more": False}),
        ({"next_page": 2}, {"next_page": None}),
        ({"total": 2, "total_pages": 2}, {}),
    ],
)
def test_an_empty_page_that_says_that_it_is_the_last_is_none(
    first: dict[str, Any], last: dict[str, Any]
) -> None:
    responses = page({"data": rows(2), **first}), page({"data": [], **last})
    assert not doubts_after("page", *responses, first_page=1)


@pytest.mark.parametrize(
    ("style", "envelope", "field"),
    [
        *(
            ("none", envelope, field)
            for envelope, field in (
                ({"next": f"{URL}?page=2"}, "next"),
                ({"has_more": True}, "has_more"),
                ({"next_cursor": "abc"}, "next_cursor"),
                ({"meta": {"after_cursor": "abc"}}, "meta.after_cursor"),
                ({"next_page": 2}, "next_page"),
                ({"truncated": True}, "truncated"),
            )
        ),
        ("link", {"next": f"{URL}?page=2"}, "next"),
        ("link", {"has_more": True, "next_cursor": "abc"}, "has_more, next_cursor"),
        ("next_url", {"has_more": True, "next_cursor": None}, "has_more"),
        ("next_url", {"next_cursor": "abc"}, "next_cursor"),
        ("cursor", {"has_more": True}, "has_more"),
        ("cursor", {"next_url": f"{URL}?page=2"}, "next_url"),
    ],
)
def test_what_is_announced_and_not_followed_is_a_doubt(
    style: str, envelope: dict[str, Any], field: str
) -> None:
    (doubt,) = doubts_after(style, page({"data": rows(2), **envelope}))
    assert f"has {field}, which is not followed" in doubt


@pytest.mark.parametrize("style", ["none", "next_url", "cursor"])
def test_a_link_that_is_not_followed_is_a_doubt(style: str) -> None:
    response = page({"data": rows(2)}, link='<?page=2>; rel="next"')
    (doubt,) = doubts_after(style, response)
    assert "has Link header, which" in doubt


@pytest.mark.parametrize(
    ("style", "first", "last"),
    [
        ("auto", {"next_cursor": "abc"}, {"next_cursor": None}),
        ("cursor", {"next_cursor": "abc"}, {}),
        ("auto", {"next_url": "?page=2"}, {}),
        ("next_url", {"next": "?page=2"}, {"next": None}),
    ],
)
def test_a_last_page_that_says_that_more_follows_is_a_doubt(
    style: str, first: dict[str, Any], last: dict[str, Any]
) -> None:
    responses = [
        page({"data": rows(2), "has_more": True, **first}),
        page({"data": rows(2, 2), "has_more": True, **last}),
    ]
    (doubt,) = doubts_after(style, *responses)
    assert "has has_more, which is not followed" in doubt


@pytest.mark.parametrize(
    ("style", "envelope"),
    [
        ("none", {"next_cursor": "abc", "has_more": False}),
        ("none", {"next": None, "next_cursor": ""}),
        ("link", {"pageInfo": {"endCursor": "abc", "hasNextPage": False}}),
        ("none", {"truncated": False, "incomplete_results": False}),
    ],
)
def test_a_page_that_says_that_it_is_the_last_is_none(
    style: str, envelope: dict[str, Any]
) -> None:
    assert not doubts_after(style, page({"data": rows(2), **envelope}))


@pytest.mark.parametrize("style", ["auto", "next_url"])
def test_the_cursor_of_the_last_record_announces_nothing_after_urls(
    style: str,
) -> None:
    after = {"cursors": {"before": "a", "after": "b"}}
    first = page({"data": rows(2), "paging": {**after, "next": "?page=2"}})
    last = page({"data": rows(2, 2), "paging": after})
    assert not doubts_after(style, first, last)


def test_a_cursor_beside_a_page_that_is_ignored_is_a_doubt() -> None:
    response = page({"data": rows(2), "next_cursor": "abc"})
    (doubt,) = doubts_after("page", *[response] * 3, first_page=1)
    assert "has next_cursor, which is not followed" in doubt


# Lists that shrink


@pytest.mark.parametrize(
    ("style", "following"),
    [
        ("page", {}),
        ("offset", {}),
        ("auto", {"page": 1}),
        ("next_url", {"next": "?page=2&limit=2"}),
        ("next_url", {"next": "?$skip=2"}),
        ("cursor", {"next_cursor": "2"}),
        ("cursor", {"next_cursor": "bzoy"}),
        ("cursor", {"next": 2}),
    ],
)
def test_a_list_that_shrank_is_read_again_where_its_records_move(
    style: str, following: dict[str, Any]
) -> None:
    paginator = pagination(style, first_page=1).paginator()
    paginator.advance(page({"data": rows(2), "total": 9, "per_page": 2, **following}))
    with pytest.raises(ShiftedError, match="shrank from 9 to 8 records"):
        paginator.advance(page({"data": rows(2, 3), "total": 8, **following}))


@pytest.mark.parametrize(
    ("style", "following"),
    [
        ("auto", {"next_cursor": "WyJ4Il0"}),
        ("cursor", {"next_cursor": "abc"}),
        ("next_url", {"next": "?cursor=abc&limit=2"}),
        ("auto", {"next": "?after=p77"}),
    ],
)
def test_a_list_that_shrank_goes_on_where_a_cursor_knows_the_place(
    style: str, following: dict[str, Any]
) -> None:
    stream = pagination(style)
    paginator = stream.paginator()
    paginator.advance(page({"data": rows(2), "total": 4, **following}))
    paginator.advance(page({"data": rows(1, 2), "total": 3}))
    assert paginator.finished
    assert not stream.shared.doubts


@pytest.mark.parametrize("counts", [(5, 3, 1), (4, 2)])
@pytest.mark.parametrize("style", ["auto", "page", "offset", "next_url"])
def test_a_total_of_what_remains_is_no_list_that_shrank(
    style: str, counts: tuple[int, ...]
) -> None:
    stream = pagination(style, first_page=1)
    paginator = stream.paginator()
    for number, count in enumerate(counts):
        told: dict[str, Any] = {"total": count, "per_page": 2}
        url = f"?page={number + 2}" if number + 1 < len(counts) else None
        told |= {"next": url} if style == "next_url" else {}
        paginator.advance(page({"data": rows(min(count, 2), number * 2), **told}))
    if not paginator.finished:
        paginator.advance(page({"data": [], "total": 0}))
    assert paginator.finished
    assert not stream.shared.doubts


def test_a_total_that_only_looks_as_if_it_were_what_remains_is_found_out() -> None:
    paginator = pagination("page", first_page=1).paginator()
    paginator.advance(page({"data": rows(2), "total": 9}))
    paginator.advance(page({"data": rows(2, 4), "total": 7}))
    with pytest.raises(ShiftedError):
        paginator.advance(page({"data": rows(2, 6), "total": 7}))


def test_a_total_of_what_remains_that_is_more_than_the_last_page_shrank() -> None:
    paginator = pagination("page", first_page=1).paginator()
    paginator.advance(page({"data": rows(1), "total": 3}))
    with pytest.raises(ShiftedError):
        paginator.advance(page({"data": rows(1, 2), "total": 2, "has_more": False}))


@pytest.mark.parametrize("style", ["auto", "page", "offset"])
def test_a_row_that_came_while_the_list_was_read_is_not_missing(
    style: str, caplog: pytest.LogCaptureFixture
) -> None:
    stream = pagination(style, first_page=1)
    before, after = ({"total": count, "per_page": 1} for count in (3, 4))
    paginator = stream.paginator()
    # The row came at the front, so that the first page came twice.
    for start, told in ((0, before), (0, after), (1, after), (2, after)):
        feed(paginator, page({"data": rows(1, start), **told}))
    while not paginator.finished:
        feed(paginator, page({"data": [], **after}))
    assert not warnings(caplog)
    assert not stream.shared.doubts


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            {"data": rows(2), "meta": {"page": 1, "total_pages": 7}},
            "page (meta.page 1, meta.total_pages 7)",
        ),
        ({"data": rows(2), "offset": 0, "total": 7}, "offset (total 7, offset 0)"),
        ({"data": rows(2), "links": {"next": "/a"}}, "next_url (links.next)"),
        ({"data": rows(2), "next_cursor": "abc"}, "cursor (next_cursor)"),
        ({"data": rows(2)}, "none (the API announces no more)"),
    ],
)
def test_one_debug_line_per_stream_says_what_was_detected(
    body: dict[str, Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stream = pagination()
    for _ in range(3):
        stream.paginator().advance(page(body))
    assert caplog.messages == [f"stream 'time': pagination {said}"]


@pytest.mark.parametrize(
    ("counts", "said"),
    [([0, 2, 0, 2], ["none", "cursor"]), ([2, 0, 2, 0], ["cursor"])],
)
def test_a_parent_without_a_style_hides_none_that_another_shows(
    counts: list[int], said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stream = pagination()
    for count in counts:
        cursor = "abc" if count else None
        stream.paginator().advance(page({"data": rows(count), "next_cursor": cursor}))
    styles = [message.split(" (")[0].split()[-1] for message in caplog.messages]
    assert styles == said


def test_a_cursor_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    paginator = pagination().paginator()
    response = page({"data": rows(2), "next_cursor": "s3cret"})
    paginator.advance(response)
    with pytest.raises(FatalAPIError) as caught:
        paginator.advance(response)
    assert "s3cret" not in f"{caplog.text}{caught.value}"


# Whole servers


@dataclass
class Server:
    """A server that divides a list of numbered rows, in one style.

    Attributes:
        style: `link`, `next_url`, `cursor`, `page` or `offset`.
        count: How many rows there are.
        most: Its page size: the default, and the most that it gives.
        tells: Which totals are in the envelope.
        first: The number of its first page.
        echoes: It tells the page size that was asked for, not the one it gave.
        clamps: It answers with its last page to the numbers after it.
    """

    style: str
    count: int
    most: int
    tells: frozenset[str] = frozenset()
    first: int = 1
    echoes: bool = False
    clamps: bool = False
    asked: list[NextRequest] = field(default_factory=list)

    def pages(self, page_size: int | None) -> int:
        return -(-self.count // min(page_size or self.most, self.most))

    def answer(self, request: NextRequest) -> Page:
        self.asked.append(request)
        query = dict(parse_qsl(urlsplit(request.url or "").query))
        numbers = {
            name: int(value) for name, value in [*query.items(), *request.params]
        }
        asked = numbers.get("limit", self.most)
        size = min(asked, self.most)
        number = numbers.get("page", self.first) - self.first
        if self.clamps:
            number = min(number, max(self.pages(size) - 1, 0))
        start = {"page": number * size, "offset": numbers.get("offset", 0)}.get(
            self.style, numbers.get("cursor", 0)
        )
        end = min(start + size, self.count)
        more = end < self.count
        told = {
            "page": number + self.first,
            "offset": start,
            "per_page": asked if self.echoes else size,
            "total": self.count,
            "total_pages": self.pages(size),
            "has_more": more,
        }
        body: dict[str, Any] = {
            "data": rows(max(end - start, 0), start),
            "meta": {name: told[name] for name in self.tells},
        }
        url = f"{URL}?cursor={end}&limit={size}" if more else None
        if self.style == "cursor":
            body["next_cursor"] = str(end) if more else None
        elif self.style == "next_url":
            body["links"] = {"next": url}
        link = f'<{url}>; rel="next"' if self.style == "link" and more else ""
        return page(body, link=link)


def read(paginator: Paginator, answer: Callable[[NextRequest], Page]) -> list[int]:
    """Read all pages, and check that what was said to be ahead came true."""
    ids: list[int] = []
    ahead: list[NextRequest] = []
    while not paginator.finished:
        assert ahead[:1] in ([], [paginator.current_value])
        ahead = paginator.ahead(3)
        response = answer(paginator.current_value)
        paginator.advance(response)
        if not paginator.repeated:
            ids += [json.loads(bytes(record))["id"] for record in response.records]
    return ids


SIZES = st.integers(1, 12)
NO_TOTALS: frozenset[str] = frozenset()
TOTALS = [
    frozenset({"total_pages"}),
    frozenset({"total", "per_page"}),
    frozenset({"total", "total_pages", "has_more"}),
    frozenset({"has_more"}),
]


@st.composite
def settings_and_servers(draw: st.DrawFn) -> tuple[str, Server]:
    """Draw a server, and a setting with which its pages can be told."""
    style = draw(st.sampled_from(["link", "next_url", "cursor", "page", "offset"]))
    setting = draw(st.sampled_from(["auto", style]))
    tells = draw(st.sampled_from([NO_TOTALS, *TOTALS]))
    first = 1
    if style == "page":
        tells |= draw(st.sampled_from([NO_TOTALS, {"page"}, {"page", "per_page"}]))
    if setting == "auto" and style == "page":
        tells |= draw(st.sampled_from(TOTALS))
        first = draw(st.integers(0, 1))
    if setting == "auto" and style == "offset":
        tells |= {"offset"}
    return setting, Server(
        style,
        draw(st.integers(0, 40)),
        draw(SIZES),
        tells,
        first,
        echoes=draw(st.booleans()),
        clamps=draw(st.booleans()),
    )


@settings(max_examples=500, deadline=None)
@given(settings_and_servers(), st.none() | SIZES)
def test_every_row_is_read_once_with_at_most_one_request_more_than_pages(
    setting_and_server: tuple[str, Server], page_size: int | None
) -> None:
    setting, server = setting_and_server
    paginator = pagination(setting, page_size=page_size).paginator()
    assert read(paginator, server.answer) == [*range(server.count)]
    more = 2 if server.clamps else 1
    assert len(server.asked) <= max(server.pages(page_size), 1) + more


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(["page", "offset"]),
    st.lists(st.integers(0, 30), max_size=8),
    SIZES,
    st.none() | SIZES,
)
def test_no_parent_lacks_a_row_whatever_the_others_have(
    style: str, counts: list[int], most: int, page_size: int | None
) -> None:
    stream = pagination(style, page_size=page_size)
    for count in counts:
        server = Server(style, count, most)
        assert read(stream.paginator(), server.answer) == [*range(count)]
        assert len(server.asked) <= max(server.pages(page_size), 1) + 1


# What is believed, and looked at again


def end(response: Page, style: str = "auto", **config: Any) -> Paginator:
    paginator = pagination(style, **config).paginator()
    paginator.advance(response)
    assert paginator.finished
    return paginator


def beliefs(paginator: Paginator) -> list[Belief]:
    return [unproven.belief for unproven in paginator.unproven]


@pytest.mark.parametrize(
    "envelope",
    [
        {"count": 6},
        {"total_entries": 6},
        {"page_info": {"remaining_pages": 2}},
        {"more": "/somewhere/else"},
        {"nextThing": "abc"},
        {"has_more_of_them": True},
        {"per_page": 2},
        {"cursor": None},
        {"total": 6},
    ],
)
def test_a_sign_that_is_not_understood_asks_for_a_look_further(
    envelope: dict[str, Any],
) -> None:
    assert beliefs(end(page({"data": rows(2), **envelope}))) == [Belief.ONE_PAGE]


@pytest.mark.parametrize(
    "envelope",
    [
        {},
        {"count": 2},
        {"total": 2},
        {"discount": 30},
        {"account": 1234},
        {"total_hours": 360},
        {"per_page": 50},
        {"more": False},
        {"next": None},
        {"page_title": "Clients"},
        {"country": "NEXTLAND", "nextcloud": True},
    ],
)
def test_what_says_nothing_of_pages_asks_for_none(envelope: dict[str, Any]) -> None:
    assert beliefs(end(page({"data": rows(2), **envelope}))) == []


def test_a_header_may_be_a_sign_too() -> None:
    assert beliefs(end(page(rows(2), Page_Token="x", X_Total_Things="6"))) == [
        Belief.ONE_PAGE
    ]
    assert beliefs(end(page(rows(2), X_RateLimit_Count="60"))) == []


def test_the_look_further_asks_for_page_2_or_an_offset() -> None:
    by_page = end(page({"data": rows(2), "count": 6})).unproven[0].go_on()
    assert by_page.current_value == params(page=2)
    envelope = {"data": rows(2), "the_offset_to_use": 2, "more_offset": "yes"}
    by_offset = end(page(envelope)).unproven[0].go_on()
    assert by_offset.current_value == params(offset=2)


@pytest.mark.parametrize("data", [[], rows(2)])
def test_a_look_further_that_finds_nothing_new_is_over(data: Any) -> None:
    paginator = end(page({"data": rows(2), "count": 6})).unproven[0].go_on()
    paginator.advance(page({"data": data, "count": 6}))
    assert paginator.finished
    assert not paginator.found_more


def test_a_look_further_that_finds_records_goes_on() -> None:
    paginator = end(page({"data": rows(2), "count": 6})).unproven[0].go_on()
    paginator.advance(page({"data": rows(2, 2), "count": 6}))
    assert paginator.found_more
    assert not paginator.repeated
    assert paginator.current_value == params(page=3)
    paginator.advance(page({"data": [], "count": 6}))
    assert paginator.finished


def test_a_cursor_that_is_null_is_asked_for_with_an_empty_one() -> None:
    paginator = end(page({"data": rows(2), "cursor": None}), "cursor")
    further = paginator.unproven[0].go_on()
    assert further.current_value == params(cursor="")
    further.advance(page({"data": rows(2), "cursor": "2"}))
    assert further.repeated
    assert further.current_value == params(cursor="2")
    further.advance(page({"data": rows(1, 2), "cursor": None}))
    assert further.finished
    assert not further.repeated


def test_a_short_page_is_believed_to_be_the_last() -> None:
    paginator = pagination("page", first_page=1).paginator()
    feed(paginator, page(rows(3)), page(rows(1, 3)))
    assert beliefs(paginator) == [Belief.SHORT_PAGE]
    assert paginator.unproven[0].go_on().current_value == params(page=3)


def test_an_empty_page_is_the_last_without_doubt() -> None:
    paginator = pagination("page", first_page=1).paginator()
    feed(paginator, page(rows(3)), page([]))
    assert beliefs(paginator) == []


def test_a_page_of_the_documented_size_is_not_the_last() -> None:
    paginator = Pagination(
        {"pagination": "page", "first_page": 1}, STREAM, logging.getLogger("t"), 5
    ).paginator()
    feed(paginator, page(rows(5)), page(rows(4, 5)))
    assert beliefs(paginator) == [Belief.SHORT_PAGE]


def test_a_server_that_cuts_the_documented_size_is_not_believed_any_more() -> None:
    stream = Pagination(
        {"pagination": "page", "first_page": 1}, STREAM, logging.getLogger("t"), 50
    )
    first, second = stream.paginator(), stream.paginator()
    feed(first, page(rows(10)))
    feed(second, page(rows(10, 100)))
    assert first.finished
    assert second.finished
    further = first.unproven[0].go_on()
    feed(further, page(rows(3, 10)))
    assert further.found_more
    assert not further.finished
    feed(further, page([]))
    assert further.finished


@pytest.mark.parametrize("style", ["page", "offset"])
def test_a_count_that_ends_a_list_at_a_full_page_is_believed(style: str) -> None:
    paginator = pagination(style, first_page=1).paginator()
    feed(paginator, *[page({"data": rows(2, at), "total": 4}) for at in (0, 2)])
    assert beliefs(paginator) == [Belief.COUNT]


@pytest.mark.parametrize("style", ["page", "offset"])
def test_a_count_of_the_page_is_not_believed_any_more(style: str) -> None:
    paginator = pagination(style, first_page=1).paginator()
    feed(paginator, page({"data": rows(2), "total": 2}))
    further = paginator.unproven[0].go_on()
    starts_and_counts = [(2, 2), (4, 1), (5, 0)]
    responses = [page({"data": rows(n, at), "total": n}) for at, n in starts_and_counts]
    assert feed(further, *responses) == [False] * 3
    assert further.found_more
    assert further.finished


@pytest.mark.parametrize(
    ("zero", "found"), [(rows(2, 50), True), (rows(2), False), ([], False)]
)
def test_where_nobody_said_so_a_page_0_is_looked_for(zero: Any, *, found: bool) -> None:
    paginator = pagination("page").paginator()
    feed(paginator, page(rows(2)), page([]))
    (unproven,) = paginator.unproven
    assert unproven.belief is Belief.FIRST_PAGE
    further = unproven.go_on()
    assert further.current_value == params(page=0)
    further.advance(page(zero))
    assert further.finished
    assert further.found_more is found


@pytest.mark.parametrize(
    ("zero", "found"), [(rows(2), True), ([], False)], ids=["rows", "none"]
)
def test_where_page_1_is_empty_page_0_may_hold_all_rows(
    zero: Any, *, found: bool
) -> None:
    stream = pagination("page")
    paginator = stream.paginator()
    feed(paginator, page([]))
    (unproven,) = paginator.unproven
    assert (unproven.belief, unproven.weight) == (Belief.FIRST_PAGE, 0)
    further = unproven.go_on()
    further.advance(page(zero))
    assert further.finished
    assert further.found_more is found
    assert stream.shared.experience.counts_from_0 is found


@pytest.mark.parametrize("status", [400, 404, 410, 416, 422])
def test_a_page_that_is_refused_may_be_beyond_the_last(status: int) -> None:
    paginator = pagination("page", first_page=1).paginator()
    feed(paginator, page(rows(2)))
    assert paginator.refused(RefusedError("beyond", status))
    assert paginator.finished


def test_a_page_that_is_refused_though_it_was_announced_is_an_error() -> None:
    paginator = pagination("page", first_page=1).paginator()
    feed(paginator, page({"data": rows(2), "total_pages": 3}))
    assert not paginator.refused(RefusedError("beyond", 404))


# Other words


@pytest.mark.parametrize(
    "headers",
    [
        {"Last_Page": "false"},
        {"X_Pagination_Page_Count": "3", "X_Pagination_Current_Page": "1"},
        {"X_Pagination_Total_Count": "6", "X_Pagination_Per_Page": "2"},
        {"X_Pagination": '{"TotalCount": 6, "PageSize": 2, "CurrentPage": 1}'},
        {"Next_Page": "2"},
        {"X_Has_More": "true"},
    ],
)
def test_pages_may_be_announced_by_headers_in_other_words(
    headers: dict[str, str],
) -> None:
    assert after(page(rows(2), **headers)) in (params(page=1), params(page=2))


def test_a_content_range_leads_to_the_next_offset() -> None:
    assert after(page(rows(2), Content_Range="items 0-1/6")) == params(offset=2)
    assert after(page(rows(2), Content_Range="items 0-1/2")) is None


@pytest.mark.parametrize(
    ("envelope", "request_"),
    [
        ({"pagination": {"start": 0, "next_start": 2}}, params(offset=2)),
        ({"more_items_in_collection": True}, params(page=1)),
        ({"next_page_start_id": "abc"}, params(cursor="abc")),
        ({"done": False, "nextRecordsUrl": "/v1/more"}, None),
    ],
)
def test_pages_may_be_announced_by_fields_in_other_words(
    envelope: dict[str, Any], request_: NextRequest | None
) -> None:
    expected = request_ or NextRequest("https://api.example.com/v1/more")
    assert after(page({"data": rows(2), **envelope})) == expected


def test_a_look_further_counts_what_came_before() -> None:
    paginator = end(page({"data": rows(2), "total": 5})).unproven[0].go_on()
    ended = []
    for count, start in ((2, 2), (1, 4)):
        paginator.advance(page({"data": rows(count, start), "total": 5}))
        ended.append(paginator.finished)
    assert ended == [False, True]
    assert not paginator.shared.doubts
    assert beliefs(paginator) == []


# Lists that may have been cut without a word


@pytest.mark.parametrize("count", [20, 25, 50, 100, 200, 250, 500, 1000])
@pytest.mark.parametrize("config", [{}, {"page_size": 5_000}])
def test_behind_a_page_of_a_usual_size_another_is_looked_for(
    count: int, config: dict[str, Any]
) -> None:
    paginator = end(page(rows(count)), **config)
    assert beliefs(paginator) == [Belief.FULL_PAGE]
    further = paginator.unproven[0].go_on()
    assert ("page", "2") in further.current_value.params
    further.advance(page(rows(30, count)))
    assert further.found_more
    assert not further.repeated
    further.advance(page([]))
    assert further.finished
    assert not paginator.shared.doubts


@pytest.mark.parametrize("response", [page([]), page(rows(100))])
def test_a_list_of_a_usual_length_is_whole_if_there_is_no_second_page(
    response: Page,
) -> None:
    further = end(page(rows(100))).unproven[0].go_on()
    further.advance(response)
    assert further.finished
    assert not further.found_more
    assert not further.shared.doubts


@pytest.mark.parametrize(
    "error",
    [
        *(RefusedError("no such page", status) for status in (400, 403, 404, 405)),
        ForbiddenError("not below this parent"),
        VanishedError("gone"),
    ],
)
def test_a_second_page_that_is_refused_is_none(error: Exception) -> None:
    further = end(page(rows(100))).unproven[0].go_on()
    assert further.refused(error)
    assert further.finished


@pytest.mark.parametrize(
    "error", [RefusedError("withdrawn", 401), FatalAPIError("down")]
)
def test_a_second_page_that_fails_is_no_end(error: Exception) -> None:
    assert not end(page(rows(100))).unproven[0].go_on().refused(error)


def test_a_third_page_that_is_forbidden_is_no_end() -> None:
    further = end(page(rows(100))).unproven[0].go_on()
    further.advance(page(rows(100, 100)))
    assert not further.refused(RefusedError("forbidden", 403))


@pytest.mark.parametrize(
    "envelope",
    [
        {"has_more": False},
        {"next": None},
        {"next_cursor": ""},
        {"pageInfo": {"hasNextPage": False}},
    ],
)
def test_behind_the_last_page_no_other_is_looked_for(envelope: dict[str, Any]) -> None:
    assert beliefs(end(page({"data": rows(100), **envelope}))) == []


def test_where_another_list_has_shown_a_style_no_page_is_looked_for() -> None:
    stream = pagination()
    stream.paginator().advance(page(rows(100), link='<?page=2>; rel="next"'))
    paginator = stream.paginator()
    paginator.advance(page(rows(100)))
    assert paginator.finished
    assert beliefs(paginator) == []


@pytest.mark.parametrize("count", [1, 19, 99, 101])
@pytest.mark.parametrize("style", ["auto", "none"])
def test_behind_a_page_of_another_length_none_is_looked_for(
    style: str, count: int
) -> None:
    assert beliefs(end(page(rows(count)), style)) == []


def test_where_there_is_one_page_as_set_none_is_looked_for() -> None:
    assert beliefs(end(page(rows(100)), "none")) == []
