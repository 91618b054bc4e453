"""dlt's configuration of databases: found in less time, and the same as dlt finds."""

from __future__ import annotations

from typing import Any

import pytest
from dlt.common.configuration.specs.exceptions import InvalidConnectionString
from dlt.destinations.impl.duckdb.configuration import (
    DuckDbCredentials as DuckDbCredentialsOfDlt,
)
from dlt.destinations.impl.duckdb.factory import duckdb as duckdb_of_dlt
from dlt.destinations.impl.postgres.configuration import (
    PostgresCredentials as PostgresCredentialsOfDlt,
)
from dlt.destinations.impl.postgres.factory import postgres as postgres_of_dlt

from tap_analytics.target_dlt.loading.destination import (
    duckdb,
    postgres,
)
from tap_analytics.target_dlt.loading.quick_configuration import (
    DuckDbCredentials,
    PostgresCredentials,
)

URLS = (
    "postgresql://someone:hush@localhost:5433/things",
    "postgresql://someone:p%40ss%2Fw%20%2B+:rd@db.example/things",
    "postgresql://some%40one@[::1]:5432/things?sslmode=require",
    "postgresql://localhost/things?host=/tmp/socket&connect_timeout=3",
    "postgresql://a:b@h/d?options=-csearch_path%3Dx&client_encoding=utf-8&x=1&x=2",
    "postgresql:///things",
    "postgres://someone:hush@localhost",
    "postgresql+psycopg2://a:b@h:1/d",
)


@pytest.mark.parametrize(
    "place",
    [
        "things.duckdb",
        "/some where/ä.b:c@d.duckdb",
        ":memory:",
        "duckdb:///things.duckdb",
        "duckdb:////some/where/things.duckdb?threads=1",
    ],
)
def test_a_place_of_duckdb_is_read_as_dlt_does_it_with_sqlalchemy(place: str) -> None:
    ours, dlts = DuckDbCredentials(place), DuckDbCredentialsOfDlt(place)
    assert dict(ours) == dict(dlts)
    assert str(ours) == str(dlts)


@pytest.mark.parametrize("url", URLS)
def test_a_url_is_read_and_written_as_dlt_does_it_with_sqlalchemy(url: str) -> None:
    ours, dlts = PostgresCredentials(url), PostgresCredentialsOfDlt(url)
    assert dict(ours) == dict(dlts)
    assert ours.to_native_representation() == dlts.to_native_representation()
    assert str(ours) == str(dlts)


@pytest.mark.parametrize("url", ["things", "postgresql://h:port/d", 7])
def test_no_url_is_refused_as_dlt_does_it(url: Any) -> None:
    messages = set()
    for kind in (PostgresCredentials, PostgresCredentialsOfDlt):
        with pytest.raises(InvalidConnectionString) as refused:
            kind().parse_native_representation(url)
        messages.add(str(refused.value))
    assert len(messages) == 1


@pytest.mark.parametrize(
    ("ours", "dlts", "credentials"),
    [
        (postgres, postgres_of_dlt, URLS[0]),
        (postgres, postgres_of_dlt, {"host": "localhost", "database": "things"}),
        (duckdb, duckdb_of_dlt, "things.duckdb"),
    ],
)
def test_capabilities_are_those_of_dlt_each_time(
    ours: Any, dlts: Any, credentials: Any
) -> None:
    expected = dict(dlts(credentials).capabilities())
    destination = ours(credentials)
    for _ in range(2):
        found = destination.capabilities()
        assert {**found, "loader_file_format_selector": None} == {
            **expected,
            "loader_file_format_selector": None,
        }
        found.max_identifier_length = 7  # is nobody else's
