"""Opens the dataset that a run loads into."""

from __future__ import annotations

from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

# This comes first, because it sets up dlt's environment.
from tap_analytics.target_dlt.loading.destination import (
    file_format,
    make_destination,
)

# isort: split
import dlt
from dlt.common.schema.utils import normalize_schema_name

from tap_analytics.target_dlt.errors import LoadError
from tap_analytics.target_dlt.loading.connection import is_kept
from tap_analytics.target_dlt.loading.dataset import OpenDataset
from tap_analytics.target_dlt.loading.error_lines import one_line_errors
from tap_analytics.target_dlt.loading.place import (
    database_file,
    has_tables,
    place_of,
)
from tap_analytics.target_dlt.loading.working_directory import WorkingDirectory

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path


class Loader:
    """Knows where to load to.

    Args:
        config: The target's settings.
        logger: Told what the destination can't do.

    Attributes:
        file: The database's file, if it is one, as soon as the dataset is open.

    Raises:
        SetupError: The settings don't name a destination.
    """

    def __init__(self, config: Mapping[str, Any], logger: logging.Logger) -> None:
        self._config = config
        self._logger = logger
        self._pipeline_of_run: dlt.Pipeline | None = None
        self.file: Path | None = None
        with one_line_errors(config, logger):
            self._destination = make_destination(config)
            self._format = file_format(self._destination, config)

    def open(self) -> OpenDataset:
        """Connect to the destination and learn what is there.

        The pipeline's working directory is private and goes with the process: the
        destination is the only memory. So a killed run leaves nothing that the next
        one would load, and runs side by side don't meet.

        Raises:
            LoadError: The destination can't be reached, or its credentials are missing.
            SetupError: The working directory can't be used.
        """
        with one_line_errors(self._config, self._logger):
            directory = self._directory()
            pipeline = self._pipeline(directory)
            with _kept_open(pipeline):
                _connect(pipeline)
                self._pipeline_of_run = pipeline
                self.file = database_file(pipeline.destination_client().config)
                return OpenDataset(
                    pipeline, directory, self._config, self._format, self._logger
                )

    def place(self) -> tuple[str, bool]:
        """Return what stands for the dataset that is open, and whether it has tables.

        Raises:
            LoadError: The destination can't be reached.
        """
        assert self._pipeline_of_run is not None  # noqa: S101 - it is open
        with one_line_errors(self._config, self._logger):
            pipeline = self._pipeline_of_run
            return place_of(pipeline), has_tables(pipeline)

    def counts(self) -> dict[str, int]:
        """Return how many rows each table of the dataset has.

        Raises:
            LoadError: The destination can't be reached, or its credentials are missing.
            SetupError: The working directory can't be used.
        """
        with one_line_errors(self._config, self._logger):
            self._require_database()
            directory = self._directory()
            pipeline = self._pipeline(directory)
            _connect(pipeline)
            tables = pipeline.default_schema.data_table_names(seen_data_only=True)
            with closing(directory):
                return _counted(pipeline, tables) if tables else {}

    def _directory(self) -> WorkingDirectory:
        name = self._config["pipeline_name"]
        return WorkingDirectory(self._config.get("pipelines_dir"), name)

    def _require_database(self) -> None:
        """Return if a database that is a file is there: to open it would make it.

        Raises:
            LoadError: It is not.
        """
        # The schema is made up, so that the directory must be another one.
        with closing(WorkingDirectory(None, self._config["pipeline_name"])) as made_up:
            pipeline = self._pipeline(made_up)
            _ensure_schema(pipeline)
            client = pipeline.destination_client()
        file = database_file(client.config)
        if file is not None and not file.exists():
            msg = (
                f"There is no database {file}: nothing was loaded into it yet. Is this "
                "the working directory, and the config, of the load?"
            )
            raise LoadError(msg)

    def _pipeline(self, directory: WorkingDirectory) -> dlt.Pipeline:
        return dlt.pipeline(
            self._config["pipeline_name"],
            destination=self._destination,
            dataset_name=self._config["dataset_name"],
            pipelines_dir=str(directory.path),
        )


def _connect(pipeline: dlt.Pipeline) -> None:
    """Let a pipeline learn what is in the destination."""
    # What a run that failed or was killed left, where the directory is kept.
    if pipeline.has_pending_data:
        pipeline.abort_packages()
    pipeline.sync_destination()
    _ensure_schema(pipeline)


@contextmanager
def _kept_open(pipeline: dlt.Pipeline) -> Iterator[None]:
    """Keep a DuckDB file open, which dlt would open anew for each thing it looks up.

    To open the file takes as long as all that is looked up. A new pipeline has no
    schema to make a client of, so that this one has another, which is stored nowhere.
    """
    client: Any
    client, _ = pipeline._get_destination_clients(dlt.Schema("opening"))  # noqa: SLF001
    with client if is_kept(client) else nullcontext():
        yield


def _ensure_schema(pipeline: dlt.Pipeline) -> None:
    """Give a new pipeline its schema now, not at the first load.

    Without it, a client takes the pipeline's name for the schema's, which refuses
    `my-pipe` and `2024`. What does it otherwise, `extract`, wants data.
    """
    if pipeline.default_schema_name is None:
        with pipeline._maybe_destination_capabilities():  # noqa: SLF001
            schema = dlt.Schema(normalize_schema_name(pipeline.pipeline_name))
            pipeline._inject_schema(schema)  # noqa: SLF001


def _counted(pipeline: dlt.Pipeline, tables: Iterable[str]) -> dict[str, int]:
    with pipeline.sql_client() as sql:
        counts = {}
        for table in tables:
            name = sql.make_qualified_table_name(table)
            found = sql.execute_sql(f"SELECT COUNT(*) FROM {name}")  # noqa: S608 - quoted
            counts[table] = int(found[0][0]) if found else 0
        return counts
