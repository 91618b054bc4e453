"""Settings come from config files and, over them, from the environment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.target_dlt.configuration import read_settings
from tap_analytics.target_dlt.errors import SetupError
from tap_analytics.target_dlt.settings import SETTINGS

if TYPE_CHECKING:
    from pathlib import Path


def from_environment(**variables: str) -> dict[str, Any]:
    environ = {f"TARGET_DLT_{name.upper()}": text for name, text in variables.items()}
    return read_settings(["ENV"], environ, SETTINGS)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("destination", "postgres", "postgres"),
        ("dataset_name", "12", "12"),
        ("credentials", "postgresql://u:p@h/d", "postgresql://u:p@h/d"),
        ("destination_config", '{"bucket_url": "/b"}', {"bucket_url": "/b"}),
        ("batch_size_rows", "2000", 2000),
        ("hard_delete", "false", False),
        ("hard_delete", "Yes", True),
    ],
)
def test_a_variable_is_read_as_its_setting_wants_it(
    name: str, text: str, value: Any
) -> None:
    assert from_environment(**{name: text}) == {name: value}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("destination_config", "{nope", "TARGET_DLT_DESTINATION_CONFIG is no object"),
        ("destination_config", "[]", "TARGET_DLT_DESTINATION_CONFIG is no object"),
        ("batch_size_rows", "many", "TARGET_DLT_BATCH_SIZE_ROWS is no integer"),
        ("hard_delete", "maybe", "TARGET_DLT_HARD_DELETE is no boolean"),
    ],
)
def test_a_variable_that_can_not_be_read_is_named(
    name: str, text: str, says: str
) -> None:
    with pytest.raises(SetupError, match=says):
        from_environment(**{name: text})


def test_a_later_file_wins_and_the_environment_over_all(tmp_path: Path) -> None:
    paths = []
    for number, settings in enumerate(
        [{"destination": "a", "dataset_name": "a"}, {"dataset_name": "b"}]
    ):
        paths.append(str(tmp_path / f"{number}.json"))
        (tmp_path / f"{number}.json").write_text(json.dumps(settings))
    assert read_settings(paths, {}, SETTINGS) == {
        "destination": "a",
        "dataset_name": "b",
    }
    environ = {"TARGET_DLT_DATASET_NAME": "c"}
    assert read_settings(paths, environ, SETTINGS)["dataset_name"] == "c"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        ("{nope", "malformed"),
        ("[]", "Expected `object`"),
    ],
)
def test_a_file_that_can_not_be_read_is_named(
    tmp_path: Path, content: str | None, says: str
) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SetupError, match=rf"config\.json can't be read: .*{says}"):
        read_settings([str(path)], {}, SETTINGS)
