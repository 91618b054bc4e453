"""Sandboxes to read, and warehouses to load into."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from tests.helpers.dlt_loading import Warehouse, duckdb_pipeline, postgres_pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

SMALL = {"projects": 3, "tasks": 2, "time_records": 3, "clients": 4, "users": 2}


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "data"))
    # All that the tests have imported is frozen, and takes 20 ms to count.
    monkeypatch.setattr(gc, "get_freeze_count", lambda: 1)


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(**SMALL, team_time=5)


@pytest.fixture
def duck(tmp_path: Path) -> Warehouse:
    return Warehouse(duckdb_pipeline(tmp_path))


@pytest.fixture
def in_postgres(tmp_path: Path, postgres: str) -> Warehouse:
    return Warehouse(postgres_pipeline(tmp_path, postgres))


@pytest.fixture(params=["duck", "in_postgres"])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    """Each of the two databases in which everything has to work."""
    found: Warehouse = request.getfixturevalue(request.param)
    return found
