"""What a loader leaves that died between a receipt and its last word on an account.

A receipt says that rows are committed. The state of the account comes after it, and
then what is staged goes; whoever finds the receipt makes up for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tap_analytics.fleet import ledger
from tap_analytics.fleet.account_states import AccountState, AccountStates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_analytics.fleet.history import AccountRecord
    from tap_analytics.fleet.ledger import Receipt
    from tap_analytics.fleet.places import Place
    from tap_analytics.fleet.staging import Manifest, Staging


class Aftermath:
    """Makes up for loaders that died.

    Args:
        state: Where the fleet's state is.
        staging: What is read and not loaded yet.
    """

    def __init__(self, state: Place, staging: Staging) -> None:
        self._state = state
        self._states = AccountStates(state)
        self._staging = staging

    def settle(self, records: Mapping[str, AccountRecord]) -> None:
        """Make up for loaders of a process that died.

        Args:
            records: What is known of accounts, by name.

        Raises:
            FleetError: If the state or the staging place can't be read or written.
        """
        for account in self._staging.whole():
            record = records.get(account)
            if record is not None and record.has_receipt:
                self._settle(account, record.manifest)

    def is_older(self, manifest: Manifest) -> bool:
        """Return whether what is loaded of an account was read after what is staged.

        Raises:
            FleetError: If its state can't be read.
        """
        return self._states.newer(manifest.account, manifest.began_ms) is not None

    def receipts(self, loading: Mapping[str, str]) -> Iterator[Receipt]:
        """Yield the receipts that a loader has left, once their states are written.

        Args:
            loading: The manifests' digests of what it was to load, by account.

        Raises:
            FleetError: If the state or the staging place can't be read or written.
        """
        for receipt in self._left():
            if loading.get(receipt.account) == receipt.manifest:
                self._settle(receipt.account, receipt.manifest)
                yield receipt

    def _left(self) -> Iterable[Receipt]:
        for file in ledger.files(self._state):
            if file.run == self._staging.run:
                for event in ledger.events(self._state, file):
                    if isinstance(event, ledger.Receipt):
                        yield event

    def _settle(self, account: str, digest: str) -> None:
        manifest = self._staging.manifest(account)
        if manifest is None or manifest.digest != digest:
            return
        if not self.is_older(manifest):
            state = AccountState(
                run=manifest.run,
                began_ms=manifest.began_ms,
                state=msgspec.Raw(self._staging.state(manifest)),
            )
            self._states.write(account, state)
        self._staging.remove(account)
