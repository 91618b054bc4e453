"""Which column type holds the values of two others."""

from __future__ import annotations

import itertools

import pytest

from tap_analytics.target_dlt.columns.column_types import ColumnType, unify

KINDS = [
    ColumnType("text"),
    ColumnType("text", 9),
    ColumnType("literal"),
    ColumnType("integer"),
    ColumnType("integer", 16),
    ColumnType("number"),
    ColumnType("number", 32),
    ColumnType("decimal", 38, 2),
    ColumnType("decimal", 38, 12),
    ColumnType("boolean"),
    ColumnType("timestamp"),
    ColumnType("date"),
    ColumnType("time"),
    ColumnType("binary"),
    ColumnType("json"),
]


@pytest.mark.parametrize(
    ("one", "other"), list(itertools.product(KINDS, KINDS)), ids=str
)
def test_types_unite_whichever_comes_first_and_stay_united(
    one: ColumnType, other: ColumnType
) -> None:
    united = unify(one, other)
    assert unify(other, one) == united
    assert unify(united, one) == united
    assert unify(united, other) == united
