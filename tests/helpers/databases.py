"""Databases to load into, messages to load, and ways to run the target."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg2
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient

from tap_analytics.target_dlt.target import TargetDlt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dlt.destinations.sql_client import SqlClientBase

Message = dict[str, Any]


def schema(
    properties: dict[str, Any], keys: list[str] | None = None, stream: str = "s"
) -> Message:
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": properties},
        "key_properties": keys or [],
    }


def record(values: dict[str, Any], stream: str = "s", **more: Any) -> Message:
    return {"type": "RECORD", "stream": stream, "record": values, **more}


def state(value: Any) -> Message:
    return {"type": "STATE", "value": value}


def lines_of(messages: tuple[Message | str, ...]) -> str:
    return "".join(
        (one if isinstance(one, str) else json.dumps(one)) + "\n" for one in messages
    )


@dataclass
class Database:
    """A destination, with what the target needs to load into it."""

    config: dict[str, Any]
    query: Callable[[str], list[tuple[Any, ...]]]
    dataset: str = "analytics.analytics"
    client: type[SqlClientBase[Any]] = DuckDbSqlClient

    def load(self, *messages: Message | str, **config: Any) -> list[Any]:
        """Run the target in this process; returns the states that it lets out."""
        target = TargetDlt(config=self.config | config)
        output = io.StringIO()
        with redirect_stdout(output):
            target.listen(io.StringIO(lines_of(messages)))
        return [json.loads(line) for line in output.getvalue().splitlines()]

    def rows(self, columns: str = "*", table: str = "s") -> list[tuple[Any, ...]]:
        """Read a table, in an order that is always the same."""
        return sorted(
            self.query(f"SELECT {columns} FROM {self.dataset}.{table}"),
            key=lambda row: [(value is not None, str(value)) for value in row],
        )

    def types(self, table: str = "s") -> dict[str, str]:
        """Read the types of a table's columns."""
        return dict(
            self.query(
                "SELECT column_name, data_type FROM information_schema.columns WHERE"
                f" table_schema = '{self.dataset.rpartition('.')[2]}' AND table_name ="
                f" '{table}'"
            )
        )


def duckdb_at(path: Path) -> Database:
    def query(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(sql).fetchall()

    return Database({"credentials": str(path)}, query)


def postgres_at(uri: str, dataset: str) -> Database:
    """Make a database of a dataset in PostgreSQL.

    Args:
        uri: The URI of the database.
        dataset: The dataset's name.
    """

    def query(sql: str) -> list[tuple[Any, ...]]:
        with (
            closing(psycopg2.connect(uri)) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SET TIME ZONE 'UTC'")
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    return Database(
        {"destination": "postgres", "credentials": uri, "dataset_name": dataset},
        query,
        dataset,
        Psycopg2SqlClient,
    )


def run(
    messages: tuple[Message | str, ...],
    config: dict[str, Any],
    directory: Path,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run the command `target-dlt`, as a user does."""
    config_path = directory / "config.json"
    config_path.write_text(json.dumps(config))
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "tap_analytics.target_dlt",
            "--config",
            str(config_path),
        ],
        input=lines_of(messages),
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
        env=os.environ | environment,
    )
