"""What a reader makes of what earlier parts of its read have found out."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.api.stream_pages import Belief
from tap_analytics.errors import ForbiddenError
from tap_analytics.reading.account import Account
from tap_analytics.reading.so_far import SoFar
from tap_analytics.reading.stream_reader import StreamReader
from tap_analytics.rows.bookmarks import Bookmark
from tap_analytics.rows.unfinished import UNFINISHED
from tap_analytics.run import Run
from tap_analytics.settings import DEFAULTS
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
DONE = {"project_id": "done"}


@pytest.fixture
def reader() -> Iterator[Callable[..., StreamReader]]:
    """Makes readers that go on with a part that has found something out."""
    run = Run.logging_to(logging.NullHandler())
    account = Account({**DEFAULTS, "api_key": KEY}, run)

    def make(**found: Any) -> StreamReader:
        first = SoFar({}, "s", NOW, 12)
        first.is_read(DONE)
        known = {"undecided": (), "version": 7, "highest": None}
        text = first.text(**{**known, "doubts": (), "refuted": (), **found})
        bookmark = Bookmark({}, "createdAt", NOW)
        return StreamReader(
            account,
            name="tasks",
            path="/projects/{project_id}/tasks",
            schema={"properties": {"id": {"type": ["string"]}}},
            keys=("id",),
            bookmark=bookmark,
            so_far=SoFar({UNFINISHED: text}, "s", NOW, 12),
            is_child=True,
        )

    yield make
    account.close()


def promoted(reader: StreamReader) -> dict[str, Any]:
    state: dict[str, Any] = {}
    reader.promote(state)
    return state


def test_a_stream_of_several_parts_without_doubts_is_whole(
    reader: Callable[..., StreamReader],
) -> None:
    made = reader()
    assert made.skips(DONE)
    assert made.wholeness.why_not() is None
    assert promoted(made)


def test_a_belief_that_turns_out_wrong_puts_what_was_skipped_in_doubt(
    reader: Callable[..., StreamReader],
) -> None:
    made = reader()
    made.skips(DONE)
    made.pagination.shared.refuted.add(Belief.SHORT_PAGE)
    assert made.wholeness.why_not() is not None
    assert not promoted(made)


def test_a_belief_that_an_earlier_part_knew_to_be_wrong_is_known(
    reader: Callable[..., StreamReader],
) -> None:
    made = reader(refuted=["SHORT_PAGE"])
    made.skips(DONE)
    assert made.pagination.shared.refuted == {Belief.SHORT_PAGE}
    assert made.wholeness.why_not() is None


def test_doubts_of_an_earlier_part_move_no_bookmark(
    reader: Callable[..., StreamReader],
) -> None:
    made = reader(doubts=["more rows may exist than were read"])
    assert made.wholeness.why_not() is not None
    assert not promoted(made)


def test_parents_that_an_earlier_part_left_out_keep_rows_but_move_the_bookmark(
    reader: Callable[..., StreamReader],
) -> None:
    made = reader(doubts=["the rows of some parents could not be read"])
    made.skips(DONE)
    assert made.wholeness.why_not() is not None
    assert promoted(made)


def test_a_parent_of_which_a_look_further_is_refused_is_not_done(
    reader: Callable[..., StreamReader],
) -> None:
    made, parent = reader(), {"project_id": "read"}
    made.parent_is_done(parent, None)
    before = made.unfinished(7)
    made.left_out(parent, ForbiddenError("403"))
    after = made.unfinished(7)
    assert before is not None
    assert after is not None
    assert SoFar({UNFINISHED: before}, "s", NOW, 12).skips(parent)
    assert not SoFar({UNFINISHED: after}, "s", NOW, 12).skips(parent)
    assert not promoted(made).get("parents")
