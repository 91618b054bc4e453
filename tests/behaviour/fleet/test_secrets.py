"""Keys are nowhere but where whoever runs the fleet has put them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.helpers.scanning import scan

if TYPE_CHECKING:
    from tests.behaviour.fleet.conftest import FleetFactory

LOADED = 0

PROCESSES = 3
"""Coordinator, runner and loader."""


def test_keys_in_files_are_in_no_process_and_no_other_file(
    fleet: FleetFactory,
) -> None:
    some = fleet(2, latency=0.1)
    some.has_key_files = True
    some.write()
    assert some.run().status == LOADED
    assert len(some.looked_at) >= PROCESSES
    some.look_for_keys()
    assert scan.found == set()
