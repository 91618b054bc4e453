"""An open dataset: takes a run's batches, from its first load to its last."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from dlt import destinations

from tap_analytics.target_dlt.columns.misfits import MisfitError
from tap_analytics.target_dlt.columns.nul_characters import (
    REFUSED_BY,
    remove_nul_characters,
)
from tap_analytics.target_dlt.columns.sdc_columns import DELETED_AT
from tap_analytics.target_dlt.errors import InputError
from tap_analytics.target_dlt.loading import open_tables
from tap_analytics.target_dlt.loading.active_versions import ActiveVersions
from tap_analytics.target_dlt.loading.connection import Connection, is_kept
from tap_analytics.target_dlt.loading.dataset_lock import locked
from tap_analytics.target_dlt.loading.dispositions import Dispositions
from tap_analytics.target_dlt.loading.error_lines import one_line_errors
from tap_analytics.target_dlt.loading.memory import give_back_rows
from tap_analytics.target_dlt.loading.names import Names
from tap_analytics.target_dlt.loading.resources import (
    TableOptions,
    TableRows,
    has_deleted,
    make_resource,
)
from tap_analytics.target_dlt.loading.rows_by_column import RowsByColumn
from tap_analytics.target_dlt.loading.schema_evolution import SchemaEvolution
from tap_analytics.target_dlt.loading.tables import Tables
from tap_analytics.target_dlt.loading.unconfirmed_loads import LOAD_ID, UnconfirmedLoads
from tap_analytics.target_dlt.loading.version_scope import read_scope

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dlt import Pipeline
    from dlt.common.typing import TLoaderFileFormat
    from dlt.extract import DltResource

    from tap_analytics.target_dlt.columns.stream_buffer import Batch
    from tap_analytics.target_dlt.loading.working_directory import WorkingDirectory


class OpenDataset:
    """Takes a run's batches, and loads each lot of them in one dlt package.

    Args:
        pipeline: A dlt pipeline that knows what is in the destination.
        directory: The pipeline's working directory, given up in the end.
        config: The target's settings.
        file_format: The format of load files.
        logger: Told what the destination can't do.

    Raises:
        SetupError: A setting is not valid.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        directory: WorkingDirectory,
        config: Mapping[str, Any],
        file_format: TLoaderFileFormat,
        logger: logging.Logger,
    ) -> None:
        self._pipeline = pipeline
        self._directory = directory
        self._config = config
        self._logger = logger
        client: Any = pipeline.destination_client()
        if isinstance(pipeline.destination, destinations.filesystem):
            open_tables.check_path(config.get("table_format"), client.dataset_path)
        self._names = Names(client.schema.naming, client.capabilities.sqlglot_dialect)
        self._tables = Tables(pipeline)
        self._unconfirmed_loads = UnconfirmedLoads(self._tables, directory.run)
        self.versions = ActiveVersions(
            self._tables,
            read_scope(config.get("version_scope"), self._names.column),
            logger,
            hard_delete=config["hard_delete"],
        )
        self._dispositions = Dispositions(
            config.get("write_disposition"),
            logger,
            can_merge=bool(config.get("table_format"))
            or not isinstance(pipeline.destination, destinations.filesystem),
        )
        self._table_options = TableOptions(
            file_format,
            config.get("table_format"),
            isinstance(pipeline.destination, destinations.sqlalchemy),
            self._names.column(DELETED_AT),
            config["hard_delete"],
        )
        self._refuses_nul = client.capabilities.sqlglot_dialect in REFUSED_BY
        self._connection = Connection(self._tables, is_kept=is_kept(client))
        self._connection.keep()
        self.is_loading = False
        """Whether a load is under way, which is better not interrupted."""

    def load(
        self, batches: Iterable[Batch], versions: Sequence[tuple[str, int]] = ()
    ) -> str | None:
        """Load batches in one package, then activate versions.

        Args:
            batches: At most one per stream; taken one by one, and given up as soon as
                their rows are on disk.
            versions: Streams and the versions of their rows that are to stay.

        Returns:
            dlt's id of the package; None if there was nothing to load.

        Raises:
            TargetError: A batch can't be loaded, or the destination not be reached.
        """
        with self._exclusive():
            load_id = self._load(batches)
            for stream, version in versions:
                self.versions.activate(self._names.table(stream), version)
        return load_id

    @contextmanager
    def rows_by(self, field: str) -> Iterator[RowsByColumn]:
        """Have the rows of single accounts removed, in a context that is connected.

        Args:
            field: The field that tells whose a row is.

        Raises:
            LoadError: The destination can't be reached.
        """
        with self._exclusive():
            yield RowsByColumn(
                self._tables,
                self._names.column(field),
                self._logger,
                hard_delete=self._config["hard_delete"],
            )

    def table(self, stream: str) -> str:
        """Return the name of a stream's table."""
        return self._names.table(stream)

    def finish(self) -> None:
        """Do what only the end of the input allows to be done.

        Raises:
            LoadError: The destination can't be reached.
        """
        if self.versions.is_unfinished:
            with self._exclusive():
                self.versions.finish()

    @contextmanager
    def confirmed(self) -> Iterator[None]:
        """Note that a STATE vouches for all rows so far; it is to go out in here.

        Raises:
            LoadError: The destination can't be reached.
        """
        with (
            one_line_errors(self._config, self._logger),
            self._unconfirmed_loads.confirmed(),
        ):
            yield

    def release_if_idle(self) -> None:
        """Let others have the destination, if there was no load for a while."""
        with one_line_errors(self._config, self._logger):
            self._connection.close_if_idle()

    def release(self) -> None:
        """Let others have the destination, until the next load."""
        with one_line_errors(self._config, self._logger):
            self._connection.close()

    def close(self) -> None:
        """Give connection and working directory up."""
        self.release()
        self._directory.close()

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Be connected, and the only run that loads into the dataset."""
        with one_line_errors(self._config, self._logger), ExitStack() as stack:
            client: Any = self._pipeline.destination_client()
            name = self._config["dataset_name"]
            if hasattr(client.config, "normalize_dataset_name"):
                # `My-Data` and `my_data` are one dataset.
                name = client.config.normalize_dataset_name(client.schema)
            stack.enter_context(locked(client, name, self._logger))
            stack.enter_context(self._connection.used())
            self._tables.read_schema()
            self.is_loading = True
            try:
                yield
            except BaseException:
                self._connection.close()  # and with it what was begun
                with suppress(Exception):
                    # Else the next load would load what is left of this one.
                    self._pipeline.abort_packages()
                raise
            finally:
                self.is_loading = False

    def _load(self, batches: Iterable[Batch]) -> str | None:
        # Others may have changed the tables since the last load.
        evolution = SchemaEvolution(self._tables)
        appended: list[str] = []
        marked: list[str] = []
        resources: list[DltResource] = []
        size = 0
        waiting = iter(batches)
        while (batch := next(waiting, None)) is not None:  # and none of them is kept
            size += batch.table.nbytes
            resource = self._resource(batch, evolution, marked)
            if resource is not None:
                resources.append(resource)
                if resource.write_disposition == "append":
                    appended.append(resource.name)
        if not resources:
            return None
        [load_id, *_] = self._pipeline.extract(resources).loads_ids
        self._pipeline.normalize()
        give_back_rows()
        self._unconfirmed_loads.begin(load_id, appended)
        self._pipeline.load()
        self._tables.free_memory(size)
        for table in marked:
            open_tables.remove_deleted(self._tables, table)
        return load_id

    def _resource(
        self, batch: Batch, evolution: SchemaEvolution, marked: list[str]
    ) -> DltResource | None:
        """Make a resource of a batch; None if there is nothing to load."""
        table = self._names.table(batch.stream)
        names = self._names.columns(batch.stream, batch.table.column_names)
        rows = batch.table.rename_columns(list(names))
        columns = {column: batch.columns[field] for column, field in names.items()}
        keys = [self._names.column(key) for key in batch.keys]
        if self._dispositions.is_first(table):
            self._tables.restore(table)
            self._tables.wait_for_writers(table)
        try:
            rows, columns = evolution.fit(table, rows, columns, keys)
            if self._refuses_nul:
                rows = remove_nul_characters(rows, columns, keys, self._logger)
        except MisfitError as error:
            msg = f"Stream {batch.stream!r}: {error}."
            raise InputError(msg) from None
        self.versions.note(table, rows)
        if self._table_options.table_format == "iceberg":
            open_tables.add_columns(self._tables, table, rows.schema)
        if rows.num_rows == 0:
            if columns.keys() <= self._tables.columns(table).keys():
                return None
            disposition = self._dispositions.by_keys(has_keys=bool(keys))
        else:
            disposition = self._dispositions.choose(
                batch.stream, table, has_keys=bool(keys)
            )
        if disposition == "append":
            if LOAD_ID in columns:
                msg = (
                    f"Stream {batch.stream!r}: the column {LOAD_ID!r} is dlt's own "
                    "where rows are appended. Rename the field with stream_maps."
                )
                raise InputError(msg)
            self._unconfirmed_loads.discard_unconfirmed(table)
        else:
            self._tables.check_references(table)
            if has_deleted(rows, self._table_options):
                marked.append(table)
        return make_resource(
            TableRows(table, rows, columns, keys), disposition, self._table_options
        )
