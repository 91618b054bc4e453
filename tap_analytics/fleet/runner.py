"""A runner: a process that reads many accounts, each in threads of its own."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from tap_analytics.fleet.account_reading import OVER_TIME, Reading, Shared
from tap_analytics.fleet.beats import Heard
from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.messages import (
    Broken,
    Counts,
    Job,
    More,
    NoMore,
    Started,
    Work,
    to_runner,
)
from tap_analytics.fleet.parent import end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_analytics.fleet.messages import Finished
    from tap_analytics.fleet.parent import Parent

TICK_SECONDS = 0.5

FIRST_AT_ONCE = 16
FEWEST_AT_ONCE = 8
"""So many accounts are read at a time however busy the processor is."""

BUSY, IDLE = 0.92, 0.8
"""Of one core: above the first no account is added, below the second some are."""


def main(parent: Parent) -> None:
    """Read what the parent asks for, and say what came of it."""
    lines = parent.lines()
    work = to_runner(next(lines))
    if not isinstance(work, Work):
        end(2)
        return
    try:
        runner = Runner(work, parent.say)
        threading.Thread(target=_obey, args=(lines, runner), daemon=True).start()
        runner.run()
    except FleetError as error:
        parent.say(Broken(str(error)))
    end(0)


def _obey(lines: Iterator[bytes], runner: Runner) -> None:
    for text in lines:
        match to_runner(text):
            case Job() as job:
                runner.take(job)
            case NoMore():
                runner.no_more()


class Room:
    """How many accounts a process reads at a time: more, as long as it keeps up.

    Args:
        most: So many at most.
        clock: Tells the time in seconds.
        cpu: Tells the seconds of processor time that the process has used.
    """

    def __init__(
        self,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.process_time,
    ) -> None:
        self._most = most
        self._clock = clock
        self._cpu = cpu
        self._then = clock(), cpu()
        self.accounts = min(most, FIRST_AT_ONCE)

    def look(self) -> None:
        """Look how busy the process was since the last look."""
        now = self._clock(), self._cpu()
        seconds = now[0] - self._then[0]
        busy = (now[1] - self._then[1]) / seconds if seconds > 0 else 0.0
        self._then = now
        if busy > BUSY:
            fewest = min(FEWEST_AT_ONCE, self._most)
            self.accounts = max(fewest, self.accounts - 1)
        elif busy < IDLE:
            self.accounts = min(self._most, self.accounts + FEWEST_AT_ONCE)


class Runner:
    """Reads accounts until there are no more.

    Args:
        work: What the coordinator wants.
        say: Tells the coordinator.
    """

    def __init__(self, work: Work, say: Callable[..., None]) -> None:
        self._work = work
        self._say = say
        self._shared = Shared(work, say)
        self._room = Room(work.accounts_at_once)
        self._changed = threading.Condition()
        self._running: dict[str, Reading] = {}
        self._asked_for = 0
        self._is_last = False
        self._counted = (0, 0)
        self._counts_of_done = (0, 0)
        place, name = self._shared.staging.place, work.coordinator
        self._heard = Heard(place, work.run, name) if name else None

    def take(self, job: Job) -> None:
        """Begin to read an account."""
        reading = Reading(job, self._shared)
        with self._changed:
            self._asked_for = max(0, self._asked_for - 1)
            self._running[job.account] = reading
        self._say(Started(job.account))
        threading.Thread(
            target=self._read, args=(reading,), name=job.account, daemon=True
        ).start()

    def no_more(self) -> None:
        """Take note that no further account comes."""
        with self._changed:
            self._is_last = True
            self._changed.notify_all()

    def run(self) -> None:
        """Read until all is read.

        Raises:
            FleetError: If the coordinator has died, or its place can't be read.
        """
        looked_at = time.monotonic()
        while True:
            with self._changed:
                if self._is_last and not self._running:
                    break
                self._ask()
                self._changed.wait(TICK_SECONDS)
            if time.monotonic() - looked_at >= TICK_SECONDS:
                looked_at = time.monotonic()
                self._look()
        self._count()

    def _ask(self) -> None:
        if self._is_last:
            return
        room = self._room.accounts - len(self._running) - self._asked_for
        if room > 0:
            self._asked_for += room
            self._say(More(room))

    def _look(self) -> None:
        self._room.look()
        self._count()
        if self._heard is not None:
            self._heard.require()
        now = time.monotonic()
        for reading in list(self._running.values()):
            over = now - reading.began_at - self._work.max_seconds
            if over > reading.seconds_to_end:
                self._tell(reading, reading.hung())
            elif over > 0 and not reading.run.stop.is_set:
                reading.run.stop.set(OVER_TIME)

    def _read(self, reading: Reading) -> None:
        self._tell(reading, reading.read())

    def _tell(self, reading: Reading, outcome: Finished | Broken) -> None:
        """Tell what came of an account, and then let go of it.

        In this order, since the process ends as soon as it has let go of the last one.
        """
        with self._changed:
            if reading.is_told:
                return
            reading.is_told = True
        self._say(outcome)
        with self._changed:
            del self._running[reading.account]
            rows, requests = self._counts_of_done
            progress = reading.run.progress
            self._counts_of_done = (
                rows + sum(list(progress.rows.values())),
                requests + progress.requests,
            )
            self._changed.notify_all()

    def _count(self) -> None:
        with self._changed:
            rows, requests = self._counts_of_done
            for reading in self._running.values():
                progress = reading.run.progress
                rows += sum(list(progress.rows.values()))
                requests += progress.requests
            new = rows - self._counted[0], requests - self._counted[1]
            self._counted = rows, requests
        if any(new):
            self._say(Counts(*new))
