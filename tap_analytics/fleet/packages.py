"""Which accounts are loaded together: as many as a package holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PACKAGE_ACCOUNTS = 200
PACKAGE_ROWS = 40_000
PACKAGE_BYTES = 32 << 20
"""So many accounts, rows, or bytes of Singer lines are loaded at once.

A package takes about 2 kB of memory a row, and 0.6 s beside that of its rows. An
account that has more is a package of its own, and in memory as a whole.
"""


@dataclass(frozen=True)
class Size:
    """How large an account is.

    Attributes:
        rows: Its rows.
        text_bytes: Its Singer lines, in bytes.
    """

    rows: int
    text_bytes: int = 0


def fill_one(sizes: Iterable[Size]) -> bool:
    """Return whether accounts of these sizes are enough for a package."""
    return _Package.of(sizes).is_full


def first_package(waiting: Mapping[str, Size]) -> list[str]:
    """Return the accounts of the next package, at least one.

    Args:
        waiting: The sizes of all that wait, by name, in order.
    """
    accounts: list[str] = []
    package = _Package()
    for account, size in waiting.items():
        package.add(size)
        if accounts and package.is_over:
            break
        accounts.append(account)
    return accounts


@dataclass
class _Package:
    accounts: int = 0
    rows: int = 0
    text_bytes: int = 0

    @classmethod
    def of(cls, sizes: Iterable[Size]) -> _Package:
        package = cls()
        for size in sizes:
            package.add(size)
        return package

    def add(self, size: Size) -> None:
        self.accounts += 1
        self.rows += size.rows
        self.text_bytes += size.text_bytes

    @property
    def is_full(self) -> bool:
        return (
            self.accounts >= PACKAGE_ACCOUNTS
            or self.rows >= PACKAGE_ROWS
            or self.text_bytes >= PACKAGE_BYTES
        )

    @property
    def is_over(self) -> bool:
        return (
            self.accounts > PACKAGE_ACCOUNTS
            or self.rows > PACKAGE_ROWS
            or self.text_bytes > PACKAGE_BYTES
        )
