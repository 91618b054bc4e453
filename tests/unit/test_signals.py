"""Signals: the work is told to end, and ends the process soon whatever it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tap_analytics.run import StopFlag
from tap_analytics.signals import stopped_by_signals

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 20


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Put back the handlers that are replaced."""
    before = {number: signal.getsignal(number) for number in (1, 2, 15)}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # The tests may be below nohup.
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_what_the_work_returns_is_returned() -> None:
    assert stopped_by_signals(lambda: 5, StopFlag()) == 5


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)])
def test_what_the_work_raises_is_raised(error: BaseException) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        stopped_by_signals(work, StopFlag())
    assert caught.value is error


def test_the_work_is_never_interrupted_itself() -> None:
    """A handler would strike while it holds a lock, or has written half a message."""
    seen = []

    def work() -> None:
        seen.append(threading.current_thread() is threading.main_thread())

    stopped_by_signals(work, StopFlag())
    assert seen == [False]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_sets_the_flag_and_the_work_may_end_by_itself(
    number: signal.Signals,
) -> None:
    stop, woken = StopFlag(), threading.Event()
    stop.on_set(woken.set)

    def work() -> bool:
        os.kill(os.getpid(), number)
        return woken.wait(TIMEOUT)

    assert stopped_by_signals(work, stop)
    assert stop.by == number.name


def test_a_run_below_nohup_goes_on_when_its_terminal_is_closed() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = StopFlag()
    stopped_by_signals(lambda: os.kill(os.getpid(), signal.SIGHUP), stop)
    assert not stop.is_set


def test_work_that_does_not_end_is_ended() -> None:
    script = (
        "import os, time\n"
        "from tap_analytics.run import StopFlag\n"
        "from tap_analytics.signals import stopped_by_signals\n"
        "def work():\n"
        "    os.kill(os.getpid(), 15)\n"
        "    time.sleep(600)\n"
        "stopped_by_signals(work, StopFlag())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert ended.returncode == 128 + signal.SIGTERM
    (line,) = ended.stderr.splitlines()
    assert line.startswith("Stopped by SIGTERM while")
