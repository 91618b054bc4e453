"""How a process elsewhere notices that the coordinator has died."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_analytics.fleet.beats import (
    DEAD_SECONDS,
    TAKEN_OVER_SECONDS,
    Heard,
    beating,
    end_left,
)
from tap_analytics.fleet.errors import FleetError
from tests.helpers.clocks import Clock

if TYPE_CHECKING:
    from tap_analytics.fleet.places import Place


def test_a_coordinator_that_beats_is_alive(place: Place) -> None:
    clock = Clock()
    with beating(place, "run", "one"):
        heard = Heard(place, "run", "one", clock)
        for number in range(20):
            clock.now += DEAD_SECONDS / 2
            place.write("run.beat", b"one x%d" % number)
            heard.require()


def test_one_that_beats_no_more_is_dead_soon(place: Place) -> None:
    clock = Clock()
    place.write("run.beat", b"one 7")
    heard = Heard(place, "run", "one", clock)
    heard.require()
    clock.now += DEAD_SECONDS - 1
    heard.require()
    clock.now += 3
    with pytest.raises(FleetError, match="died"):
        heard.require()


def test_one_that_has_ended_is_dead_too(place: Place) -> None:
    clock = Clock()
    with beating(place, "run", "one"):
        pass
    heard = Heard(place, "run", "one", clock)
    clock.now += DEAD_SECONDS + 1
    with pytest.raises(FleetError, match="died"):
        heard.require()


def test_who_takes_over_is_not_taken_for_the_one_that_died(place: Place) -> None:
    place.write("run.beat", b"one 7")
    heard = Heard(place, "run", "one", Clock())
    with (
        beating(place, "run", "two"),
        pytest.raises(FleetError, match="Another coordinator has taken over"),
    ):
        heard.require()


def test_before_a_run_begins_what_is_left_of_others_has_time_to_end(
    place: Place,
) -> None:
    place.write("run.beat", b"one 7")
    heard = Heard(place, "run", "one", Clock())
    waits: list[float] = []

    def wait(seconds: float) -> None:
        with pytest.raises(FleetError, match="Another coordinator has taken over"):
            heard.require()
        waits.append(seconds)

    end_left(place, ["later", "run"], "two", wait)
    assert waits == [TAKEN_OVER_SECONDS]
    assert place.read("run.beat") is None


def test_who_takes_over_from_nobody_waits_for_nobody(place: Place) -> None:
    waits: list[float] = []
    end_left(place, ["run"], "one", waits.append)
    assert not waits
