"""The state file of `analytics-load`."""

from __future__ import annotations

import json
import logging
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tap_analytics.errors import ConfigError
from tap_analytics.load.errors import OtherTablesError
from tap_analytics.load.greeting import Greeting
from tap_analytics.load.kept_state import KeptState, beside, source_of

if TYPE_CHECKING:
    from pathlib import Path

LOGGER = logging.getLogger("state")
HERE = f"duckdb analytics {32 * '1'}"
THERE = f"duckdb analytics {32 * '2'}"
ACME = "acme"
STATE = {"bookmarks": {"time": {"replication_key": "createdAt"}}}


def kept_state(file: Path) -> KeptState:
    kept = KeptState(file, ACME)
    kept.is_for(HERE)
    return kept


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.state.json"


def test_its_name_goes_with_that_of_the_config(tmp_path: Path) -> None:
    assert beside(str(tmp_path / "acme.json")) == tmp_path / "acme.state.json"


def test_configs_that_end_otherwise_have_states_of_their_own(tmp_path: Path) -> None:
    names = {beside(str(tmp_path / name)).name for name in ("acme.prod", "acme.test")}
    assert names == {"acme.prod.state.json", "acme.test.state.json"}


def test_a_state_of_the_name_that_it_had_before_is_found(tmp_path: Path) -> None:
    before = tmp_path / "acme.state.json"
    before.touch()
    assert beside(str(tmp_path / "acme.prod")) == before


def test_what_is_kept_is_read_again(file: Path) -> None:
    kept_state(file).keep(json.dumps(STATE).encode() + b"\n")
    assert kept_state(file).read(LOGGER) == STATE
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_numbers_keep_their_digits(file: Path) -> None:
    kept_state(file).keep(b'{"bookmarks":{"time":{"at":0.12345678901234567890}}}')
    assert "0.12345678901234567890" in file.read_text()


@pytest.mark.parametrize("content", [None, "", "{}"])
def test_a_file_that_is_missing_or_empty_means_a_first_run(
    file: Path, content: str | None
) -> None:
    if content is not None:
        file.write_text(content)
    assert kept_state(file).read(LOGGER) == {}


def test_a_state_of_the_pipe_is_taken(file: Path) -> None:
    file.write_text(json.dumps(STATE))
    assert kept_state(file).read(LOGGER) == STATE


def test_the_state_of_these_tables_is_used(file: Path) -> None:
    kept_state(file).keep(json.dumps(STATE).encode())
    again = kept_state(file)
    assert again.read(LOGGER) == STATE
    again.require(Greeting(HERE, has_tables=True))


@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        (Greeting(THERE, has_tables=True), "another destination (duckdb analytics)"),
        (Greeting(HERE, has_tables=False), "the destination has no tables"),
    ],
)
def test_the_state_of_other_tables_is_not_used(
    file: Path, greeting: Greeting, said: str
) -> None:
    kept_state(file).keep(json.dumps(STATE).encode())
    again = kept_state(file)
    again.read(LOGGER)
    with pytest.raises(OtherTablesError, match=re.escape(said)):
        again.require(greeting)


@pytest.mark.parametrize("before", ["duckdb analytics 0123456789abcdef", None])
def test_a_state_that_does_not_say_enough_is_used(
    file: Path, before: str | None
) -> None:
    ours = {"loaded_into": before} if before else {}
    file.write_text(json.dumps(STATE | ours))
    kept = kept_state(file)
    assert kept.read(LOGGER) == STATE
    kept.require(Greeting(HERE, has_tables=True))


def test_the_state_of_another_account_is_not_used(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept_state(file).keep(json.dumps(STATE).encode())
    assert KeptState(file, "other").read(LOGGER) == {}
    assert "belongs to another account" in caplog.text


@pytest.mark.parametrize(
    "other",
    [
        {"account": "other"},
        {"api_url": "https://api.example.org"},
        {"path_prefix": "/v2"},
    ],
)
def test_a_source_is_an_account_of_an_api(other: dict[str, str]) -> None:
    settings = {"api_url": "https://api.example.com", "account": "acme"}
    assert source_of({**settings, **other}) != source_of(settings)


def test_another_key_is_the_same_source() -> None:
    url = "https://api.example.com"
    one = source_of({"api_url": url, "api_key": "old"})
    assert one == source_of({"api_url": f"{url}/", "api_key": "new"})


def test_a_link_to_a_state_stays_one(file: Path) -> None:
    volume = file.parent / "volume"
    volume.mkdir()
    file.symlink_to(volume / "state.json")
    kept_state(file).keep(json.dumps(STATE).encode())
    assert file.is_symlink()
    assert KeptState(volume / "state.json", ACME).read(LOGGER) == STATE


def test_a_second_run_is_refused_until_the_first_has_ended(file: Path) -> None:
    second = kept_state(file)
    refused = pytest.raises(ConfigError, match="Another run uses the state")
    with kept_state(file), refused:
        second.__enter__()
    with second:
        pass
    assert [*file.parent.iterdir()] == []


def test_the_lock_of_a_process_that_was_killed_is_free(file: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from tap_analytics.load.kept_state import KeptState\n"
        "KeptState(Path(sys.argv[1]), '').__enter__(); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", script, file], check=False)
    assert killed.returncode == -signal.SIGKILL
    with kept_state(file) as kept:
        assert kept.read(LOGGER) == {}


def test_an_empty_state_is_kept_too(file: Path) -> None:
    kept_state(file).keep(b"{}\n")
    assert json.loads(file.read_text()) == {"loaded_into": HERE, "read_from": ACME}


def test_what_is_no_state_does_not_replace_one(file: Path) -> None:
    kept = kept_state(file)
    kept.keep(json.dumps(STATE).encode())
    with pytest.raises(ValueError, match="not an object"):
        kept.keep(b"null\n")
    assert kept.read(LOGGER) == STATE


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--state"):
        KeptState(tmp_path / "none" / "state.json", ACME)
