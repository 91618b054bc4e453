"""How long an API asks to be left alone: headers and statuses as a table."""

from __future__ import annotations

import email.utils
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from tap_analytics.api.answer import Answer
from tap_analytics.api.waits import seconds_of, until, wait_of

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2025, 6, 18, 12, 0, 0, tzinfo=timezone.utc)
DATE = "Wed, 18 Jun 2025 12:00:00 GMT"
SOON = str(int(NOW.timestamp()) + 90)

LIMITS = [402, 403, 408, 425, 429, 500, 502, 503, 504, 520, 529, 530, 598]
OTHERS = [200, 204, 206, 301, 400, 401, 404, 405, 409, 410, 418, 422, 451]


def wait(status: int, headers: Mapping[str, str]) -> float | None:
    """Return the wait that an answer asks for, by the clock of the API."""
    named = CaseInsensitiveDict({"Date": DATE, **headers})
    return wait_of(Answer("https://api.example.com/", status, headers=named))


# What a header says


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("1", 1),
        (" 120 ", 120),
        ("1.5", 1.5),
        ("Wed, 18 Jun 2025 12:01:30 GMT", 90),
        ("Wednesday, 18-Jun-25 12:01:30 GMT", 90),
        ("Wed Jun 18 12:01:30 2025", 90),
        ("Wed, 18 Jun 2025 14:01:30 +0200", 90),
        ("Wed, 18 Jun 2025 12:01:30", 90),
        ("2025-06-18T12:01:30Z", 90),
        ("2025-06-18T14:01:30+02:00", 90),
        ("1750248090", 90),
        ("1750248090.0", 90),
        ("1750248090000", 90),
        ("Wed, 18 Jun 2025 11:59:59 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(
    header: str, seconds: float
) -> None:
    assert seconds_of(header, NOW) == seconds


@pytest.mark.parametrize(
    "header",
    [
        "",
        "soon",
        "-1",
        "+1",
        "1e3",
        "inf",
        "nan",
        "1, 2",
        "99999999999",
        "9" * 5_000,
        "Wed, 18 Jun 99999999999 12:01:30 GMT",
        "Wed, 18 Jun 2025 99:01:30 GMT",
        "Wed, 18 Jun 2025 12:01:30 +9999",
    ],
)
def test_a_header_that_makes_no_sense_says_nothing(header: str) -> None:
    assert seconds_of(header, NOW) is None


@given(st.integers(0, 999_999_999))
def test_any_number_of_seconds_is_taken(seconds: int) -> None:
    assert seconds_of(str(seconds)) == seconds


@given(st.datetimes(datetime(1000, 1, 1)))  # noqa: DTZ001 - hypothesis wants it so
def test_any_date_is_taken(date: datetime) -> None:
    until = date.replace(microsecond=0, tzinfo=timezone.utc)
    header = email.utils.format_datetime(until, usegmt=True)
    assert seconds_of(header, NOW) == max(0, (until - NOW).total_seconds())


TEXT = st.text() | st.text("0123456789:, -+.;=rtGMTJanWed")


@given(TEXT)
def test_no_header_is_an_error(header: str) -> None:
    seconds = seconds_of(header, NOW)
    assert seconds is None or seconds >= 0


@given(
    st.sampled_from(LIMITS),
    st.dictionaries(
        st.sampled_from(
            [
                "Retry-After",
                "X-RateLimit-Reset",
                "X-RateLimit-Remaining",
                "RateLimit",
                "Date",
                "X-Quota-Resets-In",
                "rate-limit-reset-",
                "reset-ratelimit",
            ]
        ),
        TEXT,
    ),
)
def test_no_headers_are_an_error(status: int, headers: dict[str, str]) -> None:
    seconds = wait(status, headers)
    assert seconds is None or seconds >= 0


def test_the_present_counts_if_no_other_time_is_given() -> None:
    in_an_hour = datetime.now(timezone.utc) + timedelta(hours=1)
    seconds = seconds_of(email.utils.format_datetime(in_an_hour))
    assert seconds is not None
    assert 0 < seconds <= 3600


# Retry-After, by status


@pytest.mark.parametrize("status", [*LIMITS, 202])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": "0"}, 0),
        ({"Retry-After": "Wed, 18 Jun 2025 12:01:30 GMT"}, 90),
        ({"Retry-After": "Wed, 18 Jun 2025 11:00:00 GMT"}, 0),
        ({"Retry-After": SOON}, 90),
        ({"X-Retry-After": "7"}, 7),
        ({"Retry-After": "soon", "X-Retry-After": "7"}, 7),
        ({"Retry-After": "7", "X-RateLimit-Reset": "99"}, 7),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_a_limit_may_say_when_to_come_again(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    assert wait(status, headers) == seconds


@pytest.mark.parametrize("status", OTHERS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "7"},
        {"X-RateLimit-Reset": "7", "X-RateLimit-Remaining": "0"},
        {"RateLimit": '"default";r=0;t=7'},
    ],
)
def test_with_other_statuses_a_wait_is_not_believed(
    status: int, headers: dict[str, str]
) -> None:
    assert wait(status, headers) is None


# A limit's reset


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "headers",
    [
        {"X-RateLimit-Reset": "90"},
        {"X-RateLimit-Reset": SOON},
        {"X-RateLimit-Reset": SOON + "000"},
        {"X-RateLimit-Reset": "2025-06-18T12:01:30Z"},
        {"X-RateLimit-Reset": "Wed, 18 Jun 2025 12:01:30 GMT"},
        {"X-Rate-Limit-Reset": "90"},
        {"RateLimit-Reset": "90"},
        {"Rate-Limit-Reset": "90"},
        {"ratelimit-reset": "90"},
        {"X-RateLimit-Reset-After": "90"},
        {"X-RateLimit-Requests-Reset": "90"},
        {"X-RateLimit-Reset-Requests": "90"},
        {"X-Quota-Reset": "90"},
        {"X-Toggl-Quota-Resets-In": "90"},
        {"RateLimit": "limit=100, remaining=0, reset=90"},
        {"RateLimit": "limit=100,remaining=7,reset=90"},
        {"RateLimit": '"default";r=0;t=90'},
        {"RateLimit": "default; r=0; t=90"},
        {"X-RateLimit-Minute-Reset": "90", "X-RateLimit-Day-Reset": "80000"},
    ],
)
def test_a_limit_is_waited_for_until_its_reset(
    status: int, headers: dict[str, str]
) -> None:
    assert wait(status, headers) == 90


SPENT = [
    {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": SOON},
    {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "90"},
    {"X-RateLimit-Remaining": "-1", "X-RateLimit-Reset": "90"},
    {"X-RateLimit-Remaining": "0.0", "X-RateLimit-Reset": "90"},
    {"X-RateLimit-Remaining": "0", "RateLimit-Reset": "90"},
    {"X-Rate-Limit-Remaining": "0", "X-RateLimit-Reset": "90"},
    {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "90"},
    {"X-RateLimit-Remaining-Requests": "0", "X-RateLimit-Reset-Requests": "90"},
    {"X-Toggl-Quota-Remaining": "0", "X-Toggl-Quota-Resets-In": "90"},
    {"RateLimit": "limit=100, remaining=0, reset=90"},
    {"RateLimit": '"hourly";r=0;t=90, "burst";r=5;t=1'},
    {"RateLimit": '"burst";r=5;t=1, "hourly";r=0;t=90'},
    {"RateLimit": '"burst";r=0;t=1, "hourly";r=0;t=90'},
    {
        "X-RateLimit-Minute-Remaining": "7",
        "X-RateLimit-Minute-Reset": "1",
        "X-RateLimit-Day-Remaining": "0",
        "X-RateLimit-Day-Reset": "90",
    },
]


@pytest.mark.parametrize("status", LIMITS)
@pytest.mark.parametrize("headers", SPENT)
def test_where_nothing_remains_any_limit_is_waited_for(
    status: int, headers: dict[str, str]
) -> None:
    assert wait(status, headers) == 90


@pytest.mark.parametrize("status", [402, 403, 408, 425, 500, 502, 504, 529])
@pytest.mark.parametrize(
    "headers",
    [
        {"X-RateLimit-Reset": SOON},
        {"X-RateLimit-Remaining": "4999", "X-RateLimit-Reset": SOON},
        {"X-RateLimit-Reset-After": "90"},
        {"X-RateLimit-Remaining": "none", "X-RateLimit-Reset": SOON},
        {"RateLimit": '"default";r=5;t=90'},
        {"RateLimit": "limit=100, remaining=5, reset=90"},
        {"X-RateLimit-Remaining": "0"},
    ],
)
def test_a_reset_that_is_always_sent_makes_no_limit_of_a_refusal(
    status: int, headers: dict[str, str]
) -> None:
    assert wait(status, headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"RateLimit": f'"default";r=0;t={"9" * 5_000}'},
        {"RateLimit": "reset=soon"},
        {"X-RateLimit-Reset": "9" * 5_000},
        {"X-RateLimit-Remaining": "9" * 5_000, "X-RateLimit-Reset": "soon"},
        {"X-Password-Reset": "90"},
        {"X-Quotation-Reset": "90"},
    ],
)
def test_what_says_nothing_of_a_reset_is_none(headers: dict[str, str]) -> None:
    assert wait(429, headers) is None


# Whose clock


@pytest.mark.parametrize("hours", [-24 * 365, -1, 0, 1, 24 * 365])
def test_a_moment_counts_from_the_date_of_the_answer(hours: int) -> None:
    api = datetime.now(timezone.utc) + timedelta(hours=hours)
    later = api + timedelta(seconds=90)
    headers = {
        "Date": email.utils.format_datetime(api, usegmt=True),
        "Retry-After": email.utils.format_datetime(later, usegmt=True),
    }
    assert wait(503, headers) == 90


@pytest.mark.parametrize("date", ["", "soon", "0", "Wed, 18 Jun 2025 99:00:00 GMT"])
def test_without_a_date_it_counts_from_when_the_answer_came(date: str) -> None:
    headers = CaseInsensitiveDict({"Date": date, "X-RateLimit-Reset": SOON})
    answer = Answer("", 429, headers=headers, received_at=NOW)
    assert wait_of(answer) == 90


# How it is told


def test_the_end_of_a_wait_is_a_moment_in_utc() -> None:
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    said = datetime.strptime(until(86_400) + " +0000", "%Y-%m-%d %H:%M UTC %z")
    assert timedelta(minutes=-1) < said - tomorrow < timedelta(minutes=1)


@pytest.mark.parametrize("seconds", [251_700_000_000, 1e300])
def test_a_wait_beyond_all_dates_has_an_end_nonetheless(seconds: float) -> None:
    assert until(seconds) == "9999-12-31 23:59 UTC"
