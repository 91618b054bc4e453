"""Settings that are not valid, in plain words."""

from __future__ import annotations

from typing import Any

import pytest

from tap_analytics.plugin.validation import Fault, faults_of

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["api_key", "account"],
    "properties": {
        "api_key": {"type": "string", "pattern": "^[a-z]+$"},
        "account": {"type": "string"},
        "api_url": {"type": "string", "pattern": "^http"},
        "size": {"type": ["integer", "null"], "minimum": 1},
        "style": {"type": ["string", "null"], "enum": ["page", "offset"]},
        "sizes": {
            "type": ["object", "null"],
            "additionalProperties": {"type": ["integer"], "minimum": 1},
        },
        "columns": {"type": "array", "items": {"type": "string"}},
        "maps": {
            "type": "object",
            "properties": {
                # The SDK has the name of a type where JSON schema has a schema.
                "__else__": {"anyOf": [{"const": "__NULL__"}, "null"]},
            },
            "additionalProperties": {
                "anyOf": [
                    {"const": "__NULL__"},
                    {
                        "type": "object",
                        "properties": {"__filter__": {"type": ["string", "null"]}},
                    },
                ]
            },
        },
    },
}
VALID = {"api_key": "key", "account": "acme"}


def faults(**settings: Any) -> list[Fault]:
    return faults_of(
        VALID | settings,
        SCHEMA,
        "TAP_",
        {"^http": "begin with http:// or https://"},
        hidden={"api_key"},
    )


def test_settings_that_are_valid_have_no_faults() -> None:
    assert faults(size=5, style="page", maps={"__else__": None}) == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"size": 0}, "size must be a whole number of at least 1, not 0."),
        ({"size": "many"}, "size must be a whole number of at least 1, not 'many'."),
        ({"api_url": "foo"}, "api_url must begin with http:// or https://, not 'foo'."),
        (
            {"style": "pages"},
            "style must be 'page' or 'offset', not 'pages'. Did you mean 'page'?",
        ),
        ({"style": 5}, "style must be 'page' or 'offset', not 5."),
        (
            {"sizes": {"time": 0}},
            "sizes.time must be a whole number of at least 1, not 0.",
        ),
        ({"columns": ["a", 5]}, "columns[1] must be text, not 5."),
        ({"maps": {"__else__": "x"}}, "maps.__else__ must be '__NULL__', not 'x'."),
        (
            {"maps": {"time": {"__filter__": 5}}},
            "maps.time.__filter__ must be text, not 5.",
        ),
        (
            {"maps": {"time": 5}},
            "maps.time must be '__NULL__' or a JSON object, not a number.",
        ),
    ],
)
def test_a_fault_names_the_setting_says_what_it_must_be_and_what_it_is(
    settings: dict[str, Any], says: str
) -> None:
    assert faults(**settings) == [Fault(says)]


@pytest.mark.parametrize("value", ["S3CR3T", ["s3cr3t"], 5])
def test_a_hidden_value_is_not_shown(value: Any) -> None:
    (fault,) = faults(api_key=value)
    assert fault.text.endswith("(the value is not shown, since it may be secret).")
    assert "s3cr3t" not in fault.text.lower()


def test_each_setting_that_is_missing_is_named_once() -> None:
    found = faults_of({}, SCHEMA, "TAP_", {}, ())
    assert [fault.is_missing for fault in found] == [True, True]
    assert found[0].text == (
        "The setting api_key is missing: put it into the file given by --config, or "
        "into the environment variable TAP_API_KEY."
    )
    assert "TAP_ACCOUNT" in found[1].text


def test_all_faults_are_found() -> None:
    assert len(faults(size=0, style="pages", columns=[1, 2])) == 4


def test_the_settings_are_not_changed() -> None:
    settings = dict(VALID)
    faults_of(settings, SCHEMA, "TAP_", {}, ())
    assert settings == VALID
