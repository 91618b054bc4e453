"""Whether a page brings records that its list has not brought before."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw

if TYPE_CHECKING:
    from collections.abc import Iterable

_BITS = 1 << 22
"""Of a list with a million records, one in five ids shares its bit with another."""

_CHANCE = 1e-9
"""A page of new ids is taken for one of known ids no more often than that."""


class Novelty(Enum):
    """What a page brings."""

    NEW = auto()
    """At least one id that was not there before, or no record at all."""
    KNOWN = auto()
    """Only ids that were there before."""
    SAME = auto()
    """The ids of the page just before."""


class _Identified(msgspec.Struct):
    id: Raw = Raw(b"")


_decode = msgspec.json.Decoder(_Identified).decode


def _id_of(record: Raw) -> bytes:
    try:
        return bytes(_decode(record).id)
    except msgspec.DecodeError:  # It is not an object, which whoever reads it says.
        return bytes(record)


def _hashes(records: Iterable[Raw]) -> list[int]:
    return [hash(_id_of(record)) for record in records]


def digest_of(records: Iterable[Raw]) -> int:
    """Return what stands for the ids of a page, in whichever order they are."""
    return hash(frozenset(_hashes(records)))


class SeenIds:
    """Remembers the ids of one list in half a megabyte, however many there are.

    A bit stands for each id, so two ids may share one. A page whose bits are all set
    counts as known only if that can't well be chance: of a long list's last page, which
    may hold a single record, it can. Then the next pages are weighed with it.

    Args:
        before: The digest of the page just before, if that is known.
    """

    def __init__(self, before: int | None = None) -> None:
        self._last = before
        self._waiting: list[int] = []  # The first page: many lists have no second.
        self._bits: bytearray | None = None
        self._bits_set = 0
        self._suspects = 0

    def look(self, records: list[Raw]) -> Novelty:
        """Return what a page brings, and remember it."""
        if not records:
            return Novelty.NEW
        ids = _hashes(records)
        digest = hash(frozenset(ids))
        is_same, self._last = digest == self._last, digest
        if not self._waiting and self._bits is None:
            self._waiting = ids
            return Novelty.SAME if is_same else Novelty.NEW
        if self._bits is None:
            self._bits = bytearray(_BITS // 8)
            self._add(self._waiting, self._bits)
            self._waiting = []
        set_before = self._bits_set
        is_new = self._add(ids, self._bits)
        self._suspects = 0 if is_new else self._suspects + len(ids)
        if is_same:
            return Novelty.SAME
        is_chance = (set_before / _BITS) ** self._suspects > _CHANCE
        return Novelty.NEW if is_new or is_chance else Novelty.KNOWN

    def _add(self, ids: Iterable[int], bits: bytearray) -> bool:
        """Set a bit for each id; return whether any was not set before."""
        before = self._bits_set
        for one in ids:
            place, bit = divmod(one % _BITS, 8)
            if not bits[place] & 1 << bit:
                bits[place] |= 1 << bit
                self._bits_set += 1
        return self._bits_set > before
