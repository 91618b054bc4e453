"""Runs that are interrupted at a random moment, and what the next run makes of it."""

from __future__ import annotations

import signal
import tempfile
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from tap_analytics.sandbox import Sandbox, SandboxOptions
from tests.chaos.judging import Verdict
from tests.chaos.kinds import Ending, child_paths
from tests.chaos.pipeline import Pipeline
from tests.chaos.places import PLACES, Databases, truth_of
from tests.conftest import TODAY
from tests.helpers.running import STREAMS, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from tests.chaos.pipeline import Ended, Run
    from tests.chaos.places import Place, Places

OPTIONS = SandboxOptions(
    projects=6,
    tasks=40,
    time_records=60,
    clients=30,
    users=20,
    team_time=150,
    page_size=25,
    pagination="page",
    totals=("page", "per_page", "total"),
    latency=0.01,
    today=TODAY,
)
TARGET = {"batch_size_rows": 200, "hard_delete": True}
BOTH = "SIGKILL to tap and target"
DISK = "full disk at the target"
TARGET_KILLED = "SIGKILL to the target"

SECONDS_TO_END = 2
"""So long a run may take to end on a signal, as is promised."""


def _signal(number: int, *names: str) -> Callable[[Run, Random], None]:
    def send(run: Run, dice: Random) -> None:
        processes = [getattr(run, name) for name in names]
        dice.shuffle(processes)
        run.send(number, *processes)

    return send


INTERRUPTIONS: dict[str, Callable[[Run, Random], None]] = {
    BOTH: _signal(signal.SIGKILL, "tap", "target"),
    "SIGKILL to the tap": _signal(signal.SIGKILL, "tap"),
    TARGET_KILLED: _signal(signal.SIGKILL, "target"),
    "SIGTERM to the tap": _signal(signal.SIGTERM, "tap"),
    "SIGINT to the tap": _signal(signal.SIGINT, "tap"),
    "SIGINT to both, as Ctrl-C": _signal(signal.SIGINT, "tap", "target"),
    DISK: lambda *_: None,
}
"""What ends a run at a random moment."""

KINDS = (*len(INTERRUPTIONS) * (BOTH,), *INTERRUPTIONS)
"""In which order they come; half of them are those that strike both."""

OUTLIVED = {TARGET_KILLED, DISK}
"""What the tap notices only once it writes again."""

WAITS: tuple[dict[str, Any], ...] = (
    {"status": 429, "headers": {"Retry-After": "600"}},
    {"kind": "hang"},
)


def kind_of(number: int) -> tuple[str, str]:
    """Return what an interruption is, and the name of the database that it is for."""
    databases = [*PLACES]
    turn, place = divmod(number, len(databases))
    return KINDS[turn % len(KINDS)], databases[place]


class Interruptions(Databases["Loaded"]):
    """Interrupts runs into databases that were loaded once; a context.

    Args:
        places: Makes the databases, by their names.

    Attributes:
        longest_end: How many seconds the tap took to end on a signal, at most.
    """

    def __init__(
        self,
        places: Mapping[str, Callable[[], AbstractContextManager[Places]]] = PLACES,
    ) -> None:
        super().__init__(Loaded, places)
        self.longest_end = 0.0

    def judge(self, number: int) -> Verdict:
        """Interrupt a run, perhaps two, and let the next one end.

        Args:
            number: Decides what interrupts it, when, and all else.
        """
        dice = Random(number)  # noqa: S311 - to be repeated
        kind, database = kind_of(number)
        loaded = self.loaded(database)
        verdict = Verdict(number, f"{kind}, {database}", None)
        with Sandbox(OPTIONS) as api, tempfile.TemporaryDirectory() as folder:
            place = loaded.places.copy()
            pipeline = _pipeline(
                api,
                place,
                Path(folder),
                incremental=dice.random() < 0.5,
                lookback_days=dice.choice((0, 30)),
                concurrency=dice.randint(1, 8),
            )
            pipeline.state = loaded.state
            _change(api, dice)
            try:
                endings = {
                    self._interrupted(pipeline, api, loaded, kind, dice)
                    for _ in range(dice.choice((1, 1, 2)))
                }
                ended = pipeline.finish(pipeline.start())
                assert ended.statuses == (0, 0), ended.logs
                check(place, api)
            except AssertionError as error:
                verdict.reason = str(error)
            else:
                stopped = Ending.STOPPED in endings
                verdict.ending = Ending.STOPPED if stopped else Ending.COMPLETE
        return verdict

    def _interrupted(
        self, pipeline: Pipeline, api: Sandbox, loaded: Loaded, kind: str, dice: Random
    ) -> Ending:
        limit = dice.randint(10_000, 1_500_000) if kind == DISK else None
        if kind not in OUTLIVED and dice.random() < 0.3:
            # The moment comes while the tap waits for the API.
            api.fault(dice.choice(child_paths(api)), times=1, **dice.choice(WAITS))
        run = pipeline.start(limit)
        if kind != DISK:
            longest = loaded.tap_took if kind.endswith("the tap") else loaded.took
            run.after(dice.uniform(0, longest))
            INTERRUPTIONS[kind](run, dice)
        ended = pipeline.finish(run)
        api.clear_faults()
        _check_end(ended, kind)
        if kind.startswith(("SIGTERM", "SIGINT")):
            self.longest_end = max(self.longest_end, ended.outlived)
        return Ending.COMPLETE if ended.statuses == (0, 0) else Ending.STOPPED


class Loaded:
    """A database that was loaded once.

    Args:
        places: Makes copies of it.
    """

    def __init__(self, places: Places) -> None:
        self.places = places
        with Sandbox(OPTIONS) as api, tempfile.TemporaryDirectory() as folder:
            pipeline = _pipeline(api, places.first, Path(folder), incremental=True)
            began = time.monotonic()
            ended = pipeline.finish(pipeline.start())
            self.took = time.monotonic() - began
        assert ended.statuses == (0, 0), ended.logs
        self.tap_took = ended.took
        self.state = pipeline.state


def _pipeline(api: Sandbox, place: Place, folder: Path, **more: Any) -> Pipeline:
    tap = settings(api, emit_activate_version_messages=True, **more)
    return Pipeline(tap, place.target | TARGET, folder)


def _change(api: Sandbox, dice: Random) -> None:
    """Let happen at the source what does between two runs."""
    for stream in STREAMS:
        parent = None
        if stream in {"tasks", "time_records"}:
            parent = dice.choice(api.truth("projects"))["id"]
        for number in range(dice.randint(1, 40)):
            record = {"id": f"new-{number}", "createdAt": f"{TODAY}T23:00:00Z"}
            api.add(stream, record, parent=parent)
        # Of an increment, what is changed or gone is not looked for.
        if not stream.startswith("time"):
            first, second = dice.sample(api.truth(stream), 2)
            api.change(stream, first["id"], {"name": "Changed"})
            if stream != "projects":
                api.delete(stream, second["id"])


def _check_end(ended: Ended, kind: str) -> None:
    for log in ended.logs:
        assert "Traceback" not in log, log
    if kind.startswith(("SIGTERM", "SIGINT")):
        assert ended.outlived < SECONDS_TO_END, f"it took {ended.outlived:.1f} s to end"
        # Before Python itself has begun, a signal ends it without a status of ours.
        numbers = (signal.SIGINT, signal.SIGTERM)
        by_signal = {status for n in numbers for status in (128 + n, -n)}
        assert ended.statuses[0] in {0, *by_signal}
        assert len(ended.errors) <= 1, ended.errors


def check(place: Place, api: Sandbox) -> None:
    """Check that each row of the source is in its table, once, and no other.

    Args:
        place: The database.
        api: The source.
    """
    for stream in STREAMS:
        loaded, expected = place.rows(stream), truth_of(api.truth(stream), stream)
        known = {row[0] for row in loaded}
        lost = [row for row in expected if row[0] not in known]
        too_many = [row for row in loaded if row not in expected]
        assert not lost, f"{stream}: {len(lost)} rows are lost: {lost[:3]}"
        assert not too_many, f"{stream}: {len(too_many)} too many: {too_many[:3]}"
        assert len(loaded) == len(expected), f"{stream}: rows are doubled"
