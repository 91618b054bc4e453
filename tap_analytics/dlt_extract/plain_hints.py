"""Whether a user has asked dlt for anything that an Arrow table would not get."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from dlt.common.configuration import known_sections, resolve_configuration
from dlt.common.configuration.container import Container
from dlt.common.destination.capabilities import DestinationCapabilitiesContext
from dlt.common.normalizers.json.relational import DataItemNormalizer
from dlt.common.schema.typing import MERGE_DISPOSITION_HINTS
from dlt.common.schema.utils import dlt_id_column
from dlt.normalize.configuration import ItemsNormalizerConfiguration

from tap_analytics.compat import override
from tap_analytics.dlt_extract.dict_tables import TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlt.common.schema import Schema
    from dlt.extract import DltResource

    from tap_analytics.dlt_extract.declared import DeclaredStream

_STRATEGY = "delete-insert"
_STRATEGY_HINT = MERGE_DISPOSITION_HINTS["strategy"]
_TYPE_HINTS = ("data_type", "precision", "scale", "timezone")
_MICROSECONDS = 6


class PlainHints:
    """What is asked of a resource, and of its table.

    Args:
        resource: The resource.
        stream: The stream that it yields.
        table: The name of its table; `None` if each row says it.
        schema: The source's schema.
    """

    def __init__(
        self,
        resource: DltResource,
        stream: DeclaredStream,
        table: str | None,
        schema: Schema,
    ) -> None:
        self._resource = resource
        self._declared = stream.columns
        self._table = table or ""
        self._schema = schema
        self._is_dynamic = table is None
        self._hinted: Any = {} if self._is_dynamic else resource.compute_table_schema()
        self._known: Any = schema.tables.get(self._table, {})

    @property
    def are_as_declared(self) -> bool:
        """Whether the columns have no other types than the stream's."""
        return not self._is_dynamic and all(
            self._is_as_declared(table) for table in (self._hinted, self._known)
        )

    @property
    def let_dicts_be_tables(self) -> bool:
        """Whether dlt makes no other rows of dicts than of a table of them.

        It does by hints of another type, by a schema contract, and by a strategy that
        gives rows ids made of their keys.
        """
        container = Container()
        if (
            not self.are_as_declared
            or self._resource.validator
            or dlt_adds_ids()
            or DestinationCapabilitiesContext not in container
        ):
            return False
        contract_of = self._schema.resolve_contract_settings_for_table
        contracts = [
            contract_of(self._table, self._hinted),
            contract_of(self._table),
        ]
        capabilities: Any = container[DestinationCapabilitiesContext]
        default, *_ = capabilities.supported_merge_strategies or [_STRATEGY]
        strategies = {one.get(_STRATEGY_HINT) for one in (self._hinted, self._known)}
        return (
            all({*one.values()} == {"evolve"} for one in contracts)
            and strategies | {default} <= {None, _STRATEGY}
            and {column["data_type"] for column in self._declared.values()} <= TYPES
            and isinstance(self._schema.data_item_normalizer, DataItemNormalizer)
            and "filters" not in self._known
            and capabilities.timestamp_precision == _MICROSECONDS
            and capabilities.supports_tz_aware_datetime
        )

    def _is_as_declared(self, table: Mapping[str, Any]) -> bool:
        normalized = self._schema.naming.normalize_identifier
        columns = {normalized(name): c for name, c in table.get("columns", {}).items()}
        return all(
            all(column.get(hint) == declared.get(hint) for hint in _TYPE_HINTS)
            and column.get("nullable", True) == declared["nullable"]
            for name, declared in self._declared.items()
            for column in (columns.get(normalized(name), declared),)
        )

    def add_dlt_id(self) -> None:
        """Let a new table's ids be what they are in a table that is made of dicts."""
        column: Any = dlt_id_column()
        name = column.pop("name")
        if self._schema.naming.normalize_identifier(name) not in self._known.get(
            "columns", {}
        ):
            hints = ("data_type", "nullable", "unique", "row_key")
            columns: Any = {name: {hint: column[hint] for hint in hints}}
            self._resource.apply_hints(columns=columns)


def dlt_adds_ids() -> bool:
    """Return whether a user has told dlt to add a column of ids to Arrow tables."""
    sections = (known_sections.NORMALIZE, "parquet_normalizer")
    return resolve_configuration(
        ItemsNormalizerConfiguration(), sections=sections
    ).add_dlt_id


class ExpectedWarnings(logging.Filter):
    """Lets dlt not warn that a column for JSON is text in an Arrow table.

    Attributes:
        resources: The names of the resources of which that is known.
    """

    def __init__(self) -> None:
        super().__init__()
        self.resources: set[str] = set()
        self._thread = threading.get_ident()

    def begin(self, log: logging.Logger) -> None:
        """Keep dlt from saying so from now on; what this thread read before is over."""
        for other in log.filters[:]:
            if isinstance(other, ExpectedWarnings) and other._thread == self._thread:  # noqa: SLF001
                log.removeFilter(other)
        log.addFilter(self)

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if threading.get_ident() != self._thread:
            return True
        begin, _, rest = record.getMessage().partition(", when merging arrow schema")
        is_known = begin.removeprefix("In resource: ") in self.resources
        return not (is_known and "several column hints were different" in rest)
