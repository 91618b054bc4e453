"""How messages are written: through one buffer, records by the shortest way."""

from __future__ import annotations

import sys
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message, StateMessage

from tap_analytics import json_text

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_analytics.rows.fields import Row

BUFFER_BYTES = 1 << 16
"""So much is written at a time, while there is more to write at once."""


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


_encoder = msgspec.json.Encoder(enc_hook=_as_text, decimal_format="number")


def decoded(row: Row) -> dict[str, Any]:
    """Return a row as Python values; numbers keep their digits.

    Raises:
        FatalAPIError: If they can't.
    """
    record: dict[str, Any] = json_text.decoded(_encoder.encode(row))
    return record


def glanced_at(row: Row) -> dict[str, Any]:
    """Return the same for what is not going to be written: nothing stops it."""
    record: dict[str, Any] = json_text.glanced_at(_encoder.encode(row))
    return record


class MessageWriter(GenericSingerWriter[bytearray, Message]):
    """Writes Singer messages to standard output.

    What is written waits in a buffer until that is full, a STATE has to go out, or
    the run is about to wait for the API.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._whole = 0  # So much of the buffer are messages that are complete.
        self._is_flushing = False
        self._after_flush: Callable[[], None] | None = None

    @override
    def serialize_message(self, message: Message) -> bytearray:
        return bytearray(_encoder.encode(message.to_dict()) + b"\n")

    @override
    def write_message(self, message: Message) -> None:
        self._buffer += self.serialize_message(message)
        self._whole = len(self._buffer)
        if isinstance(message, StateMessage) or len(self._buffer) >= BUFFER_BYTES:
            self.flush()

    def write_row(self, before: bytes, row: Row, after: bytes) -> None:
        """Write a RECORD message.

        Args:
            before: The message up to the record.
            row: The record.
            after: The message from the record on, the line's end included.
        """
        buffer = self._buffer
        buffer += before
        _encoder.encode_into(row, buffer, -1)
        buffer += after
        self._whole = len(buffer)
        if self._whole >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand over what was written so far."""
        if self._buffer:
            self._is_flushing = True
            try:
                _write_out(self._buffer)
                self._buffer.clear()
                self._whole = 0
            finally:
                self._is_flushing = False
        if self._after_flush is not None:
            self._after_flush()

    def between_messages(self, action: Callable[[], None]) -> None:
        """Do something once, but not while a message is half written.

        It is for signal handlers, which may strike anywhere: a message that is only
        half in the buffer is dropped, one that is half handed over is completed.

        Args:
            action: What to do; it may write messages, and must not return.
        """

        def act() -> None:
            self._after_flush = None
            # A copy: the encoder may be at work in the buffer, and have reserved more.
            self._buffer = self._buffer[: self._whole]
            self.flush()
            action()

        if self._is_flushing:
            self._after_flush = act
        else:
            act()


def _write_out(lines: bytearray) -> None:
    out = getattr(sys.stdout, "buffer", None)
    if out is not None:
        with memoryview(lines) as view:
            written = 0
            while written < len(view):  # Unbuffered, it may take less at a time.
                written += out.write(view[written:])
    else:  # A test has put a text stream in its place.
        sys.stdout.write(lines.decode())
    sys.stdout.flush()


@lru_cache(maxsize=64)
def record_frame(
    stream: str, version: int | None, extracted: datetime
) -> tuple[bytes, bytes]:
    """Return what stands before and after a record in its RECORD message."""
    before = b'{"type":"RECORD","stream":%b,"record":' % _encoder.encode(stream)
    after = b"" if version is None else b',"version":%d' % version
    after += b',"time_extracted":%b}\n' % _encoder.encode(_as_text(extracted))
    return before, after
