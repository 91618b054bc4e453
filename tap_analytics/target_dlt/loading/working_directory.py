"""Working directories that no other run uses, and that don't pile up."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
import weakref
from pathlib import Path

from tap_analytics.target_dlt.errors import SetupError

_PREFIX = "target-dlt-"


class WorkingDirectory:
    """A directory for dlt's pipelines, and a name that tells this run from others.

    A file beside it is locked until `close` is called or the process ends. What runs
    that were killed left among the temporary files has a free lock, and is removed.

    Args:
        pipelines_dir: Where the user wants to keep it; a temporary one if None.
        pipeline_name: The pipeline, which only one run at a time can use there.

    Raises:
        SetupError: Another run uses it, or it can't be written to.
    """

    def __init__(self, pipelines_dir: str | None, pipeline_name: str) -> None:
        try:
            if pipelines_dir is None:
                _remove_leftovers()
                self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
                lock_path = self.path.with_suffix(".lock")
                lock = _new_lock(lock_path)
            else:
                self.path = Path(pipelines_dir).expanduser().absolute()
                self.path.mkdir(parents=True, exist_ok=True)
                lock_path = self.path / f"{pipeline_name}.lock"
                lock = os.open(lock_path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            msg = f"The working directory can't be used: {error}."
            raise SetupError(msg) from None
        self.run = f"{socket.gethostname()}:{lock_path}"
        temporary = self.path if pipelines_dir is None else None
        self.close = weakref.finalize(self, _release, lock, lock_path, temporary)
        if not _is_locked(lock):
            msg = (
                f"Another run uses the pipeline {pipeline_name!r} in {self.path}. Wait "
                "for it, or set another `pipeline_name`."
            )
            raise SetupError(msg)


def is_run_alive(run: str) -> bool:
    """Tell whether a run goes on, of which this process knows only the name.

    That can be told on this machine; a run on another is taken for dead.

    Args:
        run: What `WorkingDirectory.run` was in that run's process.
    """
    host, _, lock_path = run.partition(":")
    if host != socket.gethostname():
        return False
    try:
        lock = os.open(lock_path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _is_locked(lock)
    finally:
        os.close(lock)


def _new_lock(lock_path: Path) -> int:
    """Make a lock file that is locked from the first moment that others see it.

    Else a run that tidies up at that moment would take it for a dead one's.
    """
    unseen = lock_path.with_suffix(".new")
    lock = os.open(unseen, os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    unseen.rename(lock_path)
    return lock


def _is_locked(lock: int) -> bool:
    """Lock a file for this process; false if another one has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _release(lock: int, lock_path: Path, directory: Path | None) -> None:
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)
        lock_path.unlink(missing_ok=True)
    os.close(lock)


def _remove_leftovers() -> None:
    for lock_path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*.lock"):
        with contextlib.suppress(OSError):
            lock = os.open(lock_path, os.O_RDWR)
            if _is_locked(lock):
                _release(lock, lock_path, lock_path.with_suffix(""))
            else:
                os.close(lock)
