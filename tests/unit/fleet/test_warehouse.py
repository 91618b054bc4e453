"""What the loader takes of what is staged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from tap_analytics.fleet.account_rows import AccountRows
from tap_analytics.fleet.account_states import AccountState, AccountStates
from tap_analytics.fleet.compression import Compressor
from tap_analytics.fleet.messages import Load, Refused
from tap_analytics.fleet.places import open_place
from tap_analytics.fleet.staged_writer import StagedWriter
from tap_analytics.fleet.staging import Staging, Totals
from tap_analytics.fleet.warehouse import Warehouse
from tap_analytics.target_dlt.settings import SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.fleet.staging import Manifest

READ_MS = 5


def warehouse(folder: Path) -> Warehouse:
    """Return one that is not opened."""
    defaults = {
        name: setting["default"]
        for name, setting in SETTINGS["properties"].items()
        if "default" in setting
    }
    load = Load(
        run="night",
        folder=str(folder),
        state="state",
        staging="staging",
        account_column="account",
        target={**defaults, "destination": "duckdb"},
    )
    return Warehouse(load)


def stage(folder: Path) -> Manifest:
    staging = Staging(open_place("staging", folder), "night")
    writer = StagedWriter(staging, "acme", Compressor())
    writer.began_ms = READ_MS
    return writer.finish(Totals(), is_complete=True)


def load_newer(folder: Path, began_ms: int) -> None:
    state = AccountState(run="later", began_ms=began_ms, state=msgspec.Raw(b"{}"))
    AccountStates(open_place("state", folder)).write("acme", state)


def test_what_was_read_before_what_is_loaded_is_refused(tmp_path: Path) -> None:
    manifest = stage(tmp_path)
    load_newer(tmp_path, READ_MS + 1)
    [refused] = warehouse(tmp_path).rows_of(["acme"])
    assert refused == Refused(
        "acme",
        manifest.digest,
        (
            "What the run night has read of it is older than what the run later has "
            "loaded: it is not loaded, and removed."
        ),
        is_older=True,
    )


@pytest.mark.parametrize("began_ms", [READ_MS - 1, READ_MS])
def test_what_is_not_older_than_what_is_loaded_is_taken(
    tmp_path: Path, began_ms: int
) -> None:
    manifest = stage(tmp_path)
    load_newer(tmp_path, began_ms)
    [(taken, rows)] = warehouse(tmp_path).rows_of(["acme"])  # type: ignore[misc]
    assert (taken, type(rows)) == (manifest, AccountRows)
