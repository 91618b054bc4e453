"""Settings from a config file, or one line that names the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_analytics.plugin.config_file import settings_in
from tap_analytics.plugin.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_holds_settings_as_a_json_object(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"name": "ü", "number": 0.5, "nothing": null}', encoding="utf-8")
    assert settings_in(str(path)) == {"name": "ü", "number": 0.5, "nothing": None}


def test_a_byte_order_mark_is_read_past(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"a": 1}', encoding="utf-8-sig")
    assert settings_in(str(path)) == {"a": 1}


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        settings_in(str(path))
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a":', "Expecting value: line 1 column 6 (char 5)"),
        (b"", "Expecting value: line 1 column 1 (char 0)"),
        (b'{"a": NaN}', "NaN is not a JSON value"),
        (b'{"a": "\xff"}', "'utf-8' codec can't decode byte 0xff"),
        (b"[" * 100_000, "maximum recursion depth"),
    ],
)
def test_a_file_that_is_not_valid_json_is_named(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    assert refusal(path).startswith(
        f"The config file {path} is not valid JSON: {reason}"
    )


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("[]", "a JSON array"),
        ('"api_key"', "text"),
        ("5", "a number"),
        ("null", "null"),
        ("true", "true"),
    ],
)
def test_a_file_that_holds_no_object_is_named(
    tmp_path: Path, content: str, kind: str
) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    expected = f"The config file {path} must hold a JSON object, not {kind}."
    assert refusal(path) == expected


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    expected = f"The config file {path} can't be read: No such file or directory."
    assert refusal(path) == expected


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    expected = f"The config file {tmp_path} can't be read: Is a directory."
    assert refusal(tmp_path) == expected
