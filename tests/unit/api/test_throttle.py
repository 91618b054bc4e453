"""The gate that all threads of a run go through."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tap_analytics.api.rate_limit import RateLimit
from tap_analytics.api.throttle import Throttle
from tap_analytics.errors import StoppedError
from tap_analytics.run import StopFlag
from tests.helpers.clocks import TIMEOUT, Clock, most_in_a_window


def test_a_request_tells_when_it_was_sent_and_counts_until_it_is_over() -> None:
    clock = Clock(5)
    throttle = Throttle(RateLimit(1, 10), clock=clock)
    with throttle.request() as sent_at:
        assert sent_at == 5
        assert throttle.limit.wait(5) > 0
        clock.now = 7
    assert throttle.limit.wait(7) > 0
    assert throttle.limit.wait(17) <= 0


def test_a_request_that_fails_is_over_too() -> None:
    clock = Clock()
    throttle = Throttle(RateLimit(1, 10), clock=clock)
    with pytest.raises(ZeroDivisionError), throttle.request():
        raise ZeroDivisionError
    assert throttle.limit.wait(10) <= 0


def test_threads_never_exceed_the_limit() -> None:
    throttle = Throttle(RateLimit(5, 0.02))

    def send(_: int) -> float:
        with throttle.request() as sent_at:
            return sent_at

    with ThreadPoolExecutor(8) as pool:
        times = list(pool.map(send, range(40)))
    assert most_in_a_window(times, 0.02) <= 5


def test_a_hold_holds_all_threads() -> None:
    throttle = Throttle(RateLimit(100, 10))
    held_at = time.monotonic()
    throttle.hold(0.02)

    def send(_: int) -> float:
        with throttle.request() as sent_at:
            return sent_at

    with ThreadPoolExecutor(4) as pool:
        assert min(pool.map(send, range(4))) >= held_at + 0.02


def test_an_answer_lets_the_next_request_go() -> None:
    throttle = Throttle(RateLimit(1, 0))
    sent = threading.Event()

    def send() -> None:
        with throttle.request():
            sent.set()

    thread = threading.Thread(target=send)
    with throttle.request():
        thread.start()
        assert not sent.is_set()
    assert sent.wait(TIMEOUT)
    thread.join()


def test_a_wait_of_centuries_is_no_error() -> None:
    centuries = 8_000 * 365 * 86_400  # Until the year 9999, as a date may say.
    clock = Clock()
    asked = threading.Event()

    def ask() -> float:
        asked.set()
        return clock.now

    throttle = Throttle(clock=ask)
    throttle.hold(centuries)
    asked.clear()
    sent: list[float] = []

    def send() -> None:
        with throttle.request() as sent_at:
            sent.append(sent_at)

    thread = threading.Thread(target=send)
    thread.start()
    assert asked.wait(TIMEOUT)
    throttle.hold(0)  # Comes through as soon as the thread waits.
    clock.now = centuries
    with throttle.request():
        pass
    thread.join(TIMEOUT)
    assert sent == [centuries]


def test_the_end_of_the_run_ends_every_wait() -> None:
    stop = StopFlag()
    throttle = Throttle(RateLimit(100, 10), stop=stop)
    throttle.hold(1_000)
    ended = threading.Event()

    def send() -> None:
        with pytest.raises(StoppedError), throttle.request():
            pass
        ended.set()

    thread = threading.Thread(target=send)
    thread.start()
    stop.set()
    assert ended.wait(TIMEOUT)
    thread.join()
