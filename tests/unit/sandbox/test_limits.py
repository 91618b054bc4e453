"""What the sandbox's rate limits grant, and how they say when to come again."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_analytics.sandbox.limits import LIMIT_HEADERS, Quota, RateLimit
from tests.helpers.clocks import Clock
from tests.helpers.sandbox_client import get

if TYPE_CHECKING:
    from tests.conftest import SandboxFactory

PAUSES = st.lists(st.integers(0, 4_096).map(lambda n: n / 1_024), max_size=60)
"""Seconds with exact sums: a float beside a far smaller one is lost in theirs."""

REFUSED = Quota(limit=20, remaining=0, reset=7, is_used_up=True, now=1_700_000_000.5)


@given(limit=st.integers(1, 5), pauses=PAUSES)
def test_no_window_has_more_granted_requests_than_the_limit(
    limit: int, pauses: list[float]
) -> None:
    clock = Clock()
    rate = RateLimit(limit, 2.0, clock)
    granted: list[float] = []
    for pause in pauses:
        clock.now += pause
        in_window = [moment for moment in granted if moment > clock.now - 2.0]
        wait = rate.refuses_for()
        assert (wait == 0) == (len(in_window) < limit)
        if not wait:
            granted.append(clock.now)


@given(pauses=PAUSES)
def test_who_waits_as_long_as_told_is_granted(pauses: list[float]) -> None:
    clock = Clock()
    rate = RateLimit(2, 2.5, clock)
    for pause in pauses:
        clock.now += pause
        wait = rate.refuses_for()
        if wait:
            clock.now += wait
            assert rate.refuses_for() == 0


def test_refused_requests_are_not_counted_as_used() -> None:
    clock = Clock()
    rate = RateLimit(2, 10.0, clock)
    assert [rate.refuses_for() for _ in range(5)] == [0, 0, 10, 10, 10]
    clock.now += 9.5
    assert rate.refuses_for() == 1
    clock.now += 0.5
    assert [rate.refuses_for() for _ in range(3)] == [0, 0, 10]


def test_too_many_requests_get_429_with_retry_after(sandbox: SandboxFactory) -> None:
    api = sandbox(rate_limit=(3, 60))
    responses = [get(api, "/v1/clients") for _ in range(5)]
    statuses = [response.status_code for response in responses]
    assert statuses == [200, 200, 200, 429, 429]
    assert 55 <= int(responses[-1].headers["Retry-After"]) <= 60
    stats = api.stats()
    assert (stats.requests, stats.refused) == (5, 2)
    assert stats.statuses == {"200": 3, "429": 2}
    assert (stats.peak_rate, stats.rate_window) == (5, 60)


def test_the_status_of_a_refusal_may_be_another(sandbox: SandboxFactory) -> None:
    api = sandbox(rate_limit=(1, 60), limit_status=403)
    assert [get(api, "/v1/clients").status_code for _ in range(2)] == [200, 403]


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("retry-after", {"Retry-After": "7"}),
        ("retry-after-0", {"Retry-After": "0"}),
        (
            "x-ratelimit",
            {
                "X-RateLimit-Limit": "20",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": "1700000008",
            },
        ),
        (
            "x-ratelimit-seconds",
            {
                "X-RateLimit-Limit": "20",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": "7",
            },
        ),
        (
            "ratelimit-reset",
            {
                "RateLimit-Limit": "20",
                "RateLimit-Remaining": "0",
                "RateLimit-Reset": "7",
            },
        ),
        ("ratelimit", {"RateLimit": "limit=20, remaining=0, reset=7"}),
        ("ratelimit-item", {"RateLimit": '"default";r=0;t=7'}),
    ],
)
def test_a_refusal_says_when_to_come_again(name: str, headers: dict[str, str]) -> None:
    assert LIMIT_HEADERS[name](REFUSED) == headers


@pytest.mark.parametrize(
    ("name", "seconds"), [("retry-after-date", 7.5), ("retry-after-past", -3600.5)]
)
def test_a_refusal_says_it_as_a_date(name: str, seconds: float) -> None:
    date = parsedate_to_datetime(LIMIT_HEADERS[name](REFUSED)["Retry-After"])
    assert date.timestamp() - REFUSED.now == seconds


def test_an_answer_says_how_much_is_left(sandbox: SandboxFactory) -> None:
    api = sandbox(rate_limit=(3, 60), limit_headers=("x-ratelimit", "retry-after"))
    headers = [get(api, "/v1/clients").headers for _ in range(4)]
    left = [one["X-RateLimit-Remaining"] for one in headers]
    assert left == ["2", "1", "0", "0"]
    assert ["Retry-After" in one for one in headers] == [False, False, False, True]
    assert 50 < int(headers[-1]["X-RateLimit-Reset"]) - time.time() < 70
