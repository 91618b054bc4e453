"""Fetching ahead: whatever happens on the threads, the output is the same."""

from __future__ import annotations

import io
import itertools
import json
import logging
import queue
import sys
import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_analytics.api.page import Page
from tap_analytics.api.pagination import NextRequest, Pagination, Paginator
from tap_analytics.errors import FatalAPIError, VanishedError
from tap_analytics.reading import branches as prefetch
from tap_analytics.reading.branches import PAGES_AHEAD, Branch, Prefetcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from singer_sdk.helpers.types import Context

    from tap_analytics.api.page_hints import Signs
    from tap_analytics.rows.fields import Row

TIMEOUT = 10
"""Seconds after which a test gives up; nothing waits so long when all is well."""

Lists = dict[str, list[list[str]]]
"""The pages of names below each name, those of the top level below ``""``."""

PAGINATION = Pagination({}, "tree", logging.getLogger("tap-analytics.test"))


class Numbered(Paginator):
    """Numbers pages; knows from the start how many there are, or sees it at the end."""

    style = "page"

    def __init__(self, pages: int, *, known: bool) -> None:
        super().__init__(PAGINATION)
        self.pages = pages
        self.known = known
        self.number = 0

    def request(self, number: int) -> NextRequest:
        return PAGINATION.request(page=number)

    def follow(self, signs: Signs) -> NextRequest | None:
        assert signs.page.headers["Number"] == str(self.number), "not in page order"
        self.number += 1
        return self.request(self.number) if self.number < self.pages else None

    def ahead(self, count: int) -> list[NextRequest]:
        following = range(self.number + 1, min(self.number + 1 + count, self.pages))
        return [self.request(number) for number in following] if self.known else []


class Tree:
    """A source whose rows have names, below which there may be more rows."""

    def __init__(
        self,
        lists: Lists,
        before: Callable[[str, int], None] = lambda _, __: None,
        *,
        known: bool = False,
    ) -> None:
        self.lists = lists
        self.before = before
        self.known = known
        self.fetched: list[tuple[str, int]] = []
        self.threads: set[threading.Thread] = set()
        self.gone: list[str] = []

    def fetch(self, context: Context | None, request: NextRequest | None) -> Page:
        name = name_of(context)
        number = int(dict(request.params).get("page", 0)) if request else 0
        self.fetched.append((name, number))
        self.threads.add(threading.current_thread())
        self.before(name, number)
        response = requests.Response()
        response.status_code = 200
        response.url = "https://api.example.com"
        response.headers["Number"] = str(number)
        response.raw = io.BytesIO(json.dumps(self.lists[name][number]).encode())
        return Page(response, "$")

    def get_new_paginator(self) -> Paginator:
        raise NotImplementedError

    def rows(self, page: Page, context: Context | None) -> Iterator[Row]:
        assert context is None or name_of(context)
        return ({"name": json.loads(bytes(record))} for record in page.records)

    def below(self, row: Row, context: Context | None) -> list[tuple[Any, Context]]:
        assert context is None or name_of(context)
        name = row["name"]
        return [(Below(self, name), {"of": name})] if name in self.lists else []

    def vanished(self, context: Context | None, error: VanishedError) -> None:
        assert str(error)
        self.gone.append(name_of(context))


class Below(Tree):
    """The source of the rows below one name; it shares everything with the tree."""

    def __init__(self, tree: Tree, name: str = "") -> None:
        self.__dict__ = tree.__dict__
        self.paginator: Callable[[], Paginator] = lambda: Numbered(
            len(tree.lists[name]), known=tree.known
        )

    def get_new_paginator(self) -> Paginator:
        return self.paginator()


def name_of(context: Context | None) -> str:
    return str(context["of"]) if context else ""


def expected(lists: Lists, name: str = "") -> list[str]:
    """Return the names in the order in which they are written without threads."""
    rows = itertools.chain.from_iterable(lists[name])
    below = ([row, *expected(lists, row)] if row in lists else [row] for row in rows)
    return list(itertools.chain.from_iterable(below))


def written(branch: Branch[Tree]) -> Iterator[str]:
    """Consume a branch as the tap does."""
    for _, row, below in branch.rows():
        yield row["name"]
        for child in below:
            yield from written(child)


@contextmanager
def threads(size: int) -> Iterator[Prefetcher]:
    prefetcher = Prefetcher(size)
    try:
        yield prefetcher
    finally:
        prefetcher.stop()


def branch_of(
    tree: Tree, prefetcher: Prefetcher, lookahead: int | None = None
) -> Branch[Tree]:
    return Branch(Below(tree), None, prefetcher, lookahead=lookahead or prefetcher.size)


def quiet(prefetcher: Prefetcher) -> None:
    """Wait until a prefetcher of one thread has nothing left to do."""
    assert prefetcher.size == 1
    idle = threading.Event()
    prefetcher.submit((sys.maxsize,), idle.set)
    assert idle.wait(TIMEOUT)


# The order


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
    held=st.sampled_from([1, 20, prefetch.HELD_BYTES]),
)
@settings(deadline=None)
def test_the_order_depends_neither_on_the_threads_nor_on_how_long_a_fetch_takes(
    *, lists: Lists, size: int, known: bool, choices: list[int], held: int
) -> None:
    schedule = Schedule(size, choices)
    tree = Tree(lists, schedule.wait_for_turn, known=known)
    names = []
    with (
        patch.object(prefetch, "HELD_BYTES", held),
        schedule.running(),
        threads(size) as prefetcher,
    ):
        prefetcher.on_wait = schedule.writer_will_wait
        for name in written(branch_of(tree, prefetcher)):
            schedule.writer_waits = False
            names.append(name)
    assert names == expected(lists)
    assert sorted(tree.fetched) == sorted(
        (name, number) for name, pages in lists.items() for number in range(len(pages))
    )


# The threads


def fan(children: int) -> Lists:
    """Return a tree of one page, each row of which has one row below it."""
    rows = [f"p{number}" for number in range(children)]
    return {"": [rows], **{row: [[f"{row}-child"]] for row in rows}}


@pytest.mark.parametrize("size", [2, 8])
def test_all_concurrency_is_used(size: int) -> None:
    together = threading.Barrier(size)

    def meet(name: str, _: int) -> None:
        if name:
            together.wait(TIMEOUT)

    with threads(size) as prefetcher:
        tree = Tree(fan(3 * size), meet)
        assert len(list(written(branch_of(tree, prefetcher)))) == 6 * size


def test_no_thread_idles_while_a_task_waits() -> None:
    together = threading.Barrier(5)

    def meet() -> None:
        together.wait(TIMEOUT)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # Threads take turns all the time.
    try:
        with threads(4) as prefetcher:
            for _ in range(300):
                for _ in range(4):
                    prefetcher.submit((), meet)
                meet()
    finally:
        sys.setswitchinterval(interval)


def test_idle_threads_end_and_others_take_their_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prefetch, "IDLE_SECONDS", 1e-5)
    together = threading.Barrier(3)
    used: set[threading.Thread] = set()

    def meet() -> None:
        used.add(threading.current_thread())
        together.wait(TIMEOUT)

    prefetcher = Prefetcher(2)
    for _ in range(300):
        prefetcher.submit((), meet)
        prefetcher.submit((), meet)
        together.wait(TIMEOUT)
    for thread in used:
        thread.join(TIMEOUT)
        assert not thread.is_alive()


@pytest.mark.parametrize("size", [1, 3])
def test_there_are_no_more_threads_than_asked_for_and_all_are_daemons(
    size: int,
) -> None:
    with threads(size) as prefetcher:
        tree = Tree(fan(50))
        list(written(branch_of(tree, prefetcher, lookahead=20)))
    assert 1 <= len(tree.threads) <= size
    assert all(thread.daemon for thread in tree.threads)
    assert threading.current_thread() not in tree.threads


def test_what_is_written_first_is_fetched_first() -> None:
    lists = {**fan(20), "p0": [["x"], ["y"]]}
    with threads(1) as prefetcher:
        tree = Tree(lists)
        list(written(branch_of(tree, prefetcher, lookahead=8)))
    children = [(f"p{number}", 0) for number in range(20)]
    assert tree.fetched == [("", 0), children[0], ("p0", 1), *children[1:]]


def test_stopped_threads_end_and_fetch_nothing_more() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(name: str, _: int) -> None:
        if name == "p0":
            begun.set()
            assert go_on.wait(TIMEOUT)

    prefetcher = Prefetcher(1)
    tree = Tree(fan(8), wait)
    rows = branch_of(tree, prefetcher, lookahead=8).rows()
    next(rows)
    assert begun.wait(TIMEOUT)
    prefetcher.stop()
    go_on.set()
    for thread in tree.threads:
        thread.join(TIMEOUT)
        assert not thread.is_alive()
    assert tree.fetched == [("", 0), ("p0", 0)]


def test_threads_with_nothing_to_do_end_and_are_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tap_analytics.reading.branches.IDLE_SECONDS", 0.001)
    prefetcher, ran_on = Prefetcher(2), queue.Queue[threading.Thread]()
    for _ in range(3):
        prefetcher.submit((), lambda: ran_on.put(threading.current_thread()))
        thread = ran_on.get(timeout=TIMEOUT)
        thread.join(TIMEOUT)
        assert not thread.is_alive()


# The window


@pytest.mark.parametrize("lookahead", [1, 2, 5])
def test_the_children_of_so_many_rows_are_fetched_ahead(lookahead: int) -> None:
    with threads(1) as prefetcher:
        tree = Tree(fan(20))
        branch = branch_of(tree, prefetcher, lookahead)
        for number, (_, row, below) in enumerate(branch.rows()):
            quiet(prefetcher)
            assert row["name"] == f"p{number}"
            assert len(tree.fetched) - 1 == min(number + lookahead, 20)
            list(written(below[0]))


@pytest.mark.parametrize("lookahead", [1, 3, 8])
@pytest.mark.parametrize("known", [True, False])
def test_of_one_branch_a_few_pages_are_fetched_ahead(
    lookahead: int, *, known: bool
) -> None:
    window = min(lookahead, PAGES_AHEAD)
    with threads(1) as prefetcher:
        tree = Tree({"": [[str(number)] for number in range(20)]}, known=known)
        branch = branch_of(tree, prefetcher, lookahead)
        quiet(prefetcher)
        assert len(tree.fetched) == window
        for number, _ in enumerate(branch.pages(), 1):
            quiet(prefetcher)
            assert len(tree.fetched) == min(number + window, 20)


def test_how_much_is_held_does_not_grow_with_the_number_of_rows() -> None:
    def most(rows: int) -> int:
        with threads(1) as prefetcher:
            tree = Tree(fan(rows))
            alive = []
            for name in written(branch_of(tree, prefetcher, lookahead=8)):
                quiet(prefetcher)
                alive.append(len(tree.fetched) - (int(name.strip("p-child")) + 1))
            return max(alive)

    assert most(200) == most(20)


def test_while_much_waits_to_be_written_only_what_is_next_is_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prefetch, "HELD_BYTES", 1)
    with threads(1) as prefetcher:
        tree = Tree(fan(20))
        for number, name in enumerate(written(branch_of(tree, prefetcher))):
            parent = number // 2
            read = parent + (1 if name.endswith("child") else 0)
            # The first page, the children that were read, and one that waits.
            assert len(tree.fetched) <= 1 + read + 1
    assert len(tree.fetched) == 21


def test_pages_that_are_not_known_to_exist_are_not_asked_for() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(_: str, number: int) -> None:
        if number == 0:
            begun.set()
            assert go_on.wait(TIMEOUT)

    with threads(4) as prefetcher:
        tree = Tree({"": [["a"], ["b"], ["c"]]}, wait)
        branch = branch_of(tree, prefetcher)
        assert begun.wait(TIMEOUT)
        assert tree.fetched == [("", 0)]
        go_on.set()
        assert list(written(branch)) == ["a", "b", "c"]


def test_pages_whose_number_is_known_are_fetched_together() -> None:
    together = threading.Barrier(3)

    def meet(_: str, number: int) -> None:
        if number:
            together.wait(TIMEOUT)

    with threads(3) as prefetcher:
        tree = Tree({"": [["a"], ["b"], ["c"], ["d"]]}, meet, known=True)
        assert list(written(branch_of(tree, prefetcher))) == ["a", "b", "c", "d"]


# Waiting


def test_the_writer_says_that_it_will_wait_before_it_does() -> None:
    written_out = threading.Event()

    def wait(_: str, __: int) -> None:
        assert written_out.wait(TIMEOUT)

    with threads(1) as prefetcher:
        prefetcher.on_wait = written_out.set
        tree = Tree({"": [["a"]]}, wait)
        assert list(written(branch_of(tree, prefetcher))) == ["a"]


def test_nothing_is_said_where_nothing_is_waited_for() -> None:
    said = []
    with threads(1) as prefetcher:
        branch = branch_of(Tree({"": [["a"], ["b"]]}), prefetcher, lookahead=4)
        quiet(prefetcher)
        prefetcher.on_wait = lambda: said.append("waits")
        assert list(written(branch)) == ["a", "b"]
    assert not said


@pytest.mark.parametrize("rows", [1, 3, 8, 9])
def test_no_row_waits_for_a_page_that_is_needed_later(rows: int) -> None:
    first = [f"p{number}" for number in range(rows)]
    go_on = threading.Event()

    def wait(name: str, number: int) -> None:
        if not name and number == 1:
            assert go_on.wait(TIMEOUT)

    lists: Lists = {"": [first, ["last"]], **{name: [["x"]] for name in first}}
    with threads(4) as prefetcher:
        names = written(branch_of(Tree(lists, wait), prefetcher, lookahead=8))
        before = list(itertools.islice(names, 2 * rows))
        assert before == expected(lists)[:-1]
        go_on.set()
        assert list(names) == ["last"]


def test_no_row_waits_for_the_children_of_the_next() -> None:
    go_on = threading.Event()

    def wait(name: str, _: int) -> None:
        if name == "p1":
            assert go_on.wait(TIMEOUT)

    with threads(4) as prefetcher:
        names = written(branch_of(Tree(fan(3), wait), prefetcher))
        assert list(itertools.islice(names, 3)) == ["p0", "p0-child", "p1"]
        go_on.set()
        assert list(names) == ["p1-child", "p2", "p2-child"]


# Errors


def failing(where: Mapping[tuple[str, int], Exception]) -> Callable[[str, int], None]:
    def fail(name: str, number: int) -> None:
        if (name, number) in where:
            raise where[name, number]

    return fail


def outcome(source: Tree, size: int) -> tuple[list[str], str]:
    """Return what is written before the error, and the error."""
    names: list[str] = []
    with threads(size) as prefetcher:
        branch = Branch(source, None, prefetcher, lookahead=size)
        with pytest.raises(FatalAPIError) as caught:
            deque(map(names.append, written(branch)))
    return names, str(caught.value)


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


def test_after_an_error_no_further_page_is_asked_for() -> None:
    lists: Lists = {"": [["a"], ["b"], ["c"]]}
    with threads(1) as prefetcher:
        tree = Tree(lists, failing({("", 1): FatalAPIError("It failed.")}))
        branch_of(tree, prefetcher, lookahead=8)
        quiet(prefetcher)
    assert tree.fetched == [("", 0), ("", 1)]


@pytest.mark.parametrize("size", [1, 2, 8])
def test_an_error_of_the_paginator_comes_at_its_place(size: int) -> None:
    class Lost(Numbered):
        def follow(self, signs: Signs) -> NextRequest | None:
            if self.number == 1:
                msg = "The next page has been read before."
                raise FatalAPIError(msg)
            return super().follow(signs)

    source = Below(Tree({"": [["a"], ["b"], ["c"]]}))
    source.paginator = lambda: Lost(3, known=False)
    assert outcome(source, size) == (["a"], "The next page has been read before.")


def test_what_a_thread_raises_is_raised_to_the_writer_whatever_it_is() -> None:
    with threads(1) as prefetcher:
        tree = Tree({"": [["a"]]}, failing({("", 0): ZeroDivisionError("a bug")}))
        with pytest.raises(ZeroDivisionError, match="a bug"):
            list(written(branch_of(tree, prefetcher)))


# Parents that are gone


@pytest.mark.parametrize("size", [1, 8])
def test_a_parent_that_is_gone_has_no_rows_and_the_others_have_theirs(
    size: int,
) -> None:
    gone = {("p1", 0): VanishedError("404")}
    with threads(size) as prefetcher:
        tree = Tree(fan(3), failing(gone))
        names = list(written(branch_of(tree, prefetcher)))
    assert names == ["p0", "p0-child", "p1", "p2", "p2-child"]
    assert tree.gone == ["p1"]


# Pages that are no news


def test_a_page_that_repeats_an_earlier_one_is_left_out() -> None:
    class Echo(Numbered):
        def follow(self, signs: Signs) -> NextRequest | None:
            self.repeated = self.number == 1
            return super().follow(signs)

    source = Below(Tree({"": [["a"], ["a"], ["b"]]}))
    source.paginator = lambda: Echo(3, known=True)
    with threads(2) as prefetcher:
        names = list(written(Branch(source, None, prefetcher, lookahead=2)))
    assert names == ["a", "b"]
