"""Shows processes elsewhere that the coordinator lives: a file that it writes anew.

Each compares the file with what it was before, by its own clock: the clocks of two
machines differ. A beat names its coordinator, so that nobody takes the next one, which
goes on with the same run, for the one that has died.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING

from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.repeating import repeating

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_analytics.fleet.places import Place

BEAT_SECONDS = 2.0
DEAD_SECONDS = 11.0
"""A coordinator that has not beaten for so long is dead."""

TAKEN_OVER_SECONDS = 2 * BEAT_SECONDS + 1.0
"""So long the processes of a dead one may take to hear that another has taken over."""


def _file(run: str) -> str:
    return f"{run}.beat"


@contextmanager
def beating(
    place: Place,
    run: str,
    name: str,
) -> Iterator[None]:
    """Show that this process lives, from a thread.

    Args:
        place: The fleet's staging place.
        run: The run's name.
        name: What tells this coordinator from others of the run.

    Raises:
        FleetError: If the place does not take the first beat.
    """
    place.write(_file(run), _beat(name, 0))
    numbers = count(1)

    def beat() -> None:
        with suppress(FleetError):  # The next one may succeed.
            place.write(_file(run), _beat(name, next(numbers)))

    try:
        with repeating("beats", BEAT_SECONDS, beat):
            yield
    finally:
        place.remove([_file(run)])


def end_left(
    place: Place,
    runs: Iterable[str],
    name: str,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """End what runs elsewhere for coordinators that have died.

    Args:
        place: The fleet's staging place.
        runs: The names of the runs that may have left something.
        name: What tells this coordinator from others.
        wait: Waits so many seconds, if there is something to wait for.

    Raises:
        FleetError: If the place can't be read or written.
    """
    left = [_file(run) for run in runs if place.read(_file(run)) is not None]
    for file in left:
        place.write(file, _beat(name, 0))
    if left:
        wait(TAKEN_OVER_SECONDS)
        place.remove(left)


def _beat(name: str, number: int) -> bytes:
    return f"{name} {number}".encode()


class Heard:
    """Listens to the coordinator's beats.

    Args:
        place: The fleet's staging place.
        run: The run's name.
        name: The coordinator's.
        clock: Tells the time in seconds; only differences matter.
    """

    def __init__(
        self,
        place: Place,
        run: str,
        name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = place
        self._run = run
        self._name = name
        self._clock = clock
        self._last: bytes | None = None
        self._heard_at = clock()
        self._looked_at = float("-inf")

    def require(self) -> None:
        """Return if the coordinator lives.

        Raises:
            FleetError: If it has died, or its place can't be read for so long, or
                another coordinator has taken over.
        """
        now = self._clock()
        if now - self._looked_at < BEAT_SECONDS:
            return
        self._looked_at = now
        beat = None
        with suppress(FleetError):
            beat = self._place.read(_file(self._run))
        if beat is not None and beat.partition(b" ")[0] != self._name.encode():
            msg = "Another coordinator has taken over this run."
            raise FleetError(msg)
        if beat is not None and beat != self._last:
            self._last, self._heard_at = beat, now
        elif now - self._heard_at > DEAD_SECONDS:
            msg = "The coordinator of this run has died."
            raise FleetError(msg)
