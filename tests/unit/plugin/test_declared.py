"""Settings as a plugin declares them: read, checked and completed."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.plugin.declared import DeclaredSettings, hint
from tap_analytics.plugin.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

DECLARED = DeclaredSettings(
    {
        "type": "object",
        "properties": {
            "destination": {"type": "string", "default": "duckdb"},
            "dataset_name": {"type": "string"},
            "size": {"type": ["integer", "null"], "minimum": 1, "default": 7},
            "limit": {"type": ["integer", "null"], "minimum": 1},
            "credentials": {"type": "string", "secret": True},
            "header": {"type": "string"},
        },
    },
    "TARGET_",
    hidden={"header"},
)


@pytest.fixture
def files(tmp_path: Path) -> Any:
    """Writes config files, and returns their paths."""

    def write(*contents: dict[str, Any]) -> list[str]:
        paths = [tmp_path / f"{number}.json" for number, _ in enumerate(contents)]
        for path, content in zip(paths, contents, strict=True):
            path.write_text(json.dumps(content))
        return [str(path) for path in paths]

    return write


# What is set


def test_nothing_is_set_without_files_and_variables() -> None:
    assert DECLARED.read([], {}) == {}


def test_a_later_file_wins(files: Any) -> None:
    paths = files({"destination": "a", "dataset_name": "a"}, {"dataset_name": "b"})
    assert DECLARED.read(paths, {}) == {"destination": "a", "dataset_name": "b"}


def test_the_environment_wins_over_all_files(files: Any) -> None:
    paths = files({"dataset_name": "a"})
    environ = {"TARGET_DATASET_NAME": "b"}
    assert DECLARED.read([*paths, "ENV"], environ) == {"dataset_name": "b"}
    assert DECLARED.read(["ENV", *paths], environ) == {"dataset_name": "b"}


def test_an_empty_variable_leaves_what_a_file_sets(files: Any) -> None:
    paths = files({"dataset_name": "a", "size": 3})
    environ = {"TARGET_DATASET_NAME": "", "TARGET_SIZE": ""}
    assert DECLARED.read(paths, environ) == {"dataset_name": "a", "size": 3}


def test_a_setting_that_is_null_is_not_set(files: Any) -> None:
    paths = files({"destination": "a", "size": 3}, {"destination": None})
    assert DECLARED.read(paths, {"TARGET_SIZE": "null"}) == {}


def test_settings_that_do_not_exist_are_read_too(files: Any) -> None:
    assert DECLARED.read(files({"colour": 5}), {}) == {"colour": 5}


# What does not exist


def test_a_setting_that_does_not_exist_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = ["dataset-name", "colour", "$schema", "size"]
    DECLARED.warn_of_unknown(names, logging.getLogger())
    colour, dataset_name = caplog.messages
    assert colour == "There is no setting 'colour': it is ignored."
    assert dataset_name == (
        "There is no setting 'dataset-name': it is ignored. "
        "Did you mean 'dataset_name'?"
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [("tims", " Did you mean 'time'?"), ("xyz", "")],
)
def test_a_similar_name_is_asked_about(name: str, says: str) -> None:
    assert hint(name, ["time", "users"]) == says


# What is not valid, and what is not set


def test_valid_settings_pass() -> None:
    DECLARED.require_valid({"size": 1})


def test_a_setting_that_is_null_is_valid_since_it_is_not_set() -> None:
    DECLARED.require_valid({"dataset_name": None})


def test_all_that_is_not_valid_is_one_line() -> None:
    with pytest.raises(ConfigError) as caught:
        DECLARED.require_valid({"size": 0, "destination": 5})
    assert str(caught.value) == (
        "destination must be text, not 5. "
        "size must be a whole number of at least 1, not 0."
    )


@pytest.mark.parametrize("setting", ["credentials", "header"])
def test_secrets_and_hidden_settings_are_not_shown(setting: str) -> None:
    with pytest.raises(ConfigError) as caught:
        DECLARED.require_valid({setting: 12345})
    assert "12345" not in str(caught.value)


def test_defaults_are_added_to_what_is_set() -> None:
    settings = {"size": 3, "limit": None}
    assert DECLARED.with_defaults(settings) == {
        "destination": "duckdb",
        "size": 3,
        "limit": None,
    }
    assert settings == {"size": 3, "limit": None}


def test_a_default_stands_for_a_setting_that_is_null() -> None:
    assert DECLARED.with_defaults({"size": None})["size"] == 7
