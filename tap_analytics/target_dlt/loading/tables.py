"""The tables of a pipeline's dataset, and direct access to them where there is SQL."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from dlt.common.destination.client import SupportsOpenTables
from dlt.common.schema.typing import C_DLT_LOAD_ID
from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.job_client_impl import SqlJobClientBase

from tap_analytics.target_dlt.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlt import Pipeline
    from dlt.common.schema import Schema
    from dlt.common.schema.typing import TTableFormat, TTableSchemaColumns


_ACTIONS = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
"""What PostgreSQL may do with rows that refer to one that is deleted."""

CACHE = "8MB"
"""What DuckDB may keep in memory of its file between two loads."""

CHECKPOINT_BYTES = 16 << 20
"""After so many bytes of rows DuckDB puts in order what it has written.

It does so by itself when its log has 16 MB, and when the file is closed. But it writes
most rows past the log. Then there is much to put in order at once, which needs most of
the memory of a run.
"""


class Tables:
    """What a pipeline's schema knows of its tables, and a way to run SQL on them.

    Args:
        pipeline: The pipeline.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.sql: SqlJobClientBase | None = None
        """The connection to the destination, while there is one that speaks SQL."""
        self._memory_limit: str | None = None
        self._to_put_in_order = 0
        self._replaceable: set[str] = set()
        self._schema: Schema | None = None
        self.read_schema()

    def read_schema(self) -> None:
        """Read the schema, which dlt would do each time that it is asked.

        What dlt and others change of it later is changed in this one.
        """
        name: str | None = self.pipeline.default_schema_name
        # There is none until something is loaded for the first time.
        self._schema = None if name is None else self.pipeline.default_schema

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Keep a connection open.

        This also keeps DuckDB from opening and closing its file for each that dlt makes
        meanwhile.
        """
        if self.sql is not None:
            yield
            return
        with ExitStack() as stack:
            client: Any = self.pipeline.destination_client()
            stack.enter_context(client)
            self.sql = client if isinstance(client, SqlJobClientBase) else None
            stack.callback(setattr, self, "sql", None)
            yield

    def wait_for_writers(self, table: str) -> None:
        """Wait until no transaction writes to a table.

        PostgreSQL finishes what a client has asked for that was killed meanwhile. What
        comes of it must be there before a new run looks, or rows would be doubled.
        """
        if self.sql is None or not self._is_postgres:
            return
        client = self.sql.sql_client
        if self.sql.get_storage_table(table)[0]:
            with client.begin_transaction():
                client.execute_sql(
                    f"LOCK TABLE {client.make_qualified_table_name(table)}"
                    " IN SHARE ROW EXCLUSIVE MODE"
                )

    @property
    def _is_postgres(self) -> bool:
        return (
            self.sql is not None and self.sql.capabilities.sqlglot_dialect == "postgres"
        )

    def check_references(self, table: str) -> None:
        """Return if no other row changes when a row of a table is replaced.

        A row that is replaced is deleted first, and what refers to it in PostgreSQL
        may be declared to go with it. DuckDB has no such declarations.

        Raises:
            LoadError: Rows of a table would change, which is named.
        """
        if self.sql is None or not self._is_postgres or table in self._replaceable:
            return
        client = self.sql.sql_client
        found = client.execute_sql(
            "SELECT conname, conrelid::regclass::text, confdeltype FROM pg_constraint"
            " WHERE contype = 'f' AND confrelid = to_regclass(%s)"
            " AND confdeltype IN ('c', 'n', 'd') ORDER BY conname LIMIT 1",
            client.make_qualified_table_name(table),
        )
        for constraint, other, action in found or ():
            msg = (
                f"Table {table!r}: to replace rows would change those of {other!r}, "
                f"by ON DELETE {_ACTIONS[action]} of the constraint {constraint!r}. "
                "Make that ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED, or drop "
                "the constraint."
            )
            raise LoadError(msg)
        self._replaceable.add(table)

    def free_memory(self, loaded: int) -> None:
        """Have DuckDB give up the memory that a load has left.

        Args:
            loaded: How many bytes of rows it has loaded.
        """
        if self.sql is None or self.sql.config.destination_type != "duckdb":
            return
        self._free_cache()
        self._to_put_in_order += loaded
        if self._to_put_in_order >= CHECKPOINT_BYTES:
            self._to_put_in_order = 0
            with suppress(DatabaseException):  # it can wait, if somebody is writing
                self.sql.sql_client.execute_sql("CHECKPOINT")
            self._free_cache()

    def _free_cache(self) -> None:
        """Have DuckDB give up the blocks of its file that it keeps in memory.

        It would keep all that it has read or written, up to most of the memory there
        is, so that memory would grow with the tables.
        """
        assert self.sql is not None  # noqa: S101
        execute = self.sql.sql_client.execute_sql
        if self._memory_limit is None:
            [(self._memory_limit,)] = (
                execute("SELECT current_setting('memory_limit')") or ()
            )
        with suppress(DatabaseException):  # less is free, if more is in use
            execute(f"SET memory_limit = '{CACHE}'")
        execute(f"SET memory_limit = '{self._memory_limit}'")

    def restore(self, table: str) -> None:
        """Make a table or columns anew that the schema has and the destination has not.

        Somebody has dropped them. dlt would take them for there.
        """
        if self.sql is None or not (columns := self.columns(table)):
            return
        is_there, found = self.sql.get_storage_table(table)
        known = {name for name, column in columns.items() if "data_type" in column}
        gone = {*map(str.lower, known)} - {*map(str.lower, found)}
        if is_there and C_DLT_LOAD_ID in gone:
            return  # An empty one would hide which rows are of a run that was killed.
        if gone or not is_there:
            self.sql.initialize_storage()
            self.sql.update_stored_schema(only_tables=[table], force=True)

    def open_table(self, table: str) -> tuple[TTableFormat | None, Any]:
        """Get a table as the library of its open format has it.

        Returns:
            The format, `delta` or `iceberg`, and the table; None if it has none.
        """
        kind = self.pipeline.default_schema.tables[table].get("table_format")
        with ExitStack() as stack:
            client: Any = self.pipeline.destination_client()
            stack.enter_context(client)
            if kind is None or not isinstance(client, SupportsOpenTables):
                return None, None
            return kind, client.load_open_table(kind, table)

    def columns(self, table: str) -> TTableSchemaColumns:
        """Get a table's columns as the schema has them; none if there is no table."""
        if self._schema is None:
            return {}
        tables = self._schema.tables
        return tables[table]["columns"] if table in tables else {}
