"""target-dlt as a process that rows are written to, and whose STATEs are kept."""

from __future__ import annotations

import errno
import os
import signal
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_analytics.errors import StoppedError
from tap_analytics.load.errors import LoadError, OtherTablesError
from tap_analytics.load.gate import Gate
from tap_analytics.load.greeting import END, Greeting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from tap_analytics.compat import Self
    from tap_analytics.load.kept_state import KeptState
    from tap_analytics.load.waiting_child import WaitingChild


class TargetProcess:
    """A process that loads what it gets.

    As a context it begins, and ends when all is loaded.

    Args:
        child: The process, which waits to be told how to load.
        settings: Its settings, as given.
        state: Keeps what it confirms.
        variables: What it is to have in its environment, besides what this process has.
    """

    def __init__(
        self,
        child: WaitingChild,
        settings: Mapping[str, Any],
        state: KeptState,
        variables: Mapping[str, str],
    ) -> None:
        self._tell = partial(child.tell, settings, variables)
        self._state = state
        self._error: Exception | None = None
        self._is_fed = True
        self._ended_early = threading.Event()
        self._on_early_end: Callable[[], None] | None = None
        self._greeting: Greeting | None = None
        self._greeted = threading.Event()
        self._process = child.start()
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._gate = Gate(self._process.stdin)
        self._thread = threading.Thread(target=self._keep_states, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        self._tell()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the target load what it has got; fail if it fails.

        Raises:
            LoadError: If it failed, unless the reading failed before; or if the state
                could not be kept.
        """
        self._end_of_input(is_whole=error is None)
        status = self._process.wait()
        self._thread.join()
        is_why = self._ended_early.is_set() and isinstance(error, StoppedError)
        if error is None or isinstance(error, BrokenPipeError) or is_why:
            self._raise_failure(status)
        elif self._error is not None:
            msg = f"{_said(error)} {_loss(self._error)}"
            raise LoadError(msg) from error

    def write(self, data: memoryview, /) -> int:
        """Write messages; return how many bytes of them were taken."""
        return self._gate.write(data)

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def hold_until_it_fits(self) -> None:
        """Hold all back until it is clear that the state belongs to the tables.

        If it does not, whoever writes gets an `OtherTablesError`.
        """
        self._gate.shut_until(self._require_fit)

    def settled(self) -> None:
        """Return when that is clear.

        Raises:
            OtherTablesError: The state does not belong to the tables.
            OSError: The target has ended.
        """
        self._gate.settled()

    def begin_anew(self) -> None:
        """Take what comes, which does not depend on a state."""
        self._gate.open()

    def on_early_end(self, call: Callable[[], None]) -> None:
        """Call something if the target ends while there is more to load."""
        self._on_early_end = call
        if self._ended_early.is_set():
            call()

    def hurry(self) -> None:
        """Let the target end after the load that is under way."""
        self._process.send_signal(signal.SIGTERM)

    def _require_fit(self) -> None:
        self._greeted.wait()
        if self._greeting is None:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        self._state.require(self._greeting)

    def _end_of_input(self, *, is_whole: bool) -> None:
        with suppress(OtherTablesError, OSError):
            self._gate.settled()
            if is_whole:
                self._gate.write(memoryview(END))
        self._is_fed = False
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _keep_states(self) -> None:
        for line in self._process.stdout or ():
            if self._greeting is None and (greeting := Greeting.of(line)):
                self._state.is_for(greeting.loads_into)
                self._greeting = greeting
                self._greeted.set()
            else:
                self._keep(line)
        self._greeted.set()
        if self._is_fed:
            self._ended_early.set()
            if self._on_early_end is not None:
                self._on_early_end()

    def _keep(self, line: bytes) -> None:
        try:
            self._state.keep(line)
        except (OSError, ValueError) as error:
            self._error = error
        else:
            self._error = None  # A later state stands for all before it.

    def _raise_failure(self, status: int) -> None:
        if status < 0:
            name = signal.Signals(-status).name
            msg = f"target-dlt was ended by {name}. Run again: the state is kept."
            raise LoadError(msg, 128 - status)
        loss = "" if self._error is None else _loss(self._error)
        if status or loss:
            raise LoadError(loss, status or 1)  # The target has said why it failed.


def _loss(error: Exception) -> str:
    detail = (
        os.strerror(error.errno)
        if isinstance(error, OSError) and error.errno
        else str(error)
    )
    return (
        f"The rows are loaded, but the state could not be kept: {detail}. The next run "
        "reads them again."
    )


def _said(error: BaseException) -> str:
    from tap_analytics.account_run import message_for  # noqa: PLC0415 - not at start

    if isinstance(error, StoppedError):
        return "Stopped before everything was read."
    return message_for(error) if isinstance(error, Exception) else repr(error)
