"""What the coordinator has read, of what is staged already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from tap_analytics.fleet import ledger
from tap_analytics.fleet.account_states import AccountState, AccountStates
from tap_analytics.fleet.aftermath import Aftermath
from tap_analytics.fleet.compression import Compressor
from tap_analytics.fleet.coordinator import Coordinator
from tap_analytics.fleet.fleet_file import read_fleet
from tap_analytics.fleet.fleet_progress import FleetProgress
from tap_analytics.fleet.history import AccountRecord
from tap_analytics.fleet.ledger import Ledger, Read
from tap_analytics.fleet.messages import Finished, Work, line
from tap_analytics.fleet.parts import Parts
from tap_analytics.fleet.places import open_place
from tap_analytics.fleet.staged_writer import StagedWriter
from tap_analytics.fleet.staging import Staging, Totals
from tap_analytics.fleet.teller import Teller

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.fleet.engines import Batch, Tell

RUN = "night"
LOADED_MS = 5


class Engine:
    """One that reads nothing, and says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, batch: Batch, tell: Tell) -> None:
        for job in batch.jobs:
            self.asked.append(job.account)
            read = Read(
                time=ledger.now(), account=job.account, ending="failed", error="No."
            )
            tell(line(Finished(read=read, is_final=True)))


def work_in(folder: Path) -> Work:
    return Work(
        run=RUN,
        folder=str(folder),
        state="state",
        staging="staging",
        account_column="account",
        accounts_at_once=1,
        max_seconds=60,
        salt="00",
    )


@pytest.mark.parametrize(
    ("read_ms", "asked"), [(LOADED_MS - 1, ["acme"]), (LOADED_MS, [])]
)
def test_what_is_staged_is_read_again_if_newer_rows_are_loaded(
    tmp_path: Path, read_ms: int, asked: list[str]
) -> None:
    file = tmp_path / "fleet.yml"
    file.write_text("accounts: [acme]\napi_key: env:KEY\n", encoding="utf-8")
    state, staged = open_place("state", tmp_path), open_place("staging", tmp_path)
    staging = Staging(staged, RUN)
    writer = StagedWriter(staging, "acme", Compressor())
    writer.began_ms = read_ms
    writer.finish(Totals(), is_complete=True)
    newer = AccountState(run="x", began_ms=LOADED_MS, state=msgspec.Raw(b"{}"))
    AccountStates(state).write("acme", newer)
    progress = FleetProgress(["acme"])
    own = Ledger(state, RUN, "run")
    parts = Parts(
        read_fleet(file),
        {"acme": AccountRecord("acme")},
        own,
        staging,
        Teller(progress),
        progress,
        lambda: None,
        Aftermath(state, staging),
    )
    engine = Engine()
    Coordinator(parts, None).run(["acme"], work_in(tmp_path), engine)
    own.close()
    assert engine.asked == asked
    assert staging.whole() == [one for one in ["acme"] if one not in asked]
