"""dlt's configuration of DuckDB and PostgreSQL, found in less time.

dlt asks for its configuration dozens of times in each load, and imports SQLAlchemy for
URLs, if that is installed. This module holds all that keeps it from both.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from dlt.common.configuration import configspec
from dlt.common.configuration.specs import ConnectionStringCredentials
from dlt.common.configuration.specs.exceptions import InvalidConnectionString
from dlt.common.configuration.utils import serialize_value
from dlt.common.destination import Destination, DestinationCapabilitiesContext
from dlt.common.libs.sql_alchemy_shims import URL, make_url
from dlt.destinations.impl.duckdb import configuration as of_duckdb
from dlt.destinations.impl.postgres import configuration as of_postgres

from tap_analytics.compat import override

if TYPE_CHECKING:
    from dlt.common.normalizers.naming import NamingConvention


class OnceConfigured(Destination[Any, Any]):
    """A destination that looks once for its configuration and its capabilities."""

    _known: tuple[dict[str, Any], Any] | None = None
    """The last configuration that was asked for, and what it was found to be."""

    @cached_property
    def _capabilities(self) -> dict[type, DestinationCapabilitiesContext]:
        """By the kind of names, on which they depend."""
        return {}

    @override
    def configuration(self, initial_config: Any, accept_partial: bool = False) -> Any:
        if accept_partial or initial_config is None or initial_config.is_resolved():
            return super().configuration(initial_config, accept_partial)
        asked = dict(initial_config)
        known = self._known  # dlt's threads ask, too
        if known is None or known[0] != asked:
            known = self._known = asked, super().configuration(initial_config).copy()
        configuration = known[1].copy()
        # A copy of DuckDB's has no pool of connections; each client needs its own.
        configuration.credentials.resolve()
        return configuration

    @override
    def capabilities(
        self, config: Any = None, naming: NamingConvention | None = None
    ) -> DestinationCapabilitiesContext:
        if config is not None:
            return super().capabilities(config, naming)
        names = type(naming)
        if names not in self._capabilities:
            self._capabilities[names] = super().capabilities(naming=naming)
        return self._capabilities[names].copy()


class _PlainURLs(ConnectionStringCredentials):
    """Credentials whose URLs dlt reads and writes as if there were no SQLAlchemy."""

    @override
    def parse_native_representation(self, native_value: Any) -> None:
        try:
            parts = make_url(native_value)._asdict()
        except Exception:  # noqa: BLE001 - its words would show the password
            raise InvalidConnectionString(
                type(self), native_value, self.drivername
            ) from None
        parts["query"] = dict(parts["query"])
        self.update({name: part for name, part in parts.items() if part is not None})

    @override
    def to_url(self) -> URL:
        query: dict[str, Any] = {
            name: None if value is None else serialize_value(value)
            for name, value in self.get_query().items()
        }
        return URL.create(
            self.drivername,
            self.username,
            self.password,
            self.host,
            self.port,
            self.database,
            query,
        )


@configspec(init=False)
class DuckDbCredentials(of_duckdb.DuckDbCredentials, _PlainURLs):  # type: ignore[misc]
    """The credentials of DuckDB."""


@configspec(init=False)
class DuckDbConfiguration(of_duckdb.DuckDbClientConfiguration):
    """The configuration of DuckDB."""

    credentials: DuckDbCredentials = None  # type: ignore[assignment]

    def __str__(self) -> str:
        """Tell the location, for which dlt asks after each load."""
        return str(self.credentials.database)


@configspec(init=False)
class PostgresCredentials(of_postgres.PostgresCredentials, _PlainURLs):
    """The credentials of PostgreSQL."""


@configspec(init=False)
class PostgresConfiguration(of_postgres.PostgresClientConfiguration):
    """The configuration of PostgreSQL."""

    credentials: PostgresCredentials = None  # type: ignore[assignment]
