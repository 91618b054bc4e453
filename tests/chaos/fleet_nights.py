"""A night of a fleet in which a process is killed, and what has to be so afterwards."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.helpers.fleets import children_of, descendants_of, ended, is_running, kill

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from random import Random

    from tests.helpers.fleets import Ended, FleetOfTest

LOADED = 0
LONGEST_END = 60.0
_STAMP = "%Y%m%dT%H%M%S%fZ"


class Night:
    """A night of a fleet that was loaded the night before.

    Args:
        fleet: The fleet.
        dice: Decides what is random.

    Attributes:
        is_killed: Whether there was something to kill.
    """

    def __init__(self, fleet: FleetOfTest, dice: Random) -> None:
        self.is_killed = False
        self._fleet = fleet
        self._dice = dice
        self._ledgers = fleet.folder / "state" / "runs"
        self._earlier = {path.name for path in self._ledgers.iterdir()}
        self._asked: dict[str, int] = {}

    def change_source(self) -> None:
        """Let rows of each account come, change and go."""
        for number in range(1, self._fleet.size + 1):
            api = self._fleet.api.account(number)
            gone, changed = self._dice.sample(api.truth("clients"), 2)
            api.delete("clients", gone["id"])
            name = f"Changed {self._dice.random()}"
            api.change("clients", changed["id"], {"name": name})
            for stream in ("clients", "users"):
                api.add(stream, {"id": f"new-{self._dice.random()}", "name": name})

    def run(self, *options: str) -> Ended:
        """Run the fleet, and let it come to its end."""
        return self._fleet.run("run", *options)

    def run_and_kill(
        self, module: str, moment: float, *options: str, at_receipt: bool = False
    ) -> Ended:
        """Run the fleet, and kill one of its processes at a moment.

        Args:
            module: What the process runs, or a part of that.
            moment: In how many seconds; later if there is no such process yet.
            options: Those of the command.
            at_receipt: Whether to wait for the next receipt, too.
        """
        process = self._fleet.start("run", *options)
        self._pass(process, moment)
        receipts = len(self._receipts())
        while process.poll() is None:
            is_time = not at_receipt or len(self._receipts()) > receipts
            if is_time and (found := children_of(process, module)):
                self._note_what_is_done()
                kill(self._dice.choice(found))
                self.is_killed = True
                break
            time.sleep(0.002)
        return ended(process)

    def run_and_kill_all(self, moment: float, *options: str) -> tuple[Ended, float]:
        """Run the fleet, and kill its coordinator at a moment.

        Args:
            moment: In how many seconds.
            options: Those of the command.

        Returns:
            How it ended, and for how many seconds its processes went on.
        """
        process = self._fleet.start("run", *options)
        self._pass(process, moment)
        others = descendants_of(process.pid)
        self.is_killed = process.poll() is None
        kill(process.pid)
        began = time.monotonic()
        outcome = ended(process)
        while any(map(is_running, others)):
            seconds = time.monotonic() - began
            assert seconds < LONGEST_END, "processes go on without their coordinator"
            time.sleep(0.02)
        seconds = time.monotonic() - began
        self._note_what_is_done()
        return outcome, seconds

    @property
    def had_begun(self) -> bool:
        """Whether the run that was killed had written down what it was to do."""
        return any(event["event"] == "began" for event in self._events())

    def age_by_a_day(self) -> None:
        """Let all that the ledgers tell of have been a day earlier."""
        for path in [*self._ledgers.glob("*/*.jsonl")]:
            text = re.sub(r'(?<="time":")[^"]+', _a_day_earlier, path.read_text())
            stamp, _, rest = path.name.partition("_")
            then = datetime.strptime(f"{stamp}+0000", f"{_STAMP}%z") - timedelta(days=1)
            path.with_name(f"{then.strftime(_STAMP)}_{rest}").write_text(text)
            path.unlink()

    def require_read_anew(self) -> None:
        """Check that each account was asked for rows again, after the kill."""
        for account, requests in self._asked.items():
            more = self._fleet.requests_of(account) - requests
            assert more, f"{account} was asked for nothing again"
        self._asked = {}

    def require_exact(self, outcome: Ended) -> None:
        """Check that all is loaded, and that nothing was asked for in vain."""
        fleet = self._fleet
        assert outcome.status == LOADED, f"{outcome.status}: {outcome.err}"
        wrong = fleet.wrong_rows(fleet.accounts)
        assert not wrong, f"{wrong}: {outcome.err}"
        for account, requests in self._asked.items():
            more = fleet.requests_of(account) - requests
            assert not more, f"{account} was staged, and asked for {more} pages again"
        told = fleet.database.rows("account, status", "_fleet_accounts")
        expected = sorted((account, "loaded") for account in fleet.accounts)
        assert told == expected, f"_fleet_accounts: {told}"
        fleet.look_for_keys()

    def _pass(self, process: subprocess.Popen[str], seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and process.poll() is None:
            time.sleep(0.002)

    def _note_what_is_done(self) -> None:
        """Note how often accounts were asked that are staged whole or loaded."""
        staged = self._fleet.folder.glob("staging/*/*/manifest.json")
        done = {path.parent.name for path in staged} | self._receipts()
        self._asked = {account: self._fleet.requests_of(account) for account in done}

    def _receipts(self) -> set[str]:
        events = self._events()
        return {one["account"] for one in events if one["event"] == "receipt"}

    def _events(self) -> Iterator[dict[str, Any]]:
        for path in self._ledgers.glob("*/*.jsonl"):
            if path.parent.name not in self._earlier:
                content = path.read_bytes()
                for line in content[: content.rfind(b"\n") + 1].splitlines():
                    yield json.loads(line)


def _a_day_earlier(found: re.Match[str]) -> str:
    then = datetime.fromisoformat(found[0].replace("Z", "+00:00"))
    return (then - timedelta(days=1)).isoformat()
