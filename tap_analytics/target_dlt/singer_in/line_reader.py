"""Splits the input into messages, and RECORD lines into runs of one stream."""

from __future__ import annotations

import os
import re
import select
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import InvalidInputLine
from singer_sdk.io_base import GenericSingerReader, SingerMessageType

from tap_analytics.target_dlt.columns.numbers import exact_number
from tap_analytics.target_dlt.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK_BYTES = 1 << 20
"""Bytes that are read and split into lines in one go."""

PAUSE_SECONDS = 1.0
"""How long to wait for input before looking at the time."""

_SHOWN_BYTES = 100

_TOO_DEEP = "its values are nested too deeply"

_HAS_PLACE = re.compile(r"Line \d")

_NO_PREFIX = b"\n"
"""What no line begins with."""

_MEMBER = rb'"(?:type|stream)"\s*:\s*"(?:[^"\\]|\\.)*"\s*,\s*'
_TYPE_AND_STREAM = re.compile(rb"\s*\{\s*" + _MEMBER + _MEMBER + rb'"')
"""The beginning of a message, up to the quote of the member after type and stream."""


class _Envelope(msgspec.Struct):
    """What tells a message's kind, whatever else is in it."""

    type: str
    stream: str | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_message = msgspec.json.Decoder(dict[str, Any], float_hook=exact_number)


class LineReader(GenericSingerReader[bytes]):
    """Reads Singer messages, and hands on those of type RECORD undecoded.

    Most taps write type and stream first, and the same way in all records of a stream,
    so a record's stream is told by how its line begins. Of other lines the two are
    decoded, and nothing else.

    Args:
        on_records: Called with a stream's name, consecutive RECORD lines of it, and the
            number of the first.
        on_pause: Called every now and then, also while no input comes.
    """

    default_input = None  # type: ignore[assignment]

    def __init__(
        self,
        on_records: Callable[[str, list[bytes], int], None],
        on_pause: Callable[[], None],
    ) -> None:
        super().__init__()
        self._on_records = on_records
        self._on_pause = on_pause
        self._prefixes: dict[bytes, str] = {}
        self.line_number = 0

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Decode one message.

        Raises:
            InvalidInputLine: It is no JSON object.
        """
        try:
            return _message.decode(line)
        except msgspec.DecodeError as error:
            raise self._invalid(line, str(error)) from None
        except RecursionError:
            raise self._invalid(line, _TOO_DEEP) from None

    def process_lines(
        self,
        file_input: IO[Any] | None,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
    ) -> Counter[str]:
        """Read all messages.

        Args:
            file_input: What to read; standard input if None.
            callbacks: What to call with each message but RECORD, by its type.

        Returns:
            The number of messages of each type.

        Raises:
            InvalidInputLine: A line is not a Singer message.
            InputError: A message is not as it has to be.
        """
        counter: Counter[str] = Counter()
        for lines in read_lines(file_input):
            prefix, stream = _NO_PREFIX, ""
            run: list[bytes] = []
            for line in lines:
                self.line_number += 1
                if line.startswith(prefix):
                    run.append(line)
                    continue
                if not line or line.isspace():
                    # Records after it have other numbers than those before it.
                    self._hand_on(stream, run, self.line_number, counter)
                    run = []
                    continue
                kind, prefix, of_stream = self._recognise(line)
                if kind != SingerMessageType.RECORD or of_stream != stream:
                    self._hand_on(stream, run, self.line_number, counter)
                    run = []
                stream = of_stream
                if kind == SingerMessageType.RECORD:
                    run.append(line)
                else:
                    self._dispatch(callbacks, kind, line)
                    counter[kind] += 1
            self._hand_on(stream, run, self.line_number + 1, counter)
            self._on_pause()
        return counter

    def _hand_on(
        self, stream: str, run: list[bytes], end: int, counter: Counter[str]
    ) -> None:
        """Hand on consecutive RECORD lines, of which the last is the one before end."""
        if run:
            self._on_records(stream, run, end - len(run))
            counter[SingerMessageType.RECORD] += len(run)

    def _recognise(self, line: bytes) -> tuple[str, bytes, str]:
        """Find a message's type; for a RECORD, also its prefix and its stream."""
        begin = found[0] if (found := _TYPE_AND_STREAM.match(line)) else _NO_PREFIX
        if (stream := self._prefixes.get(begin)) is not None:
            return SingerMessageType.RECORD, begin, stream
        try:
            envelope = _envelope.decode(line)
        except msgspec.DecodeError as error:
            raise self._invalid(line, str(error)) from None
        except RecursionError:
            raise self._invalid(line, _TOO_DEEP) from None
        if envelope.type != SingerMessageType.RECORD:
            return envelope.type, _NO_PREFIX, ""
        if envelope.stream is None:
            msg = f"Line {self.line_number}: a RECORD without a stream."
            raise InputError(msg)
        if begin == _NO_PREFIX or _envelope.decode(begin + b'":0}') != envelope:
            return envelope.type, _NO_PREFIX, envelope.stream
        self._prefixes[begin] = envelope.stream
        return envelope.type, begin, envelope.stream

    def _dispatch(
        self,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
        kind: str,
        line: bytes,
    ) -> None:
        if (callback := callbacks.get(kind)) is None:
            msg = f"Line {self.line_number}: unknown message type {kind!r}."
            raise InputError(msg)
        try:
            callback(self.deserialize_json(line))
        except (InputError, InvalidInputLine) as error:
            if _HAS_PLACE.match(str(error)):  # of a record that waited, perhaps
                raise
            msg = f"Line {self.line_number}: {error}"
            raise type(error)(msg) from None

    def _invalid(self, line: bytes, reason: str) -> InvalidInputLine:
        start = line[:_SHOWN_BYTES].decode(errors="replace").strip()
        return InvalidInputLine(
            f"Line {self.line_number}: not a Singer message ({reason}): {start}"
        )


def read_lines(file_input: IO[Any] | None) -> Iterator[list[bytes]]:
    """Yield lists of lines as they arrive, without line ends.

    A list is empty when no input came for a while.

    Args:
        file_input: A file of text or bytes; standard input if None.
    """
    begun: list[bytes] = []
    for chunk in _chunks(file_input):
        first, *rest = chunk.split(b"\n")
        begun.append(first)
        if not rest:
            yield []
            continue
        lines = [b"".join(begun), *rest]
        begun = [lines.pop()]
        yield lines
    if last := b"".join(begun):
        yield [last]


def _chunks(file_input: IO[Any] | None) -> Iterator[bytes]:
    if file_input is None:
        yield from _chunks_of_standard_input()
        return
    binary = getattr(file_input, "buffer", file_input)
    while chunk := binary.read(CHUNK_BYTES):
        yield chunk.encode() if isinstance(chunk, str) else chunk


def _chunks_of_standard_input() -> Iterator[bytes]:
    try:
        while True:
            if not select.select([0], [], [], PAUSE_SECONDS)[0]:
                yield b""
            elif chunk := os.read(0, CHUNK_BYTES):
                yield chunk
            else:
                return
    except OSError as error:
        msg = f"Standard input can't be read: {error.strerror}."
        raise InputError(msg) from None
