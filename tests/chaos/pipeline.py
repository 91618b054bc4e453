"""`tap-analytics | target-dlt`, as two processes that can be ended at any moment."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_analytics.reading.so_far import StateCadence
from tests.helpers.forking import PROCESSES

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

SECONDS = 60
"""So long a run may take at most."""


@dataclass
class Ended:
    """What two processes left behind.

    Attributes:
        statuses: Their exit statuses, the tap's first.
        logs: What each wrote to standard error.
        took: How many seconds the tap ran.
        outlived: How many of them after it was interrupted.
    """

    statuses: tuple[int | None, int | None]
    logs: tuple[str, str]
    took: float
    outlived: float

    @property
    def errors(self) -> list[str]:
        """The tap's error messages."""
        return [line for line in self.logs[0].splitlines() if "| ERROR" in line]


class Pipeline:
    """The two commands, and the state that is kept between their runs.

    Args:
        tap: The tap's settings.
        target: The target's settings.
        folder: Where files may be put.
    """

    def __init__(
        self, tap: dict[str, Any], target: dict[str, Any], folder: Path
    ) -> None:
        self._folder = folder
        self._states = folder / "states"  # What the target lets out.
        self.state = "{}"
        self.state_seconds: float | None = None
        """So much time is between two STATEs of the tap, not a minute."""
        for name, config in (("tap", tap), ("target", target)):
            (folder / f"{name}.json").write_text(json.dumps(config))

    def start(self, largest_file: int | None = None) -> Run:
        """Start both.

        Args:
            largest_file: So many bytes the target can write to a file, as if the disk
                were full; `None` if it isn't.
        """
        (self._folder / "state.json").write_text(self.state)
        for name in ("states", "tap.log", "target.log"):
            (self._folder / name).write_text("")
        reader, writer = PROCESSES.Pipe(duplex=False)
        folder = str(self._folder)
        tap = PROCESSES.Process(target=_tap, args=(writer, folder, self.state_seconds))
        target = PROCESSES.Process(target=_target, args=(reader, folder, largest_file))
        for process in (target, tap):
            process.start()
        reader.close()
        writer.close()
        return Run(tap, target)

    def finish(self, run: Run) -> Ended:
        """Wait for the end of both, and keep the last STATE that the target let out."""
        took, outlived = run.wait()
        lines = self._states.read_text().split("\n")[:-1]
        self.state = lines[-1] if lines else self.state
        logs = (self._folder / "tap.log", self._folder / "target.log")
        return Ended(
            (run.tap.exitcode, run.target.exitcode),
            (logs[0].read_text(), logs[1].read_text()),
            took,
            outlived,
        )


class Run:
    """Two processes that run.

    Args:
        tap: The tap.
        target: The target.
    """

    def __init__(self, tap: ForkServerProcess, target: ForkServerProcess) -> None:
        self.tap = tap
        self.target = target
        self._began_at = time.monotonic()
        self._interrupted_at: float | None = None

    def after(self, seconds: float) -> Run:
        """Wait so long, or for the end of the tap."""
        self.tap.join(seconds)
        return self

    def send(self, number: int, *processes: ForkServerProcess) -> None:
        """Send a signal to processes, if they are still there."""
        self._interrupted_at = time.monotonic()
        for process in processes:
            if process.pid is not None and process.exitcode is None:
                os.kill(process.pid, number)

    def wait(self) -> tuple[float, float]:
        """Wait for the end of both.

        Returns:
            For how long the tap ran, and for how long once it was interrupted.
        """
        self.tap.join(SECONDS)
        ended_at = time.monotonic()
        self.target.join(SECONDS)
        for process in (self.tap, self.target):
            if process.exitcode is None:
                process.kill()
                process.join()
        interrupted_at = self._interrupted_at or ended_at
        return ended_at - self._began_at, ended_at - interrupted_at


def _tap(out: Connection, folder: str, state_seconds: float | None) -> None:
    from tap_analytics.__main__ import main  # noqa: PLC0415 - in its own process only
    from tap_analytics.reading import account  # noqa: PLC0415

    if state_seconds is not None:
        often = partial(StateCadence, seconds=state_seconds, share=100)
        vars(account)["StateCadence"] = often

    _become("tap", folder)
    os.dup2(out.fileno(), 1)
    out.close()
    sys.argv = ["tap-analytics", "--config", "tap.json", "--state", "state.json"]
    main()


def _target(source: Connection, folder: str, largest_file: int | None) -> None:
    from tap_analytics.target_dlt.__main__ import main  # noqa: PLC0415

    _become("target", folder)
    os.dup2(source.fileno(), 0)
    source.close()
    _to_file("states", 1)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    sys.argv = ["target-dlt", "--config", "target.json"]
    main()


def _become(name: str, folder: str) -> None:
    """Turn this process into what a shell would have started."""
    os.chdir(folder)
    _to_file(f"{name}.log", 2)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _to_file(name: str, number: int) -> None:
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, number)
    os.close(file)
