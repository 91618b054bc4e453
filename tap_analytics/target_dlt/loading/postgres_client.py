"""dlt's PostgreSQL client, which puts a table's rows in place in one transaction.

Rows go into a temporary table first, and from there into their table. Rows that are
appended, or come into an empty table, go there at once, if it has the types of the load
file.
"""

from __future__ import annotations

import csv
from abc import abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast

import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.destination.client import RunnableLoadJob
from dlt.common.destination.configuration import CsvFormatConfiguration
from dlt.common.storages import FileStorage
from dlt.common.storages.load_package import ParsedLoadJobFileName
from dlt.destinations.exceptions import DatabaseTerminalException
from dlt.destinations.impl.postgres.postgres import (
    PostgresClient,
    PostgresParquetCopyJob,
)
from dlt.destinations.insert_job_client import InsertValuesLoadJob

from tap_analytics.compat import override
from tap_analytics.target_dlt.columns.column_types import from_hints
from tap_analytics.target_dlt.loading.stored_columns import read_columns
from tap_analytics.target_dlt.loading.table_client import (
    TableClient,
    client_of,
    sql_client_of,
)
from tap_analytics.target_dlt.loading.table_statements import TableStatements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from dlt.common.destination.client import LoadJob
    from dlt.common.destination.typing import PreparedTableSchema
    from dlt.common.schema import Schema
    from dlt.destinations.impl.postgres.configuration import (
        PostgresClientConfiguration,
    )
    from dlt.destinations.sql_client import SqlClientBase

_BATCH = "target_dlt_batch"
"""The temporary table."""


class _Transaction(Protocol):
    """A transaction that is open, on whichever connection can copy the load file."""

    def execute(self, statement: str) -> Sequence[Any]:
        """Run a statement; gives the rows that come of it."""

    def copy(self, *, is_temporary: bool) -> None:
        """Copy the load file into its table, or into the temporary one."""


class _TableJob(RunnableLoadJob):
    """Puts the rows of a load file into their table."""

    @override
    def run(self) -> None:
        client = sql_client_of(self)
        statements = TableStatements(self._load_table, self._columns(), client)
        table, batch = statements.table, client.escape_column_name(_BATCH)
        with self._transaction() as transaction:
            execute = transaction.execute
            # A statement of a client that was killed meanwhile may still be at work.
            # The DELETE would not see the rows that it inserts.
            execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
            is_empty = not execute(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608
            if statements.is_replaced:
                execute(statements.remove_all())
            if (statements.is_merged and not is_empty) or not self._can_copy_at_once():
                columns = client_of(self).definitions(self._load_table, self._columns())
                execute(f"CREATE TEMP TABLE {batch} ({columns}) ON COMMIT DROP")
                transaction.copy(is_temporary=True)
                if statements.is_merged:
                    execute(statements.remove_matches(batch))
                execute(statements.insert(batch))
                return
            transaction.copy(is_temporary=False)
            if statements.is_merged and statements.has_deleted:
                execute(statements.remove_deleted())

    def _can_copy_at_once(self) -> bool:
        """Tell whether the load file's values have the form that the table takes."""
        return True

    @abstractmethod
    def _columns(self) -> list[str]:
        """Read the names of the columns that the load file has."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[_Transaction]:
        """Begin a transaction, which is committed in the end."""


class _ArrowTransaction:
    """A transaction of ADBC, which copies Arrow data.

    Args:
        job: The job with the Parquet file.
        cursor: The cursor of an open connection.
    """

    def __init__(self, job: _ParquetJob, cursor: Any) -> None:
        self._job = job
        self._cursor = cursor

    def execute(self, statement: str) -> Sequence[Any]:
        self._cursor.execute(statement)
        rows: Sequence[Any] = (
            self._cursor.fetchall() if self._cursor.description else ()
        )
        return rows

    def copy(self, *, is_temporary: bool) -> None:
        place: dict[str, Any] = (
            {"table_name": _BATCH, "temporary": True}
            if is_temporary
            else {
                "table_name": self._job.load_table_name,
                "db_schema_name": self._job.schema_name,
            }
        )
        with pq.ParquetFile(self._job.path) as file:
            rows = pa.RecordBatchReader.from_batches(
                file.schema_arrow, file.iter_batches()
            )
            self._cursor.adbc_ingest(data=rows, mode="append", **place)


class _ParquetJob(_TableJob, PostgresParquetCopyJob):
    """Copies a Parquet file, through ADBC."""

    @property
    def path(self) -> str:
        """The load file."""
        return self._file_path

    @property
    def schema_name(self) -> str:
        """The schema that the table is in."""
        return self._set_catalog_and_schema()[1]

    @override
    def _columns(self) -> list[str]:
        return list(pq.read_schema(self._file_path).names)

    @override
    def _can_copy_at_once(self) -> bool:
        columns = self._load_table["columns"]
        stored = read_columns(client_of(self), self.load_table_name)
        return all(
            stored[name].takes_binary_copies_of(from_hints(columns[name]))
            for name in self._columns()
        )

    @override
    @contextmanager
    def _transaction(self) -> Iterator[_Transaction]:
        from adbc_driver_manager import dbapi  # noqa: PLC0415, it may be missing

        try:
            with self._connect() as connection, connection.cursor() as cursor:
                yield _ArrowTransaction(self, cursor)
                connection.commit()
        except dbapi.OperationalError:
            raise  # the connection, perhaps, so that dlt tries again
        except dbapi.Error as error:
            raise DatabaseTerminalException(error) from error


class _TextTransaction:
    """A transaction of psycopg2, which reads what is written as text.

    Args:
        client: An open connection.
        copy_into: Copies the load file into a table, given its name.
        table: The name of the load file's table in full.
    """

    def __init__(
        self,
        client: SqlClientBase[Any],
        copy_into: Callable[[str], None],
        table: str,
    ) -> None:
        self._client = client
        self._copy_into = copy_into
        self._table = table

    def execute(self, statement: str) -> Sequence[Any]:
        return self._client.execute_sql(statement) or ()

    def copy(self, *, is_temporary: bool) -> None:
        batch = self._client.escape_column_name(_BATCH)
        self._copy_into(batch if is_temporary else self._table)


class _TextJob(_TableJob):
    """Copies a file of text, on dlt's own connection."""

    @override
    @contextmanager
    def _transaction(self) -> Iterator[_Transaction]:
        client = sql_client_of(self)
        table = client.make_qualified_table_name(self.load_table_name)
        with client.begin_transaction():
            yield _TextTransaction(client, self._copy_into, table)

    @abstractmethod
    def _copy_into(self, table: str) -> None:
        """Copy the load file into a table."""


class _InsertJob(_TextJob, InsertValuesLoadJob):
    """Runs a file of INSERT statements."""

    @override
    def _columns(self) -> list[str]:
        with FileStorage.open_zipsafe_ro(self._file_path, "r", encoding="utf-8") as f:
            names = f.readline().partition("(")[2].rpartition(")")[0]
        return next(csv.reader([names]))

    @override
    def _copy_into(self, table: str) -> None:
        self._sql_client = self._job_client.sql_client
        for fragments in self._insert(table, self._file_path):
            self._sql_client.execute_fragments(fragments)


class _CsvJob(_TextJob):
    """Copies a CSV file.

    dlt's own job makes null of empty strings, though the file tells them apart.
    """

    @override
    def _columns(self) -> list[str]:
        if not self._format.include_header:
            schema: Schema = self._job_client.schema
            return list(schema.get_table_columns(self.load_table_name))
        with FileStorage.open_zipsafe_ro(self._file_path, "r", encoding="utf-8") as f:
            return next(csv.reader(f, delimiter=self._format.delimiter))

    @override
    def _copy_into(self, table: str) -> None:
        client = sql_client_of(self)
        columns = ", ".join(map(client.escape_column_name, self._columns()))
        given = self._format
        with (
            FileStorage.open_zipsafe_ro(self._file_path, "rb") as file,
            client.native_connection.cursor() as cursor,
        ):
            cursor.copy_expert(
                f"COPY {table} ({columns}) FROM STDIN WITH (FORMAT CSV,"
                f" DELIMITER '{given.delimiter}', HEADER {given.include_header},"
                f" NULL '', ENCODING '{given.encoding}')",
                file,
            )

    @property
    def _format(self) -> CsvFormatConfiguration:
        config = cast("PostgresClientConfiguration", self._job_client.config)
        return config.csv_format or CsvFormatConfiguration()


_JOBS: dict[str, type[_TableJob]] = {
    "parquet": _ParquetJob,
    "insert_values": _InsertJob,
    "csv": _CsvJob,
}


class PostgresTableClient(TableClient, PostgresClient):
    """Loads into PostgreSQL, each table in one transaction."""

    @override
    def create_load_job(
        self,
        table: PreparedTableSchema,
        file_path: str,
        load_id: str,
        restore: bool = False,
    ) -> LoadJob:
        file_format = ParsedLoadJobFileName.parse(file_path).file_format
        if file_format in _JOBS:
            return _JOBS[file_format](file_path)
        return super().create_load_job(table, file_path, load_id, restore)
