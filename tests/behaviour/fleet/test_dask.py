"""`run --engine dask`: accounts are read on the workers of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.behaviour.fleet.conftest import FleetFactory

LOADED = 0


def test_all_accounts_are_read_on_a_cluster_of_this_machine(
    fleet: FleetFactory,
) -> None:
    some = fleet(3)
    outcome = some.run("run", "--engine", "dask")
    assert outcome.status == LOADED, outcome.err
    assert some.wrong_rows(some.accounts) == []
    some.look_for_keys()
