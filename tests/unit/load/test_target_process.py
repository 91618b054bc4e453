"""The target as a child: what its failure, and the loss of a state, end with."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tap_analytics.errors import FatalAPIError, StoppedError
from tap_analytics.load.errors import LoadError
from tap_analytics.load.kept_state import KeptState
from tap_analytics.load.target_process import TargetProcess
from tap_analytics.load.waiting_child import WaitingChild

if TYPE_CHECKING:
    from pathlib import Path

STATE = b'{"type": "STATE", "value": {"bookmarks": {}}}\n'


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StoppedError(), "Stopped before everything was read."),
        (FatalAPIError("The API is down."), "The API is down."),
    ],
)
def test_a_state_that_is_lost_is_told_also_if_the_reading_failed(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "states"
    folder.mkdir()
    kept = KeptState(folder / "state.json", "acme")
    target = TargetProcess(WaitingChild(), {}, kept, {})
    shutil.rmtree(folder)
    target.write(memoryview(STATE))
    with pytest.raises(LoadError) as lost, target:
        raise error
    assert str(lost.value).startswith(f"{said} The rows are loaded, but the state")
    assert "No such file" in str(lost.value)
