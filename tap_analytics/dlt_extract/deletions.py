"""Lets a load that proves a stream whole delete the rows that are gone at the source.

dlt merges by "delete and insert": it deletes the table's rows that a scope tells, by
default those with a key of the load's, and inserts the load's. So a wider scope deletes
more. dlt's schema keeps a scope, and a later load of whatever kind would use it again.
So it names the load that it is meant for, and is the default for all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import dlt
from dlt.common.configuration.container import Container
from dlt.common.destination.capabilities import DestinationCapabilitiesContext
from dlt.common.schema.typing import MERGE_DISPOSITION_HINTS
from dlt.extract.items_transform import MapItem, MetricsItem
from dlt.extract.pipe import ForkPipe

from tap_analytics.dlt_extract.last_step import LastStep
from tap_analytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlt.common.schema import Schema
    from dlt.extract import DltResource

REPLICATION_KEY = "createdAt"
STRATEGY = "delete-insert"

_STRATEGY_HINT = "x-merge-strategy"
_SCOPE_HINT = MERGE_DISPOSITION_HINTS["destination_scope"]

_KEEP_ROWS = (MapItem, MetricsItem, ForkPipe, LastStep)
"""The steps of a pipe that leave no rows out."""


class Deletions:
    """What a load of one resource deletes besides the rows that it replaces.

    Args:
        bounds: Columns and the value that all rows of the source have in them.
    """

    def __init__(self, bounds: Mapping[str, str]) -> None:
        self._bounds = bounds
        self._resource: DltResource = dlt.current.resource()
        self._schema: Schema = dlt.current.source_schema()

    @property
    def _table(self) -> str:
        return table_of(self._resource, self._schema) or ""

    def check(self) -> None:
        """Return if the resource is merged in a way in which rows can be deleted.

        Raises:
            ConfigError: If not.
        """
        if not self._table:
            msg = (
                f"resource {self._resource.name!r}: deletions needs one table, not one "
                "by the row. Leave out either."
            )
            raise ConfigError(msg)
        disposition: Any = self._resource.write_disposition
        if isinstance(disposition, str):
            disposition = {"disposition": disposition}
        how = [disposition["disposition"], disposition.get("strategy")]
        if how not in (["merge", None], ["merge", STRATEGY]) or (
            "destination_scope" in disposition
        ):
            msg = (
                f"resource {self._resource.name!r}: deletions needs the write "
                "disposition merge, by dlt's strategy delete-insert and without a "
                "destination_scope. Leave out either."
            )
            raise ConfigError(msg)
        container = Container()
        if DestinationCapabilitiesContext not in container:
            return
        capabilities = container[DestinationCapabilitiesContext]
        if STRATEGY not in (capabilities.supported_merge_strategies or ()):
            msg = (
                "deletions needs a destination that merges by delete-insert, as DuckDB "
                "and PostgreSQL do. Leave it out, or load with "
                "write_disposition='replace'."
            )
            raise ConfigError(msg)

    def forget(self) -> None:
        """Let dlt merge by keys, whatever an earlier load deleted."""
        table = cast("dict[str, Any]", self._schema.tables.get(self._table, {}))
        if "_dlt_load_id" in table.get(_SCOPE_HINT, ""):
            del table[_SCOPE_HINT], table[_STRATEGY_HINT]

    def widen(self, since: str | None) -> bool:
        """Let the load delete the rows that it does not bring.

        Args:
            since: Only of those that were created from then on; `None` for all.

        Returns:
            Whether there is a table.
        """
        if self._table not in self._schema.tables:
            return False
        column = self._schema.naming.normalize_identifier
        rows = "1 = 1"
        if since is not None:
            rows = f"{column(REPLICATION_KEY)} >= {_text(since)}"
        deleted = scope(
            column("id"),
            column("_dlt_load_id"),
            dlt.current.load_package_state()["load_id"],
            rows,
            {column(name): text for name, text in self._bounds.items()},
        )
        self._update({_STRATEGY_HINT: STRATEGY, _SCOPE_HINT: deleted})
        return True

    def load_as(self, file_format: str) -> None:
        """Let the load come in another kind of file than the resource's hint says."""
        self._update({"file_format": file_format})

    def _update(self, hints: dict[str, Any]) -> None:
        partial = {"name": self._table, "columns": {}, **hints}
        self._schema.update_table(cast("Any", partial))


def scope(
    key: str, load: str, load_id: str, rows: str, bounds: Mapping[str, str]
) -> str:
    """Return the rows that a load deletes, as SQL.

    Args:
        key: The column of the key.
        load: The column that says which load a row is of.
        load_id: The load that proves the stream whole.
        rows: The rows of which that load brings all that there are.
        bounds: Columns and their values in all rows that any load may delete.
    """
    staged = "FROM {staging_table}"
    deleted = (
        f"({key} IN (SELECT {key} {staged}) OR (NOT EXISTS "
        f"(SELECT 1 {staged} WHERE {load} <> '{load_id}') AND ({rows})))"
    )
    equal = [f"{column} = {_text(text)}" for column, text in bounds.items()]
    return " AND ".join([*equal, deleted])


def table_of(resource: DltResource, schema: Schema) -> str | None:
    """Return the name of a resource's table, `None` if each row says it."""
    name = resource.table_name
    if callable(name):
        return None
    return schema.naming.normalize_table_identifier(name)


def leaves_out_rows() -> str:
    """Return which step of the current resource may do so, empty if there is none."""
    pipe: Any = dlt.current.pipe()
    return next(
        (
            type(step).__name__
            for step in pipe.steps
            if step is not pipe.gen and not isinstance(step, _KEEP_ROWS)
        ),
        "",
    )


def _text(value: str) -> str:
    """Return a text in SQL, in which dlt takes braces for placeholders."""
    quoted = value.replace("'", "''").replace("{", "{{").replace("}", "}}")
    return f"'{quoted}'"
