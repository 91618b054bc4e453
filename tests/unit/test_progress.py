"""The numbers of a run, by a clock that the test sets."""

from __future__ import annotations

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
    clock.now = 108
    for _ in range(4):
        progress.parent_read()
    assert progress.seconds_left == 12


def test_no_time_left_is_told_while_there_may_be_more(clock: Clock) -> None:
    progress = Progress(clock)
    progress.parents_begin()
    progress.parents_seen(10, more=True)
    progress.parent_read()
    assert progress.seconds_left is None
