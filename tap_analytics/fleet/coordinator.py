"""The coordinator: has accounts read and loaded, and counts receipts.

One thread decides everything. Others hear what engines and loaders say, and put it
into one queue.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from tap_analytics.fleet import ledger
from tap_analytics.fleet.engines import Batch
from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.fleet_progress import RUNNING
from tap_analytics.fleet.history import FAILED, LOADED, STAGED, AccountRecord
from tap_analytics.fleet.ledger import Alive, NotLoaded, Read
from tap_analytics.fleet.load_queue import FromLoader, LoadQueue
from tap_analytics.fleet.messages import (
    ACCOUNT,
    Broken,
    Counts,
    Finished,
    Job,
    Loaded,
    Refused,
    Said,
    Started,
    from_runner,
)
from tap_analytics.fleet.packages import Size
from tap_analytics.fleet.reading_rounds import Rounds
from tap_analytics.fleet.retelling import read_of, row_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_analytics.fleet.engines import Engine
    from tap_analytics.fleet.ledger import Event
    from tap_analytics.fleet.messages import Load, Work
    from tap_analytics.fleet.parts import Parts

TICK_SECONDS = 0.5
ALIVE_SECONDS = 60.0


@dataclass(frozen=True)
class _Over:
    """An engine has returned."""

    error: Exception | None


class Coordinator:
    """Has accounts read and loaded.

    Args:
        parts: What it works with.
        load: What a loader is told; `None` if nothing is to be loaded.
    """

    def __init__(self, parts: Parts, load: Load | None) -> None:
        self._parts = parts
        self._heard: SimpleQueue[bytes | FromLoader | _Over] = SimpleQueue()
        self._load = load
        self._loads: LoadQueue | None = None
        self._rounds = Rounds((), 1)
        self._is_reading = False
        self._older: set[str] = set()
        self._events: list[Event] = []
        self._wrote_at = time.monotonic()

    def run(
        self, accounts: Sequence[str], work: Work | None, engine: Engine | None
    ) -> None:
        """Read and load accounts; those that are staged whole are only loaded.

        Args:
            accounts: Their names, in order.
            work: What a runner is told; `None` if nothing is to be read.
            engine: Places the reading on processes.

        Raises:
            FleetError: If the fleet itself fails.
        """
        if not accounts:
            return
        if self._load is not None:
            receipts = self._parts.aftermath.receipts
            self._loads = LoadQueue(self._load, self._heard.put, self._row_of, receipts)
        whole = set(self._parts.staging.whole())
        todo = []
        for account in accounts:
            if account in whole and self._take_staged(account, reads=work is not None):
                continue
            if work is not None:
                todo.append(account)
        self._flush()
        if work is not None and engine is not None and todo:
            self._wait_for_destination()
            self._rounds = Rounds(map(self._job, todo), self._parts.fleet.tries)
            self._begin_round(work, engine)
        while self._is_reading or not (self._loads is None or self._loads.is_idle):
            self._parts.check_lock()
            if self._hear() and work is not None and engine is not None:
                self._begin_round(work, engine)
            self._flush()  # Before a receipt can refer to it.
            if self._loads is not None:
                self._loads.pump(is_last=not self._is_reading)
        self._finish()

    def _wait_for_destination(self) -> None:
        """Wait until the loader has reached it: before that, reading is no use."""
        while self._loads is not None and not self._loads.is_ready:
            self._parts.check_lock()
            self._hear()

    def _finish(self) -> None:
        if self._loads is None:
            return
        if rows := self._rows_left():
            self._loads.tell(rows)
            while not self._loads.is_idle:
                self._hear()
        self._loads.close()

    def _job(self, account: str) -> Job:
        one = self._parts.fleet.accounts[account]
        return Job(account=account, key=one.key.text, settings=dict(one.settings))

    def _take_staged(self, account: str, *, reads: bool) -> bool:
        """Take an account that was read before; return whether there is anything to.

        If it can be read again, it is where newer rows are loaded. Else the loader says
        that there are.
        """
        manifest = self._parts.staging.manifest(account)
        if manifest is None:
            return False
        if reads and self._parts.aftermath.is_older(manifest):
            self._parts.staging.remove(account)
            return False
        record = self._record(account)
        if record.manifest != manifest.digest:
            self._note(read_of(manifest))
        self._stage(account)
        return True

    def _begin_round(self, work: Work, engine: Engine) -> None:
        """Let the engine read what is to be read next, in a thread."""
        fleet = self._parts.fleet
        found = self._rounds.begin()
        self._is_reading = found is not None
        if found is None:
            return
        batch = Batch(work, found.jobs, found.alone, fleet.runners, fleet.host_limit)

        def read() -> None:
            try:
                engine(batch, self._heard.put)
            except Exception as error:  # noqa: BLE001 - it is told by the other thread
                self._heard.put(_Over(error))
            else:
                self._heard.put(_Over(None))

        threading.Thread(target=read, name="engine", daemon=True).start()

    def _hear(self) -> bool:
        """Take note of what was said; return whether a round of reading is over."""
        is_over = False
        with suppress(Empty):
            heard = self._heard.get(timeout=TICK_SECONDS)
            while True:
                match heard:
                    case bytes():
                        self._on_runner(heard)
                    case FromLoader():
                        self._on_loader(heard)
                    case _Over(error=error):
                        self._on_over(error)
                        is_over = True
                heard = self._heard.get_nowait()
        return is_over

    def _on_runner(self, text: bytes) -> None:
        match from_runner(text):
            case Started(account=account):
                self._rounds.started(account)
                self._parts.progress.move(account, RUNNING)
            case Counts(rows=rows, requests=requests):
                self._parts.progress.count(rows, requests)
            case Said(text=said):
                self._parts.teller.say(said)
            case Broken(text=broken):
                raise FleetError(broken)
            case Finished() as finished:
                self._on_finished(finished)

    def _on_finished(self, message: Finished) -> None:
        is_last_word = self._rounds.finished(message)
        read = message.read
        self._note(read)
        if read.ending != "failed":
            self._stage(read.account)
        elif is_last_word:
            self._tell(read.account)

    def _on_over(self, error: Exception | None) -> None:
        if error is not None:
            text = str(error) if isinstance(error, FleetError) else repr(error)
            raise FleetError(text)
        for account in self._rounds.end():
            text = (
                "The process that read it died, twice with this account alone: its "
                "answers may need more memory than there is."
            )
            read = Read(time=ledger.now(), account=account, ending="failed", error=text)
            self._note(read)
            self._tell(account)

    def _on_loader(self, heard: FromLoader) -> None:
        if self._loads is None:
            return
        for one in self._loads.on(heard):
            match one:
                case Loaded(receipt=receipt):
                    # The loader has put it into its ledger.
                    self._record(receipt.account).note(receipt)
                    self._tell(receipt.account)
                case Refused() as refused:
                    self._note(
                        NotLoaded(
                            time=ledger.now(),
                            account=refused.account,
                            manifest=refused.manifest,
                            error=refused.error,
                        )
                    )
                    self._parts.staging.remove(refused.account)
                    if refused.is_older:
                        self._older.add(refused.account)
                    self._tell(refused.account)

    def _stage(self, account: str) -> None:
        record = self._record(account)
        self._parts.progress.move(account, STAGED)
        if self._loads is not None:
            size = Size(sum(record.rows.values()), record.text_bytes)
            self._loads.add(account, record.manifest, size)
        else:
            self._parts.teller.account(record)

    def _tell(self, account: str) -> None:
        record = self._record(account)
        status = LOADED if record.status == LOADED else FAILED
        self._parts.progress.move(account, status)
        self._parts.teller.account(record)

    def _record(self, account: str) -> AccountRecord:
        return self._parts.records.setdefault(account, AccountRecord(account))

    def _note(self, event: Read | NotLoaded) -> None:
        self._record(event.account).note(event)
        self._events.append(event)

    def _flush(self) -> None:
        """Write down what has happened, or now and then that nothing has."""
        now = time.monotonic()
        if not self._events and now - self._wrote_at < ALIVE_SECONDS:
            return
        self._parts.ledger.add(*(self._events or [Alive(time=ledger.now())]))
        self._events = []
        self._wrote_at = now

    def _rows_left(self) -> list[dict[str, object]]:
        """Return what the table of accounts does not say yet of those that ended.

        Of those whose rows are newer, it says what is true of these.
        """
        is_divided = self._load is not None and ACCOUNT in str(
            self._load.target["dataset_name"]
        )
        # What is loaded is told with its rows, but not if they are elsewhere.
        told = {FAILED, LOADED} if is_divided else {FAILED}
        return [
            self._row_of(record.name)
            for record in self._parts.records.values()
            if record.status in told and record.name not in self._older
        ]

    def _row_of(self, account: str) -> dict[str, object]:
        """Return what the table of accounts is to say of an account."""
        return row_of(self._record(account), self._parts.staging.run)
