"""Which settings make a read another one, so that a run does not go on with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tap_analytics.rows.unfinished import UNFINISHED
from tap_analytics.settings import SCHEMA, SHAPES_NO_ROWS
from tap_analytics.singer import going_on
from tap_analytics.singer.stream import AnalyticsStream
from tap_analytics.tap import TapAnalytics
from tests.helpers.scanning import KEY


def stream_of(state: dict[str, Any] | None = None, **config: Any) -> AnalyticsStream:
    tap = TapAnalytics(config={"api_key": KEY, **config}, state=state or {})
    stream = tap.streams["tasks"]
    assert isinstance(stream, AnalyticsStream)
    return stream


def settings_of(**config: Any) -> str:
    """Return what stands in a state for what shapes the rows."""
    text = going_on.so_far_of(stream_of(**config)).text_when_complete(None)
    digest: str = json.loads(text)["settings"]
    return digest


@pytest.mark.parametrize(
    "config",
    [
        {"api_key": f"{KEY}x"},
        {"api_url": "https://other.example.com"},
        {"path_prefix": "/v2"},
        {"data_selector": "items"},
        {"stream_maps": {"tasks": {"__filter__": "id != '1'"}}},
        {"undeclared_fields": "ignore"},
        {"first_page": 0},
        {"emit_activate_version_messages": True},
    ],
    ids=lambda config: next(iter(config)),
)
def test_another_key_url_or_account_is_another_read(config: dict[str, Any]) -> None:
    assert settings_of(**config) != settings_of()


def test_the_same_settings_are_the_same_read() -> None:
    assert settings_of() == settings_of()


@pytest.mark.parametrize("name", sorted(SHAPES_NO_ROWS))
def test_how_to_ask_makes_no_other_read(name: str) -> None:
    kind, *_ = SCHEMA["properties"][name]["type"]
    values: dict[str, Any] = {"object": {"tasks": 7}, "array": ["tasks"]}
    values |= {"string": "me", "integer": 7, "number": 7}
    assert settings_of(**{name: values[kind]}) == settings_of()


def test_another_way_to_replicate_is_another_read() -> None:
    stream = stream_of()
    before = going_on.so_far_of(stream).text_when_complete(None)
    stream.replication_key = "createdAt"
    after = going_on.so_far_of(stream).text_when_complete(None)
    assert json.loads(before)["settings"] != json.loads(after)["settings"]


def test_no_setting_can_be_read_from_a_state() -> None:
    text = going_on.so_far_of(stream_of()).text_when_complete(7)
    assert KEY not in text


def test_the_end_of_a_read_is_written_for_streams_that_the_state_knows_nothing_of() -> (
    None
):
    stream = stream_of()
    assert not going_on.end([stream])
    assert stream.stream_state == {UNFINISHED: None}
