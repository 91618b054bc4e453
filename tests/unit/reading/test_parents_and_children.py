"""Rows and their children: whatever happens on the threads, the output is the same."""

from __future__ import annotations

import itertools
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_analytics.errors import FatalAPIError, VanishedError
from tap_analytics.reading.page_memory import WAITING_BYTES, PageMemory
from tests.helpers.fetching import (
    TIMEOUT,
    Below,
    Lists,
    Tree,
    branch_of,
    expected,
    failing,
    fan,
    outcome,
    quiet,
    threads,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_analytics.api.page import Page
    from tap_analytics.reading.parents_and_children import Context
    from tap_analytics.rows.fields import Row


class Schedule:
    """Decides which of the waiting fetches goes on: the order is drawn, not timed.

    One goes on when as many wait as there are threads, or the writer waits.
    """

    def __init__(self, size: int, choices: list[int]) -> None:
        self.size = size
        self.choices = itertools.cycle(choices)
        self.waiting: list[object] = []
        self.writer_waits = False
        self.is_over = False
        self.changed = threading.Condition()

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            yield
        finally:
            with self.changed:
                self.is_over = True
                self.changed.notify_all()
            thread.join()

    def run(self) -> None:
        with self.changed:
            while not self.is_over:
                everyone_waits = self.writer_waits or len(self.waiting) == self.size
                if self.waiting and everyone_waits:
                    self.waiting.pop(next(self.choices) % len(self.waiting))
                    self.changed.notify_all()
                else:
                    self.changed.wait()

    def wait_for_turn(self, *_: object) -> None:
        turn = object()
        with self.changed:
            self.waiting.append(turn)
            self.changed.notify_all()
            while turn in self.waiting and not self.is_over:
                self.changed.wait()

    def writer_will_wait(self) -> None:
        with self.changed:
            self.writer_waits = True
            self.changed.notify_all()


@st.composite
def trees(draw: st.DrawFn) -> Lists:
    """Draw a tree of up to three levels and some pages."""
    names = map(str, itertools.count(1))
    lists: Lists = {}
    level = [""]
    for _ in range(draw(st.integers(1, 3))):
        for name in level:
            lengths = st.lists(st.integers(0, 4), min_size=1, max_size=4)
            lists[name] = [
                list(itertools.islice(names, length)) for length in draw(lengths)
            ]
        rows = [row for name in level for page in lists[name] for row in page]
        level = [row for row in rows if draw(st.booleans())][:5]
    return lists


@given(
    lists=trees(),
    size=st.sampled_from([1, 2, 3, 8]),
    known=st.booleans(),
    choices=st.lists(st.integers(0, 7), min_size=1, max_size=20),
    held=st.sampled_from([1, 20, WAITING_BYTES]),
)
@settings(deadline=None)
def test_the_order_depends_neither_on_the_threads_nor_on_how_long_a_fetch_takes(
    *, lists: Lists, size: int, known: bool, choices: list[int], held: int
) -> None:
    schedule = Schedule(size, choices)
    tree = Tree(lists, schedule.wait_for_turn, known=known)
    names = []
    with schedule.running(), threads(size, PageMemory(held)) as workers:
        workers.on_wait = schedule.writer_will_wait
        for name in written(branch_of(tree, workers)):
            schedule.writer_waits = False
            names.append(name)
    assert names == expected(lists)
    assert sorted(tree.fetched) == sorted(
        (name, number) for name, pages in lists.items() for number in range(len(pages))
    )


@pytest.mark.parametrize("lookahead", [1, 2, 5])
def test_the_children_of_so_many_rows_are_fetched_ahead(lookahead: int) -> None:
    with threads(1) as workers:
        tree = Tree(fan(20))
        branch = branch_of(tree, workers, lookahead)
        for number, (_, row, below) in enumerate(branch.rows()):
            quiet(workers)
            assert row["name"] == f"p{number}"
            assert len(tree.fetched) - 1 == min(number + lookahead, 20)
            list(written(below[0]))


def test_how_much_is_held_does_not_grow_with_the_number_of_rows() -> None:
    def most(rows: int) -> int:
        with threads(1) as workers:
            tree = Tree(fan(rows))
            alive = []
            for name in written(branch_of(tree, workers, lookahead=8)):
                quiet(workers)
                alive.append(len(tree.fetched) - (int(name.strip("p-child")) + 1))
            return max(alive)

    assert most(200) == most(20)


def test_while_much_waits_to_be_written_only_what_is_next_is_fetched() -> None:
    with threads(1, PageMemory(1)) as workers:
        tree = Tree(fan(20))
        for number, name in enumerate(written(branch_of(tree, workers))):
            parent = number // 2
            read = parent + (1 if name.endswith("child") else 0)
            # The first page, the children that were read, and one that waits.
            assert len(tree.fetched) <= 1 + read + 1
    assert len(tree.fetched) == 21


@pytest.mark.parametrize("rows", [1, 3, 8, 9])
def test_no_row_waits_for_a_page_that_is_needed_later(rows: int) -> None:
    first = [f"p{number}" for number in range(rows)]
    go_on = threading.Event()

    def wait(name: str, number: int) -> None:
        if not name and number == 1:
            assert go_on.wait(TIMEOUT)

    lists: Lists = {"": [first, ["last"]], **{name: [["x"]] for name in first}}
    with threads(4) as workers:
        names = written(branch_of(Tree(lists, wait), workers, lookahead=8))
        before = list(itertools.islice(names, 2 * rows))
        assert before == expected(lists)[:-1]
        go_on.set()
        assert list(names) == ["last"]


def test_no_row_waits_for_the_children_of_the_next() -> None:
    go_on = threading.Event()

    def wait(name: str, _: int) -> None:
        if name == "p1":
            assert go_on.wait(TIMEOUT)

    with threads(4) as workers:
        names = written(branch_of(Tree(fan(3), wait), workers))
        assert list(itertools.islice(names, 3)) == ["p0", "p0-child", "p1"]
        go_on.set()
        assert list(names) == ["p1-child", "p2", "p2-child"]


@pytest.mark.parametrize("size", [1, 2, 8])
@pytest.mark.parametrize(
    ("failed", "before"),
    [
        (("", 0), 0),
        (("", 1), 6),
        (("p1", 0), 3),
        (("q0", 0), 7),
    ],
)
def test_an_error_comes_at_its_place_and_nothing_after_it(
    size: int, failed: tuple[str, int], before: int
) -> None:
    lists = fan(3)
    lists[""].append(["q0", "q1"])
    lists |= {"q0": [["q0-child"]], "q1": [["q1-child"]]}
    tree = Tree(lists, failing({failed: FatalAPIError("It failed.")}), known=True)
    assert outcome(Below(tree), size) == (expected(lists)[:before], "It failed.")


@pytest.mark.parametrize("size", [1, 8])
def test_of_two_errors_the_one_that_is_due_first_comes(size: int) -> None:
    errors = {("p2", 0): FatalAPIError("later"), ("p1", 0): FatalAPIError("sooner")}
    names, error = outcome(Below(Tree(fan(4), failing(errors))), size)
    assert names == ["p0", "p0-child", "p1"]
    assert error == "sooner"


@pytest.mark.parametrize("size", [1, 2, 8])
def test_a_record_that_stops_the_run_does_so_at_its_place(size: int) -> None:
    class Strict(Below):
        def rows(self, page: Page, context: Context | None) -> Iterator[Row]:
            for row in super().rows(page, context):
                if row["name"] == "p2":
                    msg = "a record without 'id'"
                    raise FatalAPIError(msg)
                yield row

    lists = fan(4)
    names, error = outcome(Strict(Tree(lists)), size)
    assert names == expected(lists)[:4]
    assert error == "a record without 'id'"


@pytest.mark.parametrize("size", [1, 8])
def test_a_parent_that_is_gone_has_no_rows_and_the_others_have_theirs(
    size: int,
) -> None:
    gone = {("p1", 0): VanishedError("404")}
    with threads(size) as workers:
        tree = Tree(fan(3), failing(gone))
        names = list(written(branch_of(tree, workers)))
    assert names == ["p0", "p0-child", "p1", "p2", "p2-child"]
    assert tree.gone == ["p1"]
