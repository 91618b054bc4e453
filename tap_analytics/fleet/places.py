"""A place for files that many processes share: a folder, or a bucket.

A file appears whole or not at all, whatever dies while it is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tap_analytics.fleet.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Log(Protocol):
    """A file that grows by lines, which only one process writes."""

    def add(self, lines: bytes) -> None:
        """Add lines; they outlive the process from the return on.

        Raises:
            FleetError: If the place does not take them.
        """
        ...

    def close(self) -> None:
        """Add nothing any more."""
        ...


class Place(Protocol):
    """A place for files. Names are relative, with / between their parts."""

    def read(self, name: str) -> bytes | None:
        """Return what is in a file, `None` if there is none."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Put a file, in place of the one before."""
        ...

    def create(self, name: str, content: bytes) -> bool:
        """Put a file if there is none of that name; return whether it was put.

        Of several processes that try, one succeeds.
        """
        ...

    def new_log(self, name: str) -> Log:
        """Return a log of a name that is new."""
        ...

    def names(self, within: str) -> list[str]:
        """Return the sorted names of all files whose names begin with a folder's."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are not there count as removed."""
        ...

    def remove_folder(self, within: str) -> None:
        """Remove a folder and all that is in it."""
        ...


def open_place(location: str, folder: Path) -> Place:
    """Return a place.

    Args:
        location: A folder's path, or a URL such as `s3://bucket/path`.
        folder: Paths are seen from here.

    Raises:
        FleetError: If there is no such place.
    """
    scheme, separator, rest = location.partition("://")
    if not separator or scheme == "file":
        return Folder(folder / (rest if separator else location))
    # Importing it takes a while.
    from tap_analytics.fleet.bucket import Bucket  # noqa: PLC0415

    return Bucket(location)
