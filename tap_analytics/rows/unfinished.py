"""How far a read came that was stopped: kept in the state, so that the next goes on.

It is one text in the state of a stream, overwritten by null in the end: some tools
merge states deeply, so that an object, or a key that is gone, would come back.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import datetime  # noqa: TC003 - the decoder needs it
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from tap_analytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

UNFINISHED = "unfinished"
"""Where the state of a stream says how far a read came."""

_FORMAT = 1
_PARENT_BYTES = 6
"""Of 100,000 parents, a new one is taken for one of them once in 3 billion times."""

_SECONDS_PER_HOUR = 3600

_encode = msgspec.json.Encoder(decimal_format="number").encode


def fingerprint(context: Mapping[str, Any]) -> bytes:
    """Return what stands for a parent in a state."""
    text = msgspec.json.encode(context, order="sorted")
    return hashlib.blake2b(text, digest_size=_PARENT_BYTES).digest()


def packed(fingerprints: Iterable[bytes]) -> str:
    """Return fingerprints as one text, in their order."""
    joined = bytearray()  # Not `join`, which makes a list: that is seven times as much.
    for one in fingerprints:
        joined += one
    return base64.b64encode(joined).decode()


def unpacked(text: object, name: str) -> frozenset[bytes]:
    """Return the fingerprints of a text.

    Args:
        text: The text, or `None` for no fingerprints.
        name: Where it stands in the state, for the error.

    Raises:
        ConfigError: If it is something else.
    """
    try:
        joined = base64.b64decode(str(text or ""), validate=True)
    except binascii.Error:
        joined = b"?"
    if len(joined) % _PARENT_BYTES or not isinstance(text, str | None):
        msg = (
            f"The state is not one of this tap: its {name!r} can't be read. Use the "
            "last STATE that the target put out, or none, to read everything."
        )
        raise ConfigError(msg)
    return frozenset(one_by_one(joined))


def one_by_one(joined: bytes | bytearray) -> Iterator[bytes]:
    """Return the fingerprints that stand one after another."""
    for place in range(0, len(joined), _PARENT_BYTES):
        yield bytes(joined[place : place + _PARENT_BYTES])


def digest_of(values: Mapping[str, Any]) -> str:
    """Return what changes as soon as one of these values does, and shows none."""
    text = msgspec.json.encode(values, order="sorted", enc_hook=str)
    return hashlib.blake2b(text, digest_size=16).hexdigest()


class Unfinished(msgspec.Struct, omit_defaults=True, frozen=True):
    """How far the read of one stream came.

    Attributes:
        began_at: When the first part began.
        settings: The digest of what shapes the rows; with another one, a read begins
            anew.
        is_complete: Whether the stream was read to its end; then others of the same
            run were not.
        done: The parents whose rows have been written, as one text.
        version: The version of the rows, `None` if they have none.
        bookmark: The bookmark that the first part started from, as JSON; `None` if
            there was none.
        highest: The highest value of the replication key so far.
        doubts: What speaks against the stream being whole so far.
        refuted: The names of the beliefs about ends of lists that turned out wrong.
        format: How this is to be read.
    """

    began_at: Annotated[datetime, msgspec.Meta(tz=True)]
    settings: str
    is_complete: bool = False
    done: str = ""
    version: int | None = None
    bookmark: str | None = None
    highest: Any = None
    doubts: tuple[str, ...] = ()
    refuted: tuple[str, ...] = ()
    format: int = _FORMAT

    def text(self) -> str:
        """Return it as it stands in a state."""
        return _encode(self).decode()

    def is_of(self, settings: str, now: datetime, hours: float) -> bool:
        """Return whether a read may go on from here.

        Args:
            settings: The digest of what shapes the rows now.
            now: The present.
            hours: No longer ago the first part may have begun; 0 for never.
        """
        age = (now - self.began_at).total_seconds()
        is_recent = hours > 0 and 0 <= age <= hours * _SECONDS_PER_HOUR
        return is_recent and self.settings == settings


_decode = msgspec.json.Decoder(Unfinished, float_hook=Decimal).decode
_decode_format = msgspec.json.Decoder(dict[str, Any]).decode


def as_json(value: Any) -> str | None:
    """Return a bookmark as JSON, `None` if there is none."""
    return None if value is None else _encode(value).decode()


def unfinished_in(state: Mapping[str, Any]) -> Unfinished | None:
    """Return how far the last read of a stream came, `None` if it was complete.

    Args:
        state: The stream's state.

    Raises:
        ConfigError: If a newer version of the tap wrote it, or if it can't be read.
    """
    text = state.get(UNFINISHED)
    if text is None:
        return None
    try:
        format_ = _decode_format(text).get("format", _FORMAT)
        if format_ != _FORMAT:
            msg = (
                f"The state was written by a newer version of this tap (format "
                f"{format_}). Use that version, or no state to read everything."
            )
            raise ConfigError(msg)
        found = _decode(text)
        unpacked(found.done, UNFINISHED)
    except (msgspec.DecodeError, TypeError, ValueError) as error:
        msg = (
            f"The state is not one of this tap: its {UNFINISHED!r} can't be read "
            f"({error}). Use the last STATE that the target put out, or none."
        )
        raise ConfigError(msg) from error
    return found
