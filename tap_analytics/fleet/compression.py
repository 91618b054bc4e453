"""Compresses for all threads of a process, in memory that does not grow with them."""

from __future__ import annotations

import threading

import zstandard

_LEVEL = 3


class Compressor:
    """Compresses pieces, each a frame of its own, so that none is begun and waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._compressor = zstandard.ZstdCompressor(
            level=_LEVEL, write_checksum=True, write_content_size=True
        )

    def compressed(self, piece: bytes | bytearray) -> bytes:
        """Return a piece as a frame."""
        with self._lock:
            return self._compressor.compress(piece)


def decompressed(frames: bytes) -> bytes:
    """Return what is in frames.

    Raises:
        zstandard.ZstdError: If one is damaged or torn.
    """
    pieces = []
    rest = frames
    while rest:
        decompressor = zstandard.ZstdDecompressor().decompressobj()
        pieces.append(decompressor.decompress(rest))
        if not decompressor.eof:
            msg = "the last frame is torn"
            raise zstandard.ZstdError(msg)
        rest = decompressor.unused_data
    return b"".join(pieces)
