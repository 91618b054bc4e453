"""Taps that belong to a run, and what of the SDK they lean on."""
# ruff: noqa: SLF001 - what the SDK keeps to itself is the subject

from __future__ import annotations

import inspect
import io
import json
import logging
import signal
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import click
import pytest
from singer_sdk import Tap, metrics
from singer_sdk.plugin_base import _ConfigInput

from tap_analytics.errors import StoppedError
from tap_analytics.run import Run
from tap_analytics.singer.messages import MessageWriter
from tap_analytics.singer.tap import RunTap
from tap_analytics.tap import TapAnalytics
from tests.helpers.running import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import SandboxFactory

CONFIG = {"api_key": "k3y-0f-a-tap", "api_url": "http://127.0.0.1:9"}


class PlainTap(Tap):
    name = "tap-plain"
    config_jsonschema: ClassVar[dict[str, Any]] = {"properties": {}}

    def discover_streams(self) -> list[Any]:
        return []


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    """Put back what a plain tap changes."""
    handlers = {number: signal.getsignal(number) for number in (1, 2, 15)}
    level = metrics.get_metrics_logger().level
    yield
    metrics.get_metrics_logger().setLevel(level)
    for number, handler in handlers.items():
        signal.signal(number, handler)


# What the SDK does: if one of these fails, look at the hook of the same name


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sdk_handles_signals_by_setup_signal_handlers(
    number: signal.Signals,
) -> None:
    tap = PlainTap()
    assert signal.getsignal(number) == tap._handle_termination
    signal.signal(number, signal.SIG_DFL)
    tap._setup_signal_handlers()
    assert signal.getsignal(number) == tap._handle_termination


def test_the_sdk_has_one_logger_for_all_taps() -> None:
    assert PlainTap().logger is PlainTap().logger is logging.getLogger("tap-plain")


def test_the_sdk_sets_the_level_of_the_metrics_logger_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TAP_PLAIN_LOGLEVEL", "ERROR")
    tap = PlainTap()
    assert tap.metrics_logger is metrics.get_metrics_logger()
    assert metrics.get_metrics_logger().level == logging.ERROR


def test_the_sdk_adds_its_settings_to_the_schema_of_the_class() -> None:
    class Fresh(PlainTap):
        config_jsonschema: ClassVar[dict[str, Any]] = {"properties": {}}

    Fresh()
    assert "stream_maps" in Fresh.config_jsonschema["properties"]


@pytest.mark.parametrize("name", ["_setup_signal_handlers", "append_builtin_config"])
def test_what_is_overridden_or_called_is_there_with_the_same_signature(
    name: str,
) -> None:
    ours, theirs = getattr(RunTap, name), getattr(Tap, name)
    assert [*inspect.signature(ours).parameters] == [
        *inspect.signature(theirs).parameters
    ]


def test_the_command_hands_invoke_the_config_and_open_files() -> None:
    assert {*inspect.signature(Tap.invoke).parameters} == {
        *("about", "about_format", "config", "state", "catalog")
    }
    assert _ConfigInput() == _ConfigInput(config={}, parse_env=False)


# What a tap of a run does not


def test_a_new_tap_leaves_signals_alone() -> None:
    before = [signal.getsignal(number) for number in (2, 15)]
    assert threading.current_thread() is threading.main_thread()
    TapAnalytics(config=CONFIG)
    assert [signal.getsignal(number) for number in (2, 15)] == before


def test_a_new_tap_has_the_logger_of_its_run_and_the_class_that_of_the_process() -> (
    None
):
    runs = [Run.logging_to(logging.NullHandler()) for _ in range(2)]
    taps = [TapAnalytics(config=CONFIG, run=run) for run in runs]
    for tap, run in zip(taps, runs, strict=True):
        assert tap.logger is run.logger
        users = tap.streams["users"].logger
        assert users.parent is run.logger
    assert TapAnalytics.logger is logging.getLogger("tap-analytics")


@pytest.mark.parametrize("level", ["ERROR", "DEBUG"])
@pytest.mark.parametrize("of_run", [logging.INFO, logging.DEBUG])
def test_the_metrics_of_a_run_are_logged_if_its_logger_wants_to_debug(
    monkeypatch: pytest.MonkeyPatch, level: str, of_run: int
) -> None:
    monkeypatch.setenv("TAP_ANALYTICS_LOGLEVEL", level)
    metrics.get_metrics_logger().setLevel(logging.CRITICAL)
    run = Run.logging_to(logging.NullHandler(), of_run)
    tap = TapAnalytics(config=CONFIG, run=run)
    is_wanted = of_run == logging.DEBUG
    assert tap.metrics_logger.isEnabledFor(logging.INFO) == is_wanted
    assert metrics.get_metrics_logger().level == logging.CRITICAL


def test_the_schema_of_the_class_is_complete_before_a_tap_is_made() -> None:
    before = json.dumps(TapAnalytics.config_jsonschema)
    assert "stream_maps" in TapAnalytics.config_jsonschema["properties"]
    TapAnalytics(config=CONFIG)
    assert json.dumps(TapAnalytics.config_jsonschema) == before


def test_a_tap_that_is_made_by_a_command_belongs_to_its_run() -> None:
    run = Run.logging_to(logging.NullHandler())
    with click.Context(click.Command("tap"), obj=run):
        assert TapAnalytics(config=CONFIG).run is run
    assert TapAnalytics(config=CONFIG).run is not run


def test_a_tap_hides_its_key() -> None:
    tap = TapAnalytics(config=CONFIG)
    assert tap.run.redaction.redacted("a k3y-0f-a-tap") == "a ***"


# Reading


def test_a_tap_that_is_told_to_end_writes_its_state(sandbox: SandboxFactory) -> None:
    api = sandbox(projects=1, clients=2, users=2)
    out = io.BytesIO()
    run = Run.logging_to(logging.NullHandler())
    bookmarks = {"bookmarks": {"time": {"replication_key_value": "2025-01-01"}}}
    tap = TapAnalytics(
        config=settings(api),
        state=bookmarks,
        run=run,
        message_writer=MessageWriter(out),
    )
    run.stop.set()
    with pytest.raises(StoppedError):
        tap.read()
    last = json.loads(out.getvalue().splitlines()[-1])
    assert last == {"type": "STATE", "value": tap.state}
    assert last["value"]["bookmarks"]["time"] == bookmarks["bookmarks"]["time"]
