"""When it is time to load."""

from __future__ import annotations

import pytest

from tap_analytics.target_dlt.load_trigger import Pending

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
    pending = Pending(LIMITS)
    assert not pending.add("a", 9, 0)
    assert not pending.add("b", 9, 0)
    assert pending.add("a", 1, 0)


def test_the_bytes_of_all_streams_are_enough_for_a_load() -> None:
    pending = Pending(LIMITS)
    assert not pending.add("a", 1, 999)
    assert pending.add("b", 1, 1)


def test_the_first_row_waits_so_long_and_no_longer() -> None:
    clock = Clock()
    pending = Pending(LIMITS, clock)
    clock.now = 100
    assert not pending.is_overdue
    pending.add("a", 1, 0)
    clock.now = 159
    pending.add("a", 1, 0)
    assert not pending.is_overdue
    clock.now = 160
    assert pending.is_overdue


def test_a_load_starts_the_count_again() -> None:
    clock = Clock()
    pending = Pending(LIMITS, clock)
    pending.add("a", 9, 999)
    pending.clear()
    clock.now = 100
    assert pending.is_empty
    assert not pending.is_overdue
    assert not pending.add("a", 9, 999)
    assert not pending.is_overdue


@pytest.mark.parametrize("what", ["rows", "versions"])
def test_a_state_has_to_wait_for_rows_and_versions(what: str) -> None:
    pending = Pending(LIMITS)
    assert pending.is_empty
    if what == "rows":
        pending.add("a", 1, 1)
    else:
        pending.versions.append(("a", 1))
    assert not pending.is_empty
