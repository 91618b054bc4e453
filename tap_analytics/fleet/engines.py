"""Engines: each places the reading of accounts on processes, here or elsewhere.

An engine is one function: `read(batch, tell)` has each of the batch's accounts read by
a runner, calls `tell` with each line that a runner says, and returns when no runner is
left. An account of which nothing was told at the end is lost: the coordinator has it
read again. So an engine need not know what was read, and places work, no more.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from tap_analytics.fleet.children import Child
from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.hosts import share
from tap_analytics.fleet.messages import (
    Broken,
    More,
    NoMore,
    Started,
    Work,
    from_runner,
    line,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_analytics.fleet.fleet_file import HostLimit
    from tap_analytics.fleet.messages import Job

RUNNER = "tap_analytics.fleet.runner"

EARLY_DEATHS = 3
"""If so many runners in a row die before they begin an account, none can."""

Tell: TypeAlias = "Callable[[bytes], None]"

Engine: TypeAlias = "Callable[[Batch, Tell], None]"


@dataclass(frozen=True)
class Batch:
    """Accounts to read.

    Attributes:
        work: What each runner is told.
        jobs: The accounts, in the order to begin them in.
        alone: Whether each is to have a process of its own, since one before died.
        runners: How many processes there may be at a time.
        host_limit: The limit of all of them together.
    """

    work: Work
    jobs: Sequence[Job]
    alone: bool
    runners: int
    host_limit: HostLimit | None

    def work_of_one(self, processes: int) -> Work:
        """Return what a runner is told that is one of so many at a time."""
        limit = share(self.host_limit, processes)
        if limit is None:
            return self.work
        return msgspec.structs.replace(
            self.work, requests=limit.requests, seconds=limit.seconds
        )


class Queue:
    """Accounts that wait for a runner; all threads of an engine share it.

    Args:
        jobs: The accounts.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = deque(jobs)
        self._lock = threading.Lock()

    def take(self, count: int) -> list[Job]:
        """Take the next accounts, at most so many."""
        with self._lock:
            return [self._jobs.popleft() for _ in range(min(count, len(self._jobs)))]

    @property
    def is_empty(self) -> bool:
        """Whether none waits."""
        return not self._jobs


def run_runner(work: Work, queue: Queue, tell: Tell, most: int | None = None) -> None:
    """Let a runner read accounts until none waits; another one, if it dies.

    Args:
        work: What it is told.
        queue: The accounts.
        tell: Called with each line that it says.
        most: So many accounts a runner gets at most.
    """
    early_deaths = 0
    while not queue.is_empty:
        ended = _one_runner(work, queue, tell, most)
        if ended.is_broken:
            return
        early_deaths = 0 if ended.has_begun else early_deaths + bool(ended.death)
        if early_deaths >= EARLY_DEATHS:
            tell(line(Broken(f"A runner could not begin: {ended.death}.")))
            return


@dataclass(frozen=True)
class _Ended:
    """How a runner ended.

    Attributes:
        has_begun: Whether it had begun an account.
        is_broken: Whether it said that the fleet itself fails.
        death: How it died, if not well.
    """

    has_begun: bool
    is_broken: bool
    death: str


def _one_runner(work: Work, queue: Queue, tell: Tell, most: int | None) -> _Ended:
    child = Child(RUNNER, work)
    given = 0
    has_begun = is_broken = False
    for text in child.lines():
        message = from_runner(text)
        if isinstance(message, More):
            room = message.count if most is None else min(message.count, most - given)
            jobs = queue.take(room)
            given += len(jobs)
            child.send(*jobs)
            if queue.is_empty or given == most:
                child.send(NoMore())
            continue
        has_begun = has_begun or isinstance(message, Started)
        is_broken = is_broken or isinstance(message, Broken)
        tell(text)
    return _Ended(has_begun, is_broken, child.death())


def read_locally(batch: Batch, tell: Tell) -> None:
    """Read accounts by processes of this machine."""
    queue = Queue(batch.jobs)
    runners = max(1, min(batch.runners, len(batch.jobs)))
    work = batch.work_of_one(runners)
    errors: list[Exception] = []

    def keep_running() -> None:
        try:
            run_runner(work, queue, tell, 1 if batch.alone else None)
        except (OSError, RuntimeError) as error:
            errors.append(error)

    threads = [
        threading.Thread(target=keep_running, name=f"runner-{number}", daemon=True)
        for number in range(runners)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        msg = f"A runner could not be started: {errors[0]}."
        raise FleetError(msg)


def engine_named(name: str, scheduler: str) -> Engine:
    """Return an engine.

    Args:
        name: `local` or `dask`.
        scheduler: The address of the scheduler, empty for one of its own.

    Raises:
        FleetError: If a package is missing that it needs.
    """
    if name == "local":
        return read_locally
    # It takes a while, and is an extra.
    from tap_analytics.fleet.dask_engine import DaskEngine  # noqa: PLC0415

    return DaskEngine(scheduler)
