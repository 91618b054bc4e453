"""Keeps a second run from a state that a first one uses."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from tap_analytics.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


class StateLock:
    """A lock on a file beside a state, which the system gives up when a process ends.

    Args:
        state: The state file.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._path = state.with_name(f"{state.name}.lock")
        self._file: int | None = None

    def take(self) -> None:
        """Lock the state for this process.

        Raises:
            ConfigError: Another one has it, or the file can't be made.
        """
        while self._file is None:
            file = self._locked()
            if self._is_there(file):
                self._file = file
            else:  # The run that had it has just ended, and removed the file.
                os.close(file)

    def release(self) -> None:
        """Let other processes have the state."""
        if self._file is None:
            return
        with suppress(OSError):
            self._path.unlink()
        os.close(self._file)
        self._file = None

    def _locked(self) -> int:
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            msg = f"The state can't be kept: {self._path}: {error.strerror}."
            raise ConfigError(msg) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(file)
            msg = (
                f"Another run uses the state {self._state}. Wait until that run has "
                "ended, or name another file with --state."
            )
            raise ConfigError(msg) from error
        except OSError:
            pass  # The file system has no locks.
        return file

    def _is_there(self, file: int) -> bool:
        ours = os.fstat(file)
        try:
            return os.path.samestat(ours, self._path.stat())
        except OSError:
            return False
