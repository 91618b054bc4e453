"""Which column type a JSON schema asks for; the table in the docs says the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tap_analytics.target_dlt.columns.types_of_schema import column_type
from tap_analytics.target_dlt.errors import InputError

DATE_TIME = {"type": "string", "format": "date-time"}

TYPES: dict[str, tuple[Any, str]] = {
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
    "a limit as a float": ({"type": "string", "maxLength": 255.0}, "text(255)"),
    "a limit of nothing": ({"type": "string", "maxLength": 0}, "text(0)"),
    "a limit that is none": ({"type": "string", "maxLength": None}, "text"),
    "a limit below zero": ({"type": "string", "maxLength": -1}, "text"),
    "bounds that are none": ({"type": "integer", "minimum": None}, "integer"),
    "a bound of another kind": ({"type": "integer", "maximum": "9"}, "integer"),
    "no limit to the digits": (
        {"type": "number", "multipleOf": 1e-38},
        "decimal(38, 9)",
    ),
    "steps of zero": ({"type": "number", "multipleOf": 0}, "number"),
    "steps that are none": ({"type": "number", "multipleOf": None}, "number"),
    "too large a scale": (
        {"type": "string", "format": "x-singer.decimal", "scale": 50},
        "decimal(38, 9)",
    ),
    "null": (None, "json"),
    "allOf a type and a limit": (
        {"allOf": [{"type": "string"}, {"maxLength": 5}]},
        "text(5)",
    ),
    "allOf beside a type": (
        {"type": ["null", "string"], "allOf": [{"format": "date"}, {"maxLength": 5}]},
        "date",
    ),
    "allOf two types": ({"allOf": [{"type": "string"}, DATE_TIME]}, "json"),
    "allOf nothing": ({"allOf": []}, "json"),
    "anyOf true": ({"anyOf": [True, {"type": "integer"}]}, "json"),
    "anyOf false": ({"anyOf": [False, {"type": "integer"}]}, "integer"),
    "anything or null": ({"anyOf": [{}, {"type": "null"}]}, "json"),
    "true or null": ({"oneOf": [True, {"type": "null"}]}, "json"),
    "properties without a type, or null": (
        {"anyOf": [{"properties": {"a": {}}}, {"type": "null"}]},
        "json",
    ),
    "string or anything": ({"anyOf": [{"type": "string"}, {}]}, "json"),
    "a type beside no union": ({"type": "string", "anyOf": []}, "text"),
    "a type beside a union of nothing": ({"type": "string", "oneOf": [None]}, "text"),
    "a type beside allOf nothing": ({"type": "string", "allOf": []}, "text"),
    "allOf two types, or null": (
        {"anyOf": [{"allOf": [{"type": "string"}, DATE_TIME]}, {"type": "null"}]},
        "json",
    ),
}

REFERENCES = {
    "#/definitions/a~1b": "integer",
    "#/definitions/a~0b": "date",
    "#/definitions/a%20b": "boolean",
    "#/definitions/~01": "time",
    "#/some/1": "number",
    "#/definitions/circle": "json",
    "#/definitions/way/out": "json",
    "#/definitions/string or circle": "text",
    "#/definitions/model or null": "json",
    "#/definitions/true or null": "json",
    "#": "json",
}
ROOT = {
    "definitions": {
        "a/b": {"type": "integer"},
        "a~b": {"type": "string", "format": "date"},
        "a b": {"type": "boolean"},
        "~1": {"type": "string", "format": "time"},
        "circle": {"$ref": "#/definitions/way/back"},
        "way": {
            "out": {"$ref": "#/definitions/circle"},
            "back": {"$ref": "#/definitions/way/out"},
        },
        "true": True,
        "model": {"properties": {"a": {"type": "integer"}}},
        **{
            f"{name} or null": {
                "anyOf": [{"$ref": f"#/definitions/{name}"}, {"type": "null"}]
            }
            for name in ("model", "true")
        },
        "string or circle": {
            "anyOf": [
                {"type": "string"},
                {"$ref": "#/definitions/string or circle"},
            ]
        },
    },
    "some": [{"type": "string"}, {"type": "number"}],
}


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_asks_for_a_column_type(name: str) -> None:
    schema, expected = TYPES[name]
    assert str(column_type(schema)) == expected


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_is_followed(reference: str) -> None:
    found = column_type({"$ref": reference}, ROOT)
    assert str(found) == REFERENCES[reference]


@pytest.mark.parametrize(
    "reference", ["#/definitions/c", "#/some/2", "#/some/x", "x.json#/a"]
)
def test_a_reference_that_leads_nowhere_is_named(reference: str) -> None:
    with pytest.raises(InputError, match=f"no {re.escape(reference)}"):
        column_type({"$ref": reference}, ROOT)


MONEY = {"type": "string", "format": "x-singer.decimal", "scale": 2}
CENTS = {"type": "number", "multipleOf": 0.01}


@pytest.mark.parametrize(
    ("schema", "takes_text"),
    [
        (MONEY, True),
        (CENTS, False),
        ({"anyOf": [MONEY, CENTS]}, True),
        ({"anyOf": [CENTS, MONEY]}, True),
        ({"anyOf": [{"type": "number"}, MONEY]}, True),
        ({"type": ["integer", "null"], "maximum": 2**64}, False),
    ],
)
def test_a_decimal_takes_text_only_where_the_schema_says_string(
    schema: Any,
    takes_text: bool,  # noqa: FBT001
) -> None:
    found = column_type(schema)
    assert found.kind == "decimal"
    assert found.takes_text == takes_text


def test_the_table_in_the_docs_is_right() -> None:
    docs = Path(__file__).parents[4] / "docs" / "target-dlt.md"
    rows = re.findall(
        r"^\| `(\{.*?\})` \| `([^`]+)` \|", docs.read_text(), re.MULTILINE
    )
    assert len(rows) > 15
    for schema, expected in rows:
        assert str(column_type(msgspec.json.decode(schema))) == expected, schema
