"""Opens the dataset that a run loads into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# This comes first, because it sets up dlt's environment.
from tap_analytics.target_dlt.loading.destination import (
    file_format,
    make_destination,
)

# isort: split
import dlt
from dlt.common.schema.utils import normalize_schema_name

from tap_analytics.target_dlt.loading.dataset import OpenDataset
from tap_analytics.target_dlt.loading.error_lines import one_line_errors
from tap_analytics.target_dlt.loading.working_directory import WorkingDirectory

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping


class Loader:
    """Knows where to load to.

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
            name = self._config["pipeline_name"]
            directory = WorkingDirectory(self._config.get("pipelines_dir"), name)
            pipeline = dlt.pipeline(
                name,
                destination=self._destination,
                dataset_name=self._config["dataset_name"],
                pipelines_dir=str(directory.path),
            )
            # What a run that failed or was killed left, where the directory is kept.
            if pipeline.has_pending_data:
                pipeline.abort_packages()
            pipeline.sync_destination()
            _ensure_schema(pipeline)
            return OpenDataset(
                pipeline, directory, self._config, self._format, self._logger
            )


def _ensure_schema(pipeline: dlt.Pipeline) -> None:
    """Give a new pipeline its schema now, not at the first load.

    Without it, a client takes the pipeline's name for the schema's, which refuses
    `my-pipe` and `2024`. What does it otherwise, `extract`, wants data.
    """
    if pipeline.default_schema_name is None:
        with pipeline._maybe_destination_capabilities():  # noqa: SLF001
            schema = dlt.Schema(normalize_schema_name(pipeline.pipeline_name))
            pipeline._inject_schema(schema)  # noqa: SLF001
