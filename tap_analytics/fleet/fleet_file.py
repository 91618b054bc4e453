"""Reads and checks the fleet file: what the fleet is, before any account begins."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_analytics.fleet import accounts as accounts_of
from tap_analytics.fleet.fleet_check import require_no_mistakes
from tap_analytics.fleet.key_source import KeySource
from tap_analytics.fleet.schema import DEFAULTS
from tap_analytics.fleet.yaml_document import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_analytics.fleet.accounts import Entry


@dataclass(frozen=True)
class Account:
    """One account of a fleet.

    Attributes:
        name: Its name.
        settings: The settings of the tap for it, without the key.
        key: Where its key is.
    """

    name: str
    settings: Mapping[str, Any]
    key: KeySource


@dataclass(frozen=True)
class HostLimit:
    """How many requests the host takes, by all keys together.

    Attributes:
        requests: So many at most.
        seconds: In any window of so many seconds.
    """

    requests: int
    seconds: float


@dataclass(frozen=True)
class Fleet:
    """What a fleet file says.

    Attributes:
        path: The file.
        accounts: All accounts, by name, in the file's order.
        target: The settings of the target.
        account_column: The column that tells whose a row is.
        state: Folder or URL of the state.
        staging: Folder or URL of what is read and not loaded yet.
        runners: How many processes read.
        accounts_at_once: How many accounts each of them reads at a time, at most.
        host_limit: The limit for all keys together, if there is one.
        max_seconds: So long an account may take.
        tries: How often an account is tried.
    """

    path: Path
    accounts: Mapping[str, Account]
    target: Mapping[str, Any]
    account_column: str
    state: str
    staging: str
    runners: int
    accounts_at_once: int
    host_limit: HostLimit | None
    max_seconds: float
    tries: int

    @property
    def folder(self) -> Path:
        """Paths in the file are seen from here."""
        return self.path.parent


def read_fleet(path: Path) -> Fleet:
    """Read a fleet file.

    Args:
        path: The file.

    Raises:
        FleetFileError: If there are mistakes in it; a line for each.
    """
    document = Document(path)
    folder = path.absolute().parent
    given = document.value_of(document.root)
    # A key that is null is one that is not set.
    content = DEFAULTS | {key: of for key, of in given.items() if of is not None}
    entries = _entries(document, content, folder)
    require_no_mistakes(document, content, entries)
    limit = content.get("host_limit")
    key = KeySource(content["api_key"], folder)
    return Fleet(
        path=path.absolute(),
        accounts=_accounts(content, entries, key),
        target=content.get("target", {}),
        account_column=content["account_column"],
        state=content["state"],
        staging=content["staging"],
        runners=content.get("runners") or len(os.sched_getaffinity(0)),
        accounts_at_once=content["accounts_at_once"],
        host_limit=limit and HostLimit(limit["requests"], limit.get("seconds", 1)),
        max_seconds=content["max_minutes"] * 60,
        tries=content["tries"],
    )


def _entries(
    document: Document, content: Mapping[str, Any], folder: Path
) -> list[Entry]:
    accounts = content.get("accounts")
    if isinstance(accounts, str):
        return list(accounts_of.in_csv(folder / Path(accounts).expanduser()))
    return list(accounts_of.listed(document))


def _accounts(
    content: Mapping[str, Any], entries: Iterable[Entry], key: KeySource
) -> dict[str, Account]:
    defaults = content.get("defaults", {})
    overrides = content.get("overrides", {})
    accounts = {}
    for entry in entries:
        settings = {**entry.settings, **(overrides.get(entry.name) or {})}
        own = settings.pop("api_key", None)
        source = KeySource(own, key.folder) if own else key
        merged = {**defaults, **settings} if settings else defaults
        accounts[entry.name] = Account(entry.name, merged, source)
    return accounts
