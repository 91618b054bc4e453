"""Threads that fetch ahead: all of them, in the right order, and no more."""

from __future__ import annotations

import queue
import sys
import threading

import pytest

from tap_analytics.errors import FatalAPIError, StoppedError
from tap_analytics.reading import workers as workers_module
from tap_analytics.reading.workers import Workers
from tests.helpers.fetching import (
    TIMEOUT,
    Tree,
    branch_of,
    fan,
    threads,
    written,
)


@pytest.mark.parametrize("size", [2, 8])
def test_all_concurrency_is_used(size: int) -> None:
    together = threading.Barrier(size)

    def meet(name: str, _: int) -> None:
        if name:
            together.wait(TIMEOUT)

    with threads(size) as workers:
        tree = Tree(fan(3 * size), meet)
        assert len(list(written(branch_of(tree, workers)))) == 6 * size


def test_no_thread_idles_while_a_task_waits() -> None:
    together = threading.Barrier(5)

    def meet() -> None:
        together.wait(TIMEOUT)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # Threads take turns all the time.
    try:
        with threads(4) as workers:
            for _ in range(300):
                for _ in range(4):
                    workers.submit((), meet)
                meet()
    finally:
        sys.setswitchinterval(interval)


def test_idle_threads_end_and_others_take_their_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers_module, "IDLE_SECONDS", 1e-5)
    together = threading.Barrier(3)
    used: set[threading.Thread] = set()

    def meet() -> None:
        used.add(threading.current_thread())
        together.wait(TIMEOUT)

    workers = Workers(2)
    for _ in range(300):
        workers.submit((), meet)
        workers.submit((), meet)
        together.wait(TIMEOUT)
    for thread in used:
        thread.join(TIMEOUT)
        assert not thread.is_alive()


@pytest.mark.parametrize("size", [1, 3])
def test_there_are_no_more_threads_than_asked_for_and_all_are_daemons(
    size: int,
) -> None:
    with threads(size) as workers:
        tree = Tree(fan(50))
        list(written(branch_of(tree, workers, lookahead=20)))
    assert 1 <= len(tree.threads) <= size
    assert all(thread.daemon for thread in tree.threads)
    assert threading.current_thread() not in tree.threads


def test_what_is_written_first_is_fetched_first() -> None:
    lists = {**fan(20), "p0": [["x"], ["y"]]}
    with threads(1) as workers:
        tree = Tree(lists)
        list(written(branch_of(tree, workers, lookahead=8)))
    children = [(f"p{number}", 0) for number in range(20)]
    assert tree.fetched == [("", 0), children[0], ("p0", 1), *children[1:]]


def test_stopped_threads_end_and_fetch_nothing_more() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(name: str, _: int) -> None:
        if name == "p0":
            begun.set()
            assert go_on.wait(TIMEOUT)

    workers = Workers(1)
    tree = Tree(fan(8), wait)
    rows = branch_of(tree, workers, lookahead=8).rows()
    next(rows)
    assert begun.wait(TIMEOUT)
    workers.stop()
    go_on.set()
    for thread in tree.threads:
        thread.join(TIMEOUT)
        assert not thread.is_alive()
    assert tree.fetched == [("", 0), ("p0", 0)]


def test_threads_with_nothing_to_do_end_and_are_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tap_analytics.reading.workers.IDLE_SECONDS", 0.001)
    workers, ran_on = Workers(2), queue.Queue[threading.Thread]()
    for _ in range(3):
        workers.submit((), lambda: ran_on.put(threading.current_thread()))
        thread = ran_on.get(timeout=TIMEOUT)
        thread.join(TIMEOUT)
        assert not thread.is_alive()


# One result at a time


def test_a_result_is_that_of_the_task() -> None:
    with threads(1) as workers:
        assert workers.result(lambda: 7) == 7


def test_an_error_of_the_task_is_raised() -> None:
    def fail() -> None:
        raise FatalAPIError("No.")  # noqa: EM101

    with threads(1) as workers, pytest.raises(FatalAPIError, match=r"No\."):
        workers.result(fail)


def test_a_result_is_not_waited_for_once_the_run_has_ended() -> None:
    go_on = threading.Event()
    workers = Workers(1)

    def hang() -> None:
        workers.stop()
        assert go_on.wait(TIMEOUT)

    with pytest.raises(StoppedError):
        workers.result(hang)
    with pytest.raises(StoppedError):
        workers.result(hang)
    go_on.set()
