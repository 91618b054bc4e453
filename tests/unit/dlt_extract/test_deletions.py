"""Which rows a load deletes."""

from __future__ import annotations

import duckdb
import pytest

from tap_analytics.dlt_extract.deletions import scope

FULL, SINCE = "1 = 1", "created_at >= '2026-01-15'"
NO_BOUNDS: dict[str, str] = {}


@pytest.fixture
def database() -> duckdb.DuckDBPyConnection:
    database = duckdb.connect()
    for table in ("loaded", "staged"):
        database.execute(
            f"CREATE TABLE {table}"
            " (id TEXT, created_at TEXT, account TEXT, _dlt_load_id TEXT)"
        )
    database.execute(
        "INSERT INTO loaded VALUES ('old', '2026-01-01', 'a', '1'),"
        " ('new', '2026-01-31', 'a', '1'), ('new', '2026-01-31', 'b', '1'),"
        " ('gone', '2026-01-30', 'a', '1')"
    )
    return database


def left(database: duckdb.DuckDBPyConnection, deleted: str) -> list[str]:
    condition = deleted.format(table="loaded", staging_table="staged")
    database.execute(f"DELETE FROM loaded WHERE {condition}")
    rows = database.execute("SELECT id || account FROM loaded ORDER BY ALL").fetchall()
    return [text for (text,) in rows]


def stage(database: duckdb.DuckDBPyConnection, load: str) -> None:
    database.execute(f"INSERT INTO staged VALUES ('new', '2026-01-31', 'a', '{load}')")


def test_a_whole_stream_replaces_all_rows(
    database: duckdb.DuckDBPyConnection,
) -> None:
    stage(database, "2")
    assert left(database, scope("id", "_dlt_load_id", "2", FULL, NO_BOUNDS)) == []


def test_a_whole_stream_without_rows_leaves_none(
    database: duckdb.DuckDBPyConnection,
) -> None:
    assert left(database, scope("id", "_dlt_load_id", "2", FULL, NO_BOUNDS)) == []


def test_an_increment_leaves_older_rows(database: duckdb.DuckDBPyConnection) -> None:
    stage(database, "2")
    deleted = scope("id", "_dlt_load_id", "2", SINCE, NO_BOUNDS)
    assert left(database, deleted) == ["olda"]


def test_bounds_leave_the_rows_of_others(database: duckdb.DuckDBPyConnection) -> None:
    stage(database, "2")
    deleted = scope("id", "_dlt_load_id", "2", FULL, {"account": "a"})
    assert left(database, deleted) == ["newb"]


def test_the_rows_of_another_load_replace_those_with_their_keys_only(
    database: duckdb.DuckDBPyConnection,
) -> None:
    stage(database, "3")
    deleted = scope("id", "_dlt_load_id", "2", FULL, NO_BOUNDS)
    assert left(database, deleted) == ["gonea", "olda"]


def test_a_value_may_have_quotes_and_braces(
    database: duckdb.DuckDBPyConnection,
) -> None:
    database.execute("UPDATE loaded SET account = 'O''N {x}' WHERE id = 'old'")
    deleted = scope("id", "_dlt_load_id", "2", FULL, {"account": "O'N {x}"})
    assert "oldO'N {x}" not in left(database, deleted)
