"""Every setting, declared once."""

from __future__ import annotations

import json
import re
from typing import get_args

import pytest
from jsonschema import Draft202012Validator

from tap_analytics.settings import (
    DECLARED,
    DEFAULTS,
    SCHEMA,
    PaginationStyle,
    UndeclaredFields,
)

PROPERTIES = SCHEMA["properties"]


def test_the_schema_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(json.loads(json.dumps(SCHEMA)))


def test_the_key_alone_is_required_and_secret() -> None:
    assert SCHEMA["required"] == ["api_key"]
    secret = [name for name, setting in PROPERTIES.items() if setting.get("secret")]
    assert secret == ["api_key"]


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_setting_has_a_title_and_is_described_in_whole_sentences(name: str) -> None:
    assert PROPERTIES[name]["title"]
    description = PROPERTIES[name]["description"]
    assert re.fullmatch(r"[A-Z].*\.", description)
    assert ";" not in description


@pytest.mark.parametrize("name", sorted(PROPERTIES.keys() - {"api_key"}))
def test_a_setting_that_is_not_required_may_be_null(name: str) -> None:
    assert "null" in PROPERTIES[name]["type"]


def test_defaults_are_valid() -> None:
    assert DECLARED.faults({"api_key": "k", **DEFAULTS}) == []


def test_every_pattern_has_a_meaning_in_words() -> None:
    patterns = {setting.get("pattern") for setting in PROPERTIES.values()} - {None}
    assert patterns == DECLARED.meanings.keys()


def test_choices_are_the_types_of_the_dlt_source() -> None:
    assert PROPERTIES["pagination"]["enum"] == [*get_args(PaginationStyle)]
    assert PROPERTIES["undeclared_fields"]["enum"] == [*get_args(UndeclaredFields)]


@pytest.mark.parametrize(
    "key",
    ["secret", "Bearer abc", "Basic YTpi", "!~", "a:b@c"],
)
def test_a_key_may_be_any_ascii_word_after_a_scheme(key: str) -> None:
    assert DECLARED.faults({"api_key": key}) == []


@pytest.mark.parametrize("key", ["", "a b", "a\n", "ü", " a", "bearer abc"])
def test_any_other_text_is_not_a_key(key: str) -> None:
    assert DECLARED.faults({"api_key": key})
