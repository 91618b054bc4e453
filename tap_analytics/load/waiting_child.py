"""The process of the target, which starts before anybody knows how it is to load.

It takes longer to import what it needs than the parent takes to read the settings, so
both do that at the same time. Until the child is told how to load, it does nothing
else, says nothing, and may be killed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAM = "tap_analytics.load.child"

OPTIONS = ("--config", "--target", "--state", "--catalog")
"""The options of a run, each of which takes a value."""

COMPLETION = "_ANALYTICS_LOAD_COMPLETE"
"""The variable by which a shell asks what may come next."""


def is_run(arguments: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Return whether a command line asks for a run, as far as one can tell this early.

    Args:
        arguments: The command line, without the name of the command.
        environ: The environment.
    """
    rest = iter(arguments)
    for argument in rest:
        name, is_equal, _ = argument.partition("=")
        if name not in OPTIONS or not (is_equal or next(rest, None) is not None):
            return False
    return COMPLETION not in environ


class WaitingChild:
    """A process that is started, and told later how to load.

    To close it ends the process if nobody has told it.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._writer = -1
        self._is_told = False

    def start(self) -> subprocess.Popen[bytes]:
        """Start the process if it is not started; return it.

        It is in a session of its own: a Ctrl-C is for the tap alone, which ends with
        its last STATE. Then the target loads the rows before that.
        """
        if self._process is None:
            # Not as an argument, nor by the path of a file: the settings have secrets,
            # and the file may be a pipe, which can be read once.
            reader, self._writer = os.pipe()
            self._process = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-m", PROGRAM, "--config", f"/dev/fd/{reader}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                pass_fds=(reader,),
            )
            os.close(reader)
        return self._process

    def tell(self, settings: Mapping[str, Any], variables: Mapping[str, str]) -> None:
        """Tell the process how to load, after which it begins.

        Args:
            settings: The settings of the target, as given.
            variables: What it is to have in its environment, besides what the parent
                has.
        """
        self._is_told = True
        with suppress(BrokenPipeError), os.fdopen(self._writer, "w") as file:
            file.write(f"{json.dumps(dict(variables))}\n{json.dumps(dict(settings))}")

    def kill(self) -> None:
        """Kill the process if it waits; for a handler of signals."""
        if self._process is not None and not self._is_told:
            self._process.kill()

    def close(self) -> None:
        """End the process, unless it has been told how to load."""
        self.kill()
        if self._process is not None and not self._is_told:
            self._process.wait()
