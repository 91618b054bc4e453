"""A tap's settings, and what of the SDK they lean on."""

from __future__ import annotations

import json
import logging
import signal
from typing import TYPE_CHECKING, Any

import click
import pytest
from singer_sdk import Tap
from singer_sdk.plugin_base import _ConfigInput

from tap_analytics.errors import ConfigError
from tap_analytics.settings import DEFAULTS
from tap_analytics.singer.configuration import warn_of_unknown_streams
from tap_analytics.tap import TapAnalytics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WITHOUT_KEY = {"concurrency": 2}


@pytest.fixture(autouse=True)
def signal_handlers() -> Iterator[None]:
    """Put back the handlers that every new tap replaces."""
    before = {number: signal.getsignal(number) for number in (1, 2, 15)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


# What the SDK does: if one of these fails, look at the hook of the same name


def test_the_sdk_hands_what_cb_config_returns_to_the_tap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`invoke`, `cb_discover` and `cb_test` take settings from `.config`."""
    seen: list[Any] = []
    monkeypatch.setattr(TapAnalytics, "sync_all", lambda tap: seen.append(tap.config))
    TapAnalytics.invoke(config=_ConfigInput(config={"api_key": "k"}))
    assert seen[0]["api_key"] == "k"


def test_the_sdk_reads_nothing_where_no_file_is_named() -> None:
    option = next(
        option
        for option in TapAnalytics.get_singer_command().params
        if option.name == "config"
    )
    assert isinstance(option, click.Option)
    given = Tap.cb_config(click.Context(click.Command("tap")), option, ())
    assert given == _ConfigInput(config={}, parse_env=False)


def test_the_sdk_validates_by_validate_config_whenever_a_tap_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []
    ours = TapAnalytics._validate_config  # noqa: SLF001 - it is what the test is about

    def validate(tap: TapAnalytics, *, raise_errors: bool = True) -> list[str]:
        asked.append(raise_errors)
        return ours(tap, raise_errors=raise_errors)

    monkeypatch.setattr(TapAnalytics, "_validate_config", validate)
    TapAnalytics(config={"api_key": "k"})
    TapAnalytics(config=WITHOUT_KEY, validate_config=False)
    assert asked == [True, False]


# What the tap does


def test_settings_are_read_from_files_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"api_key": "of the file", "page_size": None}))
    monkeypatch.setenv("TAP_ANALYTICS_CONCURRENCY", "3")
    monkeypatch.setenv("TAP_ANALYTICS_API_KEY", "")
    command = TapAnalytics.get_singer_command()
    context = command.make_context("tap", ["--config", str(file), "--config", "ENV"])
    expected = {"api_key": "of the file", "concurrency": 3}
    assert context.params["config"].config == expected


def test_a_missing_key_is_no_fault_for_discovery() -> None:
    tap = TapAnalytics(config=WITHOUT_KEY, validate_config=False)
    assert tap.config["concurrency"] == 2
    assert tap.config["max_retries"] == DEFAULTS["max_retries"]
    with pytest.raises(ConfigError, match="The setting api_key is missing"):
        tap.require_valid_config()


def test_any_other_fault_is_one_for_discovery_too() -> None:
    with pytest.raises(ConfigError) as caught:
        TapAnalytics(config={"concurrency": 0}, validate_config=False)
    expected = "concurrency must be a whole number from 1 to 1000, not 0."
    assert str(caught.value) == expected


def test_a_start_date_is_checked_where_nothing_needs_it_yet() -> None:
    with pytest.raises(ConfigError) as caught:
        TapAnalytics(config={"api_key": "k", "start_date": "yesterday"})
    assert str(caught.value) == "start_date is not a date or time: 'yesterday'."
    TapAnalytics(config={"api_key": "k", "start_date": "2026-01-31"})


def test_settings_of_the_sdk_are_checked_too() -> None:
    config = {"api_key": "k", "stream_maps": {"tasks": {"__filter__": 5}}}
    with pytest.raises(ConfigError) as caught:
        TapAnalytics(config=config)
    assert str(caught.value) == "stream_maps.tasks.__filter__ must be text, not 5."


@pytest.mark.parametrize("named", [None, "time", 5, ["time"], {"time": 5}])
def test_only_streams_that_do_not_exist_are_warned_of(
    named: Any, caplog: pytest.LogCaptureFixture
) -> None:
    config = {"page_size_by_stream": named}
    warn_of_unknown_streams(config, ["time"], logging.getLogger())
    assert caplog.messages == []
