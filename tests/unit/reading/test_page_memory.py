"""The memory of pages that wait: one limit for all runs of a process."""

from __future__ import annotations

import gc
import threading

import pytest

from tap_analytics.errors import FatalAPIError, VanishedError
from tap_analytics.reading.page_memory import PAGE_MEMORY, PageMemory
from tap_analytics.reading.workers import Workers
from tests.helpers.fetching import (
    TIMEOUT,
    Tree,
    branch_of,
    failing,
    fan,
    quiet,
    threads,
    written,
)


def test_all_runs_share_one_limit_unless_told_otherwise() -> None:
    before = PAGE_MEMORY._bytes  # noqa: SLF001 - it is the subject
    first, second = Workers(1), Workers(1)
    first.hold(3)
    second.hold(4)
    assert PAGE_MEMORY._bytes - before == 7  # noqa: SLF001
    first.stop()
    second.stop()
    assert PAGE_MEMORY._bytes == before  # noqa: SLF001


def test_while_one_run_fills_the_memory_another_fetches_only_what_is_next() -> None:
    memory = PageMemory(10)
    memory.take(10)
    with threads(1, memory) as workers:
        tree = Tree(fan(20))
        for number, _ in enumerate(written(branch_of(tree, workers)), 1):
            assert len(tree.fetched) <= 1 + number // 2 + 1
    assert len(tree.fetched) == 21


def test_a_run_that_waits_for_memory_goes_on_when_another_gives_it_back() -> None:
    memory = PageMemory(10)
    memory.take(10)
    ran = threading.Event()
    with threads(1, memory) as workers:
        workers.submit((5,), ran.set)
        assert not ran.wait(0.05)
        memory.give_back(1)
        assert ran.wait(TIMEOUT)


def test_a_run_that_has_read_all_holds_nothing() -> None:
    memory = PageMemory()
    with threads(2, memory) as workers:
        list(written(branch_of(Tree(fan(5)), workers)))
        assert memory._bytes == 0  # noqa: SLF001


@pytest.mark.parametrize("error", [FatalAPIError("It failed."), VanishedError("404")])
def test_a_list_that_ends_with_an_error_holds_nothing(error: Exception) -> None:
    memory = PageMemory()
    lists = {"": [["a"], ["b"], ["c"], ["d"]]}
    tree = Tree(lists, failing({("", 1): error}), known=True)
    with threads(1, memory) as workers:
        branch = branch_of(tree, workers, lookahead=4)
        quiet(workers)
        assert memory._bytes > 0  # noqa: SLF001
        try:
            list(written(branch))
        except FatalAPIError:
            assert isinstance(error, FatalAPIError)
        assert memory._bytes == 0  # noqa: SLF001


def test_a_run_that_is_stopped_gives_back_what_it_holds() -> None:
    memory = PageMemory()
    with threads(1, memory) as workers:
        branch_of(Tree({"": [["a"], ["b"]]}), workers, lookahead=4)
        quiet(workers)
        assert memory._bytes > 0  # noqa: SLF001
        workers.stop()
        workers.hold(5)
        assert memory._bytes == 0  # noqa: SLF001


def test_the_memory_does_not_keep_runs_alive() -> None:
    memory = PageMemory()
    workers = Workers(1, memory)
    assert len(memory._users) == 1  # noqa: SLF001
    del workers
    gc.collect()
    assert len(memory._users) == 0  # noqa: SLF001
