"""Keeps a second run of a fleet from beginning while one goes on.

A folder is locked by the system, which ends the lock with the process. A second lock is
inherited by all processes that a run starts: who takes over from a run that was killed
waits until the last of them has ended. A bucket knows no locks, so there a run shows
that it lives: it beats every few seconds. Who wants to begin looks whether another
beats, which no clock of another machine can spoil.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import TYPE_CHECKING

from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.folder import Folder
from tap_analytics.fleet.repeating import repeating

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tap_analytics.fleet.places import Place

BEAT_SECONDS = 3.0
DEAD_SECONDS = 12.0
"""Who has not beaten for so long is dead; who could not for so long gives up."""

ORPHANS_SECONDS = 15.0
"""So long the processes of a run that was killed may take to end."""

_FOLDER = "lock"
_PROCESSES = "lock.processes"
_PAUSE_SECONDS = 0.05


@contextmanager
def only_run(
    place: Place, wait: Callable[[float], None] = time.sleep
) -> Iterator[Callable[[], None]]:
    """Be the only run of a fleet.

    Args:
        place: Where the fleet's state is.
        wait: Waits so many seconds.

    Yields:
        A function that raises FleetError if another run has taken over.

    Raises:
        FleetError: If another run goes on.
    """
    if isinstance(place, Folder):
        with _locked_folder(place, wait):
            yield lambda: None
        return
    lease = Lease(place, wait=wait)
    lease.take()
    with lease.beating():
        yield lease.check


@contextmanager
def _locked_folder(folder: Folder, wait: Callable[[float], None]) -> Iterator[None]:
    path, processes = folder.path / _FOLDER, folder.path / _PROCESSES
    with _opened(path) as own, _opened(processes) as inherited:
        if not _is_locked(own):
            raise TakenError(str(path))
        waited = 0.0
        while not _is_locked(inherited):
            if waited >= ORPHANS_SECONDS:
                msg = (
                    "Processes of a run that was killed have not ended: they hold the "
                    f"lock {processes}. End them, and run again."
                )
                raise FleetError(msg)
            wait(_PAUSE_SECONDS)
            waited += _PAUSE_SECONDS
        os.set_inheritable(inherited, True)  # noqa: FBT003 - it takes no keyword
        yield


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        msg = f"{path} can't be written: {error.strerror}."
        raise FleetError(msg) from error
    try:
        yield file
    finally:
        os.close(file)


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class TakenError(FleetError):
    """Another run of the fleet goes on.

    Args:
        lock: The name of the lock.
    """

    def __init__(self, lock: str) -> None:
        super().__init__(
            f"Another run of this fleet goes on, and holds the lock {lock}. "
            "Wait for it, or stop it."
        )


class Lease:
    """A lock in a bucket: the newest of numbered files, whose holder beats.

    To take over from a dead holder is to create the file with the next number, in which
    only one can succeed.

    Args:
        place: The bucket.
        clock: Tells the time in seconds; only differences matter.
        wait: Waits so many seconds.
    """

    def __init__(
        self,
        place: Place,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._place = place
        self._clock = clock
        self._wait = wait
        self._me = token_hex(8)
        self._name = ""
        self._beats = 0
        self._beaten_at = 0.0
        self._is_lost = False

    def take(self) -> None:
        """Take the lock.

        Raises:
            FleetError: If another holds it.
        """
        names = self._place.names(_FOLDER)
        if names and self._is_alive(names[-1]):
            raise TakenError(self._name or _FOLDER)
        number = int(names[-1].rpartition("/")[2]) + 1 if names else 1
        self._name = f"{_FOLDER}/{number:010}"
        self._beaten_at = self._clock()
        if not self._place.create(self._name, self._content()):
            raise TakenError(self._name or _FOLDER)
        self._place.remove(names)

    def beat(self) -> None:
        """Show that the holder lives, and look whether it holds the lock still."""
        if self._clock() - self._beaten_at > DEAD_SECONDS:
            self._is_lost = True  # Others may have taken it for dead.
        if self._is_lost or self._place.names(_FOLDER)[-1:] != [self._name]:
            self._is_lost = True
            return
        began = self._clock()
        self._beats += 1
        self._place.write(self._name, self._content())
        self._beaten_at = began

    def check(self) -> None:
        """Return if the lock is held still.

        Raises:
            FleetError: If it is not.
        """
        if self._is_lost or self._clock() - self._beaten_at > DEAD_SECONDS:
            msg = (
                "This run could not reach its state in time, so that another may have "
                "begun. It ends; run again, and that goes on."
            )
            raise FleetError(msg)

    def release(self) -> None:
        """Let others take the lock at once."""
        if not self._is_lost:
            self._place.write(self._name, self._content(is_over=True))

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Beat from a thread, and release the lock in the end."""

        def beat() -> None:
            with suppress(FleetError):  # The next one may succeed; `check` tells.
                self.beat()

        try:
            with repeating("lease", BEAT_SECONDS, beat):
                yield
        finally:
            self.release()

    def _is_alive(self, name: str) -> bool:
        """Return whether a holder beats, for which it may take a while to look."""
        first = self._place.read(name)
        since = self._clock()
        while first is not None and not json.loads(first)["is_over"]:
            if self._clock() - since >= DEAD_SECONDS:
                return False
            self._wait(BEAT_SECONDS / 3)
            if self._place.read(name) != first:
                return True
        return False

    def _content(self, *, is_over: bool = False) -> bytes:
        beat = {"holder": self._me, "beats": self._beats, "is_over": is_over}
        return json.dumps(beat).encode()
