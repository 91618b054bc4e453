"""A folder as a place for files."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import TYPE_CHECKING

from tap_analytics.fleet.errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_UNFINISHED = ".unfinished-"
"""What a file's name begins with until it is whole."""


class Folder:
    """A folder of this machine, or one that several machines share.

    Args:
        path: The folder; it is made when the first file is put.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser()

    def read(self, name: str) -> bytes | None:
        """Return what is in a file, `None` if there is none.

        Raises:
            FleetError: If the file can't be read.
        """
        with _explained("read", self.path / name):
            try:
                return (self.path / name).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def write(self, name: str, content: bytes) -> None:
        """Put a file, in place of the one before.

        Raises:
            FleetError: If it can't be written, as when the disk is full.
        """
        path = self.path / name
        with _explained("written", path), _unfinished(path, content) as whole:
            whole.replace(path)

    def create(self, name: str, content: bytes) -> bool:
        """Put a file if there is none of that name; return whether it was put.

        Raises:
            FleetError: If it can't be written.
        """
        path = self.path / name
        with _explained("written", path), _unfinished(path, content) as whole:
            try:
                path.hardlink_to(whole)
            except FileExistsError:
                return False
        return True

    def new_log(self, name: str) -> FolderLog:
        """Return a log of a name that is new.

        Raises:
            FleetError: If it can't be written.
        """
        path = self.path / name
        with _explained("written", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            return FolderLog(path)

    def names(self, within: str) -> list[str]:
        """Return the sorted names of all files in a folder and those below.

        Raises:
            FleetError: If the folder can't be read.
        """
        with _explained("read", self.path / within):
            return sorted(_names(str(self.path / within), within.strip("/")))

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are not there count as removed.

        Raises:
            FleetError: If one can't be removed.
        """
        for name in names:
            path = self.path / name
            with _explained("removed", path):
                path.unlink(missing_ok=True)

    def remove_folder(self, within: str) -> None:
        """Remove a folder and all that is in it.

        Raises:
            FleetError: If it can't be removed.
        """
        path = self.path / within
        with _explained("removed", path), suppress(FileNotFoundError):
            shutil.rmtree(path)


class FolderLog:
    """A file that grows by lines.

    Args:
        path: The file, which must not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("xb", buffering=0)

    def add(self, lines: bytes) -> None:
        """Add lines; they outlive the process, and the machine, from the return on.

        Raises:
            FleetError: If they can't be written, as when the disk is full.
        """
        with _explained("written", self._path):
            while lines:
                lines = lines[self._file.write(lines) :]
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Add nothing any more."""
        self._file.close()


@contextmanager
def _unfinished(path: Path, content: bytes) -> Iterator[Path]:
    """Write a file's content beside it, which outlives the machine from then on."""
    unfinished = path.with_name(f"{_UNFINISHED}{token_hex(8)}")
    try:
        file = unfinished.open("xb")
    except FileNotFoundError:  # There is no folder yet.
        path.parent.mkdir(parents=True, exist_ok=True)
        file = unfinished.open("xb")
    try:
        with file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield unfinished
    finally:
        unfinished.unlink(missing_ok=True)


def _names(path: str, name: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(path))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.name.startswith(_UNFINISHED):
            continue
        inner = f"{name}/{entry.name}" if name else entry.name
        if entry.is_dir():
            yield from _names(entry.path, inner)
        else:
            yield inner


@contextmanager
def _explained(done: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"{error.filename or path} can't be {done}: {error.strerror or error}."
        raise FleetError(msg) from error
