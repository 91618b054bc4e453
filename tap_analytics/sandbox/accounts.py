"""The accounts of the host: whose key it is, and what each key sees."""

from __future__ import annotations

import hmac
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tap_analytics.sandbox.limits import RateLimit
from tap_analytics.sandbox.rules import Chance
from tap_analytics.sandbox.store import Store, UnknownRecordError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_analytics.sandbox.options import SandboxOptions

REMEMBERED_STORES = 200
"""The records of so many accounts are kept; those of others are made again."""


class Account:
    """An account: its data, its limit, its random faults.

    Args:
        options: How the host behaves.
        number: The account's number; it and the host's seed make the data.
        clock: A clock in seconds that never goes back.
    """

    def __init__(
        self, options: SandboxOptions, number: int, clock: Callable[[], float]
    ) -> None:
        self.options = replace(options, seed=options.seed + number)
        self.limit = (
            RateLimit(*options.rate_limit, clock) if options.rate_limit else None
        )
        self.chance = Chance(
            options.faults,
            options.fault_kinds,
            self.options.seed,
            options.faults_in_a_row,
        )


class Accounts:
    """The accounts, each made when it is first asked for.

    Without `options.accounts` there is one, number 0, with `options.api_key`. With them
    they have the numbers from 1, and keys that end in these: `sandbox-key-17`. Then
    number 0 is for requests whose key is none of these.

    Args:
        options: How the host behaves.
        clock: A clock in seconds that never goes back.
    """

    def __init__(self, options: SandboxOptions, clock: Callable[[], float]) -> None:
        self._options = options
        self._clock = clock
        self._accounts: dict[int, Account] = {}
        self._stores: dict[int, Store] = {}
        self._edited: dict[int, Store] = {}

    def __getitem__(self, number: int) -> Account:
        """Finds an account.

        Args:
            number: Its number.

        Returns:
            The account.

        Raises:
            UnknownRecordError: There is no such account.
        """
        if not 0 <= number <= self._options.accounts:
            message = f"no account {number}"
            raise UnknownRecordError(message)
        if number not in self._accounts:
            self._accounts[number] = Account(self._options, number, self._clock)
        return self._accounts[number]

    def number_of(self, key: str) -> int | None:
        """Finds the account that a key is for.

        Args:
            key: The key of a request.

        Returns:
            The account's number; None for a key that is wrong or missing.
        """
        expected, number = self._options.api_key, 0
        if self._options.accounts:
            key, _, digits = key.rpartition("-")
            number = int(digits) if re.fullmatch("[1-9][0-9]{0,8}", digits) else 0
            if not 1 <= number <= self._options.accounts:
                return None
        is_right = hmac.compare_digest(
            key.encode(errors="surrogateescape"), expected.encode()
        )
        return number if is_right else None

    def store(self, number: int) -> Store:
        """Finds the records of an account.

        Args:
            number: The account's number.

        Returns:
            Its records.

        Raises:
            UnknownRecordError: There is no such account.
        """
        if number in self._edited:
            return self._edited[number]
        store = self._stores.pop(number, None) or Store(self[number].options)
        self._stores[number] = store
        if len(self._stores) > REMEMBERED_STORES:
            del self._stores[next(iter(self._stores))]
        return store

    def store_to_edit(self, number: int) -> Store:
        """Finds the records of an account, and keeps them from now on.

        Args:
            number: The account's number.

        Returns:
            Its records.

        Raises:
            UnknownRecordError: There is no such account.
        """
        store = self._edited[number] = self.store(number)
        self._stores.pop(number, None)
        return store

    def reset_faults(self) -> None:
        """Starts the random faults of all accounts from zero."""
        for account in self._accounts.values():
            account.chance.reset()
