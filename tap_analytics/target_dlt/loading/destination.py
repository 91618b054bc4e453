"""From the target's settings to a dlt destination, and what it can do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# dlt reads these when it is imported; what the user has set stays.
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")
os.environ.setdefault("RUNTIME__INTERCEPT_SIGNALS", "false")

import msgspec
from dlt import destinations
from dlt.common.destination import Destination, DestinationCapabilitiesContext
from dlt.common.destination.configuration import ParquetFormatConfiguration
from dlt.common.destination.exceptions import UnknownDestinationModule
from dlt.destinations.impl.duckdb.factory import duckdb as dlt_duckdb
from dlt.destinations.impl.postgres.factory import postgres as dlt_postgres

from tap_analytics.compat import override
from tap_analytics.plugin.declared import hint
from tap_analytics.target_dlt.errors import SetupError
from tap_analytics.target_dlt.loading.quick_configuration import (
    DuckDbConfiguration,
    OnceConfigured,
    PostgresConfiguration,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlt.common.typing import TLoaderFileFormat
    from dlt.destinations.impl.duckdb.duck import DuckDbClient
    from dlt.destinations.impl.postgres.postgres import PostgresClient

AnyDestination = Destination[Any, Any]


class duckdb(OnceConfigured, dlt_duckdb):  # noqa: N801, dlt takes a destination's name from its class
    """dlt's DuckDB destination, with a client of our own."""

    spec = DuckDbConfiguration

    @property
    @override
    def client_class(self) -> type[DuckDbClient]:
        from tap_analytics.target_dlt.loading.duckdb_client import (  # noqa: PLC0415
            DuckDbTableClient,
        )

        return DuckDbTableClient


class postgres(OnceConfigured, dlt_postgres):  # noqa: N801, as above
    """dlt's PostgreSQL destination, with a client of our own."""

    spec = PostgresConfiguration

    @property
    @override
    def client_class(self) -> type[PostgresClient]:
        from tap_analytics.target_dlt.loading.postgres_client import (  # noqa: PLC0415
            PostgresTableClient,
        )

        return PostgresTableClient


ROWS_IN_GROUP = 122_880
"""Rows of a Parquet file that are encoded in memory at a time, as many as DuckDB's."""

_OWN: dict[str, type[AnyDestination]] = {"duckdb": duckdb, "postgres": postgres}

_HAVE_TRANSACTIONS = {
    "ducklake",
    "motherduck",
    "mssql",
    "redshift",
    "snowflake",
    "sqlalchemy",
    "synapse",
}
"""Types of destinations in which a merge is one transaction, though dlt 1.31 doesn't
say so. DuckDB and PostgreSQL have clients of their own."""


def make_destination(config: Mapping[str, Any]) -> AnyDestination:
    """Make the dlt destination that the settings name.

    Raises:
        SetupError: There is no such destination, or it has no such option.
    """
    name = config["destination"]
    options = dict(config.get("destination_config") or {})
    if (credentials := config.get("credentials")) is not None:
        options["credentials"] = parse_credentials(credentials)
    try:
        destination: AnyDestination | None = Destination.from_reference(name, **options)
    except UnknownDestinationModule:
        known = ", ".join(sorted(destinations.__all__))
        msg = (
            f"dlt has no destination {name!r}.{hint(name, destinations.__all__)} "
            f"It has: {known}."
        )
        raise SetupError(msg) from None
    if destination is None:
        msg = "`destination` is empty."
        raise SetupError(msg)
    fields = destination.spec.get_resolvable_fields().keys()
    fields |= DestinationCapabilitiesContext.get_resolvable_fields().keys()
    if unknown := sorted(options.keys() - fields):
        msg = (
            f"`destination_config`: destination {name!r} has no option {unknown[0]!r}."
        )
        raise SetupError(msg)
    return _in_transactions(destination)


def _in_transactions(destination: AnyDestination) -> AnyDestination:
    """Have what a load does with a table be one transaction, where there are any."""
    kind = Destination.to_name(destination.destination_type)
    if kind in _OWN:
        options = destination.config_params | destination.caps_params
        parquet = ParquetFormatConfiguration(row_group_size=ROWS_IN_GROUP)
        options.setdefault("parquet_format", parquet)
        return _OWN[kind](**options)
    if kind in _HAVE_TRANSACTIONS:
        destination.caps_params.setdefault("supports_transactions", True)
        if "replace_strategy" in destination.spec.get_resolvable_fields():
            destination.config_params.setdefault(
                "replace_strategy", "insert-from-staging"
            )
    return destination


def parse_credentials(credentials: Any) -> Any:
    """Read credentials that are an object in JSON, as from an environment variable."""
    if isinstance(credentials, str) and credentials.lstrip().startswith("{"):
        try:
            return msgspec.json.decode(credentials)
        except msgspec.DecodeError as error:
            msg = f"`credentials` begins like a JSON object but is none: {error}."
            raise SetupError(msg) from None
    return credentials


_ANY_TABLE: Any = {"name": "any"}


def file_format(
    destination: AnyDestination, config: Mapping[str, Any]
) -> TLoaderFileFormat:
    """Choose the format of load files.

    Parquet wherever it can be loaded: it keeps all types and is the fastest to write
    and, by far, to load. PostgreSQL loads it through ADBC, where that is installed;
    dlt's CSV for PostgreSQL can't hold binary values, so the next choice is what dlt
    prefers.

    Raises:
        SetupError: The format that the settings name spoils values.
    """
    capabilities = destination.capabilities()
    if chosen := config.get("loader_file_format"):
        if isinstance(destination, dlt_duckdb) and chosen != "parquet":
            msg = (
                "`loader_file_format`: for DuckDB it can be `parquet` only, since "
                "others spoil binary values and NUL characters."
            )
            raise SetupError(msg)
        return chosen  # type: ignore[no-any-return]
    preferred = capabilities.preferred_loader_file_format
    supported = capabilities.supported_loader_file_formats
    if (select := capabilities.loader_file_format_selector) is not None:
        preferred, supported = select(preferred, supported, table_schema=_ANY_TABLE)
    return "parquet" if "parquet" in supported else preferred
