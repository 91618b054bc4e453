"""A terminal, and the tap in it; `pyte` says what a person would see."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
from contextlib import closing, contextmanager, suppress
from fcntl import ioctl
from itertools import groupby
from struct import pack
from termios import TIOCSWINSZ
from typing import TYPE_CHECKING, Any, TypeAlias

import pyte

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TIMEOUT = 20
BELL = b"\a"
PLAIN = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}


_COLOURS = {"default": "", "brown": "yellow"}

Line: TypeAlias = list[tuple[str, str]]
"""A line of a terminal: texts, each with its style as `rich` calls it."""


def _style(cell: Any) -> str:
    colour = _COLOURS.get(cell.fg, cell.fg.replace("bright", "bright_"))
    if re.fullmatch("[0-9a-f]{6}", colour):
        colour = f"#{colour}"
    return " ".join(filter(None, ("bold" if cell.bold else "", colour)))


class Screen:
    """A terminal, whose other end a command has as its standard error.

    Attributes:
        received: All that the terminal has been sent.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._end, self.fd = pty.openpty()
        ioctl(self.fd, TIOCSWINSZ, pack("HHHH", rows, columns, 0, 0))
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        self.received = b""

    def close(self) -> None:
        os.close(self.fd)
        self._thread.join()
        os.close(self._end)

    def _read(self) -> None:
        with suppress(OSError):  # The other end is closed.
            while text := os.read(self._end, 1 << 16):
                with self._changed:
                    self.received += text
                    self._stream.feed(text)
                    self._changed.notify_all()

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display]

    @property
    def styled_lines(self) -> list[Line]:
        """The lines that have text, as runs of characters of one style."""
        buffer, styled = self._screen.buffer, []
        for row, text in enumerate(self.lines):
            cells = [buffer[row][column] for column in range(len(text))]
            runs = groupby(cells, key=_style)
            line = [("".join(cell.data for cell in run), style) for style, run in runs]
            if line:
                styled.append(line)
        return styled

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip("\n")

    def wait_for_display(self, seen: Callable[[str], bool]) -> str:
        """Wait until the display shows something, and return the whole of it."""
        ends = (b"A", b"\r")  # The cursor has gone back above it.
        return self.wait_for(lambda text: self.received.endswith(ends) and seen(text))

    def at_the_end(self) -> str:
        """Return what is shown once everything sent so far has arrived."""
        os.write(self.fd, BELL)
        return self.wait_for(lambda _: self.received.endswith(BELL))

    def wait_for(self, seen: Callable[[str], bool]) -> str:
        """Wait until the screen shows something, and return what it shows."""
        with self._changed:
            assert self._changed.wait_for(lambda: seen(self.text), TIMEOUT), self.text
            return self.text


@contextmanager
def terminal(columns: int = 80, rows: int = 24) -> Iterator[Screen]:
    with closing(Screen(columns, rows)) as screen:
        yield screen


@contextmanager
def started(
    config: dict[str, Any], screen: Screen, folder: Path, *args: str, **env: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the tap in a terminal, its messages in a file."""
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    unset = {"COLUMNS", "LINES", "LOGLEVEL", "NO_COLOR", "TAP_ANALYTICS_LOGLEVEL"}
    inherited = {name: os.environ[name] for name in os.environ.keys() - unset}
    command = [sys.executable, "-m", "tap_analytics", "--config", str(file), *args]
    with (
        (folder / "out.jsonl").open("wb") as out,
        subprocess.Popen(
            command,
            env={**inherited, **PLAIN, **env},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=screen.fd,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def run(
    config: dict[str, Any], screen: Screen, folder: Path, *args: str, **env: str
) -> str:
    """Run the tap to its end, and return what the terminal shows then."""
    with started(config, screen, folder, *args, **env) as process:
        process.wait(TIMEOUT)
    return screen.at_the_end()
