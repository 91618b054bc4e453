"""What a setting must be, and what it is instead, in plain words."""

from __future__ import annotations

from typing import Any

import pytest

from tap_analytics.plugin.wording import (
    instead_of,
    kind_of,
    requirement,
    similar_to,
    types_of,
)


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "integer"}, "be a whole number"),
        (
            {"type": ["integer", "null"], "minimum": 1},
            "be a whole number of at least 1",
        ),
        ({"type": ["number"], "minimum": 0}, "be a number of at least 0"),
        ({"type": "number", "exclusiveMinimum": 0}, "be a number above 0"),
        ({"type": ["boolean", "null"]}, "be true or false"),
        ({"type": ["string", "null"]}, "be text"),
        ({"type": "string", "minLength": 1}, "be text that is not empty"),
        ({"type": ["object", "null"]}, "be a JSON object"),
        ({"type": "array"}, "be a JSON array"),
        ({"type": "string", "enum": ["a", None]}, "be 'a'"),
        ({"type": "string", "enum": ["a", "b", "c"]}, "be 'a', 'b' or 'c'"),
        ({"const": "__NULL__"}, "be '__NULL__'"),
        (
            {"anyOf": [{"type": "string"}, {"type": "object"}]},
            "be text or a JSON object",
        ),
        ({"oneOf": [{"const": 1}, {"type": "null"}]}, "be 1"),
        ({"type": "string", "pattern": "^h"}, "begin with h"),
        ({"type": "string", "pattern": "^x"}, "match the pattern ^x"),
        ({}, "fit the JSON schema that --about has"),
    ],
)
def test_a_schema_is_put_into_words(schema: dict[str, Any], says: str) -> None:
    assert requirement(schema, {"^h": "begin with h"}) == says


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("foo", ", not 'foo'"),
        ("", ", not ''"),
        (0, ", not 0"),
        (0.5, ", not 0.5"),
        (True, ", not true"),
        (None, ", not null"),
        ([1], ", not a JSON array"),
        ({"a": 1}, ", not a JSON object"),
        ("a\r\nb", r", not 'a\r\nb'"),
        ("a" * 61, f", not '{'a' * 60}…'"),
    ],
)
def test_the_value_is_shown_that_does_not_fit(value: Any, says: str) -> None:
    assert instead_of(value, {"type": "string"}, hidden=False) == says


def test_a_value_that_may_be_secret_is_not_shown() -> None:
    says = instead_of("s3cr3t", {"type": "integer"}, hidden=True)
    assert says == " (the value is not shown, since it may be secret)"


def test_what_may_be_a_password_in_a_url_is_not_shown() -> None:
    says = instead_of("ftp://me:s3cr3t@host/a", {"type": "string"}, hidden=False)
    assert says == ", not '***@host/a'"


@pytest.mark.parametrize("kind", ["object", "array"])
def test_a_text_in_the_place_of_many_values_is_not_shown(kind: str) -> None:
    assert instead_of("key=s3cr3t", {"type": kind}, hidden=False) == ", not text"


def test_a_number_of_any_length_has_a_kind() -> None:
    assert kind_of(10**5_000) == "a number"


def test_types_are_found_in_alternatives_too() -> None:
    assert types_of({"anyOf": [{"type": "string"}, {"type": ["object", "null"]}]}) == [
        "string",
        "object",
        "null",
    ]


@pytest.mark.parametrize(
    ("value", "meant"),
    [("pages", "'page'"), ("OFSET", "'offset'"), ("xyz", ""), (5, ""), (None, "")],
)
def test_a_similar_value_may_have_been_meant(value: Any, meant: str) -> None:
    assert similar_to(value, {"enum": ["page", "offset", None]}) == meant
    assert similar_to(value, {"type": "string"}) == ""
