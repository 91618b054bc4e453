"""Loads batches through dlt: one load package for the batches of all streams."""

from __future__ import annotations

import gc
import traceback
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

# This comes first, because it sets up dlt's environment.
from tap_analytics.target_dlt.loading.destination import (
    explain,
    file_format,
    make_destination,
    redact,
)

# isort: split
import dlt
from dlt import destinations
from dlt.common.storages.load_package import load_package_state
from singer_sdk.exceptions import SingerSDKError

from tap_analytics.target_dlt.columns.column_types import TEXT
from tap_analytics.target_dlt.columns.nul_characters import (
    REFUSED_BY,
    remove_nul_characters,
)
from tap_analytics.target_dlt.columns.sdc_columns import DELETED_AT
from tap_analytics.target_dlt.columns.misfits import MisfitError, shorten
from tap_analytics.target_dlt.errors import InputError, LoadError, TargetError
from tap_analytics.target_dlt.loading.active_versions import ActiveVersions
from tap_analytics.target_dlt.loading.schema_evolution import SchemaEvolution
from tap_analytics.target_dlt.loading.tables import Tables
from tap_analytics.target_dlt.loading.unconfirmed_loads import (
    LOAD_ID,
    UnconfirmedLoads,
    with_load_id,
)
from tap_analytics.target_dlt.loading.working_directory import WorkingDirectory

if TYPE_CHECKING:
    import logging
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa
    from dlt.common.normalizers.naming import NamingConvention
    from dlt.common.schema.typing import TWriteDisposition, TWriteDispositionConfig
    from dlt.extract import DltResource

    from tap_analytics.target_dlt.columns.column_types import ColumnType
    from tap_analytics.target_dlt.columns.stream_buffer import Batch

_LONGEST_TABLE_NAME = 200
"""With more, what dlt adds makes a file name that no file system takes."""


class Loader:
    """One dlt pipeline, from the first load of a run to the last.

    Its working directory is private and goes with the process: the destination is the
    only memory. So a killed run leaves nothing that the next one would load, and runs
    side by side don't meet.

    Args:
        config: The target's settings.
        logger: Told what the destination can't do.

    Raises:
        SetupError: The settings don't name a destination.
    """

    def __init__(self, config: Mapping[str, Any], logger: logging.Logger) -> None:
        self._config = config
        self._logger = logger
        self._destination = make_destination(config)
        self._format = file_format(self._destination, config)
        dialect = self._destination.capabilities().sqlglot_dialect
        self._refuses_nul = dialect in REFUSED_BY
        self._streams: dict[str, str] = {}
        self._begun: set[str] = set()
        self._naming: NamingConvention | None = None

    def open(self) -> None:
        """Connect to the destination and learn what is there; once is enough.

        Raises:
            LoadError: It can't be reached, or its credentials are missing.
            SetupError: The working directory can't be used.
        """
        if self._naming is None:
            with self._errors_explained():
                self._open()

    def _open(self) -> None:
        name = self._config["pipeline_name"]
        self._directory = WorkingDirectory(self._config.get("pipelines_dir"), name)
        self._pipeline = dlt.pipeline(
            name,
            destination=self._destination,
            dataset_name=self._config["dataset_name"],
            pipelines_dir=str(self._directory.path),
        )
        # What a run that failed or was killed left, where the directory is kept.
        if self._pipeline.has_pending_data:
            self._pipeline.abort_packages()
        self._pipeline.sync_destination()
        self._naming = self._pipeline.destination_client().schema.naming
        self._tables = Tables(self._pipeline)
        self._schema_evolution = SchemaEvolution(self._tables)
        self._unconfirmed_loads = UnconfirmedLoads(self._tables, self._directory.run)
        self._versions = ActiveVersions(
            self._tables, self._logger, hard_delete=self._config["hard_delete"]
        )

    def close(self) -> None:
        """Give the working directory up."""
        if self._naming is not None:
            self._directory.close()

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        """Make one line of what dlt and destinations raise, and nothing of warnings."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except (TargetError, SingerSDKError, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001, dlt and drivers raise all kinds
            trace = redact(traceback.format_exc(), self._config)
            self._logger.debug("%s", trace)
            reason = redact(explain(error), self._config)
            msg = f"Destination {self._config['destination']!r}: {reason}"
            # Not from the error, whose own words may have secrets in them.
            raise LoadError(msg) from None

    def load(
        self, batches: Iterable[Batch], versions: Sequence[tuple[str, int]] = ()
    ) -> None:
        """Load batches in one package, then activate versions.

        Args:
            batches: At most one per stream; taken one by one, and given up as soon as
                their rows are on disk.
            versions: Streams and the versions of their rows that are to stay.

        Raises:
            TargetError: A batch can't be loaded, or the destination not be reached.
        """
        self.open()
        with self._errors_explained(), self._tables.connected():
            self._load(batches)
            for stream, version in versions:
                self._versions.activate(self._table_name(stream), version)

    @contextmanager
    def confirmed(self) -> Iterator[None]:
        """Note that a STATE vouches for all rows so far; it is to go out in here.

        Raises:
            LoadError: The destination can't be reached.
        """
        if self._naming is None:
            yield
            return
        with self._errors_explained(), self._unconfirmed_loads.confirmed():
            yield

    def _load(self, batches: Iterable[Batch]) -> None:
        self._appended: list[str] = []
        resources = [self._resource(batch) for batch in batches]
        if not resources:
            return
        extracted = self._pipeline.extract(resources)
        self._pipeline.normalize()
        # dlt's objects are in cycles, with rows among them. Without this, rows of a
        # dozen loads would be in memory, until Python's collector comes by.
        gc.collect()
        self._unconfirmed_loads.begin(extracted.loads_ids[0], self._appended)
        self._pipeline.load()

    def _resource(self, batch: Batch) -> DltResource:
        table = self._table_name(batch.stream)
        rows, columns = self._with_column_names(batch)
        if table not in self._begun:
            self._tables.wait_for_writers(table)
        keys = [self._column_name(key) for key in batch.keys]
        try:
            rows, columns = self._schema_evolution.fit(table, rows, columns, keys)
            if self._refuses_nul:
                rows = remove_nul_characters(rows, columns, keys, self._logger)
        except MisfitError as error:
            msg = f"Stream {batch.stream!r}: {error}."
            raise InputError(msg) from None
        disposition = self._disposition(table, keys)
        if disposition == "append" and LOAD_ID in columns:
            msg = (
                f"Stream {batch.stream!r}: the column {LOAD_ID!r} is dlt's own where "
                "rows are appended. Rename the field with stream_maps."
            )
            raise InputError(msg)
        # Also a key may be null in rows of the time when it was none.
        hints: dict[str, Any] = {
            name: {**type_.hints, "nullable": True} for name, type_ in columns.items()
        }
        if isinstance(self._destination, destinations.sqlalchemy):
            # It would encode as JSON what is JSON already.
            for name, type_ in columns.items():
                if type_.kind == "json":
                    hints[name] = {**TEXT.hints, "nullable": True}
        deleted_at = self._column_name(DELETED_AT)
        if deleted_at in hints and self._config["hard_delete"]:
            hints[deleted_at]["hard_delete"] = True

        # dlt's resources outlive a load; the rows must not, so they are given away.
        once = [rows]

        def tables() -> Iterator[pa.Table]:
            if disposition == "append":
                yield with_load_id(once.pop(), load_package_state()["load_id"])
            else:
                yield once.pop()

        resource: DltResource = dlt.resource(tables, name=table)()
        resource.apply_hints(
            write_disposition=self._strategy(disposition, columns),
            primary_key=keys,
            columns=hints,
            file_format=self._format,
            table_format=self._config.get("table_format"),
            # Saves the destination the search for duplicates.
            additional_table_hints={"x-stage-data-deduplicated": bool(keys)},
        )
        return resource

    def _strategy(
        self, disposition: TWriteDisposition, columns: Container[str]
    ) -> TWriteDispositionConfig:
        """Choose how a destination merges.

        dlt's default, delete and insert, calls its tables `d` and `s`. DuckDB takes
        `d.id` for a field of the column, where there is one of that name and of type
        JSON; the other way, upsert, is not open to that.
        """
        if disposition == "merge" and ("d" in columns or "s" in columns):
            supported = self._destination.capabilities().supported_merge_strategies
            if "upsert" in supported:
                return {"disposition": "merge", "strategy": "upsert"}
        return disposition

    def _warn_if_plain_files(self, stream: str) -> None:
        is_files = isinstance(self._destination, destinations.filesystem)
        if is_files and not self._config.get("table_format"):
            self._logger.warning(
                "Stream %r: plain files can't be merged, so its rows are appended. "
                "Delta and Iceberg tables can: see `table_format`.",
                stream,
            )

    def _disposition(self, table: str, keys: Sequence[str]) -> TWriteDisposition:
        """Choose what a load does with the rows that a table has already."""
        by_keys: TWriteDisposition = "merge" if keys else "append"
        wanted = self._config.get("write_disposition") or by_keys
        first = table not in self._begun
        self._begun.add(table)
        if wanted == "replace" and first:
            return "replace"
        if wanted == "append" or by_keys == "append":
            if first:
                self._unconfirmed_loads.discard_unconfirmed(table)
            self._appended.append(table)
            return "append"
        if first:
            self._warn_if_plain_files(table)
        return "merge"

    def _table_name(self, stream: str) -> str:
        table = self._normalized(stream, tables=True)
        if len(table) > _LONGEST_TABLE_NAME or table.startswith("_dlt"):
            msg = (
                f"Stream {shorten(stream)}: its name can't be that of a table. Give it "
                "another with stream_maps (__alias__)."
            )
            raise InputError(msg)
        other = self._streams.setdefault(table, stream)
        if other != stream:
            msg = (
                f"Streams {other!r} and {stream!r} would share the table {table!r}. "
                "Give one another name with stream_maps (__alias__)."
            )
            raise InputError(msg)
        return table

    def _with_column_names(
        self, batch: Batch
    ) -> tuple[pa.Table, dict[str, ColumnType]]:
        names: dict[str, str] = {}
        for name in batch.table.column_names:
            column = self._column_name(name)
            if not column:
                msg = (
                    f"Stream {batch.stream!r}: the field {name!r} has no name for a "
                    "column. Rename it with stream_maps."
                )
                raise InputError(msg)
            other = names.setdefault(column, name)
            if other != name:
                msg = (
                    f"Stream {batch.stream!r}: fields {other!r} and {name!r} would "
                    f"share the column {column!r}. Rename one with stream_maps."
                )
                raise InputError(msg)
        types = {column: batch.columns[name] for column, name in names.items()}
        return batch.table.rename_columns(list(names)), types

    def _column_name(self, name: str) -> str:
        return self._normalized(name, tables=False)

    def _normalized(self, name: str, *, tables: bool) -> str:
        assert self._naming is not None  # noqa: S101
        if tables:
            return self._naming.normalize_tables_path(name)
        return self._naming.normalize_path(name)
