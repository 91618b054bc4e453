"""The numbers of a run, by a clock that the test sets."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tap_analytics.progress import Holdup, Progress
from tests.helpers.clocks import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_several_threads_wait_at_once_counts_once(clock: Clock) -> None:
    held = Holdup(clock)
    with held:
        clock.now = 2
        with held:
            clock.now = 5
        clock.now = 6
    clock.now = 10
    assert held.seconds == 6


def test_a_wait_counts_while_it_lasts(clock: Clock) -> None:
    held = Holdup(clock)
    with held:
        clock.now = 3
        assert held.lasts
        assert held.seconds == 3
    assert not held.lasts


def test_how_long_is_left_to_wait_is_known(clock: Clock) -> None:
    held = Holdup(clock)
    held.until = 10
    assert held.left == 0
    with held:
        clock.now = 4
        assert held.left == 6


def test_the_time_left_is_told_by_the_pace_so_far(clock: Clock) -> None:
    progress = Progress(clock)
    clock.now = 100  # What came before the first parent says nothing of the pace.
    progress.parents_begin()
    progress.parents_seen(10, more=False)
    for _ in range(4):
        clock.now += 2
        progress.parent_read()
    assert progress.seconds_left == 12


def test_no_time_left_is_told_while_there_may_be_more(clock: Clock) -> None:
    progress = Progress(clock)
    progress.parents_begin()
    progress.parents_seen(10, more=True)
    progress.parent_read()
    assert progress.seconds_left is None


def test_no_time_left_is_told_in_the_first_seconds(clock: Clock) -> None:
    progress = Progress(clock)
    progress.parents_begin()
    progress.parents_seen(100, more=False)
    for _ in range(20):
        progress.parent_read()
    clock.now = 4
    assert progress.seconds_left is None


def shown(progress: Progress, clock: Clock, burst: int, every: float) -> list[float]:
    """Read all parents, so many at a time; return the ends that were foretold."""
    progress.parents_begin()
    progress.parents_seen(400, more=False)
    began, foretold = clock.now, []
    while progress.parents < 400:
        if (progress.parents + 1) % burst == 0:
            upto = clock.now + every
            while clock.now < upto:
                clock.now += 0.25
                if (left := progress.seconds_left) is not None:
                    foretold.append(clock.now - began + left)
        clock.now += 0.02
        progress.parent_read()
    return foretold


@pytest.mark.parametrize(("burst", "every"), [(10, 10), (1, 1), (40, 60), (10, 1.5)])
def test_the_time_left_does_not_jump_where_an_api_takes_few_requests_at_once(
    clock: Clock, burst: int, every: float
) -> None:
    foretold = shown(Progress(clock), clock, burst, every)
    assert len(foretold) > 100
    steps = pairwise(foretold)
    assert all(1 / 1.5 < after / before < 1.5 for before, after in steps)
    assert max(foretold) < 1.5 * min(foretold)


def test_the_time_left_is_not_told_while_a_limit_makes_all_that_was_known_wrong(
    clock: Clock,
) -> None:
    progress = Progress(clock)
    progress.parents_begin()
    progress.parents_seen(100, more=False)
    for _ in range(60):
        clock.now += 0.1
        progress.parent_read()
    assert progress.seconds_left == pytest.approx(4)
    clock.now += 10  # The limit.
    assert progress.seconds_left is None


def test_what_is_read_anew_counts_once_but_its_requests_do_not(clock: Clock) -> None:
    progress = Progress(clock)
    progress.expect(["tasks"])
    progress.wrote("tasks", 5)
    progress.finished("tasks")
    progress.sent()
    progress.parents_seen(3, more=False)
    progress.parent_read()
    progress.begin_anew()
    assert progress.rows == {"tasks": 0}
    assert (progress.parents, progress.parents_known, progress.complete) == (
        0,
        0,
        set(),
    )
    assert progress.requests == 1
