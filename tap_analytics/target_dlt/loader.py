"""Loads batches through dlt: one load package for the batches of all streams."""

from __future__ import annotations

import logging
import os
import tempfile
from typing import TYPE_CHECKING, Any

from tap_analytics.target_dlt.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_analytics.target_dlt.batch import Batch

# Read by dlt when it is imported; what the user has set stays.
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")

import dlt
from dlt.common.destination import AnyDestination, Destination
from dlt.extract import DltResource

from tap_analytics.target_dlt.duckdb_catalog import duckdb_in_catalog


class Loader:
    """One dlt pipeline.

    Its working directory is private to the process and goes with it: what the
    destination holds is the only memory, so that a killed run leaves nothing pending
    and parallel runs don't meet.

    Args:
        config: The target's settings.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="target-dlt-")
        self._pipeline = dlt.pipeline(
            config["pipeline_name"],
            destination=_destination(config),
            dataset_name=config["dataset_name"],
            pipelines_dir=self._directory.name,
        )
        self._synced = False

    def load(self, batches: Sequence[Batch]) -> None:
        """Load the batches in one package; returns when it is committed.

        Raises:
            LoadError: The destination refused it, or can't be reached.
        """
        try:
            if not self._synced:
                self._pipeline.sync_destination()
                self._synced = True
            self._pipeline.extract([_resource(batch) for batch in batches])
            self._pipeline.normalize()
            self._pipeline.load()
        except Exception as error:
            raise LoadError(_cause(error)) from error

    def close(self) -> None:
        """Remove the working directory."""
        self._directory.cleanup()


def _destination(config: Mapping[str, Any]) -> AnyDestination:
    if config["destination"] == "duckdb":
        return duckdb_in_catalog()
    return Destination.from_reference(config["destination"])


def _resource(batch: Batch) -> DltResource:
    resource = dlt.resource(
        [batch.table],
        name=batch.stream,
        write_disposition="merge" if batch.keys else "append",
        primary_key=list(batch.keys) or None,
        columns={name: type_.hints for name, type_ in batch.columns.items()},
    )
    if batch.keys:
        # Saves the destination a sort: a key occurs once in a batch.
        resource.apply_hints(additional_table_hints={"x-stage-data-deduplicated": True})
    return resource


def _cause(error: BaseException) -> str:
    """Find the innermost error and give its first line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


logging.getLogger("dlt").setLevel(logging.CRITICAL)
