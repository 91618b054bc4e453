"""Loads accounts into the destination: many in one package, one receipt for each."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tap_analytics.fleet import ledger
from tap_analytics.fleet.account_rows import account_rows, options_of, united
from tap_analytics.fleet.account_states import AccountState, AccountStates
from tap_analytics.fleet.ledger import Ledger, Receipt
from tap_analytics.fleet.messages import ACCOUNT, Loaded, Refused
from tap_analytics.fleet.names import dataset_form
from tap_analytics.fleet.places import open_place
from tap_analytics.fleet.staging import Staging, StagingError
from tap_analytics.target_dlt.columns.stream_buffer import StreamBuffer
from tap_analytics.target_dlt.errors import InputError
from tap_analytics.target_dlt.loading.loader import Loader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_analytics.fleet.account_rows import AccountRows
    from tap_analytics.fleet.messages import Load
    from tap_analytics.fleet.staging import Manifest
    from tap_analytics.target_dlt.columns.stream_buffer import Batch
    from tap_analytics.target_dlt.loading.dataset import OpenDataset

TABLE = "_fleet_accounts"

_OPTIONAL_TEXT = {"type": ["string", "null"]}
_TABLE_SCHEMA: Mapping[str, Any] = {
    "account": {"type": "string"},
    "run": {"type": "string"},
    "status": {"type": "string"},
    "rows": {"type": ["integer", "null"]},
    "requests": {"type": ["integer", "null"]},
    "seconds": {"type": ["number", "null"]},
    "error": _OPTIONAL_TEXT,
    "ended_at": {"type": ["string", "null"], "format": "date-time"},
}

_log = logging.getLogger(__name__)


class Warehouse:
    """The destination of a fleet.

    Args:
        load: What the loader was told.
    """

    def __init__(self, load: Load) -> None:
        folder = Path(load.folder)
        state = open_place(load.state, folder)
        self._target = load.target
        self._column = load.account_column
        self._run = load.run
        self._staging = Staging(open_place(load.staging, folder), load.run)
        self._states = AccountStates(state)
        self._state_place = state
        self._ledger: Ledger | None = None
        self._options = options_of(load.target, time.time_ns() // 1_000_000)
        self._datasets: dict[str, OpenDataset] = {}

    @property
    def is_divided(self) -> bool:
        """Whether each account has a dataset of its own."""
        return ACCOUNT in self._target["dataset_name"]

    def open(self) -> None:
        """Reach the destination.

        Raises:
            TargetError: If it can't be reached, or a setting is wrong.
        """
        self._dataset(self._name_of("fleet"))

    def close(self) -> None:
        """Let go of the destination."""
        for dataset in self._datasets.values():
            dataset.close()
        self._datasets.clear()

    def rows_of(
        self, accounts: Iterable[str]
    ) -> Iterator[tuple[Manifest, AccountRows] | Refused]:
        """Yield what is staged of accounts, converted.

        Raises:
            FleetError: If the staging place can't be read.
        """
        for account in accounts:
            manifest = None
            try:
                manifest = self._staging.manifest(account)
                if manifest is None:
                    yield Refused(account, "", "What was staged is there no more.")
                    continue
                newer = self._states.newer(account, manifest.began_ms)
                if newer is not None:
                    yield _older(manifest, newer)
                    continue
                lines = self._staging.lines(manifest)
                yield (
                    manifest,
                    account_rows(manifest, lines, self._column, self._options),
                )
            except (InputError, StagingError) as error:
                yield Refused(account, manifest.digest if manifest else "", str(error))

    def load(
        self,
        accounts: Sequence[tuple[Manifest, AccountRows]],
        table_rows: Iterable[Mapping[str, Any]],
    ) -> list[Loaded]:
        """Load accounts in one package: rows, deletions, receipts, states.

        Args:
            accounts: The accounts; their rows are given away.
            table_rows: What the table of accounts is to say of them.

        Raises:
            TargetError: If one of them can't be loaded, or the destination not be
                reached.
            FleetError: If the state can't be written.
        """
        if not accounts:
            return []
        dataset = self._dataset(self._name_of(accounts[0][0].account))
        batches = united(rows for _, rows in accounts)
        for _, rows in accounts:
            rows.batches.clear()
        streams = [batch.stream for batch in batches]
        batches += [] if self.is_divided else self._table(table_rows)
        load_id = dataset.load(_given_away(batches)) or "nothing"
        self._remove_older(dataset, streams, [rows for _, rows in accounts])
        receipts = [
            Receipt(
                time=ledger.now(),
                account=manifest.account,
                manifest=manifest.digest,
                load=load_id,
            )
            for manifest, _ in accounts
        ]
        if self._ledger is None:
            self._ledger = Ledger(self._state_place, self._run, "loader")
        self._ledger.add(*receipts)
        for manifest, rows in accounts:
            state = AccountState(
                run=self._run,
                began_ms=manifest.began_ms,
                state=msgspec.Raw(rows.state),
            )
            self._states.write(manifest.account, state)
            self._staging.remove(manifest.account)
        if self.is_divided:
            self.close()
        return [Loaded(receipt) for receipt in receipts]

    def _remove_older(
        self,
        dataset: OpenDataset,
        streams: Iterable[str],
        accounts: Sequence[AccountRows],
    ) -> None:
        with dataset.rows_by(self._column) as rows:
            for stream in streams:
                versions = {
                    one.account: one.versions[stream]
                    for one in accounts
                    if stream in one.versions
                }
                if versions:
                    rows.remove_older(dataset.table(stream), versions)

    def tell(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the table that tells what became of each account.

        Raises:
            TargetError: If it can't be loaded.
        """
        self._dataset(self._name_of("fleet")).load(self._table(rows))

    def _table(self, rows: Iterable[Mapping[str, Any]]) -> list[Batch]:
        buffer = StreamBuffer(
            TABLE,
            {"type": "object", "properties": _TABLE_SCHEMA},
            ["account"],
            self._options,
        )
        encode = msgspec.json.encode
        lines = [
            encode({"type": "RECORD", "stream": TABLE, "record": row}) for row in rows
        ]
        buffer.add(lines, 1, "Account")
        batch = buffer.take(marked=False)
        return [] if batch is None else [batch]

    def forget(self, account: str) -> None:
        """Remove all rows of an account, and its state.

        Raises:
            TargetError: If the destination can't be reached.
            FleetError: If the state can't be removed.
        """
        names = dict.fromkeys([self._name_of(account), self._name_of("fleet")])
        for name in names:
            with self._dataset(name).rows_by(self._column) as rows:
                rows.remove_all(account)
        with self._dataset(self._name_of("fleet")).rows_by("account") as rows:
            rows.remove_all(account)
        self._states.forget(account)

    def _name_of(self, account: str) -> str:
        name: str = self._target["dataset_name"]
        return name.replace(ACCOUNT, dataset_form(account))

    def _dataset(self, name: str) -> OpenDataset:
        if name not in self._datasets:
            settings = {**self._target, "dataset_name": name}
            self._datasets[name] = Loader(settings, _log).open()
        return self._datasets[name]


def _older(manifest: Manifest, newer: AccountState) -> Refused:
    error = (
        f"What the run {manifest.run} has read of it is older than what the run "
        f"{newer.run} has loaded: it is not loaded, and removed."
    )
    return Refused(manifest.account, manifest.digest, error, is_older=True)


def _given_away(batches: list[Batch]) -> Iterator[Batch]:
    """Yield batches, each of which is in memory no longer than who takes it wants."""
    batches.reverse()
    while batches:
        yield batches.pop()
