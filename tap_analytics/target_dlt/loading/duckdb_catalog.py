"""Lets a DuckDB file and the dataset in it have the same name.

DuckDB names a catalog after its file, and refuses `analytics.projects` as ambiguous
when both the catalog and a schema in it are called `analytics`. dlt 1.31 leaves the
catalog out of table names; here it is put in, where the two names meet.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.impl.duckdb.factory import duckdb as dlt_duckdb
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

if TYPE_CHECKING:
    from dlt.common.destination import DestinationCapabilitiesContext
    from dlt.common.schema import Schema
    from dlt.destinations.impl.duckdb.configuration import DuckDbClientConfiguration


class _SqlClient(DuckDbSqlClient):
    def catalog_name(self, quote: bool = True, casefold: bool = True) -> str | None:  # noqa: ARG002, FBT001, FBT002
        catalog = Path(self.credentials.database).stem
        if catalog.lower() != self.dataset_name.lower():
            return None
        return self.escape_column_name(catalog) if quote else catalog


class _Client(DuckDbClient):
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


class duckdb(dlt_duckdb):  # noqa: N801, dlt takes a destination's name from its class
    """dlt's DuckDB destination, with catalogs in table names where they are needed."""

    @property
    def client_class(self) -> type[DuckDbClient]:
        """The client that dlt loads with."""
        return _Client
