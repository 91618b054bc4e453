"""What a loader leaves that died between a receipt and its last word."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec
import pytest

from tap_analytics.fleet.account_states import AccountState, AccountStates
from tap_analytics.fleet.aftermath import Aftermath
from tap_analytics.fleet.compression import Compressor
from tap_analytics.fleet.history import AccountRecord
from tap_analytics.fleet.ledger import Ledger, Receipt
from tap_analytics.fleet.staged_writer import StagedWriter
from tap_analytics.fleet.staging import Staging, Totals

if TYPE_CHECKING:
    from tap_analytics.fleet.places import Place

RUN = "night"
NOW = datetime(2025, 6, 18, 1, tzinfo=timezone.utc)


@pytest.fixture
def state(folder: Place) -> Place:
    return folder


@pytest.fixture
def staging(state: Place) -> Staging:
    return Staging(state, RUN)


@pytest.fixture
def manifest(staging: Staging) -> str:
    """Stage an account; return the digest of its manifest."""
    writer = StagedWriter(staging, "acme", Compressor())
    writer.began_ms = 5
    writer.write(b'{"type":"STATE","value":{"n":7}}\n')
    whole = writer.finish(Totals({"users": 1}, 2, 3.0), is_complete=True)
    return whole.digest


def give_receipt(state: Place, manifest: str) -> Receipt:
    receipt = Receipt(time=NOW, account="acme", manifest=manifest, load="17.5")
    ledger = Ledger(state, RUN, "loader")
    ledger.add(receipt)
    ledger.close()
    return receipt


def require_settled(state: Place, staging: Staging) -> None:
    found = AccountStates(state).read("acme")
    assert found is not None
    assert (found.run, found.began_ms, bytes(found.state)) == (RUN, 5, b'{"n":7}')
    assert staging.whole() == []


def test_a_receipt_that_was_not_told_is_found_and_its_state_written(
    state: Place, staging: Staging, manifest: str
) -> None:
    receipt = give_receipt(state, manifest)
    found = list(Aftermath(state, staging).receipts({"acme": manifest}))
    assert found == [receipt]
    require_settled(state, staging)


def test_a_receipt_for_an_earlier_reading_counts_for_nothing(
    state: Place, staging: Staging, manifest: str
) -> None:
    give_receipt(state, "of an earlier one")
    assert list(Aftermath(state, staging).receipts({"acme": manifest})) == []
    assert staging.whole() == ["acme"]
    assert AccountStates(state).read("acme") is None


def test_the_next_run_writes_the_state_of_an_account_with_a_receipt(
    state: Place, staging: Staging, manifest: str
) -> None:
    record = AccountRecord("acme", manifest=manifest, load="17.5")
    Aftermath(state, staging).settle({"acme": record})
    require_settled(state, staging)


def test_the_next_run_leaves_a_state_that_is_newer(
    state: Place, staging: Staging, manifest: str
) -> None:
    newer = AccountState(run="later", began_ms=6, state=msgspec.Raw(b"{}"))
    AccountStates(state).write("acme", newer)
    record = AccountRecord("acme", manifest=manifest, load="17.5")
    Aftermath(state, staging).settle({"acme": record})
    assert AccountStates(state).read("acme") == newer
    assert staging.whole() == []


def test_the_next_run_leaves_what_has_no_receipt_to_the_loader(
    state: Place, staging: Staging, manifest: str
) -> None:
    record = AccountRecord("acme", manifest=manifest)
    Aftermath(state, staging).settle({"acme": record})
    assert staging.whole() == ["acme"]
