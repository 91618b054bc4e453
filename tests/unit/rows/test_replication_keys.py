"""The order of replication keys, by the type of their column."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import Raw

from tap_analytics.errors import ConfigError
from tap_analytics.rows.replication_keys import (
    DateOrder,
    KeyOrder,
    NumberOrder,
    TimestampOrder,
    order_of,
)


@pytest.mark.parametrize(
    ("column", "order"),
    [
        ({"type": ["string", "null"], "format": "date-time"}, TimestampOrder),
        ({"type": "string", "format": "date"}, DateOrder),
        ({"type": ["integer", "null"]}, NumberOrder),
        ({"type": "number"}, NumberOrder),
        ({"type": ["string", "null"]}, type(None)),
        ({"type": ["object", "null"]}, type(None)),
        ({}, type(None)),
    ],
)
def test_the_column_decides_on_the_order(column: Any, order: type[KeyOrder]) -> None:
    assert isinstance(order_of(column), order)


def test_numbers_are_compared_as_numbers() -> None:
    order = NumberOrder()
    assert order.value_of(Raw(b"10")) > order.read(9, "x")
    assert order.value_of(Raw(b"0.10")) == Decimal("0.10")


def test_a_day_of_a_state_may_be_a_moment() -> None:
    assert DateOrder().read("2026-11-20T23:00:00+00:00", "x") == "2026-11-20"


@pytest.mark.parametrize(
    ("order", "value", "earlier"),
    [
        (DateOrder(), "2026-03-01", "2026-02-27"),
        (DateOrder(), "0001-01-01", "0001-01-01"),
        (
            TimestampOrder(),
            "2026-03-01T01:00:00.5+00:00",
            "2026-02-27T01:00:00.5+00:00",
        ),
        (NumberOrder(), 5, 5),
    ],
)
def test_a_look_back_is_of_days(order: KeyOrder, value: Any, earlier: Any) -> None:
    assert order.earlier(value, timedelta(days=2)) == earlier


@pytest.mark.parametrize(
    ("order", "value", "capped"),
    [
        (DateOrder(), "2062-11-10", "2026-11-25"),
        (DateOrder(), "2026-11-24", "2026-11-24"),
        (TimestampOrder(), "2062-11-10T00:00:00+00:00", "2026-11-25T10:00:00+00:00"),
        (NumberOrder(), 5, 5),
    ],
)
def test_no_bookmark_lies_in_the_future(
    order: KeyOrder, value: Any, capped: Any
) -> None:
    assert order.capped(value, "2026-11-25T10:00:00+00:00") == capped


@pytest.mark.parametrize(
    ("order", "value"),
    [(NumberOrder(), "10"), (NumberOrder(), True), (DateOrder(), "soon")],
)
def test_a_bookmark_of_another_type_is_refused(order: KeyOrder, value: Any) -> None:
    with pytest.raises(ConfigError, match="the bookmark of date is not a"):
        order.read(value, "the bookmark of date")
