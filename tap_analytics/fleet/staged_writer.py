"""Writes what an account's run says into staging, part by part."""

from __future__ import annotations

import time
from secrets import token_hex
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tap_analytics.fleet.errors import FleetError, ReadTwiceError
from tap_analytics.fleet.staging import (
    STATE_LINE,
    Manifest,
    Part,
    digest_of,
    state_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_analytics.fleet.compression import Compressor
    from tap_analytics.fleet.staging import StagedPart, Staging, Totals

FRAME_BYTES = 1 << 17
"""So much text is compressed at a time."""

PART_BYTES = 1 << 19
"""A part that has grown so large, compressed, ends."""

PART_TEXT_BYTES = 1 << 23
"""The same of its text, which is read as a whole, and may shrink to a hundredth."""

PART_SECONDS = 60.0
"""A part ends with the first STATE after so long."""


class StagedWriter:
    """Takes Singer messages, as the file that a run writes to.

    Args:
        staging: The run's staging place.
        account: The account.
        compressor: The process's one.
        state: The JSON text of the state that the account's run begins with.
        clock: Tells the time in seconds; only differences matter.

    Attributes:
        began_ms: When reading began, in milliseconds since 1970. The names of parts say
            that, for whoever goes on with them.
        error: What the place refused; the run then ends with an error of its own.
    """

    def __init__(
        self,
        staging: Staging,
        account: str,
        compressor: Compressor,
        state: bytes = b"{}",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.began_ms = time.time_ns() // 1_000_000
        self.error: FleetError | None = None
        self._staging = staging
        self._account = account
        self._compressor = compressor
        self._clock = clock
        self._state = b'%b,"value":%b}\n' % (STATE_LINE, state)
        self._parts: list[Part] = []
        self._token = f"{token_hex(4)}.jsonl.zst"
        self._text = bytearray()
        self._frames: list[bytes] = []
        self._text_bytes = 0
        self._text_bytes_before = 0
        self._ends_in_state = False
        self._began_at = clock()

    @property
    def state(self) -> bytes:
        """The JSON text of the last STATE's value."""
        return state_of(self._state) or b"{}"

    def go_on_after(self, parts: list[StagedPart]) -> None:
        """Go on with what another writer has left.

        Args:
            parts: The parts that are staged, from the first on.
        """
        self._parts = [staged.part for staged in parts]
        if parts:
            self._text_bytes_before = sum(staged.text_bytes for staged in parts)
            self._token = parts[0].part.name.split("-", 2)[-1]
            self.began_ms = parts[0].began_ms

    def write(self, data: memoryview | bytes, /) -> int:
        """Write whole messages; a STATE is the last of them.

        Raises:
            FleetError: If the place does not take them.
        """
        self._text += data
        self._text_bytes += len(data)
        text = bytes(data)
        last = text[text.rfind(b"\n", 0, -1) + 1 :]
        self._ends_in_state = last.startswith(STATE_LINE)
        if self._ends_in_state:
            self._state = last
        if len(self._text) >= FRAME_BYTES:
            self._end_frame()
        is_large = (
            sum(map(len, self._frames)) >= PART_BYTES
            or self._text_bytes >= PART_TEXT_BYTES
        )
        is_old = self._clock() - self._began_at >= PART_SECONDS
        if is_large or (self._ends_in_state and is_old):
            self._end_part()
        return len(data)

    def flush(self) -> None:
        """Do nothing: what is written waits for the end of its part."""

    def finish(self, totals: Totals, *, is_complete: bool, key: str = "") -> Manifest:
        """Make the account whole: write the last part, and the manifest.

        Args:
            totals: What reading came to.
            is_complete: Whether all was read.
            key: Tells keys apart without telling any.

        Raises:
            FleetError: If the place does not take them.
        """
        if self._text or self._frames or not self._parts:
            self._end_part()
        manifest = Manifest(
            account=self._account,
            run=self._staging.run,
            began_ms=self.began_ms,
            is_complete=is_complete,
            parts=self._parts,
            totals=replace(totals, text_bytes=self._text_bytes_before),
            key=key,
        )
        self._staging.put_manifest(manifest)
        return manifest

    def _end_frame(self) -> None:
        if self._text:
            self._frames.append(self._compressor.compressed(self._text))
            self._text = bytearray()

    def _end_part(self) -> None:
        if not self._ends_in_state:
            # What came after this STATE is read again, if no other part follows.
            self._text += self._state
            self._text_bytes += len(self._state)
            self._ends_in_state = True
        self._end_frame()
        content = b"".join(self._frames)
        self._frames = []
        self._text_bytes_before += self._text_bytes
        self._text_bytes = 0
        name = f"{len(self._parts) + 1:05}-{self.began_ms}-{self._token}"
        try:
            self._put(name, content)
        except FleetError as error:
            self.error = error
            raise
        self._parts.append(Part(name, len(content), digest_of(content)))
        self._began_at = self._clock()

    def _put(self, name: str, content: bytes) -> None:
        path = f"{self._staging.folder(self._account)}/{name}"
        if not self._staging.place.create(path, content):
            msg = f"{path} is there already: the account is read twice at once."
            raise ReadTwiceError(msg)
