"""States as users have them."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.errors import ConfigError
from tap_analytics.singer.state_file import checked_state, read_state

if TYPE_CHECKING:
    from pathlib import Path

STATE = {"bookmarks": {"time": {"replication_key": "createdAt"}}}
LOGGER = logging.getLogger("test")


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_an_empty_file_is_a_first_run(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    file = tmp_path / "state.json"
    file.write_text(text)
    assert read_state(str(file), LOGGER) == {}
    assert caplog.messages == [f"The state file {file} is empty: everything is read."]


def test_a_missing_file_is_a_first_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert read_state(str(tmp_path / "state.json"), LOGGER) == {}
    assert "does not exist yet: everything is read" in caplog.text


def test_of_several_states_the_last_one_counts(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text('{"bookmarks": {}}\n' + json.dumps(STATE) + "\n")
    assert read_state(str(file), LOGGER) == STATE


@pytest.mark.parametrize(
    "state",
    [
        STATE,
        {"singer_state": STATE},
        {"type": "STATE", "value": STATE},
        {"completed": 1, "singer_state": {"value": STATE}},
    ],
)
def test_a_state_is_taken_out_of_what_wraps_it(state: Any) -> None:
    assert checked_state(state) == STATE


@pytest.mark.parametrize(
    ("state", "bookmarks"),
    [({"bookmarks": None}, {}), ({"bookmarks": {"time": None, "x": {}}}, {"x": {}})],
)
def test_a_bookmark_that_is_null_is_none(state: Any, bookmarks: Any) -> None:
    assert checked_state(state) == {"bookmarks": bookmarks}


def test_no_state_stays_none() -> None:
    assert checked_state({}) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "is not a state: an object is expected"),
        ('{"bookmarks": []}', "its bookmarks are not an object"),
        ('{"bookmarks": {"time": "2026"}}', "the bookmark of 'time' is not an object"),
        ('{"bookmarks": ', "is not valid JSON"),
    ],
)
def test_what_is_not_a_state_is_named_with_its_file(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "state.json"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_state(str(file), LOGGER)
    assert str(caught.value).startswith(f"The state file {file} ")
    assert says in str(caught.value)
    assert "last STATE that the target put out" in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        read_state(str(tmp_path), LOGGER)
