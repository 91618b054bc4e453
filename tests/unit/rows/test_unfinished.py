"""How far a read came, as it stands in a state."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from tap_analytics.errors import ConfigError
from tap_analytics.rows.unfinished import (
    UNFINISHED,
    Unfinished,
    digest_of,
    fingerprint,
    packed,
    unfinished_in,
)

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def state_of(**values: Any) -> dict[str, Any]:
    """Return a state that says this of a read."""
    known = {"began_at": NOW.isoformat(), "settings": "s"}
    return {UNFINISHED: json.dumps(known | values)}


def test_it_is_one_text_that_says_the_same_when_it_is_read() -> None:
    written = Unfinished(
        NOW,
        "s",
        done=packed([fingerprint({"project_id": "p1"})]),
        version=7,
        bookmark='"2026-01-01"',
        highest=Decimal("1.10000000000000000001"),
        doubts=("some",),
        refuted=("COUNT",),
    )
    assert unfinished_in({UNFINISHED: written.text()}) == written


@pytest.mark.parametrize("state", [{}, {UNFINISHED: None}])
def test_a_read_that_was_complete_is_none_to_go_on_with(state: dict[str, Any]) -> None:
    assert unfinished_in(state) is None


def test_a_newer_format_is_refused_in_one_line() -> None:
    with pytest.raises(ConfigError, match=r"newer version of this tap.*2") as e:
        unfinished_in(state_of(format=2, began_at={"other": "form"}))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    "state",
    [
        {UNFINISHED: "{"},
        {UNFINISHED: "[]"},
        {UNFINISHED: {"began_at": "2026-01-31T12:00:00Z"}},
        state_of(began_at="yesterday"),
        state_of(began_at="2026-01-31T12:00:00"),
        state_of(done="?"),
        state_of(done="YQ=="),
        {UNFINISHED: "{}"},
    ],
    ids=str,
)
def test_what_is_no_state_of_this_tap_is_refused_in_one_line(
    state: dict[str, Any],
) -> None:
    with pytest.raises(ConfigError, match=r"not one of this tap.*STATE") as error:
        unfinished_in(state)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("age", "hours", "goes_on"),
    [
        (timedelta(hours=11), 12, True),
        (timedelta(hours=12), 12, True),
        (timedelta(hours=13), 12, False),
        (timedelta(), 12, True),
        (timedelta(), 0, False),
        (timedelta(minutes=20), 0.5, True),
        (timedelta(days=9), 1e300, True),
        (timedelta(seconds=-1), 12, False),
    ],
    ids=str,
)
def test_a_read_goes_on_for_so_many_hours_and_not_from_the_future(
    age: timedelta, hours: float, *, goes_on: bool
) -> None:
    assert Unfinished(NOW - age, "s").is_of("s", NOW, hours) is goes_on


def test_a_read_with_other_settings_does_not_go_on() -> None:
    assert not Unfinished(NOW, "s").is_of("other", NOW, 12)


def test_a_digest_changes_with_each_value_and_shows_none() -> None:
    first = digest_of({"a": 1, "b": {"key": "secret"}})
    assert digest_of({"b": {"key": "secret"}, "a": 1}) == first
    assert digest_of({"a": 1, "b": {"key": "other"}}) != first
    assert "secret" not in first
