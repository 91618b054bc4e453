"""Which column type a JSON schema asks for; the table in the docs says the same."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tap_analytics.target_dlt.columns.column_types import ColumnType, unify
from tap_analytics.target_dlt.columns.json_schemas import column_type

DATE_TIME = {"type": "string", "format": "date-time"}

TYPES: dict[str, tuple[dict[str, Any], str]] = {
    "integer": ({"type": "integer"}, "integer"),
    "integer or null": ({"type": ["null", "integer"]}, "integer"),
    "integer in 64 bits": ({"type": "integer", "maximum": 2**63 - 1}, "integer"),
    "unsigned 64 bits": ({"type": "integer", "maximum": 2**64 - 1}, "decimal(38, 0)"),
    "below 64 bits": ({"type": "integer", "minimum": -(2**63) - 1}, "decimal(38, 0)"),
    "number": ({"type": "number"}, "number"),
    "number or integer": ({"type": ["number", "integer"]}, "number"),
    "cents": ({"type": "number", "multipleOf": 0.01}, "decimal(38, 2)"),
    "tiny steps": ({"type": "number", "multipleOf": 1e-7}, "decimal(38, 7)"),
    "whole steps": ({"type": "number", "multipleOf": 5}, "decimal(38, 0)"),
    "boolean": ({"type": "boolean"}, "boolean"),
    "string": ({"type": "string"}, "text"),
    "string with a limit": ({"type": "string", "maxLength": 9}, "text(9)"),
    "date-time": (DATE_TIME, "timestamp"),
    "date": ({"type": "string", "format": "date"}, "date"),
    "time": ({"type": "string", "format": "time"}, "time"),
    "another format": ({"type": "string", "format": "uuid"}, "text"),
    "the SDK's decimal": (
        {"type": "string", "format": "x-singer.decimal"},
        "decimal(38, 9)",
    ),
    "the SDK's decimal with a scale": (
        {"type": "string", "format": "x-singer.decimal", "precision": 10, "scale": 2},
        "decimal(38, 2)",
    ),
    "base64": ({"type": "string", "contentEncoding": "base64"}, "binary"),
    "another media type": (
        {"type": "string", "contentMediaType": "application/xml"},
        "text",
    ),
    "object": ({"type": ["object", "null"]}, "json"),
    "array": ({"type": "array", "items": {"type": "string"}}, "json"),
    "anything": ({}, "json"),
    "only null": ({"type": "null"}, "text"),
    "string or integer": ({"type": ["string", "integer", "null"]}, "literal"),
    "boolean or integer": ({"type": ["boolean", "integer"]}, "literal"),
    "string or object": ({"type": ["string", "object"]}, "json"),
    "anyOf with null": ({"anyOf": [DATE_TIME, {"type": "null"}]}, "timestamp"),
    "oneOf with null": ({"oneOf": [{"type": "null"}, {"type": "array"}]}, "json"),
    "anyOf of a format and a string": (
        {"anyOf": [DATE_TIME, {"type": ["string", "null"]}]},
        "literal",
    ),
    "anyOf beside a type": (
        {"type": "string", "anyOf": [{"format": "date"}, {"type": "null"}]},
        "date",
    ),
    "allOf one": ({"allOf": [{"type": "integer"}]}, "integer"),
    "enum": ({"enum": ["a", "b", None]}, "text"),
    "enum of different types": ({"enum": ["a", 1]}, "literal"),
    "const": ({"const": 1.5}, "number"),
}


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_asks_for_a_column_type(name: str) -> None:
    schema, expected = TYPES[name]
    assert str(column_type(schema)) == expected


def test_the_table_in_the_docs_is_right() -> None:
    docs = Path(__file__).parents[4] / "docs" / "target-dlt.md"
    rows = re.findall(
        r"^\| `(\{.*?\})` \| `([^`]+)` \|", docs.read_text(), re.MULTILINE
    )
    assert len(rows) > 15
    for schema, expected in rows:
        assert str(column_type(msgspec.json.decode(schema))) == expected, schema


KINDS = [
    ColumnType("text"),
    ColumnType("text", 9),
    ColumnType("literal"),
    ColumnType("integer"),
    ColumnType("number"),
    ColumnType("decimal", 38, 2),
    ColumnType("decimal", 38, 12),
    ColumnType("boolean"),
    ColumnType("timestamp"),
    ColumnType("date"),
    ColumnType("time"),
    ColumnType("binary"),
    ColumnType("json"),
]


@pytest.mark.parametrize(
    ("one", "other"), list(itertools.product(KINDS, KINDS)), ids=str
)
def test_types_unite_whichever_comes_first_and_stay_united(
    one: ColumnType, other: ColumnType
) -> None:
    united = unify(one, other)
    assert unify(other, one) == united
    assert unify(united, one) == united
    assert unify(united, other) == united
