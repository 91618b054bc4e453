"""dlt's DuckDB client, with what it lacks.

- A file and the dataset in it may have the same name. DuckDB names a catalog after its
  file, and refuses `analytics.projects` as ambiguous when both the catalog and a schema
  in it are called `analytics`. dlt 1.31 leaves the catalog out of table names; here it
  is put in, where the two names meet.
- A file that another process has open is waited for.
- A table's rows are put in place in one transaction.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb as driver
import pyarrow.parquet as pq
from dlt.common.destination.client import LoadJob, RunnableLoadJob
from dlt.common.storages.load_package import ParsedLoadJobFileName
from dlt.destinations.exceptions import DestinationConnectionError
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

from tap_analytics.compat import override
from tap_analytics.target_dlt.errors import LoadError
from tap_analytics.target_dlt.loading.table_client import TableClient, sql_client_of
from tap_analytics.target_dlt.loading.table_statements import TableStatements

if TYPE_CHECKING:
    from dlt.common.destination import DestinationCapabilitiesContext
    from dlt.common.destination.typing import PreparedTableSchema
    from dlt.common.schema import Schema
    from dlt.destinations.impl.duckdb.configuration import DuckDbClientConfiguration

WAIT_SECONDS = 30.0
"""How long a file is waited for that another process has open."""

_PAUSE_SECONDS = 0.1


_RESERVED_CATALOGS = {"main", "system", "temp"}


def catalog_of(database: str) -> str:
    """Name a file's catalog as DuckDB does: after what is before the first dot."""
    name = Path(database).name
    catalog = name.lstrip(".").partition(".")[0] or name
    if database == ":memory:":
        return "memory"
    return f"{catalog}_db" if catalog.lower() in _RESERVED_CATALOGS else catalog


class _SqlClient(DuckDbSqlClient):
    @override
    def catalog_name(self, quote: bool = True, casefold: bool = True) -> str | None:
        del casefold
        catalog = catalog_of(self.credentials.database)
        if catalog.lower() != self.dataset_name.lower():
            return None
        return self.escape_column_name(catalog) if quote else catalog

    @override
    def open_connection(self) -> driver.DuckDBPyConnection:
        give_up_at = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                return super().open_connection()
            except DestinationConnectionError as error:
                if not _is_in_use(error.inner_exc):
                    raise
                if time.monotonic() >= give_up_at:
                    msg = (
                        f"the file {self.credentials.database} is in use by another "
                        f"process, for more than {WAIT_SECONDS:.0f} s. End the other "
                        "process, or close the file there, and run again"
                    )
                    raise LoadError(msg) from None
            time.sleep(_PAUSE_SECONDS)


def _is_in_use(error: Exception) -> bool:
    return isinstance(error, driver.IOException) and "Could not set lock" in str(error)


class _TableJob(RunnableLoadJob):
    """Puts the rows of a Parquet file into their table."""

    @override
    def run(self) -> None:
        client = sql_client_of(self)
        path = client.capabilities.escape_literal(self._file_path)
        columns = pq.read_schema(self._file_path).names
        # Else a folder `a=b` above the file would be a column.
        source = f"read_parquet({path}, hive_partitioning = false)"
        statements = TableStatements(self._load_table, columns, client)
        with client.begin_transaction():
            if statements.is_replaced:
                client.execute_sql(statements.remove_all())
            if statements.is_merged:
                client.execute_sql(statements.remove_matches(source))
            client.execute_sql(statements.insert(source))


class DuckDbTableClient(TableClient, DuckDbClient):
    """Loads into DuckDB, each table in one transaction."""

    def __init__(
        self,
        schema: Schema,
        config: DuckDbClientConfiguration,
        capabilities: DestinationCapabilitiesContext,
    ) -> None:
        super().__init__(schema, config, capabilities)
        self.sql_client = _SqlClient(
            self.sql_client.dataset_name,
            self.sql_client.staging_dataset_name,
            config.credentials,
            capabilities,
        )

    @override
    def create_load_job(
        self,
        table: PreparedTableSchema,
        file_path: str,
        load_id: str,
        restore: bool = False,
    ) -> LoadJob:
        if ParsedLoadJobFileName.parse(file_path).file_format == "parquet":
            return _TableJob(file_path)
        return super().create_load_job(table, file_path, load_id, restore)
