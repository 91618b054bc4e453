"""What the API's own time filter is asked for."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from tap_analytics.reading.time_window import TimeWindow
from tap_analytics.rows.replication_keys import DateOrder, NumberOrder, TimestampOrder

NOW = datetime(2026, 11, 25, 10, tzinfo=timezone.utc)
FILTER = {"since_param": "from", "until_param": "to", "since_format": "date"}


def params(order: Any, since: Any, **settings: Any) -> dict[str, str]:
    return dict(TimeWindow(FILTER | settings, order, NOW).params(since))


def test_a_window_of_days_begins_a_day_early_since_days_begin_elsewhere_later() -> None:
    assert params(TimestampOrder(), "2026-11-20T01:00:00+00:00") == {
        "from": "2026-11-19",
        "to": "2027-02-23",
    }


def test_a_window_of_moments_begins_at_the_moment() -> None:
    since = "2026-11-20T01:00:00+00:00"
    window = params(TimestampOrder(), since, since_format="datetime")
    assert window == {"from": since, "to": "2027-02-23T10:00:00+00:00"}


def test_a_day_is_the_day() -> None:
    assert params(DateOrder(), "2026-11-20")["from"] == "2026-11-20"


def test_a_day_begins_at_midnight_where_moments_are_asked_for() -> None:
    window = params(DateOrder(), "2026-11-20", since_format="datetime")
    assert window["from"] == "2026-11-20T00:00:00+00:00"


@pytest.mark.parametrize(
    ("order", "since", "settings"),
    [
        (TimestampOrder(), None, {}),
        (NumberOrder(), 7, {}),
        (TimestampOrder(), "2026-11-20T01:00:00+00:00", {"since_param": None}),
    ],
)
def test_else_nothing_is_filtered(order: Any, since: Any, settings: Any) -> None:
    assert params(order, since, **settings) == {}
