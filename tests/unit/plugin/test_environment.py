"""Settings from the environment."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_analytics.plugin.environment import settings_from
from tap_analytics.plugin.errors import ConfigError
from tap_analytics.tap import TapAnalytics

PREFIX = "TAP_ANALYTICS_"
SCHEMA: dict[str, Any] = {
    "properties": {
        "api_key": {"type": ["string"]},
        "concurrency": {"type": ["integer", "null"]},
        "backoff_factor": {"type": ["number", "null"]},
        "incremental": {"type": ["boolean", "null"]},
        "page_size_by_stream": {"type": ["object", "null"]},
        "streams": {"type": ["array", "null"], "items": {"type": "string"}},
        "limit": {"type": "integer", "minimum": 1},
        "credentials": {"anyOf": [{"type": "string"}, {"type": "object"}]},
        "pin": {"type": "integer", "secret": True},
        "anything": {},
    }
}


def setting(name: str, value: str) -> Any:
    return settings_from({PREFIX + name.upper(): value}, PREFIX, SCHEMA)[name]


def test_without_variables_there_are_no_settings() -> None:
    assert settings_from({}, PREFIX, SCHEMA) == {}


def test_only_the_variables_of_the_tap_count() -> None:
    environ = {
        "CONCURRENCY": "1",
        "TAP_OTHER_CONCURRENCY": "2",
        "tap_analytics_concurrency": "3",
        "TAP_ANALYTICS_LOGLEVEL": "DEBUG",
    }
    assert settings_from(environ, PREFIX, SCHEMA) == {}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("api_key", "12", "12"),
        ("api_key", ' "quoted" ', ' "quoted" '),
        ("concurrency", "16", 16),
        ("concurrency", " 16 ", 16),
        ("limit", "3", 3),
        ("backoff_factor", "0.5", 0.5),
        ("backoff_factor", "2", 2),
        ("page_size_by_stream", '{"time": 5000}', {"time": 5000}),
        ("streams", '["time"]', ["time"]),
        ("concurrency", "null", None),
        ("credentials", '{"user": "me"}', '{"user": "me"}'),
        ("anything", "[1]", [1]),
    ],
)
def test_a_variable_is_read_as_its_setting_is_typed(
    name: str, text: str, value: object
) -> None:
    assert setting(name, text) == value
    assert type(setting(name, text)) is type(value)


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "1", "yes", "on"])
def test_words_that_are_true(text: str) -> None:
    assert setting("incremental", text) is True


@pytest.mark.parametrize("text", ["false", "False", "0", "no", "OFF"])
def test_words_that_are_false(text: str) -> None:
    assert setting("incremental", text) is False


@pytest.mark.parametrize("name", SCHEMA["properties"])
def test_a_variable_that_is_empty_counts_as_not_set(name: str) -> None:
    assert settings_from({PREFIX + name.upper(): ""}, PREFIX, SCHEMA) == {}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("concurrency", "many", "be a whole number, not 'many'"),
        ("concurrency", "1.5", "be a whole number, not '1.5'"),
        ("concurrency", "true", "be a whole number, not 'true'"),
        ("concurrency", '"16"', "be a whole number, not '\"16\"'"),
        ("limit", "null", "be a whole number of at least 1, not 'null'"),
        ("backoff_factor", "1,5", "be a number, not '1,5'"),
        ("backoff_factor", "NaN", "be a number, not 'NaN'"),
        ("backoff_factor", "Infinity", "be a number, not 'Infinity'"),
        ("incremental", "maybe", "be true or false, not 'maybe'"),
        ("incremental", " ", "be true or false, not ' '"),
        ("page_size_by_stream", "time=5000", "be a JSON object, not text"),
        ("page_size_by_stream", "[]", "be a JSON object, not text"),
        ("page_size_by_stream", "[" * 100_000, "be a JSON object, not text"),
        ("streams", "time,users", "be a JSON array, not text"),
        ("streams", "{}", "be a JSON array, not text"),
        (
            *("pin", "s3cr3t"),
            "be a whole number (the value is not shown, since it may be secret)",
        ),
    ],
)
def test_a_value_of_another_type_is_an_error_that_names_the_variable(
    name: str, text: str, says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        setting(name, text)
    variable = PREFIX + name.upper()
    assert str(caught.value) == f"The environment variable {variable} must {says}."


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "api_key": st.text(min_size=1),
            "concurrency": st.integers(),
            "backoff_factor": st.floats(allow_nan=False, allow_infinity=False),
            "incremental": st.booleans(),
            "page_size_by_stream": st.dictionaries(st.text(), st.integers()),
        },
    )
)
def test_any_config_can_be_given_by_the_environment(config: dict[str, Any]) -> None:
    environ = {
        PREFIX + name.upper(): value if isinstance(value, str) else json.dumps(value)
        for name, value in config.items()
    }
    assert settings_from(environ, PREFIX, SCHEMA) == config


EXAMPLES = {
    "string": "text",
    "boolean": "true",
    "integer": "1",
    "number": "0.5",
    "object": "{}",
    "array": "[]",
}


def test_every_setting_of_the_tap_can_be_given_by_the_environment() -> None:
    schema = json.loads(json.dumps(TapAnalytics.config_jsonschema))
    TapAnalytics.append_builtin_config(schema)
    for name, setting_schema in schema["properties"].items():
        types = [kind for kind in setting_schema["type"] if kind != "null"]
        environ = {PREFIX + name.upper(): EXAMPLES[types[0]]}
        assert settings_from(environ, PREFIX, schema).keys() == {name}
