"""Two runs of one fleet at once."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from select import select
from typing import TYPE_CHECKING

import pytest

from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.run_lock import DEAD_SECONDS, Lease, TakenError, only_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tap_analytics.fleet.places import Place


class Clock:
    """A clock that goes on when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def lease(place: Place, clock: Clock) -> Lease:
    return Lease(place, clock, clock.wait)


def test_a_second_run_is_refused_in_a_line(folder: Place) -> None:
    with (
        only_run(folder),
        pytest.raises(TakenError, match="Another run of this fleet goes on, and holds"),
        only_run(folder),
    ):
        pass


def test_the_next_run_begins_when_the_first_has_ended(place: Place) -> None:
    for _ in range(2):
        with only_run(place) as check:
            check()


def test_a_killed_run_holds_no_folder(tmp_path: Path, folder: Place) -> None:
    script = (
        "import os, pathlib\n"
        "from tap_analytics.fleet.folder import Folder\n"
        "from tap_analytics.fleet.run_lock import only_run\n"
        f"with only_run(Folder(pathlib.Path({str(tmp_path / 'place')!r}))):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -9
    with only_run(folder):
        pass


@contextmanager
def orphan(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Kill a run, of which a process goes on; yield what ends that, and waits."""
    script = (
        "import os, pathlib, subprocess, sys\n"
        "from tap_analytics.fleet.folder import Folder\n"
        "from tap_analytics.fleet.run_lock import only_run\n"
        f"with only_run(Folder(pathlib.Path({str(tmp_path / 'place')!r}))):\n"
        "    cat = subprocess.Popen(['cat'], close_fds=False)\n"
        "    print(cat.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as killed:
        given = killed.stdin
        assert given is not None
        assert killed.stdout is not None
        process = os.pidfd_open(int(killed.stdout.readline()))
        assert killed.wait() == -9

        def end() -> None:
            given.close()
            select([process], [], [])

        yield end
        os.close(process)


def test_what_a_killed_run_has_started_is_waited_for(
    tmp_path: Path, folder: Place
) -> None:
    waits = []
    with orphan(tmp_path) as end:

        def wait(seconds: float) -> None:
            waits.append(seconds)
            end()

        with only_run(folder, wait):
            assert waits


def test_what_a_killed_run_has_started_is_not_waited_for_for_ever(
    tmp_path: Path, folder: Place
) -> None:
    with (
        orphan(tmp_path),
        pytest.raises(FleetError, match="a run that was killed have not ended"),
        only_run(folder, lambda _: None),
    ):
        pass


def test_a_bucket_that_is_held_is_refused_as_soon_as_the_holder_beats(
    bucket: Place,
) -> None:
    clock = Clock()
    holder = lease(bucket, clock)
    holder.take()

    def wait(seconds: float) -> None:
        clock.now += seconds
        holder.beat()

    with pytest.raises(TakenError):
        Lease(bucket, clock, wait).take()
    assert clock.now < DEAD_SECONDS / 2


def test_a_bucket_is_taken_over_from_a_holder_that_does_not_beat(bucket: Place) -> None:
    clock = Clock()
    lease(bucket, clock).take()
    lease(bucket, clock).take()
    assert clock.now >= DEAD_SECONDS


def test_who_was_taken_for_dead_learns_of_it(bucket: Place) -> None:
    clock = Clock()
    first = lease(bucket, clock)
    first.take()
    lease(bucket, clock).take()
    first.beat()
    with pytest.raises(FleetError, match="could not reach its state in time"):
        first.check()


def test_who_could_not_beat_for_long_gives_up(bucket: Place) -> None:
    clock = Clock()
    holder = lease(bucket, clock)
    holder.take()
    clock.now += DEAD_SECONDS + 1
    with pytest.raises(FleetError, match="could not reach its state in time"):
        holder.check()


def test_of_two_that_take_over_at_once_one_succeeds(bucket: Place) -> None:
    clock = Clock()
    lease(bucket, clock).take()
    other = lease(bucket, Clock())

    def wait(seconds: float) -> None:
        clock.now += seconds
        if clock.now >= DEAD_SECONDS:
            other.take()

    with pytest.raises(TakenError):
        Lease(bucket, clock, wait).take()


def test_a_released_bucket_is_free_at_once(bucket: Place) -> None:
    clock = Clock()
    first = lease(bucket, clock)
    first.take()
    first.release()
    lease(bucket, clock).take()
    assert clock.now == 0
