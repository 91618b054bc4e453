"""How messages are written: through one buffer, records by the shortest way."""

from __future__ import annotations

import errno
import os
import sys
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message, StateMessage

from tap_analytics import json_text
from tap_analytics.compat import override

if TYPE_CHECKING:
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


class BinaryFile(Protocol):
    """What messages are written to."""

    def write(self, data: memoryview, /) -> int:
        """Write bytes; return how many of them were taken."""
        ...

    def flush(self) -> None:
        """Hand over what was written."""
        ...


class StandardOutput:
    """Standard output, or what stands for it just then, as a binary file."""

    def write(self, data: memoryview, /) -> int:
        """Write bytes; return how many of them were taken.

        Raises:
            OSError: If standard output is closed, or takes nothing.
        """
        if sys.stdout is None:  # It was closed before Python started.
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        out = getattr(sys.stdout, "buffer", None)
        if out is not None:
            taken: int = out.write(data)
            return taken
        sys.stdout.write(bytes(data).decode())  # A text stream has been put there.
        return len(data)

    def flush(self) -> None:
        """Hand over what was written."""
        sys.stdout.flush()


class Nowhere:
    """Takes the messages of a test: a person reads its verdict, no target its rows."""

    def write(self, data: memoryview, /) -> int:
        """Drop bytes; return how many there were."""
        return len(data)

    def flush(self) -> None:
        """Do nothing."""


class MessageWriter(GenericSingerWriter[bytearray, Message]):
    """Writes Singer messages to a binary file.

    What is written waits in a buffer until that is full, a STATE has to go out, or
    the run is about to wait for the API.

    Args:
        out: The file; standard output by default.
    """

    def __init__(self, out: BinaryFile | None = None) -> None:
        self._out = out or StandardOutput()
        self._buffer = bytearray()
        self._handed_over = 0
        self.written_states = 0
        """How many bytes of all that is written are STATE messages."""

    @property
    def written(self) -> int:
        """How many bytes have been written so far."""
        return self._handed_over + len(self._buffer)

    @override
    def serialize_message(self, message: Message) -> bytearray:
        return bytearray(_encoder.encode(message.to_dict()) + b"\n")

    @override
    def write_message(self, message: Message) -> None:
        line = self.serialize_message(message)
        self._buffer += line
        is_state = isinstance(message, StateMessage)
        self.written_states += len(line) * is_state
        if is_state or len(self._buffer) >= BUFFER_BYTES:
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
        if len(buffer) >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand over what was written so far.

        Raises:
            OSError: If the file does not take it.
        """
        if not self._buffer:
            return
        try:
            with memoryview(self._buffer) as view:
                written = 0
                while written < len(view):  # Unbuffered, it may take less at a time.
                    written += self._out.write(view[written:])
        finally:
            self._handed_over += len(self._buffer)
            self._buffer = bytearray()
        self._out.flush()


@lru_cache(maxsize=64)
def record_frame(
    stream: str, version: int | None, extracted: datetime
) -> tuple[bytes, bytes]:
    """Return what stands before and after a record in its RECORD message."""
    before = b'{"type":"RECORD","stream":%b,"record":' % _encoder.encode(stream)
    after = b"" if version is None else b',"version":%d' % version
    after += b',"time_extracted":%b}\n' % _encoder.encode(_as_text(extracted))
    return before, after
