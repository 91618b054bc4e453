"""Groups what went wrong by its cause: one line for all accounts that share it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_analytics.fleet.names import variable_form

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMES_SHOWN = 3

_DIFFERS = re.compile(r"\d+")


@dataclass(frozen=True)
class Cause:
    """Why accounts failed.

    Attributes:
        error: The error of the first of them.
        accounts: Their names.
    """

    error: str
    accounts: list[str]

    def __str__(self) -> str:
        count = len(self.accounts)
        shown = ", ".join(self.accounts[:NAMES_SHOWN])
        if (more := count - NAMES_SHOWN) > 0:
            shown += f" and {more:,} more"
        noun = "account" if count == 1 else "accounts"
        return f"{count:,} {noun} ({shown}): {self.error}"


def causes(errors: Iterable[tuple[str, str]]) -> list[Cause]:
    """Return the causes of failures, the most frequent first.

    Errors that differ in numbers or in the account's own name have one cause.

    Args:
        errors: The account and its error, for each that failed.
    """
    found: dict[str, Cause] = {}
    for account, error in errors:
        kind = _kind(account, error)
        found.setdefault(kind, Cause(error, [])).accounts.append(account)
    return sorted(found.values(), key=lambda cause: -len(cause.accounts))


def _kind(account: str, error: str) -> str:
    text = error.replace(account, "*").replace(variable_form(account), "*")
    return _DIFFERS.sub("0", text)
