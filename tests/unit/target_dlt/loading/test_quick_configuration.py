"""dlt's configuration of databases: found in less time, and the same as dlt finds."""

from __future__ import annotations

from typing import Any

import pytest
from dlt.common.configuration.exceptions import ConfigFieldMissingException
from dlt.common.configuration.specs.exceptions import InvalidConnectionString
from dlt.common.normalizers.naming import snake_case, sql_cs_v1
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

PARTS = {"host": "localhost", "username": "someone", "password": "hush"}


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


DESTINATIONS = pytest.mark.parametrize(
    ("ours", "dlts", "credentials"),
    [
        (postgres, postgres_of_dlt, URLS[0]),
        (postgres, postgres_of_dlt, {**PARTS, "database": "things"}),
        (duckdb, duckdb_of_dlt, "things.duckdb"),
    ],
)


@DESTINATIONS
@pytest.mark.parametrize(
    "naming", [None, snake_case.NamingConvention(), sql_cs_v1.NamingConvention()]
)
def test_capabilities_are_those_of_dlt_each_time(
    ours: Any, dlts: Any, credentials: Any, naming: Any
) -> None:
    expected = dict(dlts(credentials).capabilities(naming=naming))
    destination = ours(credentials)
    destination.capabilities()
    for _ in range(2):
        found = destination.capabilities(naming=naming)
        assert {**found, "loader_file_format_selector": None} == {
            **expected,
            "loader_file_format_selector": None,
        }
        found.max_identifier_length = 7  # is nobody else's


def _configuration(destination: Any, dataset: str = "rows") -> Any:
    asked = destination.spec()._bind_dataset_name(dataset)  # noqa: SLF001, as dlt does
    return destination.configuration(asked)


@DESTINATIONS
def test_the_configuration_is_that_of_dlt_each_time(
    ours: Any, dlts: Any, credentials: Any
) -> None:
    destination = ours(credentials)
    for dataset in ("rows", "rows", "others", "rows"):
        expected = dict(_configuration(dlts(credentials), dataset))
        found = _configuration(destination, dataset)
        assert found.is_resolved()
        ours_, dlts_ = (dict(one.pop("credentials")) for one in (dict(found), expected))
        assert {**ours_, "conn_pool": None} == {**dlts_, "conn_pool": None}
        assert {**found, "credentials": None} == {**expected, "credentials": None}
        found.dataset_name = "nobody else's"


def test_the_configuration_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    destination = postgres()
    name = "DESTINATION__POSTGRES__CREDENTIALS"
    monkeypatch.setenv(name, "postgresql://someone:hush@localhost/things")
    before = _configuration(destination)
    monkeypatch.setenv(name, "postgresql://someone:hush@localhost/others")
    assert _configuration(destination).credentials.database == "things"
    assert before.credentials is not _configuration(destination).credentials


def test_each_client_of_duckdb_has_connections_of_its_own() -> None:
    destination = duckdb("things.duckdb")
    pools = [_configuration(destination).credentials.conn_pool for _ in range(3)]
    assert None not in pools
    assert len(set(map(id, pools))) == len(pools)
    assert all(pool.credentials.conn_pool is pool for pool in pools)


def test_a_configuration_that_is_not_found_is_looked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    destination = postgres()
    with pytest.raises(ConfigFieldMissingException):
        _configuration(destination)
    url = "postgresql://someone:hush@localhost/things"
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
    assert _configuration(destination).credentials.database == "things"
