"""Reads that are stopped at random moments, and the runs that go on with them."""

from __future__ import annotations

import json
import signal
import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from tap_analytics.rows.unfinished import fingerprint, unfinished_in, unpacked
from tap_analytics.sandbox import Sandbox, SandboxOptions
from tests.chaos.interruptions import SECONDS_TO_END
from tests.chaos.judging import Verdict
from tests.chaos.kinds import Ending
from tests.chaos.pipeline import Pipeline
from tests.chaos.places import PLACES, Databases, truth_of
from tests.chaos.truth import CHILDREN
from tests.conftest import TODAY
from tests.helpers.running import STREAMS, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from tests.chaos.places import Place, Places, Rows

PROJECTS = 300
OPTIONS = SandboxOptions(
    projects=PROJECTS,
    tasks=2,
    time_records=2,
    latency=0.005,
    today=TODAY,
)
CONCURRENCY = 8
TARGET = {"batch_size_rows": 300, "hard_delete": True}
SIGTERM, SIGKILL = "SIGTERM to the tap", "SIGKILL to tap and target"
SEVERAL = "several and changes"
KINDS = (SIGTERM, SIGKILL, SEVERAL)


def kind_of(number: int) -> tuple[str, str]:
    """Return how a read is stopped, and the name of the database that it is for."""
    databases = [*PLACES]
    turn, place = divmod(number, len(databases))
    return KINDS[turn % len(KINDS)], databases[place]


class Stops(Databases["Loaded"]):
    """Stops reads into databases that were loaded once; a context.

    Args:
        places: Makes the databases, by their names.

    Attributes:
        longest_end: How many seconds the tap took to end on a signal, at most.
        most_over: So many requests more than those of one run, and than what was read
            since the last STATE, both parts together sent at most; `None` before two
            parts were compared with one run.
    """

    def __init__(
        self,
        places: Mapping[str, Callable[[], AbstractContextManager[Places]]] = PLACES,
    ) -> None:
        super().__init__(Loaded, places)
        self.longest_end = 0.0
        self.most_over: int | None = None

    def judge(self, number: int) -> Verdict:
        """Stop a read, and go on with it until it is complete.

        Args:
            number: Decides how it is stopped, when, and all else.
        """
        kind, database = kind_of(number)
        loaded = self.loaded(database)
        verdict = Verdict(number, f"{kind}, {database}", None)
        with Sandbox(OPTIONS) as api, tempfile.TemporaryDirectory() as folder:
            try:
                place = loaded.places.copy()
                read = Read(api, place, Path(folder), Random(number))  # noqa: S311
                read.go(kind, loaded)
            except AssertionError as error:
                verdict.reason = str(error)
            else:
                verdict.ending = Ending.STOPPED if read.is_stopped else Ending.COMPLETE
                self.longest_end = max(self.longest_end, read.longest_end)
                known = (self.most_over, read.over)
                self.most_over = max((n for n in known if n is not None), default=None)
        return verdict


class Loaded:
    """A database that was loaded once.

    Args:
        places: Makes copies of it.
    """

    def __init__(self, places: Places) -> None:
        self.places = places
        with Sandbox(OPTIONS) as api, tempfile.TemporaryDirectory() as folder:
            pipeline = _pipeline(api, places.first, Path(folder))
            ended = pipeline.finish(pipeline.start())
            assert ended.statuses == (0, 0), ended.logs
            self.requests = api.stats().requests
        self.tap_took = ended.took


class Read:
    """One read in several parts.

    Args:
        api: The source.
        place: The database, in which everything was loaded once.
        folder: Where files may be put.
        dice: Decides what is random.
    """

    def __init__(self, api: Sandbox, place: Place, folder: Path, dice: Random) -> None:
        self._api, self._place, self._folder, self._dice = api, place, folder, dice
        self._pipeline = _pipeline(api, place, folder, resume_hours=12)
        self._moments = [_moment(api)]
        self.is_stopped = False
        self.longest_end = 0.0
        self.over: int | None = None

    def go(self, kind: str, loaded: Loaded) -> None:
        """Stop it, once or several times, and let it come to its end."""
        if kind == SEVERAL:
            for _ in range(self._dice.randint(2, 4)):
                self._change()
                self._stop(self._dice.choice((SIGTERM, SIGKILL)), loaded)
            self._change()
            self._finish()
            self._check_moments()
            self._pipeline = _pipeline(self._api, self._place, self._folder)
            self._finish()
            _check(self._place, self._api, STREAMS)
        else:
            forbidden = self._dice.choice(self._api.truth("projects"))["id"]
            self._api.fault(self._api.path("tasks", forbidden), status=403)
            self._stop(kind, loaded)
            first = self._api.stats().requests
            again = self._read_since_the_last_state()
            self._finish()
            both = self._api.stats().requests
            self.over = both - loaded.requests - again
            assert self.over <= 2 * CONCURRENCY, (
                f"{first} requests and {both - first} are {self.over} too many"
            )
            _check(self._place, self._api, STREAMS)
            self._check_versions(forbidden)

    def _stop(self, kind: str, loaded: Loaded) -> None:
        run = self._pipeline.start()
        run.after(self._dice.uniform(0, loaded.tap_took))
        if kind == SIGTERM:
            run.send(signal.SIGTERM, run.tap)
        else:
            run.send(signal.SIGKILL, run.tap, run.target)
        ended = self._pipeline.finish(run)
        for log in ended.logs:
            assert "Traceback" not in log, log
        if kind == SIGTERM:
            self.longest_end = max(self.longest_end, ended.outlived)
            assert ended.outlived < SECONDS_TO_END, f"it took {ended.outlived:.1f} s"
        self.is_stopped = self.is_stopped or ended.statuses != (0, 0)

    def _finish(self) -> None:
        ended = self._pipeline.finish(self._pipeline.start())
        assert ended.statuses == (0, 0), ended.logs
        self._moments.append(_moment(self._api))

    def _read_since_the_last_state(self) -> int:
        """Return how many requests the first part sent that its STATE knows not of."""
        state = json.loads(self._pipeline.state).get("bookmarks", {})
        by_path = self._api.stats().by_path
        again = 0
        for stream in CHILDREN:
            found = unfinished_in(state.get(stream, {}))
            if found is not None and found.is_complete:
                continue
            done = unpacked(found.done if found else None, "done")
            again += sum(
                by_path.get(self._api.path(stream, project["id"]), 0)
                for project in self._api.truth("projects")
                if fingerprint({"project_id": project["id"]}) not in done
            )
        return again

    def _check_versions(self, forbidden: str) -> None:
        for stream in CHILDREN:
            versions = self._place.query(
                f"select distinct _sdc_table_version from analytics.{stream}"
                f" where project_id <> '{forbidden}'"
            )
            assert len(versions) == 1, f"{stream}: {len(versions)} versions"

    def _change(self) -> None:
        """Let rows and projects come, change and go."""
        api, dice = self._api, self._dice
        number = len(self._moments)
        api.delete("projects", dice.choice(api.truth("projects"))["id"])
        new = f"new-{number}"
        api.add("projects", {"id": new}, position=dice.randrange(PROJECTS // 2))
        for stream in CHILDREN:
            api.add(stream, {"id": f"{stream}-{number}"}, parent=new)
            for one in dice.sample(api.truth(stream), 20):
                api.change(stream, one["id"], {"name": f"Changed {number}"})
            for one in dice.sample(api.truth(stream), 5):
                api.delete(stream, one["id"])
        self._moments.append(_moment(api))

    def _check_moments(self) -> None:
        """Check that what was there all the time is there, as it was at some time."""
        for stream in STREAMS:
            loaded = self._place.rows(stream)
            ids = Counter(row[0] for row in loaded)
            times = [
                {row[0]: row for row in moment[stream]} for moment in self._moments
            ]
            always = set.intersection(*map(set, times))
            assert not always - ids.keys(), f"{stream}: {always - ids.keys()} are lost"
            assert max(ids.values()) == 1, f"{stream}: rows are doubled"
            for row in loaded:
                known = [time.get(row[0]) for time in times]
                assert row in known, f"{stream}: {row} was never so: {known}"


def _pipeline(api: Sandbox, place: Place, folder: Path, **more: Any) -> Pipeline:
    tap = settings(
        api, emit_activate_version_messages=True, concurrency=CONCURRENCY, **more
    )
    pipeline = Pipeline(tap, place.target | TARGET, folder)
    pipeline.state_seconds = 0.02
    return pipeline


def _moment(api: Sandbox) -> dict[str, Rows]:
    return {stream: truth_of(api.truth(stream), stream) for stream in STREAMS}


def _check(place: Place, api: Sandbox, streams: Iterable[str]) -> None:
    for stream in streams:
        loaded, expected = place.rows(stream), truth_of(api.truth(stream), stream)
        lost = [row for row in expected if row not in loaded]
        assert not lost, f"{stream}: {len(lost)} rows are lost: {lost[:3]}"
        assert loaded == expected, f"{stream}: {len(loaded)} instead of {len(expected)}"
