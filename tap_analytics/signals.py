"""Signals end a run soon, whatever it is doing, and with its last STATE."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeVar

from tap_analytics.plugin.stopping import stopping_signals

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_analytics.run import StopFlag

SECONDS_TO_END = 1.5
"""So long a run may take to end once a signal has asked for it."""

SECONDS_BETWEEN_LOOKS = 0.1
"""So often the main thread wakes, for a signal that another thread has got.

The system hands a signal to any thread if the process was stopped, as by Ctrl-Z, and
nothing wakes the main thread then, which alone can handle the signal.
"""

ResultT = TypeVar("ResultT")


def stopped_by_signals(
    work: Callable[[], ResultT],
    stop: StopFlag,
    *,
    hurry: Callable[[], None] | None = None,
) -> ResultT:
    """Work on another thread, and tell it to end as soon as a signal asks for that.

    Python calls a signal's handler on the main thread, between any two steps of
    whatever that does: it may hold a lock, or have written half a message. So the main
    thread does nothing here but wait.

    Args:
        work: What to do; it ends soon after `stop` is set.
        stop: Is set by the first signal.
        hurry: Called at each further signal, where the work ends in its own time
            because it has something to bring to an end; by default it is left behind
            after 1.5 seconds.

    Returns:
        What the work returns.

    Raises:
        BaseException: What the work raises.
    """
    results: list[ResultT] = []
    errors: list[BaseException] = []
    events: SimpleQueue[int | None] = SimpleQueue()

    def do() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)
        events.put(None)

    for number in stopping_signals():
        signal.signal(number, lambda number, _: events.put(number))
    threading.Thread(target=do, name="run", daemon=True).start()
    number_or_end = _next(events)
    if number_or_end is not None:
        stop.set(signal.Signals(number_or_end).name)
        if hurry is None:
            _wait_for_end(events, number_or_end)
        else:
            while _next(events) is not None:
                hurry()
    for error in errors:
        raise error
    return results[0]


def _next(events: SimpleQueue[int | None]) -> int | None:
    while True:
        with suppress(Empty):
            return events.get(timeout=SECONDS_BETWEEN_LOOKS)


def _wait_for_end(events: SimpleQueue[int | None], number: int) -> None:
    deadline = time.monotonic() + SECONDS_TO_END
    with suppress(Empty):
        while events.get(timeout=max(0, deadline - time.monotonic())) is not None:
            pass  # It is not necessary to ask again.
        return
    _end_at_once(number)


def _end_at_once(number: int) -> None:
    """End although nobody takes what is written; the last line may stay incomplete."""
    name = signal.Signals(number).name
    _write_line(f"Stopped by {name} while its output was not read.")
    os._exit(128 + number)


def end_by_signals(before: Callable[[], None] | None = None) -> None:
    """Let a signal end the process at once, since nothing has been done yet.

    Args:
        before: Called before the process ends.
    """

    def end(number: int, _: object) -> None:
        if before is not None:
            before()
        name = signal.Signals(number).name
        _write_line(f"Stopped by {name} before anything was read.")
        os._exit(128 + number)

    for number in stopping_signals():
        signal.signal(number, end)


def _write_line(text: str) -> None:
    """Write a line to standard error, if it takes it."""
    _, writable, _ = select.select([], [2], [], 0)
    if writable:
        os.write(2, f"{text}\n".encode())
