"""Commands that run in turn, and the medians of what they took."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any, TypeAlias

from contenders import TAP, Output
from measuring import failure, measure
from sandboxed import API_KEY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from contenders import Contender
    from sandboxed import SandboxProcess

ALL = "all"
"""No row is missing, and there is none too many."""

Commands: TypeAlias = "dict[str, list[str]]"


@dataclass(frozen=True)
class Entry:
    """Who takes part in a race, and how.

    Attributes:
        contender: The contender.
        api: The API that it reads.
        settings: Its settings, besides where the API is.
        remark: What tells it from another entry of the same contender.
        slow: Whether it takes so long that it runs less often.
    """

    contender: Contender
    api: SandboxProcess
    settings: dict[str, Any] = field(default_factory=dict)
    remark: str = ""
    slow: bool = False

    @property
    def name(self) -> str:
        """What the table calls it."""
        return ", ".join(filter(None, (self.contender.name, self.remark)))


@dataclass(frozen=True)
class Sample:
    """What one run took.

    Attributes:
        wall: Seconds from start to end.
        cpu: Seconds of processor time.
        peak: The most memory it held at a time, in bytes.
        requests: Requests that the API saw.
        refused: Of them, those it answered with 429.
        written: Bytes of output.
        rows: `all`, or what came instead.
    """

    wall: float
    cpu: float
    peak: float
    requests: float = 0
    refused: float = 0
    written: float = 0
    rows: str = ""


@dataclass(frozen=True)
class Result:
    """What was done, by whom, how often, and the medians of what it took."""

    work: str
    name: str
    runs: int
    median: Sample


class Race:
    """Lets commands run in turn, so that a busy moment meets all of them.

    Args:
        folder: Where files may be put.
        runs: How often an entry runs.
        slow_runs: How often a slow one runs.

    Attributes:
        folder: The same.
        runs: The same.
        slow_runs: The same.
        results: The results so far.
    """

    def __init__(self, folder: Path, runs: int, slow_runs: int) -> None:
        self.folder = folder
        self.results: list[Result] = []
        self.runs = runs
        self.slow_runs = slow_runs
        self._out = folder / "out"
        self._err = folder / "err"

    def read(self, work: str, *entries: Entry) -> list[Sample]:
        """Let contenders read all that an API has, in turn.

        Args:
            work: What the table calls it.
            entries: Who takes part.

        Returns:
            The medians, in the order of the entries.

        Raises:
            RuntimeError: If the tap fails; that a rival fails is a result.
        """
        return self.in_turn(
            work,
            [
                (
                    entry.name,
                    self.slow_runs if entry.slow else self.runs,
                    partial(self.take, entry),
                )
                for entry in entries
            ],
        )

    def start(self, work: str, runs: int, commands: Commands) -> list[Sample]:
        """Let commands run that read nothing.

        Args:
            work: What the table calls it.
            runs: How often each runs, besides a first time for the bytecode.
            commands: The commands, by what the table calls them.

        Returns:
            The medians, in the order of the commands.

        Raises:
            RuntimeError: If one fails.
        """
        for command in commands.values():
            self._start(command)
        return self.in_turn(
            work,
            [
                (name, runs, partial(self._start, command))
                for name, command in commands.items()
            ],
        )

    def in_turn(
        self, work: str, tasks: list[tuple[str, int, Callable[[], Sample]]]
    ) -> list[Sample]:
        """Let anything run that can be measured, in turn.

        Args:
            work: What the table calls it.
            tasks: For each what the table calls it, how often it runs, and a function
                that runs and measures it once.

        Returns:
            The medians, in the order of the tasks.
        """
        samples: list[list[Sample]] = [[] for _ in tasks]
        for turn in range(max(runs for _, runs, _ in tasks)):
            progress(f"{work}, run {turn + 1}")
            for (_, runs, task), taken in zip(tasks, samples, strict=True):
                if turn < runs:
                    taken.append(task())
        medians = [median_of(taken) for taken in samples]
        self.results += [
            Result(work, name, runs, figures)
            for (name, runs, _), figures in zip(tasks, medians, strict=True)
        ]
        return medians

    def _start(self, command: list[str]) -> Sample:
        cost = measure(command, self._out, self._err)
        if cost.status:
            raise failure(command[0], self._err)
        return Sample(cost.wall, cost.cpu, cost.peak)

    def take(self, entry: Entry) -> Sample:
        """Let a contender read all that its API has, once.

        Args:
            entry: Who, and how.

        Raises:
            RuntimeError: If the tap fails; that a rival fails is a result.
        """
        contender, api, config = entry.contender, entry.api, self.folder / "config.json"
        settings = {"api_url": api.url, "api_key": API_KEY, **entry.settings}
        config.write_text(json.dumps(settings), encoding="utf-8")
        api.reset()
        cost = measure([*contender.command, str(config)], self._out, self._err)
        stats = api.stats()
        if cost.status == 0:
            output = contender.output(self._out)
            rows = compared(output.rows, api.counts())
        elif contender is TAP:
            raise failure(entry.name, self._err)
        else:
            progress(str(failure(entry.name, self._err)))
            output, rows = Output({}, 0), "failed"
        return Sample(
            cost.wall,
            cost.cpu,
            cost.peak,
            stats.requests,
            stats.refused,
            output.written,
            rows,
        )


def progress(text: str) -> None:
    """Say on stderr what is going on: stdout is for the tables."""
    print(text, file=sys.stderr, flush=True)


def median_of(samples: list[Sample]) -> Sample:
    """Return the median of each figure; of the rows, what was amiss if anything was."""
    figures = {
        name: median(getattr(sample, name) for sample in samples)
        for name in ("wall", "cpu", "peak", "requests", "refused", "written")
    }
    amiss = [sample.rows for sample in samples if sample.rows != ALL]
    return Sample(**figures, rows=amiss[0] if amiss else ALL)


def compared(rows: dict[str, int], there: dict[str, int]) -> str:
    """Return `all`, or how many rows there are of how many.

    Args:
        rows: How many came of each stream.
        there: How many were to come.
    """
    if rows == {stream: count for stream, count in there.items() if count}:
        return ALL
    return f"{sum(rows.values()):,} of {sum(there.values()):,}"
