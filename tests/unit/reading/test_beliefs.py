"""Lists whose end was only believed: which of them are not done yet."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tap_analytics.api.paginators import Unproven
from tap_analytics.api.stream_pages import Belief, StreamPages
from tap_analytics.reading.beliefs import Beliefs
from tests.helpers.fetching import Numbered

if TYPE_CHECKING:
    from tap_analytics.reading.parents_and_children import Context


def made(
    lists: int, belief: Belief = Belief.SHORT_PAGE, doubt: str = ""
) -> tuple[Beliefs, StreamPages]:
    """Return lists that ended on a belief, the last one being the heaviest."""
    shared = StreamPages({}, "tasks", logging.getLogger("tap-analytics.test"))
    beliefs = Beliefs(shared)
    for weight in range(lists):
        paginator = Numbered(1, known=True)
        go_on = paginator.shared.request
        unproven = Unproven(belief, weight, go_on, doubt)  # type: ignore[arg-type]
        paginator.unproven.append(unproven)
        beliefs.add({"project_id": weight}, paginator)
    return beliefs, shared


def numbers(contexts: list[Context]) -> list[int]:
    return sorted(int(context["project_id"]) for context in contexts)


def test_lists_that_are_still_to_be_looked_at_are_undecided() -> None:
    beliefs, _ = made(6)
    assert numbers(beliefs.undecided()) == [3, 4, 5]


def test_lists_that_are_being_looked_at_are_undecided_until_that_is_over() -> None:
    beliefs, _ = made(3)
    (_, first), *_ = beliefs.due()
    assert numbers(beliefs.undecided()) == [0, 1, 2]
    beliefs.looked(first, found_more=False)
    assert numbers(beliefs.undecided()) == [0, 1]


def test_all_lists_are_undecided_that_ended_on_a_belief_that_was_wrong() -> None:
    beliefs, shared = made(9)
    for _, unproven in beliefs.due():
        beliefs.looked(unproven, found_more=True)
    shared.refuted.add(Belief.SHORT_PAGE)
    assert numbers(beliefs.undecided()) == [0, 1, 2, 3, 4, 5]
    (_, first), *_ = beliefs.due()
    beliefs.looked(first, found_more=True)
    assert numbers(beliefs.undecided()) == [0, 1, 2, 3, 4]


def test_all_lists_are_looked_at_where_another_stream_counts_from_0() -> None:
    beliefs, shared = made(4, Belief.FIRST_PAGE)
    assert numbers(beliefs.undecided()) == [3]
    shared.experience.counts_from_0 = True
    assert numbers(beliefs.undecided()) == [0, 1, 2, 3]
    assert len(beliefs.due()) == 4
    assert shared.refuted == {Belief.FIRST_PAGE}


def test_a_doubt_of_a_list_at_which_nobody_looks_is_said() -> None:
    beliefs, shared = made(4, doubt="more may exist")
    for _, unproven in beliefs.due():
        beliefs.looked(unproven, found_more=True)
    assert shared.doubts == []
    assert beliefs.due() == []
    assert shared.doubts == ["more may exist"]
    assert beliefs.due() == []
    assert len(shared.doubts) == 1
