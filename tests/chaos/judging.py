"""Whether a run that met a fault ended complete, stopped clearly, or lost something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest import mock
from urllib.parse import quote

from tap_analytics.sandbox import Sandbox
from tap_analytics.tap import TapAnalytics
from tests.chaos.kinds import VOLATILE, Ending, top_paths
from tests.chaos.schedules import schedule
from tests.chaos.truth import CHILDREN, truth
from tests.chaos.warehouse import Warehouse
from tests.helpers.running import STREAMS, run_tap, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.schedules import Schedule
    from tests.chaos.warehouse import Table
    from tests.helpers.running import Outcome

    Tables = dict[str, Table]

INCREMENTAL = ("time", "time_records")
UNKNOWN = 401
"""The status by which a key is refused, wherever it is."""


@dataclass
class Verdict:
    """What became of a schedule.

    Attributes:
        seed: The schedule's seed.
        kind: The kind of what went wrong.
        ending: How the run ended; `None` if something was lost.
        reason: What was lost.
    """

    seed: int
    kind: str
    ending: Ending | None
    reason: str = ""


def judge(seed: int, folder: Path) -> Verdict:
    """Run a schedule: a good night, a bad one, and a good one again.

    Args:
        seed: The schedule's seed.
        folder: Where files may be put.
    """
    plan = schedule(seed)
    with Sandbox(plan.options) as api:
        nights = Nights(plan, api, folder)
        try:
            nights.good()
            plan.change(api)
            ending = nights.bad()
            api.clear_faults()
            nights.good()
        except AssertionError as error:
            return Verdict(seed, plan.kind, None, str(error))
    return Verdict(seed, plan.kind, ending)


class Nights:
    """Runs that follow one another into the same warehouse.

    Args:
        plan: What goes wrong, and when.
        api: The API.
        folder: Where files may be put.
    """

    def __init__(self, plan: Schedule, api: Sandbox, folder: Path) -> None:
        self._plan = plan
        self._api = api
        self._folder = folder
        self._warehouse = Warehouse()
        self._count = 0

    def good(self) -> None:
        """Run without faults: everything has to be there."""
        night = Night(self._warehouse, self._api)
        outcome = self._run()
        assert outcome.status == 0, f"a run without faults failed: {outcome.err}"
        night.is_over()
        for stream in STREAMS:
            night.check_complete(stream, activated=self._activates(stream))

    def bad(self) -> Ending:
        """Run while things go wrong; return how that ended."""
        expected = self._plan.script(self._api)
        night = Night(self._warehouse, self._api)
        outcome = self._run()
        ending = Ending.STOPPED if outcome.status else Ending.COMPLETE
        is_stopped = expected is Ending.STOPPED
        assert bool(outcome.status) == is_stopped, f"{ending.value}: {outcome.err}"
        night.is_over()
        if outcome.status:
            assert outcome.error
        activated = {one["stream"] for one in outcome.of_type("ACTIVATE_VERSION")}
        due = {stream for stream in STREAMS if self._activates(stream)}
        in_doubt: set[str] = set()
        if expected is Ending.COMPLETE:
            assert activated == due, f"activated {activated}: {outcome.err}"
        elif expected is Ending.LEFT_OUT:
            assert "WARNING" in outcome.err, "nothing is said of what is left out"
            assert due - activated <= {*CHILDREN}, activated
            assert len(due & {*CHILDREN} - activated) <= 1, activated
            in_doubt = {*CHILDREN} - activated
        else:
            in_doubt = {one for one in STREAMS if not night.moved_on(one)} - activated
            if self._is_struck_below():
                in_doubt |= {*CHILDREN} - activated
        for stream in STREAMS:
            if stream in in_doubt:
                night.check_kept(stream)
            else:
                night.check_complete(stream, activated=stream in activated)
        return expected

    def _is_struck_below(self) -> bool:
        """Whether a project can't be had: for it alone the next run begins anew."""
        top = {*top_paths(self._api)}
        return any(
            rule.times is None and rule.path not in top and rule.status != UNKNOWN
            for rule in self._api.faults()
        )

    def _activates(self, stream: str) -> bool:
        if stream in INCREMENTAL and self._plan.settings["incremental"]:
            return False
        return bool(self._plan.settings["emit_activate_version_messages"])

    def _run(self) -> Outcome:
        self._count += 1
        state = self._folder / "state.json"
        state.write_bytes(self._warehouse.saved_state)
        # The version of a run is the second in which it began; these are shorter.
        with mock.patch.object(TapAnalytics, "initialized_at", self._count * 1000):
            outcome = run_tap(
                settings(self._api, **self._plan.settings),
                *("--state", str(state)),
                folder=self._folder,
            )
        assert "Traceback" not in outcome.err, outcome.err
        key = self._plan.options.api_key
        for spelling in (key, quote(key), quote(key, safe="")):
            assert spelling not in outcome.out + outcome.err, "the key is shown"
        for message in outcome.of_type("RECORD"):
            rest = message["record"]["additional_fields"] or {}
            rest.pop(VOLATILE, None)
            message["record"]["additional_fields"] = rest or None
        self._warehouse.load(outcome.messages)
        return outcome


class Night:
    """What changed during one run, at the source and in the warehouse.

    Args:
        warehouse: The warehouse.
        api: The source.
    """

    def __init__(self, warehouse: Warehouse, api: Sandbox) -> None:
        self._warehouse = warehouse
        self._api = api
        self._old_tables, self._old_state = warehouse.copy(), warehouse.state
        self._before = self._after = truth(api)

    def is_over(self) -> None:
        """Look at the source again."""
        self._after = truth(self._api)

    def moved_on(self, stream: str) -> bool:
        """Return whether the stream's bookmark did."""
        # Where a read would go on is in it, too, for a run that may resume.
        old, new = (
            {**(state.get("bookmarks", {}).get(stream) or {}), "unfinished": None}
            for state in (self._old_state, self._warehouse.state)
        )
        return bool(new != old)

    def check_complete(self, stream: str, *, activated: bool) -> None:
        """Check that all is there that was at the source all night long.

        Args:
            stream: The stream.
            activated: Whether what is gone at the source had to go.
        """
        table, before = self._warehouse.tables[stream], self._before[stream]
        for identifier, row in self._after[stream].items():
            if before.get(identifier) == row:
                found = table.get(identifier)
                assert found == row, f"{stream}: {found} instead of {row}"
        self._check_known(stream, activated=activated)

    def check_kept(self, stream: str) -> None:
        """Check that no row is gone."""
        missing = self._old(stream).keys() - self._warehouse.tables.get(stream, {})
        assert not missing, f"{stream}: {missing} are gone"
        self._check_known(stream, activated=False)

    def _check_known(self, stream: str, *, activated: bool) -> None:
        tables = [self._before[stream], self._after[stream]]
        if not activated:
            tables.append(self._old(stream))
        for identifier, row in self._warehouse.tables.get(stream, {}).items():
            known = [table[identifier] for table in tables if identifier in table]
            assert row in known, f"{stream}: {row} instead of one of {known}"

    def _old(self, stream: str) -> Table:
        return self._old_tables.get(stream, {})
