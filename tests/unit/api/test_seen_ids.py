"""Whether a page brings new records: compared with a set that forgets nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tap_analytics.api.seen_ids import Novelty, SeenIds, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NEW, KNOWN, SAME = Novelty.NEW, Novelty.KNOWN, Novelty.SAME


def records(ids: Iterable[Any], **beside: Any) -> list[Raw]:
    return [Raw(json.dumps({"id": one, **beside}).encode()) for one in ids]


def looks(*pages: Iterable[Any]) -> list[Novelty]:
    seen = SeenIds()
    return [seen.look(records(page)) for page in pages]


@pytest.mark.parametrize(
    ("pages", "novelties"),
    [
        ([[1, 2], [3, 4]], [NEW, NEW]),
        ([[1, 2], [2, 3]], [NEW, NEW]),
        ([[1, 2], [1, 2]], [NEW, SAME]),
        ([[1, 2], [2, 1]], [NEW, SAME]),
        ([[1, 2], [3, 4], [1, 2]], [NEW, NEW, KNOWN]),
        ([[1, 2], [3, 4], [1, 4], [5, 6]], [NEW, NEW, KNOWN, NEW]),
        ([[1, 2], [3, 4], [3, 4], [3, 4]], [NEW, NEW, SAME, SAME]),
        ([[1, 2, 3], [1, 2]], [NEW, KNOWN]),
        ([[1, 2], [], [1, 2]], [NEW, NEW, SAME]),
        ([[], [1]], [NEW, NEW]),
        ([["a", "b"], ["a", "b"]], [NEW, SAME]),
        ([[1, 2], ["1", "2"]], [NEW, NEW]),
        ([[1], [1]], [NEW, SAME]),
    ],
)
def test_a_page_is_judged_by_the_ids_that_were_there_before(
    pages: list[list[Any]], novelties: list[Novelty]
) -> None:
    assert looks(*pages) == novelties


def test_what_is_beside_the_id_tells_nothing() -> None:
    seen = SeenIds()
    assert seen.look(records([1, 2], nonce=1)) is NEW
    assert seen.look(records([1, 2], nonce=2)) is SAME


@pytest.mark.parametrize("odd", [b"1", b"null", b"[]", b'"a"', b"{}", b'{"id":{}}'])
def test_records_that_have_no_id_are_no_error(odd: bytes) -> None:
    seen = SeenIds()
    assert seen.look([Raw(odd)]) is NEW
    assert seen.look([Raw(odd)]) is SAME


def test_a_list_may_begin_after_a_page_that_somebody_else_read() -> None:
    before = digest_of(records([2, 1]))
    assert SeenIds(before).look(records([1, 2])) is SAME
    assert SeenIds(before).look(records([1, 3])) is NEW


PAGES = st.lists(st.lists(st.integers(0, 30), max_size=6, unique=True), max_size=12)


@given(PAGES)
def test_no_new_page_is_taken_for_a_known_one_or_the_other_way_round(
    pages: Sequence[Sequence[int]],
) -> None:
    known: set[int] = set()
    before: set[int] = set()
    in_a_row = 0
    seen = SeenIds()
    for ids in pages:
        novelty = seen.look(records(ids))
        if not ids:
            assert novelty is NEW
            continue
        is_known = known.issuperset(ids)
        in_a_row = in_a_row + len(ids) if is_known else 0
        if set(ids) == before:
            assert novelty is SAME
        elif not is_known:
            assert novelty is NEW
        elif in_a_row > 1:  # A single record among few may be chance.
            assert novelty is KNOWN
        known.update(ids)
        before = set(ids)


def test_a_long_lists_last_page_is_not_lost_to_chance() -> None:
    seen = SeenIds()
    count, size = 100_000, 1_000
    for start in range(0, count, size):
        assert seen.look(records(range(start, start + size))) is NEW
    # One in forty of these ids shares its bit with another one.
    assert {seen.look(records([count + number])) for number in range(2_000)} == {NEW}


def test_a_long_list_that_begins_again_is_seen_to_whatever_the_size_of_its_pages() -> (
    None
):
    for size in (1, 2, 50):
        seen = SeenIds()
        for start in range(0, 10_000, 100):
            seen.look(records(range(start, start + 100)))
        again = [seen.look(records(range(at, at + size))) for at in range(0, 400, size)]
        assert KNOWN in again[:5]
        first = again.index(KNOWN)
        assert set(again[first:]) == {KNOWN}


def test_rows_in_any_order_are_known() -> None:
    ids = list(range(5_000))
    seen = SeenIds()
    seen.look(records(ids[:2_500]))
    seen.look(records(ids[2_500:]))
    assert seen.look(records(ids[::-7])) is KNOWN
