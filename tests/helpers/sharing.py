"""What the workers of a session share, so that it is made once."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Make a folder, unless another process has; meanwhile the others wait.

    Args:
        folder: The folder. A file beside it says that it is complete.
        make: Fills the folder, which is there and empty.

    Returns:
        The folder.
    """
    done = folder.with_name(f"{folder.name}.done")
    folder.parent.mkdir(exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
