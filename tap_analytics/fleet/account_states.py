"""Where each account is: the state that its next run begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tap_analytics.fleet.errors import FleetError

if TYPE_CHECKING:
    from tap_analytics.fleet.places import Place

FORMAT = 1

_FOLDER = "accounts"


class AccountState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of an account, after its rows were committed.

    Attributes:
        run: The run in which they were read.
        began_ms: When reading them began, in milliseconds since 1970.
        state: The value of the last STATE.
        format: The version of the format.
    """

    run: str
    began_ms: int
    state: msgspec.Raw
    format: int = FORMAT


class AccountStates:
    """The states of all accounts, a file each.

    Args:
        place: Where the fleet's state is.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    def read(self, account: str) -> AccountState | None:
        """Return the state of an account, `None` if it was never loaded.

        Raises:
            FleetError: If it can't be read.
        """
        name = _name(account)
        content = self._place.read(name)
        if content is None:
            return None
        try:
            found = msgspec.json.decode(content, type=AccountState)
            if found.format == FORMAT:
                return found
            reason = "another version of tap-analytics wrote it"
        except msgspec.DecodeError as error:
            reason = str(error)
        msg = (
            f"The state {name} can't be read: {reason}. Remove it, and all of the "
            "account is read anew."
        )
        raise FleetError(msg)

    def has(self, account: str) -> bool:
        """Return whether there is a state of an account.

        Raises:
            FleetError: If the place can't be read.
        """
        return self._place.read(_name(account)) is not None

    def newer(self, account: str, began_ms: int) -> AccountState | None:
        """Return the state of an account if what is loaded was read after something.

        Args:
            account: Its name.
            began_ms: When reading something began, in milliseconds since 1970.

        Raises:
            FleetError: If it can't be read.
        """
        found = self.read(account)
        return found if found is not None and found.began_ms > began_ms else None

    def write(self, account: str, state: AccountState) -> None:
        """Put the state of an account, in place of the one before.

        Raises:
            FleetError: If it can't be written.
        """
        self._place.write(_name(account), msgspec.json.encode(state))

    def forget(self, account: str) -> None:
        """Remove the state of an account.

        Raises:
            FleetError: If it can't be removed.
        """
        self._place.remove([_name(account)])


def _name(account: str) -> str:
    return f"{_FOLDER}/{account}.json"
