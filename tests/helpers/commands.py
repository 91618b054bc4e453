"""Runs commands as a user's shell does, in an environment without settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SCRIPTS = Path(sysconfig.get_path("scripts"))
COPY = "a copy"
"""What a copy of the project is called, with a space in its path."""

PARTS = (
    "LICENSE",
    "Makefile",
    "README.md",
    "constraints.txt",
    "meltano.yml",
    "pyproject.toml",
    "tap_analytics",
)
SETTINGS = (
    "DESTINATION__",
    "MAKE",  # What `make test` tells the make that a test runs.
    "MELTANO_",
    "PYTHONUNBUFFERED",  # A user's Python has a buffer, and flushes it at exit.
    "TAP_",
    "TARGET_",
    "UV_CONSTRAINT",
    "VIRTUAL_ENV",
)


def copy_project(folder: Path) -> Path:
    """Copies what a user needs of the project, into a path with a space in it.

    Args:
        folder: Where to put it.

    Returns:
        The copy.
    """
    copy = folder / COPY
    copy.mkdir()
    for name in PARTS:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, copy / name)
        else:
            shutil.copy(source, copy / name)
    return copy


def environment(**more: str) -> dict[str, str]:
    """Returns the environment, less what a developer may have set for these commands.

    Args:
        more: What to set.
    """
    rest = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(SETTINGS)
    }
    path = os.pathsep.join((str(SCRIPTS), rest.get("PATH", os.defpath)))
    return rest | {"PATH": path, "no_proxy": "127.0.0.1"} | more


def run(
    *command: str | Path, cwd: Path, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end.

    Args:
        command: The command and its arguments.
        cwd: The folder to run it in.
        environ: Environment variables to set.

    Returns:
        Its status and output, whatever they are.
    """
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment(**environ),
        capture_output=True,
        text=True,
        check=False,
    )


def succeed(*command: str | Path, cwd: Path, **environ: str) -> str:
    """Runs a command that has to succeed, and returns its standard output."""
    result = run(*command, cwd=cwd, **environ)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
