"""What is written to the target, held back until something is settled."""

from __future__ import annotations

import threading

import pytest

from tap_analytics.load.gate import Gate

TIMEOUT = 20
DATA = memoryview(b"message\n")


class Pipe:
    """Takes a byte at a time, as a pipe may that is nearly full."""

    def __init__(self) -> None:
        self.taken = b""

    def write(self, data: memoryview, /) -> int:
        self.taken += bytes(data[:1])
        return 1


class Shut:
    """A gate that is shut, until an error or nothing is settled."""

    def __init__(self, most: int = 1 << 20) -> None:
        self.pipe = Pipe()
        self.error: Exception | None = None
        self.is_settled = threading.Event()
        self.gate = Gate(self.pipe, most)
        self.gate.shut_until(self._settle)

    def settle(self, error: Exception | None = None) -> None:
        self.error = error
        self.is_settled.set()

    def _settle(self) -> None:
        assert self.is_settled.wait(TIMEOUT)
        if self.error is not None:
            raise self.error


def test_an_open_gate_is_the_pipe() -> None:
    pipe = Pipe()
    assert Gate(pipe).write(DATA) == 1
    assert pipe.taken == b"m"


def test_what_was_held_back_is_written_whole_and_first() -> None:
    shut = Shut()
    assert shut.gate.write(DATA) == len(DATA)
    assert shut.pipe.taken == b""
    shut.settle()
    shut.gate.settled()
    shut.gate.write(memoryview(b"!"))
    assert shut.pipe.taken == b"message\n!"


def test_what_was_held_back_is_dropped_if_it_is_refused() -> None:
    shut = Shut()
    shut.gate.write(DATA)
    shut.settle(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        shut.gate.settled()
    with pytest.raises(ValueError, match="no"):
        shut.gate.write(DATA)
    shut.gate.open()
    shut.gate.write(memoryview(b"!"))
    assert shut.pipe.taken == b"!"


def test_who_has_written_as_much_as_is_held_back_waits() -> None:
    shut = Shut(most=1)
    shut.gate.write(DATA)
    writer = threading.Thread(target=shut.gate.write, args=(memoryview(b"!"),))
    writer.start()
    shut.settle()
    writer.join(TIMEOUT)
    shut.gate.settled()
    assert shut.pipe.taken == b"message\n!"
