"""Whose each key is, from run to run, so that no account gets another one's rows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_analytics.fleet.places import Place

_FOLDER = "keys"


def digest_of_key(key: str, salt: str) -> str:
    """Return what tells a key from others without telling anything of it."""
    return hashlib.blake2b(
        key.encode(), key=bytes.fromhex(salt), digest_size=8
    ).hexdigest()


class KeyOwners:
    """The account of each key, a file each.

    Args:
        place: Where the fleet's state is.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._new: set[str] = set()

    def owner(self, digest: str, account: str) -> str:
        """Return whose a key is: the account that had it first, maybe this one.

        Args:
            digest: What stands for the key.
            account: The account that has it now.

        Raises:
            FleetError: If the state can't be read or written.
        """
        name = f"{_FOLDER}/{digest}"
        found = self._place.read(name)
        if found is None and self._place.create(name, account.encode()):
            self._new.add(digest)
        elif found is None:
            found = self._place.read(name)  # Another process came first.
        return account if found is None else found.decode()

    def release(self, digest: str) -> None:
        """Let others have a key that the API has refused, if nobody had it before.

        An account that had it for long keeps the key: another must not get its rows
        when the API takes the key again.

        Raises:
            FleetError: If the state can't be written.
        """
        if digest in self._new:
            self._new.discard(digest)
            self._place.remove([f"{_FOLDER}/{digest}"])

    def forget(self, account: str) -> None:
        """Let other accounts have the keys that an account had.

        Raises:
            FleetError: If the state can't be read or written.
        """
        mine = account.encode()
        names = self._place.names(_FOLDER)
        self._place.remove([name for name in names if self._place.read(name) == mine])
