"""Streams that evolve from run to run, some of them killed: equal, or an error."""

from __future__ import annotations

import io
import json
import logging
import re
import time
from contextlib import redirect_stdout, suppress
from random import Random
from typing import TYPE_CHECKING, Any

from tap_analytics.compat import override
from tests.chaos.comparing import is_same
from tests.chaos.evolving import Stream
from tests.chaos.judging import Verdict
from tests.chaos.kinds import Ending
from tests.chaos.places import PLACES, Databases, Places
from tests.helpers.forking import PROCESSES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from tests.chaos.places import Place

STREAMS = 7
"""Streams of one lot, which are loaded together, since a load takes half a second."""

_MERGED = 0.75
"""How many of the streams have a key."""

_KILLED = 0.3
"""How many of the runs are killed."""

_LONGEST_RUN = 120.0
"""Seconds after which a run is taken for one that hangs."""

_STATE = "STATE"

_CULPRIT = re.compile(r"(?:stream|table) '(s\d+)'", re.IGNORECASE)

_READ_AS_TEXT = {"json", "timestamp with time zone"}


class Evolutions(Databases[Places]):
    """Loads streams that evolve, and compares their tables with a model; a context."""

    def __init__(self) -> None:
        super().__init__(lambda places: places)

    def lot(self, number: int) -> Lot:
        """Return a lot of streams; the databases take turns."""
        database = [*PLACES][number % len(PLACES)]
        return Lot(number, database, self.loaded(database).first)


class Lot:
    """Streams that are loaded together, in two to four runs.

    Args:
        number: Decides about all that is drawn.
        database: The database's name.
        place: The database.
    """

    def __init__(self, number: int, database: str, place: Place) -> None:
        self._number = number
        self._database = database
        self._dice = Random(number)  # noqa: S311, it is no secret
        self._dataset = f"lot_{number}"
        self._config = {**place.target, "dataset_name": self._dataset}
        self._query = place.query
        self._seconds = 1.5
        self._messages: dict[str, list[str]] = {}
        self.streams = [
            Stream(f"s{n}", has_key=self._dice.random() < _MERGED)
            for n in range(STREAMS)
        ]

    def judge(self) -> list[Verdict]:
        """Load the streams, and tell what became of each."""
        dice = self._dice
        stopped: dict[str, str] = {}
        for _ in range(dice.randrange(2, 5)):
            going = [stream for stream in self.streams if stream.name not in stopped]
            drawn = {stream.name: stream.draw_run(dice) for stream in going}
            for name, (lines, _) in drawn.items():
                self._messages.setdefault(name, []).extend(lines)
            lines_of = {name: lines for name, (lines, _) in drawn.items()}
            stopped |= self._load(lines_of)
            for stream in going:
                if stream.name not in stopped:
                    _, stream.rows = drawn[stream.name]
        return [self._verdict(stream, stopped) for stream in self.streams]

    def _load(self, lines_of: dict[str, list[str]]) -> dict[str, str]:
        """Load streams; returns those that can't be, with the reason."""
        stopped: dict[str, str] = {}
        is_killed = self._dice.random() < _KILLED
        while lines_of.keys() - stopped:
            lines = [
                line
                for name, some in lines_of.items()
                if name not in stopped
                for line in some
            ]
            lines.append('{"type":"STATE","value":1}')
            after = self._dice.uniform(0, 1.2 * self._seconds) if is_killed else None
            is_killed = False
            outcome = self._run(lines, after)
            if outcome == "loaded":
                break
            if outcome != "killed":
                culprit = _CULPRIT.search(outcome)
                assert culprit, f"an error that names no stream: {outcome}"
                assert culprit[1] not in stopped, outcome
                stopped[culprit[1]] = outcome
        return stopped

    def _run(self, lines: list[str], kill_after: float | None) -> str:
        """Run the target; returns `loaded`, `killed` or the error."""
        ours, theirs = PROCESSES.Pipe()
        text = "\n".join(lines) + "\n"
        process = PROCESSES.Process(target=_load, args=(text, self._config, theirs))
        process.start()
        theirs.close()
        ours.recv()
        began = time.monotonic()
        wait = _LONGEST_RUN if kill_after is None else kill_after
        said = [*_said(ours, began + wait)]
        seconds = time.monotonic() - began
        process.kill()
        process.join()
        process.close()
        said += _said(ours, began)
        ended = said[-1:] if said[-1:] != [_STATE] else []
        if ended == ["loaded"]:
            self._seconds = seconds
        assert kill_after is not None or ended, "a run hangs, or died"
        # What a STATE has vouched for is not sent again, whatever happened after it.
        return ended[0] if ended else "loaded" if said else "killed"

    def _verdict(self, stream: Stream, stopped: dict[str, str]) -> Verdict:
        ending = Ending.STOPPED if stream.name in stopped else Ending.COMPLETE
        kind = f"{self._database}, {'merged' if stream.has_key else 'appended'}"
        try:
            self.compare(stream)
        except AssertionError as error:
            messages = "\n".join(self._messages[stream.name])
            reason = f"{stream.name}: {error}\n{messages}\n{stopped.get(stream.name)}"
            return Verdict(self._number, kind, None, reason)
        return Verdict(self._number, kind, ending)

    def compare(self, stream: Stream) -> None:
        """Compare a stream's table with its model.

        Raises:
            AssertionError: They are not equal.
        """
        found = self._rows(stream.name) if stream.rows else []
        assert len(found) == len(stream.rows), "rows are lost or doubled"
        for row in found:
            expected = stream.rows.get(str(row["id"]))
            assert expected is not None, f"there is a row {row['id']}"
            for name in (expected.keys() | row.keys()) - {"id"}:
                sent, value = expected.get(name), row.get(name)
                if sent is None:
                    assert value is None, f"row {row['id']}: {name} is {value!r}"
                else:
                    is_right = value is not None and is_same(sent, value)
                    assert is_right, f"row {row['id']}: {name} is {value!r}, not {sent}"

    def _rows(self, table: str) -> list[dict[str, Any]]:
        types = self._query(
            "SELECT column_name, data_type FROM information_schema.columns"
            f" WHERE table_schema = '{self._dataset}' AND table_name = '{table}'"
        )
        names = [name for name, _ in types if not name.startswith("_dlt")]
        as_text = {name for name, type_ in types if type_.lower() in _READ_AS_TEXT}
        columns = ", ".join(
            f"{name}::varchar" if name in as_text else name for name in names
        )
        rows = self._query(
            f"SET TimeZone = 'UTC'; SELECT {columns} FROM {self._dataset}.{table}"
        )
        return [dict(zip(names, row, strict=True)) for row in rows]


class _States(io.StringIO):
    """Tells of each STATE at once, since nothing after it counts."""

    def __init__(self, parent: Connection) -> None:
        super().__init__()
        self._parent = parent

    @override
    def write(self, text: str) -> int:
        self._parent.send(_STATE)
        return super().write(text)


def _said(child: Connection, until: float) -> Iterator[str]:
    """Yield what a process says up to a moment, or its end."""
    with suppress(EOFError):
        while child.poll(max(0.0, until - time.monotonic())):
            yield str(child.recv())


def _load(text: str, config: dict[str, Any], parent: Connection) -> None:
    """Run the target, in a process of its own, and tell how it ended."""
    from tap_analytics.target_dlt.target import TargetDlt  # noqa: PLC0415, it is slow

    logging.disable()
    parent.send("ready")
    states = _States(parent)
    try:
        with redirect_stdout(states):
            TargetDlt(config=config).listen(io.StringIO(text))
    except Exception as error:  # noqa: BLE001, whatever it is, it is judged
        parent.send(f"{type(error).__name__}: {error}")
    else:
        parent.send("loaded" if json.loads(states.getvalue()) == 1 else "no STATE")
