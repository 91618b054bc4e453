"""The pages of one list: a few ahead, in order, errors at their place."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tap_analytics.errors import FatalAPIError, RefusedError, StoppedError
from tap_analytics.reading.page_memory import PageMemory
from tap_analytics.reading.parents_and_children import PAGES_AHEAD, Branch
from tests.helpers.fetching import (
    TIMEOUT,
    Below,
    Lists,
    Numbered,
    Tree,
    branch_of,
    failing,
    outcome,
    quiet,
    threads,
    written,
)

if TYPE_CHECKING:
    from tap_analytics.api.page_hints import PageHints
    from tap_analytics.api.stream_pages import NextRequest
    from tap_analytics.reading.workers import Workers


@pytest.mark.parametrize("lookahead", [1, 3, 8])
@pytest.mark.parametrize("known", [True, False])
def test_of_one_branch_a_few_pages_are_fetched_ahead(
    lookahead: int, *, known: bool
) -> None:
    window = min(lookahead, PAGES_AHEAD)
    with threads(1) as workers:
        tree = Tree({"": [[str(number)] for number in range(20)]}, known=known)
        branch = branch_of(tree, workers, lookahead)
        quiet(workers)
        assert len(tree.fetched) == window
        for number, _ in enumerate(branch.pages(), 1):
            quiet(workers)
            assert len(tree.fetched) == min(number + window, 20)


def test_pages_that_are_not_known_to_exist_are_not_asked_for() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(_: str, number: int) -> None:
        if number == 0:
            begun.set()
            assert go_on.wait(TIMEOUT)

    with threads(4) as workers:
        tree = Tree({"": [["a"], ["b"], ["c"]]}, wait)
        branch = branch_of(tree, workers)
        assert begun.wait(TIMEOUT)
        assert tree.fetched == [("", 0)]
        go_on.set()
        assert list(written(branch)) == ["a", "b", "c"]


def test_pages_whose_number_is_known_are_fetched_together() -> None:
    together = threading.Barrier(3)

    def meet(_: str, number: int) -> None:
        if number:
            together.wait(TIMEOUT)

    with threads(3) as workers:
        tree = Tree({"": [["a"], ["b"], ["c"], ["d"]]}, meet, known=True)
        assert list(written(branch_of(tree, workers))) == ["a", "b", "c", "d"]


def test_the_writer_says_that_it_will_wait_before_it_does() -> None:
    written_out = threading.Event()

    def wait(_: str, __: int) -> None:
        assert written_out.wait(TIMEOUT)

    with threads(1) as workers:
        workers.on_wait = written_out.set
        tree = Tree({"": [["a"]]}, wait)
        assert list(written(branch_of(tree, workers))) == ["a"]


def test_nothing_is_said_where_nothing_is_waited_for() -> None:
    said = []
    with threads(1) as workers:
        branch = branch_of(Tree({"": [["a"], ["b"]]}), workers, lookahead=4)
        quiet(workers)
        workers.on_wait = lambda: said.append("waits")
        assert list(written(branch)) == ["a", "b"]
    assert not said


def test_after_an_error_no_further_page_is_asked_for() -> None:
    lists: Lists = {"": [["a"], ["b"], ["c"]]}
    with threads(1) as workers:
        tree = Tree(lists, failing({("", 1): FatalAPIError("It failed.")}))
        branch_of(tree, workers, lookahead=8)
        quiet(workers)
    assert tree.fetched == [("", 0), ("", 1)]


@pytest.mark.parametrize("size", [1, 2, 8])
def test_an_error_of_the_paginator_comes_at_its_place(size: int) -> None:
    class Lost(Numbered):
        def follow(self, hints: PageHints) -> NextRequest | None:
            if self.number == 1:
                msg = "The next page has been read before."
                raise FatalAPIError(msg)
            return super().follow(hints)

    source = Below(Tree({"": [["a"], ["b"], ["c"]]}))
    source.paginator = lambda: Lost(3, known=False)
    assert outcome(source, size) == (["a"], "The next page has been read before.")


def test_what_a_thread_raises_is_raised_to_the_writer_whatever_it_is() -> None:
    with threads(1) as workers:
        tree = Tree({"": [["a"]]}, failing({("", 0): ZeroDivisionError("a bug")}))
        with pytest.raises(ZeroDivisionError, match="a bug"):
            list(written(branch_of(tree, workers)))


def test_a_page_that_repeats_an_earlier_one_is_left_out() -> None:
    tree = Tree({"": [["a"], ["a"], ["b"]]}, known=True)
    with threads(2) as workers:
        assert list(written(branch_of(tree, workers))) == ["a", "b"]


def test_a_page_that_is_refused_beyond_the_end_ends_the_list() -> None:
    class Open(Numbered):
        is_announced = False

    error = RefusedError("404", 404)
    source = Below(Tree({"": [["a"], []]}, failing({("", 1): error})))
    source.paginator = lambda: Open(9, known=False)
    with threads(2) as workers:
        assert list(written(Branch(source, None, workers, lookahead=2))) == ["a"]
    assert source.ends == [""]


# The end of a run


def test_a_writer_that_waits_is_woken_when_its_run_ends() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(_: str, __: int) -> None:
        begun.set()
        assert go_on.wait(TIMEOUT)

    with threads(1) as workers:
        branch = branch_of(Tree({"": [["a"]]}, wait), workers)
        assert begun.wait(TIMEOUT)
        workers.on_wait = lambda: threading.Timer(0.01, workers.stop).start()
        with pytest.raises(StoppedError):
            list(written(branch))
        go_on.set()


def test_a_writer_that_has_pages_to_write_ends_with_its_run() -> None:
    with threads(1) as workers:
        branch = branch_of(Tree({"": [["a"], ["b"]]}), workers, lookahead=4)
        quiet(workers)
        pages = branch.pages()
        assert next(pages).records
        workers.stop()
        with pytest.raises(StoppedError):
            next(pages)


def test_a_run_can_be_ended_while_its_writer_hands_over_what_it_has() -> None:
    """It may take long, or for ever: nobody may wait for it."""
    begun, ended, go_on = (threading.Event() for _ in range(3))

    def fetch(_: str, __: int) -> None:
        assert go_on.wait(TIMEOUT)

    def hand_over() -> None:
        begun.set()
        assert ended.wait(TIMEOUT)

    def end(workers: Workers) -> None:
        assert begun.wait(TIMEOUT)
        workers.stop()
        ended.set()

    with threads(1) as workers:
        branch = branch_of(Tree({"": [["a"]]}, fetch), workers)
        workers.on_wait = hand_over
        thread = threading.Thread(target=end, args=[workers])
        thread.start()
        with pytest.raises(StoppedError):
            list(written(branch))
        thread.join(TIMEOUT)
        go_on.set()


def test_who_has_something_else_to_do_is_told_whether_a_page_is_there() -> None:
    go_on = threading.Event()

    def wait(_: str, __: int) -> None:
        assert go_on.wait(TIMEOUT)

    with threads(1) as workers:
        branch = branch_of(Tree({"": [["a"]]}, wait), workers)
        assert not branch.comes_now()
        go_on.set()
        quiet(workers)
        assert branch.comes_now()
        assert len([*branch.pages()]) == 1
        assert branch.comes_now()


def test_a_page_that_is_asked_for_is_fetched_although_memory_is_full() -> None:
    memory = PageMemory(limit=1)
    memory.take(1)
    with threads(1, memory) as workers:
        branch = branch_of(Tree({"": [["a"]]}), workers)
        while not branch.comes_now():
            assert branch.source.fetched in ([], [("", 0)])
        assert len([*branch.pages()]) == 1


def test_who_asks_after_the_end_of_the_run_is_told_of_it() -> None:
    with threads(1) as workers:
        branch = branch_of(Tree({"": [["a"]]}), workers)
        workers.stop()
        with pytest.raises(StoppedError):
            branch.comes_now()
