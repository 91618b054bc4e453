"""What a run does before it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_analytics.fleet import beats, ledger
from tap_analytics.fleet.engines import read_locally
from tap_analytics.fleet.fleet_file import read_fleet
from tap_analytics.fleet.fleet_run import run_fleet
from tap_analytics.fleet.ledger import Began, Ledger, Read, Receipt
from tap_analytics.fleet.places import open_place
from tap_analytics.fleet.plan import Choice

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

DEAD = "20250618T010000Z"


def leave_run(folder: Path) -> None:
    """Leave a run that has loaded all, and died before it could say so."""
    own = Ledger(open_place("state", folder), DEAD, "run")
    now = ledger.now()
    own.add(
        Began(time=now, kind="all", accounts=["acme"]),
        Read(time=now, account="acme", ending="complete", manifest="m"),
        Receipt(time=now, account="acme", manifest="m", load="1"),
    )
    own.close()


def test_what_a_dead_coordinator_left_on_a_cluster_ends_before_a_local_run_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beats, "TAKEN_OVER_SECONDS", 0)
    file = tmp_path / "fleet.yml"
    file.write_text("accounts: [acme]\napi_key: env:KEY\n", encoding="utf-8")
    leave_run(tmp_path)
    staging = open_place("staging", tmp_path)
    staging.write(f"{DEAD}.beat", b"coordinator 7")
    run_fleet(read_fleet(file), Choice(), read_locally, beats=False)
    assert staging.read(f"{DEAD}.beat") is None
