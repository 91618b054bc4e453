"""What a command costs: run in a process of its own, as the kernel counts it."""

from __future__ import annotations

import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


@dataclass(frozen=True)
class Cost:
    """What one run of a command took.

    Attributes:
        status: The exit status.
        wall: Seconds from its start to its end.
        cpu: Seconds of processor time, the kernel's for it included.
        peak: The most memory it held at a time, in bytes.
    """

    status: int
    wall: float
    cpu: float
    peak: int


def measure(
    command: list[str], out: Path, err: Path, stdin: Path | None = None
) -> Cost:
    """Run a command to its end.

    Args:
        command: The program, by its path, and its arguments.
        out: Takes standard output. A file: a reader would compete for the processor.
        err: Takes standard error.
        stdin: What it reads; nothing if None.

    Raises:
        RuntimeError: If its peak of memory can't be told from this process's own.
    """
    started = time.perf_counter()
    child = os.posix_spawn(
        command[0],
        command,
        _environment(),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, stdin or os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, out, _WRITE, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, err, _WRITE, 0o600),
        ],
    )
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - started
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if usage.ru_maxrss <= own:
        # A process starts as a copy of the one that starts it, and inherits its peak.
        msg = f"{command[0]} took no more memory than the benchmark itself: {own}"
        raise RuntimeError(msg)
    return Cost(
        os.waitstatus_to_exitcode(status),
        wall,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * _MAXRSS_BYTES,
    )


def output_of(command: list[str], folder: Path) -> bytes:
    """Return what a command writes to standard output.

    Args:
        command: The program, by its path, and its arguments.
        folder: Where files may be put.

    Raises:
        RuntimeError: If it fails.
    """
    out, err = folder / "out", folder / "err"
    if measure(command, out, err).status:
        raise failure(Path(command[0]).name, err)
    return out.read_bytes()


def failure(name: str, err: Path) -> RuntimeError:
    """Return an error that says with which last line a command failed."""
    lines = err.read_text(encoding="utf-8", errors="replace").splitlines()
    return RuntimeError(f"{name} failed: {lines[-1] if lines else 'silently'}")


def _environment() -> dict[str, str]:
    """Return the environment without what would change the figures.

    Python's own variables may switch bytecode or buffers off; those of tap and target
    would be settings; a proxy has no part in what goes to this machine.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "TAP_ANALYTICS_", "TARGET_DLT_"))
    }
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
