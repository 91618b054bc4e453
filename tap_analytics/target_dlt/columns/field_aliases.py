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


class FieldAliases:
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
        self._names = {alias: name for name, alias in self._of.items()}

    def alias(self, name: str) -> str:
        """Return what stands for a name."""
        return self._of.get(name, name)

    def name(self, alias: str) -> str:
        """Return what it stands for."""
        return self._names.get(alias, alias)

    def rename_fields(self, line: bytes) -> bytes:
        """Return a RECORD line with them; as it is if there are none, or it is bad."""
        if not self._of:
            return line
        try:
            message = _decode(line)
            record = _decode(message["record"])
        except (msgspec.DecodeError, KeyError):
            return line
        renamed = {self.alias(name): value for name, value in record.items()}
        return _encode(message | {"record": renamed})
