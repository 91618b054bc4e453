"""The throttle: never more than the limit, never idle while it may send."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_analytics.api.rate_limit import FEW, FIRST_AT_ONCE, RateLimit
from tests.helpers.clocks import TIMEOUT, Clock, most_in_a_window

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Server:
    """An API that takes so many requests in any window, and refuses the others.

    Attributes:
        limit: How many requests, `None` for any number.
        window: How long a window is.
        retry_after: Whether it says how long to wait.
        up: How long a request takes to get there.
        connecting: How much longer it takes without a connection to reuse.
        down: How long its answer takes, by its number.
        taken: When the requests arrived that were not refused.
        refused: When those arrived that were.
    """

    limit: int | None = None
    window: float = 1
    retry_after: bool = True
    up: float = 0
    connecting: float = 0
    down: Callable[[int], float] = lambda _: 0
    taken: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def answer(self, at: float) -> float | None:
        """Take a request, or return for how long it is refused."""
        if self.limit is None or len(self.taken) < self.limit:
            opens_at = at
        else:
            opens_at = self.taken[-self.limit] + self.window
        if opens_at <= at:
            self.taken.append(at)
            return None
        self.refused.append(at)
        return opens_at - at if self.retry_after else 0


def run(
    limit: RateLimit,
    clock: Clock,
    server: Server,
    requests: int,
    concurrency: int = 1_000_000,
) -> float:
    """Send requests within a limit as soon as it lets them, refused ones again.

    Returns:
        When the last answer came.
    """
    numbers = itertools.count()
    connections = 0
    under_way: list[tuple[float, int, float, float | None]] = []
    arriving: list[tuple[float, int, float]] = []
    open_requests = requests
    while open_requests or under_way or arriving:
        times = [arriving[0][0]] if arriving else []
        times += [under_way[0][0]] if under_way else []
        if open_requests and len(under_way) + len(arriving) < concurrency:
            wait = limit.wait(clock.now)
            if wait <= 0:
                number = next(numbers)
                limit.sent(clock.now)
                at = clock.now + server.up
                if len(under_way) + len(arriving) == connections:
                    connections += 1
                    at += server.connecting
                heapq.heappush(arriving, (at, number, clock.now))
                open_requests -= 1
                continue
            times.append(clock.now + wait)
        clock.now = min(times)
        if arriving and arriving[0][0] == clock.now:
            _, number, sent_at = heapq.heappop(arriving)
            refusal = server.answer(clock.now)
            back_at = clock.now + server.down(number)
            heapq.heappush(under_way, (back_at, number, sent_at, refusal))
        elif under_way and under_way[0][0] == clock.now:
            _, _, sent_at, refusal = heapq.heappop(under_way)
            if refusal is not None:
                limit.refused(sent_at, clock.now, refusal)
                open_requests += 1
            limit.answered(sent_at, clock.now)
    return clock.now


LIMITS = st.integers(1, 8)
WINDOWS = st.integers(1, 1000)
LATENCIES = st.lists(st.integers(0, 500), min_size=1, max_size=30)


def cycle_of(values: list[int]) -> Callable[[int], float]:
    return lambda number: values[number % len(values)]


# A configured limit


@given(LIMITS, WINDOWS, st.integers(0, 300), LATENCIES, st.integers(1, 20))
def test_never_more_than_the_limit_arrives_in_any_window(
    limit: int, window: int, up: int, down: list[int], concurrency: int
) -> None:
    clock = Clock()
    server = Server(up=up, down=cycle_of(down))
    run(RateLimit(limit, window), clock, server, 40, concurrency)
    assert len(server.taken) == 40
    assert most_in_a_window(server.taken, window) <= limit


@given(LIMITS, WINDOWS, st.integers(0, 50), st.integers(0, 500), st.integers(1, 20))
@example(5, 1000, 1, 90, 8)
def test_connecting_may_take_its_time(
    limit: int, window: int, latency: int, connecting: int, concurrency: int
) -> None:
    clock = Clock()
    server = Server(up=latency, connecting=connecting, down=lambda _: latency)
    run(RateLimit(limit, window), clock, server, 40, concurrency)
    assert most_in_a_window(server.taken, window) <= limit


@given(LIMITS, WINDOWS, st.lists(st.integers(0, 2000), max_size=40))
def test_never_idle_while_it_may_send(
    limit: int, window: int, pauses: list[int]
) -> None:
    clock = Clock()
    rate_limit = RateLimit(limit, window)
    sent: list[float] = []
    for pause in pauses:
        clock.now += pause
        due = max(clock.now, sent[-limit] + window if len(sent) >= limit else 0)
        assert max(0, rate_limit.wait(clock.now)) == due - clock.now
        clock.now = due
        rate_limit.sent(due)
        rate_limit.answered(due, due)
        sent.append(due)


@given(LIMITS, WINDOWS, st.integers(0, 500))
def test_latency_costs_half_of_itself_per_window(
    limit: int, window: int, latency: int
) -> None:
    clock = Clock()
    server = Server(down=lambda _: latency)
    end = run(RateLimit(limit, window), clock, server, 10 * limit)
    assert end <= 9 * (max(window, latency) + latency / 2) + 2 * latency


@pytest.mark.parametrize("limit", [1, 20])
def test_a_burst_is_sent_at_once(limit: int) -> None:
    rate_limit = RateLimit(limit, 10)
    for _ in range(limit):
        assert rate_limit.wait(0) <= 0
        rate_limit.sent(0)
    assert rate_limit.wait(0) > 0


def test_a_configured_limit_is_kept_whatever_the_api_refuses() -> None:
    clock = Clock()
    rate_limit = RateLimit(10, 100)
    server = Server(limit=5, window=100)
    run(rate_limit, clock, server, 100)
    assert len(server.taken) == 100
    assert (rate_limit.requests, rate_limit.seconds) == (10, 100)


# Retry-After


@given(st.integers(0, 1000), st.integers(0, 1000), st.none() | LIMITS)
def test_nobody_sends_while_the_api_wants_to_be_left_alone(
    hold: int, later: int, limit: int | None
) -> None:
    clock = Clock()
    rate_limit = RateLimit(limit, 10)
    rate_limit.close(hold)
    clock.now = later
    assert max(0, rate_limit.wait(later)) == max(0, hold - later)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 1000)), min_size=1))
def test_the_longest_wait_counts(holds: list[tuple[int, int]]) -> None:
    clock = Clock()
    rate_limit = RateLimit()
    for pause, seconds in holds:
        clock.now += pause
        rate_limit.close(clock.now + seconds)
    ends = itertools.accumulate(pause for pause, _ in holds)
    until = max(at + seconds for at, (_, seconds) in zip(ends, holds, strict=True))
    assert rate_limit.wait(clock.now) == until - clock.now


def test_a_refusal_holds_everybody() -> None:
    clock = Clock()
    rate_limit = RateLimit(10, 10)
    rate_limit.sent(0)
    clock.now = 1
    rate_limit.refused(0, 1, 30)
    rate_limit.answered(0, 1)
    assert rate_limit.wait(1) == 30
    assert rate_limit.refusals == 1


# A limit that is not configured


def test_without_a_limit_all_is_sent_at_once_after_a_few_answers() -> None:
    clock = Clock()
    server = Server(down=lambda _: 10)
    end = run(RateLimit(), clock, server, 1000, concurrency=16)
    assert end <= 10 * (1000 / 16 + 16)


def test_an_api_of_which_nothing_is_known_gets_a_few_requests_at_once() -> None:
    rate_limit = RateLimit()
    for _ in range(FIRST_AT_ONCE):
        assert rate_limit.wait(0) <= 0
        rate_limit.sent(0)
    assert rate_limit.wait(0) > TIMEOUT


@pytest.mark.parametrize("retry_after", [True, False])
@pytest.mark.parametrize(("limit", "window"), [(20, 2000), (20, 10_000), (100, 60_000)])
def test_a_limit_is_learned_from_few_refusals(
    limit: int, window: int, *, retry_after: bool
) -> None:
    clock = Clock()
    rate_limit = RateLimit()
    server = Server(limit, window, retry_after, down=lambda _: 50)
    requests = 20 * limit
    end = run(rate_limit, clock, server, requests, concurrency=16)
    assert len(server.taken) == requests
    if retry_after:
        assert len(server.refused) <= 0.03 * requests
        assert end <= 1.25 * (requests - limit) / limit * window


def test_one_refusal_that_was_no_limit_is_forgotten() -> None:
    clock = Clock()
    rate_limit = RateLimit()
    server = Server(down=lambda _: 10)
    run(rate_limit, clock, server, 100, concurrency=16)
    sent_at = clock.now
    rate_limit.sent(sent_at)
    clock.now += 10
    rate_limit.refused(sent_at, clock.now, 1000)
    rate_limit.answered(sent_at, clock.now)
    before = clock.now
    run(rate_limit, clock, server, 20_000, concurrency=16)
    ideal = 20_000 / 16 * 10
    assert clock.now - before <= 3 * ideal


def test_a_refusal_of_one_of_the_first_requests_is_no_limit_yet() -> None:
    rate_limit = RateLimit()
    rate_limit.sent(0)
    rate_limit.refused(0, 0, 1)
    rate_limit.answered(0, 0)
    assert FEW > 1
    assert rate_limit.requests is None
