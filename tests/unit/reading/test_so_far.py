"""How far a stream was read over several runs, and when a STATE says so."""

from __future__ import annotations

import tracemalloc
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tap_analytics.reading.so_far import SoFar, StateCadence
from tap_analytics.rows.bookmarks import VALUE
from tap_analytics.rows.unfinished import UNFINISHED
from tests.helpers.clocks import Clock

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def project(number: int) -> dict[str, str]:
    return {"project_id": f"p{number}"}


def first_part(**state: Any) -> SoFar:
    """Return a read that begins, two hours ago."""
    return SoFar(state, "s", NOW - timedelta(hours=2), 12)


def stopped(part: SoFar, **more: Any) -> dict[str, Any]:
    """Return the state in which a part leaves the stream."""
    known = {"undecided": (), "version": 7, "highest": None, "doubts": ()}
    return {UNFINISHED: part.text(**{**known, "refuted": (), **more})}


def next_part(state: dict[str, Any], hours: float = 12, settings: str = "s") -> SoFar:
    return SoFar(state, settings, NOW, hours)


def test_parents_that_are_done_are_skipped_and_all_others_are_not() -> None:
    first = first_part()
    first.is_read(project(1))
    second = next_part(stopped(first))
    assert [second.skips(project(number)) for number in (1, 2)] == [True, False]
    assert second.skipped == 1


def test_what_earlier_parts_have_done_stays_done() -> None:
    first = first_part()
    first.is_read(project(1))
    second = next_part(stopped(first))
    second.is_read(project(2))
    third = next_part(stopped(second))
    assert all(third.skips(project(number)) for number in (1, 2))
    assert third.began_at == first.began_at


@pytest.mark.parametrize("odd", [{"hours": 0}, {"hours": 1}, {"settings": "other"}])
def test_a_read_that_begins_anew_skips_nothing(odd: dict[str, Any]) -> None:
    first = first_part()
    first.is_read(project(1))
    second = next_part(stopped(first), **odd)
    assert second.before is None
    assert second.began_at == NOW
    assert not second.skips(project(1))
    assert second.last_version == 7


def test_a_parent_whose_list_is_undecided_is_not_done() -> None:
    first = first_part()
    first.is_read(project(1))
    second = next_part(stopped(first, undecided=[project(1)]))
    assert not second.skips(project(1))


def test_a_parent_that_a_look_further_left_out_is_not_done() -> None:
    first = first_part()
    first.is_read(project(1))
    first.is_not_read(project(1))
    assert not next_part(stopped(first)).skips(project(1))


def test_doubts_and_refuted_beliefs_are_handed_on_once() -> None:
    first = first_part()
    second = next_part(stopped(first, doubts=["a"], refuted=["COUNT"]))
    third = next_part(stopped(second, doubts=["a", "b"], refuted=["COUNT"]))
    assert third.doubts == ("a", "b")
    assert third.refuted == ("COUNT",)


def test_a_stream_that_is_complete_is_not_to_be_read() -> None:
    state = {UNFINISHED: first_part().text_when_complete(7), VALUE: "2026-01-31"}
    assert next_part(state).is_complete


def test_a_state_is_told_without_a_python_object_for_each_parent() -> None:
    count, part = 10_000, first_part()
    for number in range(count):
        part.is_read(project(number))
    tracemalloc.start()
    state = stopped(part, undecided=[project(1)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak / count < 40  # Each one of 6 bytes would take 39, and 8 in a list.
    assert len(state[UNFINISHED]) > 8 * (count - 1)


# The bookmark


def test_a_full_refresh_goes_on_without_the_bookmark_that_is_merged_beneath_it() -> (
    None
):
    merged = {VALUE: "2026-01-01", **stopped(first_part())}
    second = next_part(merged)
    assert second.before is not None
    assert second.state == {}
    third = next_part({VALUE: "2026-01-01", **stopped(second)})
    assert third.state == {}


def test_a_read_from_a_bookmark_goes_on_from_the_same() -> None:
    first = first_part(**{VALUE: "2026-01-01"})
    state = {VALUE: "2026-01-01", **stopped(first)}
    assert next_part(state).state == state


def test_a_read_from_another_bookmark_does_not_go_on() -> None:
    first = first_part(**{VALUE: "2026-01-01"})
    assert next_part({VALUE: "2026-01-02", **stopped(first)}).before is None


# The cadence


def test_a_state_is_due_every_minute() -> None:
    clock, cadence = Clock(), StateCadence()
    due = []
    for clock.now in range(0, 301, 10):
        if cadence.is_due(clock(), 1_000_000, 0) and cadence.allows(100, 1_000_000, 0):
            cadence.wrote(clock())
            due.append(clock())
    assert due == [60, 120, 180, 240, 300]


@pytest.mark.parametrize("projects", [1_000, 4_000, 16_000])
def test_all_states_together_stay_under_5_percent_of_the_records(projects: int) -> None:
    clock, cadence = Clock(), StateCadence()
    records = states = count = 0
    for number in range(projects):
        clock.now += 60
        records += 1_000
        size = 300 + 16 * number
        is_due = cadence.is_due(clock(), records, states)
        if is_due and cadence.allows(size, records, states):
            cadence.wrote(clock())
            states, count = states + size, count + 1
        assert states <= 0.05 * records
    assert count > 5


def test_the_size_of_a_state_is_asked_for_a_few_times_only() -> None:
    clock, cadence = Clock(), StateCadence()
    records = states = asked = 0
    for number in range(16_000):
        clock.now += 60
        records += 1_000
        if cadence.is_due(clock(), records, states):
            asked += 1
            if cadence.allows(300 + 16 * number, records, states):
                cadence.wrote(clock())
                states += 300 + 16 * number
    assert asked < 100
