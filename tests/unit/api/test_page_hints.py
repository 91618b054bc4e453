"""What an answer says of the pages around it, whatever the API calls it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from tap_analytics.api.answer import Answer
from tap_analytics.api.hint_values import is_url, numbers_in, whole
from tap_analytics.api.page import Page
from tap_analytics.api.page_hints import PageHints
from tap_analytics.errors import RetriableAPIError


def hints(
    envelope: dict[str, Any], headers: dict[str, str] | None = None, **options: Any
) -> PageHints:
    body = json.dumps({"data": [], **envelope}).encode()
    answer = Answer("https://h/", headers=CaseInsensitiveDict(headers or {}), body=body)
    return PageHints(Page(answer, **options))


# Values


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7),
        ("7", 7),
        ("007", 7),
        (0, 0),
        (10**18 - 1, 10**18 - 1),
        (-1, None),
        (7.0, 7),
        ("7.0", 7),
        ("7.", 7),
        ("7.00", 7),
        (7.5, None),
        (1e30, None),
        (float("nan"), None),
        ("1,184", 1184),
        ("1'184'000", 1184000),
        ("1\u202f184", 1184),
        ("1,184.0", 1184),
        ("1,2", None),
        ("1,1844", None),
        ("1.184", None),
        ("", None),
        (" 7", None),
        ("\u0667", None),
        ("9" * 5_000, None),
        (True, None),
        (None, None),
        ([7], None),
    ],
)
def test_a_whole_number_may_be_written_as_text(
    value: object, number: int | None
) -> None:
    assert whole(value) == number


@pytest.mark.parametrize(
    "value",
    ["https://h/x", "HTTP://h", "/v1/x", "//h/x", "./x", "../x", "?page=2", "x?page=2"],
)
def test_a_url_may_be_relative(value: str) -> None:
    assert is_url(value)


@pytest.mark.parametrize("value", ["", "abc", "abc==", "2", "a/b", "x?", 7, None, {}])
def test_other_values_are_not_urls(value: object) -> None:
    assert not is_url(value)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("130 records", [130]),
        ("1/3", [1, 3]),
        ("1-50 of 1,184", [1, 50, 1184]),
        ("page 1 of 1", [1, 1]),
        ("1.184 Einträge", [1184]),
        ("12.5", []),
        ("36:00", []),
        ("1.13.35", []),
        ("2026-01-31", []),
        ("https://h/1", []),
        ("3f2a", []),
        ("none", []),
        ("1" * 101, []),
    ],
)
def test_a_text_may_hold_numbers_that_count_something(
    text: str, numbers: list[int]
) -> None:
    assert numbers_in(text) == numbers


# Whether more follows


@pytest.mark.parametrize(
    ("envelope", "more"),
    [
        ({"has_more": True}, True),
        ({"hasMore": "true"}, True),
        ({"more": False}, False),
        ({"has_next": "FALSE"}, False),
        ({"last": False}, True),
        ({"isLastPage": True}, False),
        ({"done": True}, False),
        ({"is_truncated": True}, True),
        ({"is_truncated": False}, False),
        ({"truncated": True}, None),
        ({"truncated": False}, None),
        ({"incomplete_results": False}, None),
        ({"end_of_stream": True}, False),
        ({"has_more": "perhaps"}, None),
        ({"next": "?page=2"}, True),
        ({"next_page": 2}, True),
        ({"next": None}, False),
        ({"next": ""}, False),
        ({"next": None, "has_more": True}, False),
        ({"next_offset": 50}, True),
        ({}, None),
        ({"page": 1}, None),
    ],
)
def test_more_follows_if_a_next_page_or_a_flag_says_so(
    envelope: dict[str, Any],
    more: bool | None,  # noqa: FBT001 - from the table
) -> None:
    assert hints(envelope).more() is more


def test_the_outermost_field_counts() -> None:
    assert hints({"meta": {"total_count": 9}, "total_count": 6}).number("rows") == 6


def test_a_field_beside_the_records_counts_as_one_at_the_top() -> None:
    answer = Answer("https://h/", body=b'{"time": {"rows": [], "total": 6}}')
    found = PageHints(Page(answer, "time.rows"))
    assert found.number("rows") == 6
    assert str(found) == "time.total 6"


@pytest.mark.parametrize(
    ("number", "second"), [(1, 1), (2, 2), ("2", 2), (0, None), (77, None)]
)
def test_a_next_number_that_is_not_1_or_2_is_rather_a_cursor(
    number: object, second: int | None
) -> None:
    assert hints({"next": number}).second_page() == second


@pytest.mark.parametrize(
    "envelope",
    [
        {"next": "https://h/2"},
        {"next_url": "items2"},
        {"next": "abc"},
        {"next_page": 2},
        {"next_offset": 50},
        {"nextPageToken": "abc"},
        {"paging": {"cursors": {"after": "abc"}}},
        {"has_more": True},
        {"last": "False"},
        {"truncated": True},
        {"incomplete_results": True, "has_more": False},
    ],
)
def test_a_page_may_announce_another(envelope: dict[str, Any]) -> None:
    (field,) = hints(envelope).announced(positions=True)
    assert field.startswith(next(iter(envelope)))


@pytest.mark.parametrize(
    "envelope",
    [
        {},
        {"next": None, "next_cursor": "", "next_offset": 0},
        {"next_cursor": "abc", "has_more": False},
        {"truncated": False, "incomplete": "false"},
        {"links": {"next": "?page=2"}, "meta": {"has_more": False}},
        {"cursor": "the one that was sent"},
        {"total": 130},
    ],
)
def test_a_page_that_announces_no_other(envelope: dict[str, Any]) -> None:
    assert hints(envelope).announced(positions=True) == []


@pytest.mark.parametrize("field", ["end_cursor", "after_cursor", "afterKey"])
def test_the_cursor_of_the_last_record_is_told_from_others(field: str) -> None:
    assert hints({field: "abc"}).announced(positions=False) == []


# Signs that nothing explains


@pytest.mark.parametrize(
    ("envelope", "received"),
    [
        ({"count": 3}, 2),
        ({"meta": {"total": 3}}, 2),
        ({"recordCount": "3"}, 2),
        ({"page_count": 2}, 50),
        ({"page_size": 2}, 2),
        ({"next_batch": "x"}, 2),
        ({"offset_token": "x"}, 2),
        ({"cursor_position": 7}, 2),
        ({"total": 3.0}, 2),
        ({"total": "1,184"}, 50),
        ({"total": "1.184"}, 50),
        ({"total_count": "130 records"}, 50),
        ({"page": "1/3"}, 50),
        ({"pages": "1 of 3"}, 50),
        ({"page_token": "abc"}, 50),
        ({"PaginationToken": "abc"}, 50),
        ({"truncated": "true"}, 50),
        ({"meta": {"incomplete_results": True}}, 50),
    ],
)
def test_a_sign_is_kept_if_it_may_mean_more_records(
    envelope: dict[str, Any], received: int
) -> None:
    assert hints(envelope).unexplained(received)


@pytest.mark.parametrize(
    ("envelope", "received"),
    [
        ({"count": 2}, 2),
        ({"meta": {"total": 2}}, 2),
        ({"page_count": 1}, 50),
        ({"page_size": 50}, 2),
        ({"next_batch": ""}, 2),
        ({"next_batch": None}, 2),
        ({"next_batch": False}, 2),
        ({"offset": 0}, 2),
        ({"discount": 30, "amount": 40}, 2),
        ({"total_hours": 40}, 2),
        ({"total": 2.0}, 2),
        ({"total_count": "2 records"}, 2),
        ({"total": "12.5"}, 2),
        ({"totals": {"worked": "36:00"}}, 2),
        ({"page": "1/1"}, 50),
        ({"page": "1 of 1"}, 50),
        ({"page_token": ""}, 50),
        ({"csrf_token": "abc"}, 50),
        ({"page_rendered": "2026-01-31"}, 50),
        ({"landing_page": "https://h/2"}, 50),
    ],
)
def test_a_sign_is_explained_if_all_records_are_there(
    envelope: dict[str, Any], received: int
) -> None:
    assert hints(envelope).unexplained(received) == {}


# Whatever is sent

NAMES = st.sampled_from(["next", "page", "total", "links", "meta", "cursor", "x"])
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES | st.text(), inner),
    max_leaves=10,
)


@given(
    st.dictionaries(NAMES | st.text(), VALUES),
    st.dictionaries(
        st.sampled_from(["Link", "Content-Range", "X-Pagination", "X-Next", "Total"]),
        st.text() | st.text('<>;="/- 0123456789*{}:relnxt'),
    ),
)
def test_no_answer_is_too_odd_to_be_looked_at(
    envelope: dict[str, Any], headers: dict[str, str]
) -> None:
    body = json.dumps({"data": [], "result": envelope}).encode()
    answer = Answer("https://h/", headers=CaseInsensitiveDict(headers), body=body)
    try:
        found = PageHints(Page(answer))
    except RetriableAPIError:
        return  # It reports an error.
    assert found.more() in {True, False, None}
    assert isinstance(found.unexplained(7), dict)
    assert isinstance(str(found), str)


def test_data_beside_the_records_takes_no_time() -> None:
    users = {str(n): {f"field_{f}": "x" for f in range(50)} for n in range(2_000)}
    page = hints({"supplemental_data": {"users": users}, "more": True}).page
    began = time.process_time()
    assert PageHints(page).more() is True
    assert time.process_time() - began < 0.5
