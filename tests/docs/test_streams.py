"""docs/streams.md: the streams, and the types of their columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from dlt import destinations
from dlt.common.schema.utils import new_table

from tap_analytics.streams import STREAM_NAMES, STREAMS
from tap_analytics.target_dlt.columns import column_types
from tap_analytics.target_dlt.columns.column_types import JSON, TIMESTAMP
from tests.docs.documents import Document

if TYPE_CHECKING:
    from dlt.common.schema.typing import TColumnSchema

COLUMNS: list[TColumnSchema] = [
    {"name": "name", "data_type": "text"},
    {"name": "created_at", "data_type": "timestamp"},
    {"name": "additional_fields", "data_type": "json"},
]
DATABASES = (
    *("athena", "bigquery", "clickhouse", "databricks"),
    *("mssql", "redshift", "snowflake", "sqlalchemy"),
)
TEXT = Document("docs/streams.md").text


def test_the_streams_are_those_of_the_tap() -> None:
    table = TEXT.partition("## Columns")[0]
    listed = re.findall(r"^\| `(\w+)` \| `(/[^`]*)` \|", table, re.MULTILINE)
    assert sorted(listed) == sorted(
        zip(STREAM_NAMES, (one.path for one in STREAMS), strict=True)
    )
    assert {name for name, _ in listed} == {*STREAM_NAMES}


def types_of(destination: str) -> list[str]:
    """Return what is listed for a destination."""
    (cells,) = re.findall(rf"^\| `{destination}` \| (.+) \|$", TEXT, re.MULTILINE)
    return [cell.strip() for cell in cells.split("|")]


@pytest.mark.parametrize("destination", DATABASES)
def test_the_types_are_those_of_dlt(destination: str) -> None:
    mapper = getattr(destinations, destination)().capabilities().get_type_mapper()
    table = new_table("clients")
    found = [str(mapper.to_destination_type(one, table)) for one in COLUMNS]
    assert types_of(destination) == found


def test_the_columns_of_parquet_files_are_those_that_target_dlt_writes() -> None:
    arrow = [str(one.arrow) for one in (column_types.TEXT, TIMESTAMP, JSON)]
    assert f"| Parquet files | {' | '.join(arrow)} |" in TEXT


def test_each_stream_has_the_columns_that_are_said() -> None:
    common = {"id", "name", "createdAt", "status", "additional_fields"}
    for name, stream in zip(STREAM_NAMES, STREAMS, strict=True):
        below = {"project_id"} if name in {"tasks", "time_records"} else set()
        assert stream.properties.to_dict()["properties"].keys() == common | below
