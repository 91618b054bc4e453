"""The end of a process whose work is done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import atexit, sys, threading
from tap_analytics.plugin.leaving import end_with

class Left:
    def __del__(self):
        print("taken apart")

left = Left()

def work():
    threading.Timer(0.01, print, ["thread waited for"]).start()
    atexit.register(print, "atexit called")
    print("work done")
    {end}

{before}
end_with(work)
"""

_DONE = ["work done", "thread waited for", "atexit called"]


def _end(before: str = "", end: str = "") -> subprocess.CompletedProcess[str]:
    """Run a process whose work ends in a certain way."""
    script = _SCRIPT.format(before=before, end=end)
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("end", ["", "sys.exit()", "sys.exit(0)"])
def test_all_is_done_but_to_take_the_process_apart(end: str) -> None:
    result = _end(end=end)
    assert result.stdout.splitlines() == _DONE
    assert result.returncode == 0
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("end", "status", "says"),
    [
        ("sys.exit(3)", 3, ""),
        ("sys.exit('oh')", 1, "oh"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
    ],
)
def test_work_that_fails_ends_as_always(end: str, status: int, says: str) -> None:
    result = _end(end=end)
    assert result.stdout.splitlines() == [*_DONE, "taken apart"]
    assert result.returncode == status
    assert result.stderr.strip().endswith(says)


@pytest.mark.parametrize("watch", ["settrace", "setprofile"])
def test_what_traces_the_process_sees_its_end(watch: str) -> None:
    before = f"atexit.register(print, 'trace kept'); sys.{watch}(lambda *_: None)"
    result = _end(before)
    assert result.stdout.splitlines()[: len(_DONE) + 1] == [*_DONE, "trace kept"]


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="no file that is always full"
)
def test_output_that_nothing_takes_is_a_failure() -> None:
    script = _SCRIPT.format(before="", end="")
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-c", script],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode != 0
    assert "No space left on device" in result.stderr
