"""Settings from the environment."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_analytics.errors import ConfigError
from tap_analytics.plugin.environment import settings_from
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
        "limit": {"type": "integer"},
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
        ("api_key", "", ""),
        ("api_key", ' "quoted" ', ' "quoted" '),
        ("concurrency", "16", 16),
        ("concurrency", " 16 ", 16),
        ("limit", "3", 3),
        ("backoff_factor", "0.5", 0.5),
        ("backoff_factor", "2", 2),
        ("page_size_by_stream", '{"time": 5000}', {"time": 5000}),
        ("streams", '["time"]', ["time"]),
        ("concurrency", "null", None),
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


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("concurrency", "many", "integer"),
        ("concurrency", "1.5", "integer"),
        ("concurrency", "true", "integer"),
        ("concurrency", '"16"', "integer"),
        ("limit", "null", "integer"),
        ("backoff_factor", "1,5", "number"),
        ("backoff_factor", "NaN", "number"),
        ("backoff_factor", "Infinity", "number"),
        ("backoff_factor", "", "number"),
        ("incremental", "maybe", "boolean"),
        ("incremental", "", "boolean"),
        ("page_size_by_stream", "time=5000", "object"),
        ("page_size_by_stream", "[]", "object"),
        ("streams", "time,users", "array"),
        ("streams", "{}", "array"),
    ],
)
def test_a_value_of_another_type_is_an_error_that_names_the_variable(
    name: str, text: str, kind: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        setting(name, text)
    variable = PREFIX + name.upper()
    assert str(caught.value) == f"The environment variable {variable} is no {kind}."


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "api_key": st.text(),
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
