"""Reads one account into staging, in a thread of a runner."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tap_analytics.account_run import run_account
from tap_analytics.api.client import CONNECT_TIMEOUT
from tap_analytics.compat import override
from tap_analytics.errors import ConfigError, RefusedError, TooLargeError
from tap_analytics.fleet import ledger
from tap_analytics.fleet.account_states import AccountStates
from tap_analytics.fleet.compression import Compressor
from tap_analytics.fleet.errors import FleetError, KeySourceError, ReadTwiceError
from tap_analytics.fleet.fleet_file import HostLimit
from tap_analytics.fleet.hosts import Hosts
from tap_analytics.fleet.key_owners import KeyOwners, digest_of_key
from tap_analytics.fleet.key_source import KeySource
from tap_analytics.fleet.ledger import Read
from tap_analytics.fleet.messages import Broken, Finished, Said
from tap_analytics.fleet.places import open_place
from tap_analytics.fleet.retelling import read_of
from tap_analytics.fleet.staged_writer import StagedWriter
from tap_analytics.fleet.staging import Staging, Totals
from tap_analytics.presets import with_preset
from tap_analytics.report.report import COMPLETE, STOPPED
from tap_analytics.run import Run
from tap_analytics.settings import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_analytics.account_run import Outcome
    from tap_analytics.fleet.account_states import AccountState
    from tap_analytics.fleet.messages import Job, Work
    from tap_analytics.fleet.staging import Manifest, StagedPart

OVER_TIME = "max_minutes"
"""Who stops an account that is over its time."""

READ_HOURS = 7 * 24
"""An account that was stopped goes on, if its read began no longer ago.

Nights are a day apart, so this is longer than an interrupted run is gone on with.
"""

HUNG_SECONDS = 60.0
"""An account that was told to end, and has not for so long, is given up.

Beside that, it may wait for the answer to its last request.
"""

_NO_KEY = 401

_NO_USE = frozenset({400, 401, 402, 403, 404})
"""Statuses of answers that would be the same in another try."""

OF_THE_FLEET: Mapping[str, Any] = {
    "concurrency": 4,  # Each is a thread; hundreds of accounts are read at a time.
    "emit_activate_version_messages": True,
    "max_response_mb": 64,  # An account must not take the memory of all others.
    "resume_hours": READ_HOURS,
}
"""Settings of the tap that have another default in a fleet."""


class _SameKeyError(FleetError):
    """Another account has the same key."""


@dataclass
class Shared:
    """What all accounts of a runner share.

    Args:
        work: What the runner was told.
        say: Tells the coordinator.
    """

    work: Work
    say: Callable[..., None]
    compressor: Compressor = field(default_factory=Compressor)
    hosts: Hosts = field(init=False)
    staging: Staging = field(init=False)
    states: AccountStates = field(init=False)
    owners: KeyOwners = field(init=False)

    def __post_init__(self) -> None:
        work, folder = self.work, Path(self.work.folder)
        limit = HostLimit(work.requests, work.seconds) if work.requests else None
        self.hosts = Hosts(limit)
        self.staging = Staging(open_place(work.staging, folder), work.run)
        state = open_place(work.state, folder)
        self.states = AccountStates(state)
        self.owners = KeyOwners(state)


class Reading:
    """An account that is being read.

    Args:
        job: The account.
        shared: What all accounts of the runner share.

    Attributes:
        account: The account's name.
        run: Its run.
        began_at: When it began, in seconds that only count on.
        seconds_to_end: So long it may take to end, once it is told to.
        is_told: Whether the coordinator is told what came of it.
    """

    def __init__(self, job: Job, shared: Shared) -> None:
        self.account = job.account
        self.began_at = time.monotonic()
        self.is_told = False
        self._job = job
        self._shared = shared
        settings = DEFAULTS | with_preset(dict(job.settings))
        # One that is null is not set.
        timeout = settings["request_timeout"] or DEFAULTS["request_timeout"]
        self.seconds_to_end = HUNG_SECONDS + timeout + CONNECT_TIMEOUT
        host = shared.hosts.of(job.account, str(settings["api_url"]))
        handler = _Teller(job.account, shared.say)
        self.run = Run.logging_to(handler, logging.WARNING, host)

    def read(self) -> Finished | Broken:
        """Read the account; return what came of it."""
        try:
            return self._read()
        except (KeySourceError, _SameKeyError) as error:
            return self._finished("failed", error=str(error), is_final=True)
        except ReadTwiceError as error:
            # The next try goes on with what the other process has staged.
            return self._finished("failed", error=str(error))
        except FleetError as error:
            return Broken(str(error))
        except Exception as error:  # noqa: BLE001 - nothing may end the runner
            text = f"{type(error).__name__}: {' '.join(str(error).split())}"
            return self._finished("failed", error=self.run.redaction.redacted(text))

    def _read(self) -> Finished | Broken:
        shared, account = self._shared, self.account
        source = KeySource(self._job.key, Path(shared.work.folder))
        key = source.look_up(account)
        self.run.redaction.hide(key)
        digest = digest_of_key(key, shared.work.salt)
        self._require_own_key(digest)
        before = shared.states.read(account)
        whole, parts = self._staged(before)
        if whole is not None:
            # Whoever read it has died before anybody heard of that.
            return Finished(read=read_of(whole))
        state = parts[-1].state if parts else bytes(before.state) if before else b"{}"
        writer = StagedWriter(shared.staging, account, shared.compressor, state)
        writer.go_on_after(parts)
        outcome = run_account(
            {
                **OF_THE_FLEET,
                **self._job.settings,
                "account": account,
                "account_column": shared.work.account_column,
                "api_key": key,
            },
            writer,
            run=self.run,
            state=msgspec.json.decode(state),
            catalog=shared.work.catalog,
        )
        if writer.error is not None:
            raise writer.error
        is_complete = outcome.ending == COMPLETE
        is_over_time = outcome.ending == STOPPED and self.run.stop.by == OVER_TIME
        if not is_complete and not is_over_time:
            if (
                isinstance(outcome.error, RefusedError)
                and outcome.error.status == _NO_KEY
            ):
                shared.owners.release(digest)
            return self._failed(outcome)
        manifest = writer.finish(self.totals, is_complete=is_complete, key=digest)
        if is_complete:
            return Finished(read=read_of(manifest))
        minutes = shared.work.max_seconds / 60
        error = (
            f"Stopped after {minutes:g} minutes (max_minutes): what was read is loaded,"
            " and the next run goes on."
        )
        read = msgspec.structs.replace(read_of(manifest), error=error)
        return Finished(read=read, is_final=True)

    def _staged(
        self, loaded: AccountState | None
    ) -> tuple[Manifest | None, list[StagedPart]]:
        """Return what is staged, whole or in part, or remove it.

        Args:
            loaded: What is loaded; if that was read later, what is staged is of no use.
        """
        staging = self._shared.staging
        whole = staging.manifest(self.account)
        parts = [] if whole else staging.unfinished(self.account)
        began_ms = whole.began_ms if whole else parts[0].began_ms if parts else None
        if began_ms is None or loaded is None or loaded.began_ms <= began_ms:
            return whole, parts
        staging.remove(self.account)
        return None, []

    @property
    def totals(self) -> Totals:
        """What reading has come to so far."""
        progress = self.run.progress
        seconds = time.monotonic() - self.began_at
        return Totals(dict(progress.rows), progress.requests, round(seconds, 3))

    def hung(self) -> Finished:
        """Return what is said of an account that does not end though it was told to."""
        error = "Stopped after max_minutes, but did not end. Nothing of it is loaded."
        return self._finished("failed", error=error, is_final=True)

    def _failed(self, outcome: Outcome) -> Finished:
        error = outcome.error
        is_final = isinstance(error, ConfigError | TooLargeError) or (
            isinstance(error, RefusedError) and error.status in _NO_USE
        )
        text = self.run.redaction.redacted(outcome.message) or outcome.ending
        return self._finished("failed", error=text, is_final=is_final)

    def _finished(self, ending: str, *, error: str, is_final: bool = False) -> Finished:
        read = Read(
            time=ledger.now(),
            account=self.account,
            ending=ending,
            totals=self.totals,
            error=error,
        )
        return Finished(read=read, is_final=is_final)

    def _require_own_key(self, digest: str) -> None:
        """Return if no other account has, or had, the same key.

        Raises:
            _SameKeyError: If another has.
        """
        owner = self._shared.owners.owner(digest, self.account)
        if owner != self.account:
            msg = (
                f"The key is that of account {owner}, too: each needs a key of its own."
                f" Check where the key of {self.account} is from. Only if {owner} was "
                "renamed, or had this key by mistake, remove its rows and give the key "
                f"free: analytics-fleet forget fleet.yml {owner}"
            )
            raise _SameKeyError(msg)


class _Teller(logging.Handler):
    """Tells the coordinator what an account's run says, with the account's name."""

    def __init__(self, account: str, say: Callable[..., None]) -> None:
        super().__init__()
        self._account = account
        self._say = say

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            return  # It is told as what came of the account.
        self._say(Said(f"{self._account}: {record.getMessage()}"))
