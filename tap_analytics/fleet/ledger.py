"""What happened in a run, line by line: each writer has files of its own.

In a folder that is one file. In a bucket, which can't append to a file, a large one is
followed by another.

A line is written after what it tells of, so a run that dies leaves no line too many.
The last line of a writer that died may be torn; it then counts as not written.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from datetime import datetime, timezone
from secrets import token_hex
from typing import TYPE_CHECKING

import msgspec

from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.staging import Totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_analytics.fleet.places import Place

FOLDER = "runs"

_STAMP = "%Y%m%dT%H%M%S%fZ"
_FILE = re.compile(
    r"(?P<stamp>\d{8}T\d{12}Z)_(?P<writer>.+)\.[0-9a-f]{4}\.jsonl(\.\d{4,})?"
)


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    time: datetime


class Began(_Event, frozen=True, kw_only=True, tag="began"):
    """A writer began its work.

    Attributes:
        kind: What it does: all accounts (`all`), some (`some`), a `shard`, or `load`.
        accounts: The accounts that it is to do, in order; frozen from here on.
        shard: Which part of how many parts it does.
        goes_on: Whether it goes on with a run that was interrupted.
    """

    kind: str
    accounts: list[str] = []
    shard: tuple[int, int] | None = None
    goes_on: bool = False


class Read(_Event, frozen=True, kw_only=True, tag="read"):
    """An account was read, or could not be.

    Attributes:
        account: The account.
        ending: `complete`, `stopped` (what was read is staged) or `failed`.
        totals: What reading came to.
        error: The one line that says why it is not complete.
        manifest: The digest of its manifest, empty if it failed.
        key: Tells keys apart without telling any.
    """

    account: str
    ending: str
    totals: Totals = Totals()
    error: str = ""
    manifest: str = ""
    key: str = ""


class Receipt(_Event, frozen=True, kw_only=True, tag="receipt"):
    """The rows of an account are committed.

    Attributes:
        account: The account.
        manifest: The digest of the manifest of what was loaded.
        load: dlt's id of the load.
    """

    account: str
    manifest: str
    load: str


class NotLoaded(_Event, frozen=True, kw_only=True, tag="not loaded"):
    """The rows of an account can't be loaded.

    Attributes:
        account: The account.
        manifest: The digest of the manifest of what was to be loaded.
        error: The one line that says why.
    """

    account: str
    manifest: str
    error: str


class Alive(_Event, frozen=True, kw_only=True, tag="alive"):
    """The writer goes on, though nothing else has happened for a while."""


class Ended(_Event, frozen=True, kw_only=True, tag="ended"):
    """The writer has done all its work, well or not."""


Event = Began | Read | Receipt | NotLoaded | Alive | Ended

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


def now() -> datetime:
    """Return the time, as events have it."""
    return datetime.now(timezone.utc)


class Ledger:
    """A writer's file.

    Args:
        place: Where the fleet's state is.
        run: The run's name.
        writer: What the writer is, such as `run` or `shard-3-of-16`.
        clock: Tells the time.

    Raises:
        FleetError: If it can't be written.
    """

    def __init__(
        self,
        place: Place,
        run: str,
        writer: str,
        clock: Callable[[], datetime] = now,
    ) -> None:
        name = f"{clock().strftime(_STAMP)}_{writer}.{token_hex(2)}.jsonl"
        self._log = place.new_log(f"{FOLDER}/{run}/{name}")
        self._lock = threading.Lock()

    def add(self, *events: Event) -> None:
        """Write events; they outlive the process from the return on.

        Raises:
            FleetError: If they can't be written.
        """
        lines = b"".join(_encoder.encode(event) + b"\n" for event in events)
        with self._lock:
            self._log.add(lines)

    def close(self) -> None:
        """Write nothing any more."""
        self._log.close()


@dataclass(frozen=True)
class LedgerFile:
    """A file that a writer has begun.

    Attributes:
        name: Its name in the place.
        run: The run's name.
        writer: The writer.
        began: When it was begun.
    """

    name: str
    run: str
    writer: str
    began: datetime


def files(place: Place) -> list[LedgerFile]:
    """Return the files of all runs, the oldest first.

    Raises:
        FleetError: If the place can't be read.
    """
    found = []
    for name in place.names(FOLDER):
        _, _, rest = name.partition("/")
        run, _, file = rest.partition("/")
        if match := _FILE.fullmatch(file):
            began = datetime.strptime(f"{match['stamp']}+0000", f"{_STAMP}%z")
            found.append(LedgerFile(name, run, match["writer"], began))
    return sorted(found, key=lambda file: file.began)


def events(place: Place, file: LedgerFile) -> Iterator[Event]:
    """Yield what a writer has written.

    Raises:
        FleetError: If they can't be read.
    """
    content = place.read(file.name) or b""
    written = content[: content.rfind(b"\n") + 1]  # The rest is torn, or empty.
    try:
        yield from _decoder.decode_lines(written)
    except msgspec.DecodeError as error:
        msg = (
            f"{file.name} can't be read: {error}. If another version of tap-analytics "
            "wrote it, use that one; else remove the file."
        )
        raise FleetError(msg) from None


def newest_runs(place: Place) -> list[str]:
    """Return the names of all runs, of which something was begun last first.

    Raises:
        FleetError: If the place can't be read.
    """
    return list(dict.fromkeys(file.run for file in reversed(files(place))))


def remove_run(place: Place, run: str) -> None:
    """Remove the files of a run.

    Raises:
        FleetError: If they can't be removed.
    """
    place.remove_folder(f"{FOLDER}/{run}")
