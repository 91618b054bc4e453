"""What the coordinator and its processes say to one another: a line of JSON each.

A key is in none of these lines: a runner looks it up itself.
"""

from __future__ import annotations

from typing import Any

import msgspec

# msgspec asks for the types when a line is read.
from tap_analytics.fleet.ledger import Read, Receipt  # noqa: TC001

ACCOUNT = "{account}"
"""Stands in `dataset_name` for an account's name."""


class Work(msgspec.Struct, frozen=True, kw_only=True, tag="work"):
    """What a runner is told first.

    Attributes:
        run: The run's name.
        folder: Paths are seen from here.
        state: Folder or URL of the state.
        staging: Folder or URL of what is read and not loaded yet.
        account_column: The column that tells whose a row is.
        accounts_at_once: How many accounts are read at a time, at most.
        max_seconds: So long an account may take.
        salt: With this, a key becomes what tells keys apart without telling any.
        requests: How many requests the host takes from this runner, 0 for no limit,
        seconds: in any window of so many seconds.
        catalog: The catalog of all accounts, if there is one.
        coordinator: By this name the coordinator, which is elsewhere, shows that it
            lives; empty if it does not.
    """

    run: str
    folder: str
    state: str
    staging: str
    account_column: str
    accounts_at_once: int
    max_seconds: float
    salt: str
    requests: int = 0
    seconds: float = 1.0
    catalog: dict[str, Any] | None = None
    coordinator: str = ""


class Job(msgspec.Struct, frozen=True, kw_only=True, tag="job"):
    """An account to read.

    Attributes:
        account: Its name.
        key: Where its key is.
        settings: The settings of the tap, without the key.
    """

    account: str
    key: str
    settings: dict[str, Any]


class NoMore(msgspec.Struct, frozen=True, tag="no more"):
    """There is nothing further to do."""


class More(msgspec.Struct, frozen=True, tag="more"):
    """A runner has room for so many accounts more."""

    count: int


class Started(msgspec.Struct, frozen=True, tag="started"):
    """Reading an account has begun."""

    account: str


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished"):
    """Reading an account is over.

    Attributes:
        read: What came of it.
        is_final: Whether another try would come to the same.
    """

    read: Read
    is_final: bool = False


class Counts(msgspec.Struct, frozen=True, tag="counts"):
    """So many rows were read and requests sent since this was said last."""

    rows: int
    requests: int


class Said(msgspec.Struct, frozen=True, tag="said"):
    """A line of an account's log."""

    text: str


class Broken(msgspec.Struct, frozen=True, tag="broken"):
    """The fleet itself fails, in one line."""

    text: str


FromRunner = More | Started | Finished | Counts | Said | Broken
ToRunner = Work | Job | NoMore


class Load(msgspec.Struct, frozen=True, kw_only=True, tag="load"):
    """What the loader is told first.

    Attributes:
        run: The run's name.
        folder: Paths are seen from here.
        state: Folder or URL of the state.
        staging: Folder or URL of what is read and not loaded yet.
        account_column: The column that tells whose a row is.
        target: The settings of the target, secrets and defaults included.
    """

    run: str
    folder: str
    state: str
    staging: str
    account_column: str
    target: dict[str, Any]


class Package(msgspec.Struct, frozen=True, tag="package"):
    """Accounts to load together.

    Attributes:
        accounts: Their names.
        rows: What the table of accounts is to say of them, in the same order.
    """

    accounts: list[str]
    rows: list[dict[str, Any]]


class Table(msgspec.Struct, frozen=True, tag="table"):
    """What the table of accounts is to say of those that were not loaded."""

    rows: list[dict[str, Any]]


class Forget(msgspec.Struct, frozen=True, tag="forget"):
    """An account whose rows are to be removed."""

    account: str


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The destination was reached."""


class Loaded(msgspec.Struct, frozen=True, tag="loaded"):
    """The rows of an account are committed, and there is a receipt."""

    receipt: Receipt


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """An account can't be loaded, whatever is loaded beside it.

    Attributes:
        account: The account.
        manifest: The digest of the manifest of what was to be loaded.
        error: The one line that says why.
        is_older: Whether newer rows of it are loaded.
    """

    account: str
    manifest: str
    error: str
    is_older: bool = False


class Done(msgspec.Struct, frozen=True, tag="done"):
    """What was to be loaded is loaded, but for what was refused."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """A package can't be loaded, though the destination answers."""

    error: str


FromLoader = Ready | Loaded | Refused | Done | Failed | Said | Broken
ToLoader = Load | Package | Table | Forget | NoMore

_encode = msgspec.json.Encoder().encode

from_runner = msgspec.json.Decoder(FromRunner).decode
to_runner = msgspec.json.Decoder(ToRunner).decode
from_loader = msgspec.json.Decoder(FromLoader).decode
to_loader = msgspec.json.Decoder(ToLoader).decode


def line(message: msgspec.Struct) -> bytes:
    """Return a message as a line."""
    return _encode(message) + b"\n"
