"""Arrow columns become others exactly, or not at all."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_analytics.target_dlt.columns.column_types import ColumnType
from tap_analytics.target_dlt.columns.misfits import TooNarrowError
from tap_analytics.target_dlt.columns.recasting import narrow, recast

SMALL = ColumnType("integer", 16)
INTEGER = ColumnType("integer")
REAL = ColumnType("number", 32)
NUMBER = ColumnType("number")
CENTS = ColumnType("decimal", 10, 2)
WIDE = ColumnType("decimal", 38, 12)
JSON = ColumnType("json")

VALUES: dict[ColumnType, st.SearchStrategy[Any]] = {
    INTEGER: st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9),
    NUMBER: st.floats(allow_nan=False) | st.integers(-9, 9).map(float),
    WIDE: st.decimals(-(10**20), 10**20, places=12, allow_nan=False)
    | st.integers(-9, 9).map(Decimal),
}


@pytest.mark.parametrize("from_", VALUES, ids=str)
@pytest.mark.parametrize("to", [SMALL, INTEGER, REAL, NUMBER, CENTS, WIDE], ids=str)
@given(data=st.data())
def test_numbers_are_narrowed_exactly_or_not_at_all(
    data: st.DataObject, from_: ColumnType, to: ColumnType
) -> None:
    values = data.draw(st.lists(st.none() | VALUES[from_], max_size=4))
    found = narrow(pa.array(values, from_.arrow), from_, to)
    if found is not None:
        assert found.type == to.arrow
        assert [_exact(value) for value in found.to_pylist()] == [
            _exact(value) for value in values
        ]


def _exact(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


@pytest.mark.parametrize("whole", [10**26 - 1, 1 - 10**26])
@pytest.mark.parametrize("more", [0, 1])
def test_a_number_near_the_limit_of_a_decimal_is_exact(whole: int, more: int) -> None:
    number = Decimal(whole + (more if whole > 0 else -more))
    from_ = ColumnType("decimal", 38, 0)
    array = pa.array([number], from_.arrow)
    if more:
        with pytest.raises(TooNarrowError, match=r"needs decimal\(38, 11\)"):
            recast(array, from_, WIDE)
    else:
        assert recast(array, from_, WIDE).to_pylist() == [number]


@pytest.mark.parametrize(
    ("from_", "value", "text"),
    [
        (NUMBER, 5.0, "5"),
        (NUMBER, -0.0, "0"),
        (NUMBER, 0.1, "0.1"),
        (NUMBER, 1234567890123456.0, "1234567890123456"),
        (NUMBER, 1e300, "1e+300"),
        (WIDE, Decimal(0), "0"),
        (WIDE, Decimal("1E-9"), "0.000000001"),
        (WIDE, Decimal("-12.50"), "-12.5"),
        (ColumnType("decimal", 38, 0), Decimal(100), "100"),
        (JSON, '"a"', '"a"'),
    ],
)
def test_a_value_becomes_one_text_whatever_the_database(
    from_: ColumnType, value: Any, text: str
) -> None:
    found = recast(pa.array([None, value], from_.arrow), from_, ColumnType("text"))
    assert found.to_pylist() == [None, text]


@pytest.mark.parametrize(
    ("values", "from_", "to", "fits"),
    [
        ([5.0], NUMBER, SMALL, True),
        ([40000.0], NUMBER, SMALL, False),
        ([0.5], NUMBER, INTEGER, False),
        ([float("inf")], NUMBER, INTEGER, False),
        ([0.5], NUMBER, REAL, True),
        ([0.1], NUMBER, REAL, False),
        ([2**53], INTEGER, NUMBER, True),
        ([2**53 + 1], INTEGER, NUMBER, False),
        ([Decimal("0.1")], WIDE, NUMBER, True),
        ([Decimal("0.123456789012")], WIDE, CENTS, False),
        ([Decimal(10**8)], WIDE, CENTS, False),
        (["ab"], ColumnType("text"), ColumnType("text", 2), True),
        (["abc"], ColumnType("text"), ColumnType("text", 2), False),
        ([None], ColumnType("date"), SMALL, True),
    ],
)
def test_what_fits_a_narrower_column(
    values: list[Any],
    from_: ColumnType,
    to: ColumnType,
    fits: bool,  # noqa: FBT001
) -> None:
    found = narrow(pa.array(values, from_.arrow), from_, to)
    assert (found is not None) == fits
