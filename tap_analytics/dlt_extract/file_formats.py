"""In which kind of file rows are loaded: as Parquet, wherever a table takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from dlt.common.configuration.container import Container
from dlt.common.destination.capabilities import DestinationCapabilitiesContext
from dlt.common.schema.utils import has_table_seen_data

if TYPE_CHECKING:
    from dlt.common.schema import Schema
    from dlt.extract import DltResource

PARQUET = "parquet"

_MADE_OF_PARQUET = "x-made-of-parquet"
"""dlt keeps such hints in its schema."""


class FileFormat:
    """In which kind of file a resource's rows are loaded.

    Where Parquet goes through a driver of its own, as with PostgreSQL, dlt makes other
    columns for it: `json`, not `jsonb`, which that driver can't write. So a table that
    was made of other files stays with these.

    Args:
        resource: The resource.
        table: The name of its table; `None` if each row says it.
        schema: The source's schema.
        is_arrow: Whether the rows are Arrow tables, for which dlt would take Parquet.
    """

    def __init__(
        self,
        resource: DltResource,
        table: str | None,
        schema: Schema,
        *,
        is_arrow: bool,
    ) -> None:
        hints = cast("dict[str, Any]", resource._hints)  # noqa: SLF001 - no property
        self.is_chosen = False
        self.name: str | None = hints.get("file_format")
        if DestinationCapabilitiesContext not in Container():
            return
        capabilities: Any = Container()[DestinationCapabilitiesContext]
        formats = list(capabilities.supported_loader_file_formats or ())
        preferred: str | None = capabilities.preferred_loader_file_format
        if (select := capabilities.loader_file_format_selector) is not None:
            preferred, formats = select(preferred, formats, table_schema={})
        if self.name not in {None, PARQUET}:
            return
        known = cast("dict[str, Any]", schema.tables.get(table or "", {}))
        takes_parquet = PARQUET in formats and (
            select is None
            or not has_table_seen_data(cast("Any", known))
            or known.get(_MADE_OF_PARQUET, False)
        )
        if takes_parquet:
            self._choose(resource, PARQUET)
            resource.apply_hints(additional_table_hints={_MADE_OF_PARQUET: True})
        elif is_arrow and preferred is not None:
            self._choose(resource, preferred)
        self.name = self.name or preferred

    def _choose(self, resource: DltResource, name: str) -> None:
        resource.apply_hints(file_format=cast("Any", name))
        self.name = name
        self.is_chosen = True
