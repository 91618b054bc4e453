"""What the runs of a fleet did, put together from their ledgers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_analytics.fleet import ledger
from tap_analytics.fleet.ledger import Began, Ended, NotLoaded, Read, Receipt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tap_analytics.fleet.ledger import Event, LedgerFile
    from tap_analytics.fleet.places import Place

LOADED, FAILED, STAGED, WAITING = "loaded", "failed", "staged", "waiting"
"""Where an account is: its rows committed; given up; read, not loaded; not read."""


@dataclass
class AccountRecord:
    """What a run did with an account.

    Attributes:
        name: The account's name.
        status: Where the account is.
        rows: Rows that were read, by stream.
        requests: Requests that were sent.
        seconds: How long reading took.
        text_bytes: How many bytes of Singer lines are staged, before compression.
        error: The one line that says why it failed.
        manifest: The digest of the manifest of what is staged.
        load: dlt's id of the load, empty until there is a receipt.
        key: Tells keys apart without telling any.
    """

    name: str
    status: str = WAITING
    rows: Mapping[str, int] = field(default_factory=dict)
    requests: int = 0
    seconds: float = 0.0
    text_bytes: int = 0
    error: str = ""
    manifest: str = ""
    load: str = ""
    key: str = ""

    def note(self, event: Read | Receipt | NotLoaded) -> None:
        """Take note of what happened to the account."""
        match event:
            case Read():
                self.rows, self.seconds = event.totals.rows, event.totals.seconds
                self.requests += event.totals.requests
                self.text_bytes = event.totals.text_bytes
                self.error, self.manifest = event.error, event.manifest
                self.key, self.load = event.key, ""
                self.status = FAILED if event.ending == "failed" else STAGED
            case Receipt() if event.manifest == self.manifest:
                self.load = event.load
                # What was stopped is loaded as far as it came.
                self.status = FAILED if self.error else LOADED
            case NotLoaded() if event.manifest == self.manifest:
                self.status, self.error = FAILED, event.error
            case _:  # The account was read again since.
                pass

    @property
    def has_receipt(self) -> bool:
        """Whether what was read last is committed."""
        return bool(self.load)


@dataclass
class RunRecord:
    """What a run did.

    Attributes:
        name: Its name.
        kind: `all`, `some` or `shard`, as its first writer says.
        began: When it began.
        last: When something happened in it for the last time.
        is_over: Whether a writer that loads has ended.
        accounts: Its accounts by name, in the order of the plan.
        shards: How many shards it is divided into, as each of them says.
        shards_over: The shards that have ended.
    """

    name: str
    kind: str
    began: datetime
    last: datetime
    is_over: bool = False
    accounts: dict[str, AccountRecord] = field(default_factory=dict)
    shards: set[int] = field(default_factory=set)
    shards_over: set[int] = field(default_factory=set)

    def note(self, event: Event) -> None:
        """Take note of what happened."""
        self.last = max(self.last, event.time)
        match event:
            case Began():
                for name in event.accounts:
                    self.account(name)
            case Read() | Receipt() | NotLoaded():
                self.account(event.account).note(event)

    def account(self, name: str) -> AccountRecord:
        """Return what is known of an account."""
        return self.accounts.setdefault(name, AccountRecord(name))

    @property
    def missing_shards(self) -> list[int]:
        """The shards that have not ended."""
        count = max(self.shards, default=0)
        return [one for one in range(1, count + 1) if one not in self.shards_over]

    @property
    def not_loaded(self) -> list[str]:
        """The accounts without a receipt for all of their rows."""
        return [one.name for one in self.accounts.values() if one.status != LOADED]


def runs(place: Place) -> list[list[LedgerFile]]:
    """Return the files of each run, the newest run first.

    Raises:
        FleetError: If the place can't be read.
    """
    by_run: dict[str, list[LedgerFile]] = {}
    for file in ledger.files(place):
        by_run.setdefault(file.run, []).append(file)
    return sorted(by_run.values(), key=lambda files: files[0].began, reverse=True)


def record(place: Place, files: list[LedgerFile]) -> RunRecord | None:
    """Return what a run did; `None` if it died before it had a plan.

    Args:
        place: Where the fleet's state is.
        files: The run's files.

    Raises:
        FleetError: If they can't be read.
    """
    found: RunRecord | None = None
    for file, event in sorted(_events(place, files), key=_order):
        if found is None and isinstance(event, Began):
            found = RunRecord(file.run, event.kind, event.time, event.time)
        if found is not None:
            found.note(event)
            _note_of_writer(found, file, event)
    return found


def _order(happened: tuple[LedgerFile, Event]) -> tuple[bool, datetime]:
    """Return what to sort by: clocks differ, and what is loaded was read before."""
    _, event = happened
    return isinstance(event, Receipt | NotLoaded), event.time


def _note_of_writer(run: RunRecord, file: LedgerFile, event: Event) -> None:
    match event:
        case Began(shard=(_, count)):
            run.shards.add(count)
        case Began(goes_on=True):
            run.is_over = False
        case Ended() if file.writer.startswith("shard-"):
            run.shards_over.add(int(file.writer.split("-")[1]))
        case Ended():
            run.is_over = True


def _events(
    place: Place, files: list[LedgerFile]
) -> Iterator[tuple[LedgerFile, Event]]:
    for file in files:
        for event in ledger.events(place, file):
            yield file, event


def last_run(place: Place) -> RunRecord | None:
    """Return what the last run did, `None` if there was none.

    Raises:
        FleetError: If the place can't be read.
    """
    return next(records(place), None)


def records(place: Place) -> Iterator[RunRecord]:
    """Yield what each run did, the newest first.

    Raises:
        FleetError: If the place can't be read.
    """
    for files in runs(place):
        if (found := record(place, files)) is not None:
            yield found
