"""Hosts: their limit, and what happens while one is down."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest
import requests

from tap_analytics.errors import StoppedError
from tap_analytics.fleet.fleet_file import HostLimit
from tap_analytics.fleet.hosts import FAILURES, Hosts, SharedHost, Turns, share
from tap_analytics.run import StopFlag
from tests.helpers.clocks import Clock


@dataclass
class Answer:
    status: int = 200


def down() -> Answer:
    raise requests.ConnectionError


def test_turns_keep_to_the_limit_first_come_first_served() -> None:
    clock = Clock()
    turns = Turns(HostLimit(2, 1.0), clock)
    assert [round(turns.take()) for _ in range(5)] == [0, 0, 1, 1, 2]
    clock.now += 10
    assert turns.take() == 0


@pytest.mark.parametrize("limit", [HostLimit(400, 1.0), HostLimit(3, 1.0)])
@pytest.mark.parametrize("processes", [1, 2, 7])
def test_shares_together_are_no_more_than_the_limit(
    limit: HostLimit, processes: int
) -> None:
    one = share(limit, processes)
    assert one is not None
    together = processes * one.requests / one.seconds
    assert together <= limit.requests / limit.seconds + 1e-9


def test_one_account_s_failures_are_its_own() -> None:
    host = SharedHost()
    for _ in range(2 * FAILURES):
        with pytest.raises(requests.ConnectionError):
            host.send("a", down, StopFlag())
    assert not host.is_down


def test_a_host_that_fails_for_all_is_waited_for_and_one_asks() -> None:
    host = SharedHost()
    is_down = threading.Event()
    is_down.set()
    asked: list[str] = []

    def request(account: str) -> Answer:
        asked.append(account)
        if is_down.is_set():
            raise requests.ConnectionError
        return Answer()

    for number in range(FAILURES - 1):
        with pytest.raises(requests.ConnectionError):
            host.send(f"a{number}", down, StopFlag())
    answers: list[int] = []

    def send(account: str) -> None:
        answers.append(host.send(account, lambda: request(account), StopFlag()).status)

    threads = [threading.Thread(target=send, args=(f"b{n}",)) for n in range(5)]
    threads[0].start()
    while not host.is_down:
        threads[0].join(0.01)
    for thread in threads[1:]:
        thread.start()
    is_down.clear()
    for thread in threads:
        thread.join()
    assert answers == [200] * 5
    assert asked[0] == "b0"
    assert len(asked) <= 5 + 2  # Nobody asked in vain but the one whose turn it was.
    assert not host.is_down


def test_who_was_under_way_when_the_host_went_down_makes_nobody_wait_longer() -> None:
    now, looks = [0.0], iter(range(30))

    def clock() -> float:
        next(looks)  # Its end ends the test, whoever waits for ever.
        return now[0]

    host = SharedHost(clock=clock)
    answers = iter([Answer()])
    stop = StopFlag()

    def last() -> Answer:
        stop.set()
        raise requests.ConnectionError

    def under_way() -> Answer:
        if host.is_down:
            return next(answers)
        for number in range(FAILURES - 1):
            with pytest.raises(requests.ConnectionError):
                host.send(f"a{number}", down, StopFlag())
        with pytest.raises(StoppedError):
            host.send("b", last, stop)
        now[0] = 1.5  # Whoever asks next may do so after a second.
        raise requests.ConnectionError

    assert host.send("z", under_way, StopFlag()).status == 200
    assert not host.is_down


def test_an_account_that_waits_can_be_stopped() -> None:
    host = SharedHost()
    for number in range(FAILURES - 1):
        with pytest.raises(requests.ConnectionError):
            host.send(f"a{number}", down, StopFlag())
    stop = StopFlag()
    stop.set()
    with pytest.raises(StoppedError):
        host.send("b", down, stop)


def test_a_host_is_not_waited_for_for_ever() -> None:
    clock = Clock()

    def hurrying() -> float:
        clock.now += 5
        return clock.now

    host = SharedHost(clock=hurrying)
    for number in range(FAILURES):
        with pytest.raises(requests.ConnectionError):
            host.send(f"a{number}", down, StopFlag())
    assert not host.is_down


def test_accounts_of_one_origin_share_a_host() -> None:
    hosts = Hosts(HostLimit(1, 60.0))
    stop = StopFlag()
    hosts.of("a", "https://API.example.com/x").send(Answer, stop)
    stop.set()
    with pytest.raises(StoppedError):
        hosts.of("b", "https://api.example.com").send(Answer, stop)
    hosts.of("c", "https://other.example.com").send(Answer, StopFlag())
