"""What a run finds out about the API and its key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tap_analytics.api.experience import (
    EXHAUSTED_IN_A_ROW,
    FORBIDDEN_IN_A_ROW,
    Experience,
)


def test_a_key_has_worked_once_there_was_an_answer() -> None:
    experience = Experience()
    assert not experience.key_has_worked
    experience.answered("users")
    assert experience.key_has_worked


def test_answers_are_counted_on_all_threads() -> None:
    experience = Experience()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(experience.answered, ["users"] * 2_000))
    assert experience.answers == 2_000


# Forbidden parents


def test_twenty_forbidden_parents_in_a_row_are_no_accident() -> None:
    experience = Experience()
    experience.answered("projects")
    worth = [experience.forbidden("tasks") for _ in range(FORBIDDEN_IN_A_ROW)]
    assert worth == [True] * (FORBIDDEN_IN_A_ROW - 1) + [False]
    assert FORBIDDEN_IN_A_ROW == 20


def test_a_stream_of_which_one_parent_was_read_goes_on() -> None:
    experience = Experience()
    experience.answered("tasks")
    assert all(experience.forbidden("tasks") for _ in range(3 * FORBIDDEN_IN_A_ROW))


def test_each_stream_has_its_own_row() -> None:
    experience = Experience()
    for _ in range(FORBIDDEN_IN_A_ROW - 1):
        assert experience.forbidden("tasks")
        assert experience.forbidden("time_records")
    assert not experience.forbidden("tasks")


# Exhausted retries


def test_who_fails_while_others_are_answered_fails_alone() -> None:
    experience = Experience()
    for _ in range(3 * EXHAUSTED_IN_A_ROW):
        before = experience.answers
        experience.answered("tasks")
        assert experience.others_answer(before)


def test_one_request_at_a_time_may_fail_for_both_streams_of_two_neighbours() -> None:
    experience = Experience()
    experience.answered("projects")
    for _ in range(4):
        assert experience.others_answer(experience.answers)


def test_failures_with_no_answer_between_them_are_those_of_an_api_that_is_down() -> (
    None
):
    experience = Experience()
    experience.answered("projects")
    alone = [experience.others_answer(1) for _ in range(EXHAUSTED_IN_A_ROW + 1)]
    assert alone == [True] * (EXHAUSTED_IN_A_ROW - 1) + [False] * 2


def test_an_answer_begins_a_new_row() -> None:
    experience = Experience()
    for _ in range(3):
        for _ in range(EXHAUSTED_IN_A_ROW - 1):
            assert experience.others_answer(experience.answers)
        experience.answered("tasks")
