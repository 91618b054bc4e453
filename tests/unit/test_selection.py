"""Which streams the setting `streams` chooses, and who wins over it."""

from __future__ import annotations

from typing import Any

import pytest

from tap_analytics.errors import ConfigError
from tap_analytics.selection import chosen_streams
from tap_analytics.streams import STREAM_NAMES
from tap_analytics.tap import TapAnalytics

NAMES = ("clients", "projects", "users")


def selected(catalog: dict[str, Any] | None = None, **settings: Any) -> set[str]:
    tap = TapAnalytics(config={"api_key": "key", **settings}, catalog=catalog)
    return {name for name, stream in tap.streams.items() if stream.selected}


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        (None, {"clients", "projects", "users"}),
        ([], {"clients", "projects", "users"}),
        (["users"], {"users"}),
        (["-users"], {"clients", "projects"}),
        (["users", "clients", "-users"], {"clients"}),
    ],
)
def test_names_choose_and_names_with_a_minus_leave_out(
    given: list[str] | None, chosen: set[str]
) -> None:
    assert chosen_streams(given, NAMES) == chosen


def test_a_stream_that_does_not_exist_is_named_with_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigError, match=r"'user'.* Did you mean 'users'\?"):
        chosen_streams(["-user"], NAMES)


def test_no_stream_at_all_is_an_error() -> None:
    with pytest.raises(ConfigError, match="leaves out every stream"):
        chosen_streams(["-clients", "-projects", "-users"], NAMES)


def test_the_tap_selects_what_is_chosen() -> None:
    assert selected(streams=["tasks", "users"]) == {"tasks", "users"}


def test_a_catalog_wins() -> None:
    catalog = TapAnalytics(config={"api_key": "key"}).catalog_dict
    assert selected(catalog, streams=["users"]) == {*STREAM_NAMES}


def test_discovery_says_what_is_chosen() -> None:
    config = {"api_key": "key", "streams": ["users"]}
    catalog = TapAnalytics(config=config).catalog_dict
    assert selected(catalog) == {"users"}
