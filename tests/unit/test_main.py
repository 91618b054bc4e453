"""Commands that are ended by a signal before they have begun to work."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("module", ["tap_analytics", "tap_analytics.target_dlt"])
def test_a_signal_while_the_command_is_imported_is_one_line(
    module: str, tmp_path: Path
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
        process.terminate()
        _, err = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    (line,) = err.splitlines()
    assert line.startswith("Stopped by SIGTERM before anything was")
