"""How a process elsewhere notices that the coordinator has died."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_analytics.fleet.beats import DEAD_SECONDS, Heard, beating
from tap_analytics.fleet.errors import FleetError
from tests.helpers.clocks import Clock

if TYPE_CHECKING:
    from tap_analytics.fleet.places import Place


def test_a_coordinator_that_beats_is_alive(place: Place) -> None:
    clock = Clock()
    with beating(place, "run"):
        heard = Heard(place, "run", clock)
        for number in range(20):
            clock.now += DEAD_SECONDS / 2
            place.write("run.beat", b"x%d" % number)
            heard.require()


def test_one_that_beats_no_more_is_dead_soon(place: Place) -> None:
    clock = Clock()
    place.write("run.beat", b"7")
    heard = Heard(place, "run", clock)
    heard.require()
    clock.now += DEAD_SECONDS - 1
    heard.require()
    clock.now += 3
    with pytest.raises(FleetError, match="died"):
        heard.require()


def test_one_that_has_ended_is_dead_too(place: Place) -> None:
    clock = Clock()
    with beating(place, "run"):
        pass
    heard = Heard(place, "run", clock)
    clock.now += DEAD_SECONDS + 1
    with pytest.raises(FleetError, match="died"):
        heard.require()
