"""How many accounts a runner reads at a time."""

from __future__ import annotations

from tap_analytics.fleet.runner import FEWEST_AT_ONCE, FIRST_AT_ONCE, Room
from tests.helpers.clocks import Clock


class Process:
    """A process that uses as much of a core as it is told to."""

    def __init__(self, most: int) -> None:
        self.clock = Clock()
        self.used = 0.0
        self.room = Room(most, self.clock, lambda: self.used)

    def pass_second(self, busy: float) -> int:
        self.clock.now += 1
        self.used += busy
        self.room.look()
        return self.room.accounts


def test_there_are_more_while_the_core_is_idle() -> None:
    process = Process(75)
    found = [process.pass_second(0.2) for _ in range(12)]
    assert found[0] > FIRST_AT_ONCE
    assert found[-1] == 75


def test_there_are_fewer_while_the_core_is_full_but_never_few() -> None:
    process = Process(75)
    for _ in range(100):
        process.pass_second(0.99)
    assert process.room.accounts == FEWEST_AT_ONCE


def test_there_are_never_more_than_the_fleet_file_says() -> None:
    process = Process(3)
    assert process.room.accounts == 3
    assert process.pass_second(0.1) == 3
    assert process.pass_second(0.99) == 3
