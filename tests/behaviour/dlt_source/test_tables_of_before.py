"""Tables that the dlt source made when dlt's REST source read the API load on."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import dlt
import pytest

from tap_analytics.dlt_extract.declared import DeclaredStream
from tap_analytics.rows.fields import ADDITIONAL_FIELDS
from tap_analytics.settings import DEFAULTS
from tap_analytics.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlt.extract import DltResource

    from tap_analytics.sandbox import Sandbox
    from tests.helpers.dlt_loading import Warehouse


@dlt.source(name="analytics", section="analytics", max_table_nesting=0)
def as_before(api: Sandbox, undeclared_fields: str) -> list[DltResource]:
    """Return the resources that there were: plain dicts, in dlt's preferred files."""
    return [
        dlt.resource(
            list(rows_of(api, stream, undeclared_fields)),
            name=stream.name,
            primary_key="id",
            write_disposition="merge",
            columns=stream.columns,
        )
        for stream in declared()
    ]


def rows_of(
    api: Sandbox, stream: DeclaredStream, undeclared_fields: str
) -> Iterator[dict[str, Any]]:
    for record in json.loads(json.dumps(api.truth(stream.name), default=float)):
        row = {name: record.pop(name, None) for name in stream.columns}
        if undeclared_fields == "infer":
            row |= record
        elif undeclared_fields == "collect":
            row[ADDITIONAL_FIELDS] = record
        yield row


@pytest.mark.parametrize(
    ("undeclared_fields", "rows"),
    [
        *(("collect", "dicts"), ("infer", "dicts"), ("ignore", "dicts")),
        *(("collect", "arrow"), ("ignore", "arrow")),
    ],
)
def test_they_load_on_without_a_change(
    api: Sandbox, warehouse: Warehouse, undeclared_fields: str, rows: str
) -> None:
    warehouse.pipeline.run(as_before(api, undeclared_fields))
    tables = warehouse.pipeline.default_schema.tables
    before = {one.name: deepcopy(tables[one.name]["columns"]) for one in declared()}
    api.delete("clients", api.truth("clients")[0]["id"])
    api.add("users", {"id": "new", "name": ""})
    warehouse.load(api, rows=rows, undeclared_fields=undeclared_fields, deletions=True)
    assert warehouse.agrees_with(api)
    tables = warehouse.pipeline.default_schema.tables
    for name, columns in before.items():
        assert types_of(tables[name]["columns"]) == types_of(columns)
    (new,) = (row for row in warehouse.rows("users") if row["id"] == "new")
    assert new["name"] == ""


def declared() -> list[DeclaredStream]:
    return [DeclaredStream(one, STREAMS, DEFAULTS) for one in STREAMS]


def types_of(columns: Any) -> dict[str, Any]:
    return {name: column["data_type"] for name, column in columns.items()}
