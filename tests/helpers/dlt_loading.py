"""Loads the sandbox with the dlt source, and reads the tables that come of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import dlt
import duckdb as driver
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from tap_analytics.dlt_source import analytics_source
from tap_analytics.target_dlt.loading.quick_configuration import OnceConfigured
from tests.helpers.running import STREAMS, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox

Rows = list[dict[str, Any]]

DATASET = "rows"

DLT_COLUMNS = ("_dlt_id", "_dlt_load_id")


def source(api: Sandbox, **config: Any) -> Any:
    """Return the source for a sandbox, with retries that follow quickly."""
    return analytics_source(**settings(api, **config))


class duckdb(OnceConfigured, dlt.destinations.duckdb):  # noqa: N801, dlt names it after its class
    """dlt's DuckDB, in less time."""


class postgres(OnceConfigured, dlt.destinations.postgres):  # noqa: N801, as above
    """dlt's PostgreSQL, in less time."""


@dataclass
class Warehouse:
    """A pipeline, and the tables that it has loaded.

    Attributes:
        pipeline: The pipeline.
    """

    pipeline: dlt.Pipeline

    def load(self, api: Sandbox, *streams: str, **config: Any) -> Any:
        """Load a sandbox, all streams or some; return what dlt says of the load."""
        loaded = source(api, **config)
        if streams:
            loaded = loaded.with_resources(*streams)
        return self.pipeline.run(loaded)

    def error(self, api: Sandbox, *streams: str, **config: Any) -> str:
        """Return what the load says that fails, and that has loaded nothing."""
        with pytest.raises(PipelineStepFailed) as failure:
            self.load(api, *streams, **config)
        assert not self.pipeline.has_pending_data
        return str(failure.value)

    def raw(self, table: str) -> Rows:
        """Return the rows of a table as they are, by `id`."""
        with (
            self.pipeline.sql_client() as client,
            client.execute_query(f"SELECT * FROM {DATASET}.{table}") as cursor,
        ):
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return sorted(rows, key=lambda row: str(row["id"]))

    def rows(self, table: str) -> Rows:
        """Return the rows of a table by `id`, without what dlt adds."""
        rows = self.raw(table)
        for row in rows:
            for column in [name for name in row if name.startswith("_dlt")]:
                del row[column]
            if (moment := row.get("created_at")) is not None:
                row["created_at"] = moment.astimezone(timezone.utc)
            if isinstance(row.get("additional_fields"), str):
                row["additional_fields"] = exactly(row["additional_fields"])
        return rows

    def tables(self) -> dict[str, Rows]:
        """Return the rows of all streams."""
        return {stream: self.rows(stream) for stream in STREAMS}

    def ids(self, table: str) -> list[str]:
        """Return the ids of a table's rows, each as often as it comes."""
        return [row["id"] for row in self.raw(table)]

    def agrees_with(self, api: Sandbox) -> bool:
        """Return whether all tables have the records that the API has, and no more."""
        return all(
            self.ids(stream)
            == sorted(str(record["id"]) for record in api.truth(stream))
            for stream in STREAMS
        )


def exactly(text: str) -> Any:
    """Return a JSON text as Python values; numbers keep their digits."""
    return json.loads(text, parse_float=Decimal)


def as_loaded(records: Rows) -> Rows:
    """Return records of the tap as a table has them."""
    rows: Rows = [dict(record) for record in records]
    for row in rows:
        created = row.pop("createdAt")
        row["created_at"] = created and datetime.fromisoformat(created)
    return sorted(rows, key=lambda row: str(row["id"]))


def duckdb_pipeline(folder: Path, name: str = "analytics") -> dlt.Pipeline:
    """Return a pipeline into a DuckDB file of its own."""
    return dlt.pipeline(
        name,
        pipelines_dir=str(folder / f"{name}-pipelines"),
        # To open a file takes as long as a small load: this one stays open.
        destination=duckdb(driver.connect(folder / f"{name}.duckdb")),
        dataset_name=DATASET,
    )


def postgres_pipeline(folder: Path, url: str) -> dlt.Pipeline:
    """Return a pipeline into a PostgreSQL database."""
    url = url.replace("@/", "@localhost/")  # dlt wants a host beside the socket's path.
    return dlt.pipeline(
        "analytics",
        pipelines_dir=str(folder / "postgres-pipelines"),
        destination=postgres(url),
        dataset_name=DATASET,
    )
