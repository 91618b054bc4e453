"""Field names that msgspec decodes no struct's field from, and what stands for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw

if TYPE_CHECKING:
    from collections.abc import Iterable

_ODD = re.compile(r'["\\\x00-\x1f]')

_decode = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


class StandIns:
    """Names that stand for odd ones; all others stand for themselves.

    Records that have such fields are read twice, so it matters that there are few.

    Args:
        names: The names of a stream's columns.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._of = {
            name: _ODD.sub("\x7f", f"{name}\x7f{number}")
            for number, name in enumerate(names)
            if _ODD.search(name)
        }
        self._names = {stand_in: name for name, stand_in in self._of.items()}

    def stand_in(self, name: str) -> str:
        """Return what stands for a name."""
        return self._of.get(name, name)

    def name(self, stand_in: str) -> str:
        """Return what it stands for."""
        return self._names.get(stand_in, stand_in)

    def put_into(self, line: bytes) -> bytes:
        """Return a RECORD line with them; as it is if there are none, or it is bad."""
        if not self._of:
            return line
        try:
            message = _decode(line)
            record = _decode(message["record"])
        except (msgspec.DecodeError, KeyError):
            return line
        renamed = {self.stand_in(name): value for name, value in record.items()}
        return _encode(message | {"record": renamed})
