"""How DuckDB's own names are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from tap_analytics.target_dlt.loading.duckdb_client import catalog_of

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["a.duckdb", "a.b.duckdb", ".a.db", "a..b", "My.Db", "a b", "Main.db", "temp"]


@pytest.mark.parametrize("name", NAMES)
def test_a_catalog_is_named_as_duckdb_does(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    with duckdb.connect(path) as connection:
        found = connection.execute("SELECT current_database()").fetchone()
    assert found == (catalog_of(path),)


def test_the_catalog_in_memory_is_named_as_duckdb_does() -> None:
    with duckdb.connect(":memory:") as connection:
        found = connection.execute("SELECT current_database()").fetchone()
    assert found == (catalog_of(":memory:"),)
