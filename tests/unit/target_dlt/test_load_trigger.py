"""When it is time to load."""

from __future__ import annotations

import pytest

from tap_analytics.target_dlt.load_trigger import LoadTrigger

LIMITS = {
    "batch_size_rows": 10,
    "batch_size_bytes": 1000,
    "batch_wait_limit_seconds": 60,
}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_rows_of_a_stream_are_enough_for_a_load() -> None:
    trigger = LoadTrigger(LIMITS)
    assert not trigger.add("a", 9, 0)
    assert not trigger.add("b", 9, 0)
    assert trigger.add("a", 1, 0)


def test_without_a_limit_rows_wait_for_bytes() -> None:
    trigger = LoadTrigger(LIMITS | {"batch_size_rows": None})
    assert not trigger.add("a", 1_000_000, 999)
    assert trigger.add("a", 1, 1)


def test_the_bytes_of_all_streams_are_enough_for_a_load() -> None:
    trigger = LoadTrigger(LIMITS)
    assert not trigger.add("a", 1, 999)
    assert trigger.add("b", 1, 1)


def test_the_first_row_waits_so_long_and_no_longer() -> None:
    clock = Clock()
    trigger = LoadTrigger(LIMITS, clock)
    clock.now = 100
    assert not trigger.is_overdue
    trigger.add("a", 1, 0)
    clock.now = 159
    trigger.add("a", 1, 0)
    assert not trigger.is_overdue
    clock.now = 160
    assert trigger.is_overdue


def test_a_load_starts_the_count_again() -> None:
    clock = Clock()
    trigger = LoadTrigger(LIMITS, clock)
    trigger.add("a", 9, 999)
    trigger.clear()
    clock.now = 100
    assert trigger.is_empty
    assert not trigger.is_overdue
    assert not trigger.add("a", 9, 999)
    assert not trigger.is_overdue


@pytest.mark.parametrize("what", ["rows", "versions"])
def test_a_state_has_to_wait_for_rows_and_versions(what: str) -> None:
    trigger = LoadTrigger(LIMITS)
    assert trigger.is_empty
    if what == "rows":
        trigger.add("a", 1, 1)
    else:
        trigger.versions.append(("a", 1))
    assert not trigger.is_empty
