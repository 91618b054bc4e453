"""How one stream's rows are loaded: as which items, since when, instead of which."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import dlt
from dlt.common.storages.exceptions import CurrentLoadPackageStateNotAvailable
from dlt.extract.exceptions import ResourceNotFoundError
from dlt.extract.extractors import materialize_schema_item

from tap_analytics.dlt_extract.deletions import (
    REPLICATION_KEY,
    Deletions,
    leaves_out_rows,
    table_of,
)
from tap_analytics.dlt_extract.dict_tables import DictTables
from tap_analytics.dlt_extract.file_formats import PARQUET, FileFormat
from tap_analytics.dlt_extract.items import ArrowTables, as_dicts, with_columns
from tap_analytics.dlt_extract.last_step import READS_TEXTS, DictForm, goes_only_to
from tap_analytics.dlt_extract.plain_hints import PlainHints, dlt_adds_ids
from tap_analytics.errors import ConfigError
from tap_analytics.rows.bookmarks import bookmark_of
from tap_analytics.rows.replication_keys import TimestampOrder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from dlt.extract import DltResource

    from tap_analytics.dlt_extract.declared import Choices, DeclaredStream
    from tap_analytics.reading.account import Account
    from tap_analytics.reading.stream_reader import StreamReader
    from tap_analytics.rows.fields import Row

_NO_HASHES = (
    "rows='arrow' and dlt's strategy scd2 need a hash as _dlt_id, but dlt is told to "
    "make ids: set normalize.parquet_normalizer.add_dlt_id to false, or rows to "
    "'dicts'."
)

MOST_ROWS = {"dicts": 1_000, "arrow": 32_768}
"""The rows of an item, about: dlt spends milliseconds on each item."""

BOOKMARK = "bookmark"
"""Where in a resource's state the bookmark is."""


class Loading:
    """How the current resource's rows are to be loaded.

    Args:
        stream: The stream.
        choices: What the items are to be.
        account: What all streams share.

    Attributes:
        bookmark: Where to start; `None` for the very beginning.
        rows: How many rows have been made into items.
        form: What dlt is to get instead of dicts; `None` if it is to get these.
        has_expected_types: Whether no column has another type than declared.

    Raises:
        ConfigError: If rows can't be deleted or told apart as wanted, or the bookmark
            is no date.
    """

    def __init__(
        self, stream: DeclaredStream, choices: Choices, account: Account
    ) -> None:
        settings = account.settings
        self._choices = choices
        self._settings = settings
        self._logger = account.run.logger
        self._load_id: str | None = None
        self._deletions: Deletions | None = None
        self.rows = 0
        self._records: list[dict[str, Any]] = []
        self._is_hashed = False
        self._file_format: FileFormat | None = None
        self._tables = None
        if choices.rows == "arrow":
            self._tables = ArrowTables(stream.schema, with_ids=not dlt_adds_ids())
        self.bookmark = None
        self.form: DictForm | None = None
        self.has_expected_types = False
        resource = _selected_resource()
        if resource is None:
            return
        if settings["incremental"] and stream.is_incremental:
            self.bookmark = bookmark_of(
                dict(dlt.current.resource_state().get(BOOKMARK, {})),
                REPLICATION_KEY,
                TimestampOrder(),
                account.client.started_at,
                settings,
            )
        with suppress(CurrentLoadPackageStateNotAvailable):
            self._load_id = dlt.current.load_package_state()["load_id"]
        if self._load_id is None:
            return
        disposition = resource.write_disposition
        if isinstance(disposition, dict):
            self._is_hashed = disposition.get("strategy") == "scd2"
            if self._is_hashed and self._tables is not None and dlt_adds_ids():
                raise ConfigError(_NO_HASHES)
        schema = dlt.current.source_schema()
        table = table_of(resource, schema)
        hints = PlainHints(resource, stream, table, schema)
        self.has_expected_types = hints.are_as_declared
        self._file_format = FileFormat(
            resource, table, schema, is_arrow=bool(self._tables)
        )
        if (
            self._tables is None
            and self._file_format.name in READS_TEXTS
            and not self._is_hashed
            and goes_only_to(choices.names)
        ):
            self.form = self._form(stream, hints)
        deletions = Deletions(choices.bounds)
        deletions.forget()
        if choices.deletions:
            deletions.check()
            self._deletions = deletions

    @property
    def takes_columns(self) -> bool:
        """Whether rows may come as columns, of which nobody has looked at one row."""
        return (
            self._tables is not None
            and not self._is_hashed
            and self.bookmark is None
            and self._settings["undeclared_fields"] == "collect"
        )

    def _form(self, stream: DeclaredStream, hints: PlainHints) -> DictForm:
        tables = None
        if (
            self._load_id is not None
            and self._file_format is not None
            and self._file_format.name == PARQUET
            and not self._choices.infer
            and hints.let_dicts_be_tables
        ):
            hints.add_dlt_id()
            tables = DictTables(stream.columns, self._load_id)
        return DictForm(stream.json_columns, tables)

    def items(self, rows: Sequence[Row], *, is_end: bool = False) -> Iterator[Any]:
        """Yield the items that are complete with these rows: none, or one.

        Args:
            rows: The next rows.
            is_end: Whether none may follow in the same item.
        """
        self.rows += len(rows)
        if self._tables is not None:
            if rows:
                self._tables.add(rows, self._load_id, hashed=self._is_hashed)
            yield from self._taken(self._tables, is_end=is_end)
            return
        records = as_dicts(rows)
        self._records += map(with_columns, records) if self._choices.infer else records
        if len(self._records) >= (1 if is_end else MOST_ROWS["dicts"]):
            records, self._records = self._records, []
            yield records

    def items_of_columns(
        self, columns: Sequence[pa.Array], *, is_end: bool = False
    ) -> Iterator[Any]:
        """Yield the items that are complete with these rows, as `items` does.

        Args:
            columns: The columns of the next rows.
            is_end: Whether none may follow in the same item.
        """
        assert self._tables is not None  # noqa: S101 - only these have columns
        self.rows += len(columns[0])
        self._tables.add_columns(columns, self._load_id)
        yield from self._taken(self._tables, is_end=is_end)

    @staticmethod
    def _taken(tables: ArrowTables, *, is_end: bool) -> Iterator[pa.Table]:
        if tables.rows >= (1 if is_end else MOST_ROWS["arrow"]):
            yield tables.take()

    def end(
        self, reader: StreamReader, *, has_all_parents: bool = True
    ) -> Iterator[Any]:
        """Take note that all was read; if it was all there is, older rows may go.

        Args:
            reader: What has read the rows.
            has_all_parents: Whether no parent was left out.

        Yields:
            What has an empty table loaded too.
        """
        reader.say_what_was_ignored()
        if self.bookmark is not None:
            reader.promote(dlt.current.resource_state().setdefault(BOOKMARK, {}))
        if self._deletions is None:
            return
        if step := leaves_out_rows():
            self._say(reader, f"{step} may leave out rows")
        elif self.bookmark is not None and self._settings.get("since_param"):
            self._say(reader, "the API filters by since_param, and tells no more")
        elif reason := reader.wholeness.why_not(
            "" if has_all_parents else "a limit or filter"
        ):
            self._say(reader, reason[1], level=reason[0])
        else:
            since = None if self.bookmark is None else self.bookmark.complete_since
            if self._deletions.widen(since) and not self.rows:
                if self._file_format is not None and self._file_format.is_chosen:
                    # dlt's driver for PostgreSQL fails at such a file without rows.
                    dlt.current.resource().apply_hints(file_format=cast("Any", ""))
                    self._deletions.load_as("preferred")
                yield materialize_schema_item()

    def _say(self, reader: StreamReader, why: str, level: int = logging.INFO) -> None:
        self._logger.log(level, "%s: %s, so no rows are deleted.", reader.name, why)


def _selected_resource() -> DltResource | None:
    """Return the current resource if its rows are wanted, and not only its children."""
    try:
        resource = dlt.current.resource()
    except (KeyError, ResourceNotFoundError):
        return None
    return resource if resource.selected else None
