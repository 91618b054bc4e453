"""The state file of `analytics-load`."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from tap_analytics.errors import ConfigError
from tap_analytics.load.kept_state import KeptState, beside

if TYPE_CHECKING:
    from pathlib import Path

LOGGER = logging.getLogger("state")
HERE = "duckdb analytics 1234"
STATE = {"bookmarks": {"time": {"replication_key": "createdAt"}}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.state.json"


def test_its_name_goes_with_that_of_the_config(tmp_path: Path) -> None:
    assert beside(str(tmp_path / "acme.json")) == tmp_path / "acme.state.json"


def test_what_is_kept_is_read_again(file: Path) -> None:
    KeptState(file, HERE).keep(json.dumps(STATE).encode() + b"\n")
    assert KeptState(file, HERE).read(LOGGER) == STATE
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_numbers_keep_their_digits(file: Path) -> None:
    KeptState(file, HERE).keep(b'{"bookmarks":{"time":{"at":0.12345678901234567890}}}')
    assert "0.12345678901234567890" in file.read_text()


@pytest.mark.parametrize("content", [None, "", "{}"])
def test_a_file_that_is_missing_or_empty_means_a_first_run(
    file: Path, content: str | None
) -> None:
    if content is not None:
        file.write_text(content)
    assert KeptState(file, HERE).read(LOGGER) == {}


def test_a_state_of_the_pipe_is_taken(file: Path) -> None:
    file.write_text(json.dumps(STATE))
    assert KeptState(file, HERE).read(LOGGER) == STATE


def test_the_state_of_other_tables_is_not_used(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    KeptState(file, HERE).keep(json.dumps(STATE).encode())
    assert KeptState(file, "postgres raw 5678").read(LOGGER) == {}
    assert "belongs to another destination (duckdb analytics)" in caplog.text


def test_an_empty_state_is_kept_too(file: Path) -> None:
    KeptState(file, HERE).keep(b"{}\n")
    assert json.loads(file.read_text()) == {"loaded_into": HERE}


def test_what_is_no_state_does_not_replace_one(file: Path) -> None:
    kept = KeptState(file, HERE)
    kept.keep(json.dumps(STATE).encode())
    with pytest.raises(ValueError, match="not an object"):
        kept.keep(b"null\n")
    assert kept.read(LOGGER) == STATE


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--state"):
        KeptState(tmp_path / "none" / "state.json", HERE)
