"""The target's settings, and what of the SDK they lean on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import pytest
from singer_sdk import Target
from singer_sdk.plugin_base import _ConfigInput

from tap_analytics.plugin.errors import ConfigError
from tap_analytics.target_dlt.settings import SETTINGS
from tap_analytics.target_dlt.target import TargetDlt

if TYPE_CHECKING:
    from pathlib import Path


def read(*args: str) -> dict[str, Any]:
    context = TargetDlt.get_singer_command().make_context("target", [*args])
    config: dict[str, Any] = context.params["config"].config
    return config


# What the SDK does: if one of these fails, look at the hook of the same name


def test_the_sdk_hands_what_cb_config_returns_to_the_target() -> None:
    """Without a path it reads nothing, and has what there is in `.config`."""
    context = click.Context(click.Command("target"))
    given = Target.cb_config(context, click.Option(["--config"]), ())
    assert given == _ConfigInput(config={}, parse_env=False)


def test_the_sdk_validates_by_validate_config_whenever_a_target_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: TargetDlt, *, raise_errors: bool = True) -> list[str]:
        raise ConfigError(str(raise_errors))

    monkeypatch.setattr(TargetDlt, "_validate_config", refuse)
    with pytest.raises(ConfigError, match="True"):
        TargetDlt(config={})


# What the target does


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
    name: str, text: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TARGET_DLT_{name.upper()}", text)
    assert read() == {name: value}


def test_a_variable_that_is_empty_counts_as_not_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in SETTINGS["properties"]:
        monkeypatch.setenv(f"TARGET_DLT_{name.upper()}", "")
    assert read() == {}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("destination_config", "{nope", "be a JSON object, not text"),
        ("destination_config", "[]", "be a JSON object, not text"),
        ("batch_size_rows", "many", "be a whole number of at least 1, not 'many'"),
        ("hard_delete", "maybe", "be true or false, not 'maybe'"),
    ],
)
def test_a_variable_that_can_not_be_read_is_named(
    name: str, text: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"TARGET_DLT_{name.upper()}"
    monkeypatch.setenv(variable, text)
    with pytest.raises(ConfigError) as caught:
        read()
    assert str(caught.value) == f"The environment variable {variable} must {says}."


def test_a_setting_that_is_null_has_its_default(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(dict.fromkeys(SETTINGS["properties"])))
    config = read("--config", str(file))
    assert config == {}
    assert TargetDlt(config=config).config["batch_wait_limit_seconds"] == 300


def test_credentials_that_are_not_valid_are_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        TargetDlt(config={"credentials": ["hush-hush"]})
    assert str(caught.value) == (
        "credentials must be text or a JSON object (the value is not shown, since it "
        "may be secret)."
    )
