"""A bucket as a place for files: S3, Google Cloud, Azure, whatever fsspec knows."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import fsspec

from tap_analytics.fleet.errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LOG_BYTES = 1 << 18
"""A log that has grown so large goes on in another file."""

_PASSWORD = re.compile(r"//[^/@\s]+@")
"""A user and password, in front of a host."""


class Bucket:
    """A bucket, or a part of one.

    Args:
        url: Its URL, such as `s3://bucket/path`. Credentials and options are those of
            fsspec's own configuration and of the cloud's environment variables.

    Raises:
        FleetError: If fsspec has no such kind of place, or its package is missing.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        try:
            fs, root = fsspec.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            msg = f"The place {url} can't be used: {error}."
            raise FleetError(_PASSWORD.sub("//***@", msg)) from None
        self._fs: Any = fs
        self._root: str = root.rstrip("/")

    def read(self, name: str) -> bytes | None:
        """Return what is in a file, `None` if there is none.

        Raises:
            FleetError: If the bucket can't be read.
        """
        with self._explained("read", name):
            try:
                content: bytes = self._fs.cat_file(self._path(name))
            except FileNotFoundError:
                return None
        return content

    def write(self, name: str, content: bytes) -> None:
        """Put a file, in place of the one before.

        Raises:
            FleetError: If the bucket does not take it.
        """
        with self._explained("written", name):
            self._fs.pipe_file(self._path(name), content)

    def create(self, name: str, content: bytes) -> bool:
        """Put a file if there is none of that name; return whether it was put.

        Raises:
            FleetError: If the bucket does not take it.
        """
        with self._explained("written", name):
            try:
                self._fs.pipe_file(self._path(name), content, mode="create")
            except FileExistsError:
                return False
        return True

    def new_log(self, name: str) -> BucketLog:
        """Return a log of a name that is new."""
        return BucketLog(self, name)

    def names(self, within: str) -> list[str]:
        """Return the sorted names of all files in a folder and those below.

        Raises:
            FleetError: If the bucket can't be read.
        """
        with self._explained("read", within):
            try:
                found = self._fs.find(self._path(within))
            except FileNotFoundError:
                return []
        return sorted(path[len(self._root) + 1 :] for path in found)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are not there count as removed.

        Raises:
            FleetError: If one can't be removed.
        """
        if paths := [self._path(name) for name in names]:
            with self._explained("removed", paths[0]):
                try:
                    self._fs.rm(paths)
                except FileNotFoundError:
                    return

    def remove_folder(self, within: str) -> None:
        """Remove a folder and all that is in it.

        Raises:
            FleetError: If it can't be removed.
        """
        self.remove(self.names(within))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/")

    @contextmanager
    def _explained(self, done: str, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - each cloud's library has its own
            reason = " ".join(str(error).split()) or type(error).__name__
            msg = f"{self._url}/{name} can't be {done}: {reason}."
            raise FleetError(_PASSWORD.sub("//***@", msg)) from None


class BucketLog:
    """A log in a bucket, where nothing can be appended: it is put anew each time.

    So it goes on in another file when the first is large: `name.0002`, and so on.

    Args:
        bucket: The bucket.
        name: The log's name.
    """

    def __init__(self, bucket: Bucket, name: str) -> None:
        self._bucket = bucket
        self._name = name
        self._number = 1
        self._content = b""

    def add(self, lines: bytes) -> None:
        """Add lines; they outlive the process from the return on.

        Raises:
            FleetError: If the bucket does not take them.
        """
        if self._content and len(self._content) + len(lines) > LOG_BYTES:
            self._content = b""
            self._number += 1
        self._content += lines
        further = f".{self._number:04}" if self._number > 1 else ""
        self._bucket.write(f"{self._name}{further}", self._content)

    def close(self) -> None:
        """Add nothing any more."""
