"""Whether a user has asked dlt for anything that an Arrow table would not get."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.common.schema import Schema
from dlt.destinations import duckdb
from pydantic import BaseModel

from tap_analytics.dlt_extract.declared import DeclaredStream
from tap_analytics.dlt_extract.plain_hints import ExpectedWarnings, PlainHints
from tap_analytics.settings import DEFAULTS
from tap_analytics.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlt.common.destination.capabilities import DestinationCapabilitiesContext

CLIENTS = next(
    declared
    for declared in (DeclaredStream(one, STREAMS, DEFAULTS) for one in STREAMS)
    if declared.name == "clients"
)


class Client(BaseModel):
    id: str


@pytest.fixture
def capabilities() -> Iterator[DestinationCapabilitiesContext]:
    given = duckdb().capabilities()
    with Container().injectable_context(given):
        yield given


@pytest.fixture
def schema(capabilities: DestinationCapabilitiesContext) -> Schema:
    del capabilities
    return Schema("analytics")


def clients(**hints: Any) -> Any:
    resource = dlt.resource(
        [],
        name="clients",
        primary_key="id",
        write_disposition="merge",
        columns=CLIENTS.columns,
    )
    resource.apply_hints(**hints)
    return resource


def plain(schema: Schema, **hints: Any) -> PlainHints:
    return PlainHints(clients(**hints), CLIENTS, "clients", schema)


@pytest.mark.parametrize(
    "hints",
    [
        {},
        {"write_disposition": "append"},
        {"write_disposition": "replace"},
        {"primary_key": ("id", "name")},
        {"write_disposition": {"disposition": "merge", "strategy": "delete-insert"}},
        {"columns": {"name": {"unique": True, "description": "Who pays."}}},
        {"columns": {"more": {"data_type": "bigint"}}},
    ],
    ids=repr,
)
def test_dicts_are_tables_where_that_is_all_the_same(
    schema: Schema, hints: dict[str, Any]
) -> None:
    assert plain(schema, **hints).let_dicts_be_tables


@pytest.mark.parametrize(
    "hints",
    [
        {"write_disposition": {"disposition": "merge", "strategy": "upsert"}},
        {"write_disposition": {"disposition": "merge", "strategy": "scd2"}},
        {"columns": {"name": {"data_type": "bigint"}}},
        {"columns": {"name": {"nullable": False}}},
        {"columns": {"createdAt": {"timezone": False}}},
        {"columns": {"created_at": {"data_type": "text"}}},
        {"columns": Client},
        {"schema_contract": {"columns": "freeze"}},
        {"schema_contract": {"data_type": "discard_row"}},
    ],
    ids=repr,
)
def test_dicts_stay_dicts_where_dlt_is_asked_for_more(
    schema: Schema, hints: dict[str, Any]
) -> None:
    assert not plain(schema, **hints).let_dicts_be_tables


@pytest.mark.parametrize(
    "known",
    [
        {"columns": {"name": {"name": "name", "data_type": "bigint"}}},
        {"x-merge-strategy": "upsert"},
        {"filters": {"excludes": ["name"]}},
        {"schema_contract": {"columns": "freeze"}},
    ],
    ids=repr,
)
def test_dicts_stay_dicts_where_the_schema_asks_for_more(
    schema: Schema, known: dict[str, Any]
) -> None:
    partial: Any = {"name": "clients", "columns": {}, **known}
    schema.update_table(partial)
    assert not plain(schema).let_dicts_be_tables


@pytest.mark.parametrize(
    ("capability", "value"),
    [
        ("timestamp_precision", 3),
        ("supports_tz_aware_datetime", False),
        ("supported_merge_strategies", ["upsert"]),
    ],
)
def test_dicts_stay_dicts_where_a_destination_takes_other_values(
    schema: Schema,
    capabilities: DestinationCapabilitiesContext,
    capability: str,
    value: Any,
) -> None:
    setattr(capabilities, capability, value)
    assert not plain(schema).let_dicts_be_tables


def test_dicts_stay_dicts_without_a_destination() -> None:
    active = Container()[PipelineContext]
    if active.is_active():  # It is one of another test.
        active.deactivate()
    assert not plain(Schema("analytics")).let_dicts_be_tables


def test_dicts_stay_dicts_where_each_row_names_its_table(schema: Schema) -> None:
    resource = clients(table_name=lambda _: "clients")
    hints = PlainHints(resource, CLIENTS, None, schema)
    assert not hints.let_dicts_be_tables


def test_a_new_table_has_unique_ids(schema: Schema) -> None:
    resource = clients()
    PlainHints(resource, CLIENTS, "clients", schema).add_dlt_id()
    assert resource.columns["_dlt_id"]["unique"]
    assert resource.columns["_dlt_id"]["row_key"]


def test_the_ids_of_a_table_that_is_there_stay_as_they_are(schema: Schema) -> None:
    column: Any = {"name": "_dlt_id", "data_type": "text", "nullable": False}
    schema.update_table({"name": "clients", "columns": {"_dlt_id": column}})
    resource = clients()
    PlainHints(resource, CLIENTS, "clients", schema).add_dlt_id()
    assert "_dlt_id" not in resource.columns


@pytest.mark.parametrize(("resource", "passes"), [("clients", False), ("others", True)])
def test_a_warning_of_a_known_resource_is_expected(resource: str, passes: bool) -> None:  # noqa: FBT001
    warnings = ExpectedWarnings()
    warnings.resources.add("clients")
    said = (
        f"In resource: {resource}, when merging arrow schema with dlt schema,"
        " several column hints were different."
    )
    record = logging.LogRecord("dlt", logging.WARNING, "", 0, said, (), None)
    assert warnings.filter(record) is passes
