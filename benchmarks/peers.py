"""Other targets, each in a virtual environment of its own."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import Distribution
from pathlib import Path

from racing import progress

CACHE = Path(__file__).parents[1] / ".bench"
"""What is made or installed once; it can go at any time."""


class Peer:
    """A package from PyPI, installed when it is first asked for.

    Args:
        package: Its name.
        command: Its command.
    """

    def __init__(self, package: str, command: str) -> None:
        self.package = package
        self._home = CACHE / package
        self._path = self._home / "bin" / command

    @property
    def installed(self) -> bool:
        """Whether it has been asked for, now or before."""
        return self._path.exists()

    @property
    def command(self) -> str:
        """The path of its command.

        Raises:
            RuntimeError: It can't be installed.
        """
        if not self.installed:
            progress(f"installing {self.package}")
            self._install()
        return str(self._path)

    @property
    def version(self) -> str:
        """The version that is installed."""
        folders = map(str, self._home.glob("lib/python*/site-packages"))
        [found] = Distribution.discover(name=self.package, path=[*folders])
        return found.version

    def _install(self) -> None:
        python = str(self._home / "bin" / "python")
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(self._home)],
            [python, "-m", "pip", "install", "--quiet", self.package],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                lines = done.stderr.splitlines() or ["silently"]
                msg = f"{self.package} can't be installed: {lines[-1]}"
                raise RuntimeError(msg)
