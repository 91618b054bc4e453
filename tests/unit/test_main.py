"""Commands that are ended by a signal before they have begun to work."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def no_nohup() -> Iterator[None]:
    """Have what is started hear SIGHUP, also if the tests ignore that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("module", "number"),
    [
        ("tap_analytics", signal.SIGTERM),
        ("tap_analytics.target_dlt", signal.SIGTERM),
        ("tap_analytics.target_dlt", signal.SIGHUP),
    ],
)
def test_a_signal_while_the_command_is_imported_is_one_line(
    module: str, number: signal.Signals, tmp_path: Path
) -> None:
    # What both commands import says when, and waits.
    (tmp_path / "singer_sdk.py").write_text("print(flush=True)\ninput()\n")
    (tmp_path / "dlt.py").write_text("print(flush=True)\ninput()\n")
    with subprocess.Popen(
        [sys.executable, "-m", module],
        env={"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "\n"
        process.send_signal(number)
        _, err = process.communicate()
    assert process.returncode == 128 + number
    (line,) = err.splitlines()
    assert line.startswith(f"Stopped by {number.name} before anything was")
