"""Fleets against a sandbox of many accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.helpers.databases import duckdb_at
from tests.helpers.fleets import FleetOfTest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import SandboxFactory

SMALL = {
    "projects": 3,
    "tasks": 2,
    "time_records": 3,
    "clients": 2,
    "users": 2,
    "team_time": 3,
}
"""Little data: 10 requests an account."""


class FleetFactory(Protocol):
    """Makes fleets: `fleet(5, latency=0.05)`."""

    def __call__(self, size: int, **options: Any) -> FleetOfTest:
        """Make one; the options are those of the sandbox."""


@pytest.fixture
def fleet(sandbox: SandboxFactory, tmp_path: Path) -> FleetFactory:
    def make(size: int, **options: Any) -> FleetOfTest:
        api = sandbox(accounts=size, **{**SMALL, **options})
        database = duckdb_at(tmp_path / "analytics.duckdb")
        made = FleetOfTest(tmp_path, api, size, database, file={"runners": 1})
        made.write()
        return made

    return make
