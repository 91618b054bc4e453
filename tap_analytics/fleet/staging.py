"""What was read of an account and is not loaded yet: numbered parts, and a manifest.

A part is compressed Singer lines, of which the last is a STATE that vouches for all
lines so far. The manifest is written last, and names each part with its size and
digest: an account with a manifest is whole, and one without is not.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import zstandard

from tap_analytics.fleet.compression import decompressed
from tap_analytics.fleet.errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_analytics.fleet.places import Place

FORMAT = 1
"""The version of the format of staging; another one is not read."""

MANIFEST = "manifest.json"

STATE_LINE = b'{"type":"STATE"'
"""What the line of a STATE begins with."""


class StagingError(FleetError):
    """What is staged is not what its manifest says."""


class Part(msgspec.Struct, frozen=True):
    """A part of an account.

    Attributes:
        name: The file's name, in the account's folder.
        size: Its bytes.
        digest: Its SHA-256.
    """

    name: str
    size: int
    digest: str


class Totals(msgspec.Struct, frozen=True):
    """What reading came to.

    Attributes:
        rows: Rows by stream.
        requests: Requests that were sent.
        seconds: How long it took.
        text_bytes: How many bytes of Singer lines are staged, before compression.
    """

    rows: dict[str, int] = {}
    requests: int = 0
    seconds: float = 0.0
    text_bytes: int = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of an account.

    Attributes:
        format: The version of the format.
        account: Whose it is.
        run: In which run it was read.
        began_ms: When reading began, in milliseconds since 1970.
        is_complete: Whether all was read; if not, nothing is deleted.
        key: Tells keys apart without telling any.
        totals: What reading came to.
        parts: The parts, in order.
    """

    account: str
    run: str
    began_ms: int
    is_complete: bool
    parts: list[Part]
    totals: Totals = Totals()
    key: str = ""
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """What tells this manifest from every other one."""
        return digest_of(msgspec.json.encode(self))


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a file's content."""
    return hashlib.sha256(content).hexdigest()


class Staging:
    """The staging place of one run.

    Args:
        place: The fleet's staging place.
        run: The run's name.
    """

    def __init__(self, place: Place, run: str) -> None:
        self.place = place
        self.run = run

    def folder(self, account: str) -> str:
        """Return the name of an account's folder."""
        return f"{self.run}/{account}"

    def manifest(self, account: str) -> Manifest | None:
        """Return the manifest of an account, `None` if the account is not whole.

        Raises:
            StagingError: If it was written by another version, or is another account's.
            FleetError: If the place can't be read.
        """
        name = f"{self.folder(account)}/{MANIFEST}"
        content = self.place.read(name)
        if content is None:
            return None
        try:
            if msgspec.json.decode(content, type=_AnyManifest).format != FORMAT:
                msg = (
                    f"{name} was written by another version of tap-analytics. Load it "
                    "with that one, or remove it to read the account again."
                )
                raise StagingError(msg)
            manifest = msgspec.json.decode(content, type=Manifest)
        except msgspec.DecodeError as error:
            msg = f"{name} is damaged: {error}. Remove it to read the account again."
            raise StagingError(msg) from None
        if (manifest.account, manifest.run) != (account, self.run):
            msg = (
                f"{name} is that of account {manifest.account} in run {manifest.run}. "
                "Remove it to read the account again."
            )
            raise StagingError(msg)
        return manifest

    def put_manifest(self, manifest: Manifest) -> None:
        """Make an account whole, whose parts are all there.

        Raises:
            FleetError: If the place does not take it.
        """
        name = f"{self.folder(manifest.account)}/{MANIFEST}"
        self.place.write(name, msgspec.json.encode(manifest))

    def whole(self) -> list[str]:
        """Return the names of all accounts that have a manifest.

        Raises:
            FleetError: If the place can't be read.
        """
        found = (name.split("/") for name in self.place.names(self.run))
        return [parts[1] for parts in found if parts[2:] == [MANIFEST]]

    def lines(self, manifest: Manifest) -> Iterator[bytes]:
        """Yield the Singer lines of each part, as one text with all line ends.

        Args:
            manifest: What was read.

        Raises:
            StagingError: If a part is missing or not what the manifest says.
        """
        for part in manifest.parts:
            name = f"{self.folder(manifest.account)}/{part.name}"
            content = self.place.read(name)
            if content is None:
                msg = f"{name} is missing."
                raise StagingError(msg)
            if len(content) != part.size or digest_of(content) != part.digest:
                msg = f"{name} is not what the manifest says: it is damaged."
                raise StagingError(msg)
            yield decompressed(content)

    def state(self, manifest: Manifest) -> bytes:
        """Return the JSON text of the value of an account's last STATE.

        Raises:
            FleetError: If it can't be read.
        """
        name = f"{self.folder(manifest.account)}/{manifest.parts[-1].name}"
        state = _state_at_the_end(_text_of(self.place.read(name) or b"") or b"")
        if state is None:
            msg = f"{name} is missing or damaged."
            raise StagingError(msg)
        return state

    def remove(self, account: str) -> None:
        """Remove what is staged of an account.

        Raises:
            FleetError: If it can't be removed.
        """
        # The manifest first: what is half removed must not be taken for whole.
        self.place.remove([f"{self.folder(account)}/{MANIFEST}"])
        self.place.remove_folder(self.folder(account))

    def unfinished(self, account: str) -> list[StagedPart]:
        """Return the parts of an account that was not read to its end.

        Only parts that follow one another from the first on are returned, and none
        that is damaged.

        Raises:
            FleetError: If the place can't be read.
        """
        found: list[StagedPart] = []
        token = ""
        for name in self.place.names(self.folder(account)):
            number, _, rest = name.rpartition("/")[2].partition("-")
            token = token or rest
            if number != f"{len(found) + 1:05}" or rest != token:
                break
            content = self.place.read(name)
            text = None if content is None else _text_of(content)
            state = None if text is None else _state_at_the_end(text)
            if content is None or text is None or state is None:
                break
            part = Part(name.rpartition("/")[2], len(content), digest_of(content))
            found.append(StagedPart(part, state, len(text)))
        return found


class StagedPart(msgspec.Struct, frozen=True):
    """A part that is there, and its STATE.

    Attributes:
        part: The part.
        state: The JSON text of the value of its STATE.
        text_bytes: How many bytes it has before compression.
    """

    part: Part
    state: bytes
    text_bytes: int

    @property
    def began_ms(self) -> int:
        """When reading began; 0, which is long ago, if the part's name says nothing."""
        began = self.part.name.split("-")[1]
        return int(began) if began.isdecimal() else 0


class _AnyManifest(msgspec.Struct):
    format: int


class _State(msgspec.Struct):
    value: msgspec.Raw


def _text_of(content: bytes) -> bytes | None:
    try:
        return decompressed(content)
    except zstandard.ZstdError:
        return None


def _state_at_the_end(text: bytes) -> bytes | None:
    return state_of(text[text.rfind(b"\n", 0, -1) + 1 :])


def state_of(line: bytes) -> bytes | None:
    """Return the JSON text of a STATE's value; `None` if the line is no STATE."""
    if not line.startswith(STATE_LINE) or not line.endswith(b"\n"):
        return None
    try:
        return bytes(msgspec.json.decode(line, type=_State).value)
    except msgspec.DecodeError:
        return None
