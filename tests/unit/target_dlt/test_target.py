"""What the target leans on in the SDK, and what would break if the SDK changed it.

The SDK has no public methods for these. A release that renames one would leave our own
unused, so that the SDK's ran instead.
"""

# ruff: noqa: SLF001, underscore names are the subject

from __future__ import annotations

import signal
from collections import Counter
from typing import Any

import click
import pytest
from singer_sdk import Target
from singer_sdk.exceptions import InvalidInputLine
from singer_sdk.io_base import GenericSingerReader
from singer_sdk.plugin_base import PluginBase, _ConfigInput

from tap_analytics.plugin.errors import ConfigError
from tap_analytics.target_dlt.target import TargetDlt

MESSAGES = {
    "SCHEMA": "_process_schema_message",
    "RECORD": "_process_record_message",
    "STATE": "_process_state_message",
    "ACTIVATE_VERSION": "_process_activate_version_message",
    "BATCH": "_process_batch_message",
}


class Reader(GenericSingerReader[str]):
    """A reader that reads one message of a kind."""

    default_input = None  # type: ignore[assignment]

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def deserialize_json(self, line: str) -> dict[str, Any]:
        raise NotImplementedError(line)

    def process_lines(self, file_input: Any, callbacks: dict[str, Any]) -> Any:
        del file_input
        callbacks[self.kind]({})
        return Counter()


@pytest.fixture
def target() -> TargetDlt:
    return TargetDlt(config={})


@pytest.mark.parametrize(("kind", "method"), MESSAGES.items())
def test_the_sdk_calls_our_method_for_each_kind_of_message(
    kind: str, method: str, target: TargetDlt, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    for name in MESSAGES.values():
        assert getattr(TargetDlt, name) is not getattr(Target, name)
        monkeypatch.setattr(target, name, lambda _, name=name: called.append(name))
    monkeypatch.setattr(target, "message_reader", Reader(kind))
    target.process_lines(None)
    assert called == [method]


def test_the_sdk_says_what_a_message_lacks(target: TargetDlt) -> None:
    """`_assert_line_requires`."""
    with pytest.raises(InvalidInputLine, match="stream"):
        target._assert_line_requires({"type": "SCHEMA"}, requires={"stream"})
    target._assert_line_requires({"stream": "s"}, requires={"stream"})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_sdk_registers_our_method_for_signals(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`_handle_termination`."""
    registered: dict[int, Any] = {}
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_DFL)
    monkeypatch.setattr(signal, "signal", registered.__setitem__)
    target = TargetDlt(config={})
    assert registered[number] == target._handle_termination
    assert TargetDlt._handle_termination is not Target._handle_termination


def test_a_signal_ends_a_target_that_is_not_made_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(self: TargetDlt, **_: object) -> None:
        self._handle_termination(signal.SIGINT, None)

    monkeypatch.setattr(Target, "__init__", interrupted)
    with pytest.raises(SystemExit) as ended:
        TargetDlt()
    assert ended.value.code == 128 + signal.SIGINT


def test_the_sdk_validates_by_validate_config_whenever_a_target_is_made() -> None:
    """`_validate_config` is replaced: the SDK would use several lines."""
    assert callable(PluginBase._validate_config)
    with pytest.raises(ConfigError, match="batch_size_rows must be a whole number"):
        TargetDlt(config={"batch_size_rows": "many"})


def test_the_sdk_takes_the_settings_that_we_have_read() -> None:
    """`_ConfigInput`, which is made by `cb_config` and given to `invoke`."""
    option = click.Option(["--config"], multiple=True)
    given = TargetDlt.cb_config(click.Context(click.Command("target")), option, ())
    assert isinstance(given, _ConfigInput)
    assert isinstance(given.config, dict)
    assert given.parse_env is False
