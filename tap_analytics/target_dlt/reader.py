"""Splits the input into messages, and records into runs of one stream."""

from __future__ import annotations

import os
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.io_base import GenericSingerReader, SingerMessageType

from tap_analytics.target_dlt.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK_BYTES = 1 << 20


class _Envelope(msgspec.Struct):
    """What every message has, whatever else is in it."""

    type: str
    stream: str | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_message = msgspec.json.Decoder()


class LineReader(GenericSingerReader[bytes]):
    """Reads Singer messages, handing on records undecoded.

    A record's line is recognised by how it begins: taps write type and stream of all
    records of a stream the same way. So only the first one's envelope is decoded.

    Args:
        on_records: Called with a stream's name, consecutive RECORD lines of it, and the
            number of the first.
    """

    default_input = None  # type: ignore[assignment]

    def __init__(self, on_records: Callable[[str, list[bytes], int], None]) -> None:
        super().__init__()
        self._on_records = on_records
        self._prefixes: dict[bytes, str] = {}
        self.line_number = 0

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Decode one message other than RECORD.

        Raises:
            TargetError: The line is no JSON object.
        """
        try:
            return _message.decode(line)  # type: ignore[no-any-return]
        except msgspec.DecodeError as error:
            raise self._invalid(line, error) from None

    def process_lines(
        self,
        file_input: IO[Any] | None,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
    ) -> Counter[str]:
        """Read all messages, calling back for each, and for runs of records.

        Raises:
            TargetError: A line is no Singer message.
        """
        counter: Counter[str] = Counter()
        for lines in read_lines(file_input):
            prefix, stream, run = b"\n", "", []
            for line in lines:
                self.line_number += 1
                if line.startswith(prefix):
                    run.append(line)
                    continue
                if run:
                    self._hand_on(stream, run, self.line_number - len(run))
                    counter[SingerMessageType.RECORD] += len(run)
                    run = []
                if not line.strip():
                    prefix = b"\n"
                    continue
                kind, prefix, stream = self._recognise(line)
                if kind == SingerMessageType.RECORD:
                    run = [line]
                    continue
                if (callback := callbacks.get(kind)) is None:
                    msg = f"Line {self.line_number}: unknown message type {kind!r}."
                    raise TargetError(msg)
                callback(self.deserialize_json(line))
                counter[kind] += 1
            if run:
                self._hand_on(stream, run, self.line_number - len(run) + 1)
                counter[SingerMessageType.RECORD] += len(run)
        return counter

    def _hand_on(self, stream: str, run: list[bytes], first_line: int) -> None:
        self._on_records(stream, run, first_line)

    def _recognise(self, line: bytes) -> tuple[str, bytes, str]:
        for prefix, stream in self._prefixes.items():
            if line.startswith(prefix):
                return SingerMessageType.RECORD, prefix, stream
        try:
            envelope = _envelope.decode(line)
        except msgspec.DecodeError as error:
            raise self._invalid(line, error) from None
        if envelope.type != SingerMessageType.RECORD:
            return envelope.type, b"\n", ""
        if envelope.stream is None:
            msg = f"Line {self.line_number}: a RECORD without a stream."
            raise TargetError(msg)
        prefix = _record_prefix(line, envelope)
        if prefix is not None:
            self._prefixes[prefix] = envelope.stream
        return envelope.type, prefix or b"\n", envelope.stream

    def _invalid(self, line: bytes, error: msgspec.DecodeError) -> TargetError:
        shown = line[:100].decode(errors="replace").strip()
        return TargetError(
            f"Line {self.line_number}: not a Singer message ({error}): {shown}"
        )


def _record_prefix(line: bytes, envelope: _Envelope) -> bytes | None:
    """Find what all lines of this record's stream begin with.

    Returns:
        The line up to its record, or None where type or stream come after that.
    """
    end = line.find(b'"record":')
    if end < 0:
        return None
    try:
        if _envelope.decode(line[:end] + b'"record":0}') == envelope:
            return line[:end]
    except msgspec.DecodeError:
        pass
    return None


def read_lines(file_input: IO[Any] | None) -> Iterator[list[bytes]]:
    """Yield lists of lines as they arrive, without their line ends.

    Args:
        file_input: A text or binary file; standard input if None.
    """
    rest = b""
    for chunk in _chunks(file_input):
        *lines, rest = (rest + chunk).split(b"\n")
        yield lines
    if rest:
        yield [rest]


def _chunks(file_input: IO[Any] | None) -> Iterator[bytes]:
    if file_input is None:
        while chunk := os.read(0, CHUNK_BYTES):
            yield chunk
        return
    binary = getattr(file_input, "buffer", file_input)
    while chunk := binary.read(CHUNK_BYTES):
        yield chunk.encode() if isinstance(chunk, str) else chunk
