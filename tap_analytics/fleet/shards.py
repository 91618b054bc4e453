"""Divides a fleet into shards, each for a worker that knows of no other."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from tap_analytics.fleet.errors import UsageError

_SHARD = re.compile(r"(\d{1,6})/(\d{1,6})")


@dataclass(frozen=True)
class Shard:
    """A part of a fleet.

    Attributes:
        number: Which part, from 1.
        count: Of how many parts.
    """

    number: int
    count: int

    @classmethod
    def parsed(cls, text: str) -> Shard:
        """Return the shard that a text such as `3/16` names.

        Raises:
            UsageError: If the text names none.
        """
        found = _SHARD.fullmatch(text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            msg = (
                f"{text!r} is not a shard: of sixteen shards, 1/16 is the first and "
                "16/16 the last."
            )
            raise UsageError(msg)
        return cls(int(found[1]), int(found[2]))

    def has(self, account: str) -> bool:
        """Return whether an account is in this shard.

        That depends on the account's name and on the number of shards alone, so that
        it is the same on every machine, whatever else is in the fleet.
        """
        digest = hashlib.sha256(account.encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"
