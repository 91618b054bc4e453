"""Values become Arrow arrays exactly, or not at all."""

from __future__ import annotations

import base64
import datetime as dt
import json
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_analytics.target_dlt.columns.column_types import ColumnType, unify
from tap_analytics.target_dlt.columns.misfits import (
    MisfitError,
    TooFineError,
    TooNarrowError,
)
from tap_analytics.target_dlt.columns.moments import truncate_to_microseconds
from tap_analytics.target_dlt.columns.numbers import exact_number
from tap_analytics.target_dlt.columns.recasting import recast
from tap_analytics.target_dlt.columns.values import to_arrow

INTEGER = ColumnType("integer")
NUMBER = ColumnType("number")
DECIMAL = ColumnType("decimal", 38, 9)
TEXT = ColumnType("text")
TIMESTAMP = ColumnType("timestamp")


def kept(type_: ColumnType, values: list[Any]) -> list[Any]:
    """Convert, in a wider type where the values need it."""
    decoded = values
    if type_.kind == "decimal":
        decoded = [v if v is None else msgspec.Raw(str(v).encode()) for v in values]
    try:
        return to_arrow(type_, decoded).to_pylist()  # type: ignore[no-any-return]
    except TooNarrowError as error:
        if type_ == error.needed:
            raise
        return kept(error.needed, values)


@given(st.lists(st.none() | st.integers()))
def test_integers_of_any_size_are_exact(values: list[Any]) -> None:
    try:
        assert kept(INTEGER, values) == values
    except MisfitError:
        assert max(abs(v) for v in values if v is not None) >= 10**38


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False)))
def test_floats_stay_what_they_are(values: list[Any]) -> None:
    decoded = [None if v is None else exact_number(repr(v)) for v in values]
    assert to_arrow(NUMBER, decoded).to_pylist() == values


def test_a_large_whole_float_is_the_integer_that_its_digits_write() -> None:
    number = exact_number("3.912968247792911e+16")
    assert to_arrow(INTEGER, [number]).to_pylist() == [39129682477929110]


decimals = st.decimals(allow_nan=False, allow_infinity=False)


@given(decimals)
def test_a_decoded_number_has_all_its_digits(number: Decimal) -> None:
    decoded = exact_number(str(number))
    assert Decimal(str(decoded)) == number


@pytest.mark.parametrize(
    "text", ["1e-400", "-1e-400", "1.2345678e-320", "5e-324", "0e-9", "-0.0", "1e400"]
)
def test_a_number_next_to_zero_has_all_its_digits(text: str) -> None:
    assert Decimal(str(exact_number(text))) == Decimal(text)


@given(st.lists(st.decimals(-(10**20), 10**20, places=12)))
def test_decimals_keep_their_digits(values: list[Decimal]) -> None:
    assert kept(DECIMAL, values) == values
    found = kept(NUMBER, [exact_number(f"{v:f}") for v in values])
    assert [Decimal(str(number)) for number in found] == values


@given(decimals, st.integers(0, 38))
def test_a_decimal_is_exact_or_refused(number: Decimal, scale: int) -> None:
    try:
        assert kept(ColumnType("decimal", 38, scale), [number]) == [number]
    except MisfitError as error:
        assert "38 digits" in str(error)  # noqa: PT017


@pytest.mark.parametrize("text", ["5.9755714997155284E-64", "5.1175E-100", "1e-68"])
@pytest.mark.parametrize("scale", [0, 2, 12, 38])
def test_arrow_makes_no_other_number_of_what_is_next_to_zero(
    text: str, scale: int
) -> None:
    """As it does where more than 38 digits after the point are too many."""
    with pytest.raises((MisfitError, TooNarrowError)):
        to_arrow(ColumnType("decimal", 38, scale), [msgspec.Raw(text.encode())])


@pytest.mark.parametrize("text", ["12", "-0.50", "+7", ".5", "5.", "1E+3", "2.5e-1"])
def test_a_decimal_may_come_as_text_where_the_schema_says_so(text: str) -> None:
    taking = ColumnType("decimal", 38, 9, takes_text=True)
    raw = [msgspec.Raw(f'"{text}"'.encode()), None, msgspec.Raw(b"null")]
    assert to_arrow(taking, raw).to_pylist() == [Decimal(text), None, None]


@pytest.mark.parametrize("text", ["1_000", " 7 ", "١٢", "NaN", "Infinity", "", "0x5"])
def test_a_text_that_only_python_takes_for_a_number_is_refused(text: str) -> None:
    taking = ColumnType("decimal", 38, 9, takes_text=True)
    with pytest.raises(MisfitError, match="expected a number"):
        to_arrow(taking, [msgspec.Raw(msgspec.json.encode(text))])


@pytest.mark.parametrize(
    "text", ["0E+50", "-0e-99", "12." + "0" * 50, "9" * 29, "9" * 29 + ".999999999"]
)
def test_a_decimal_that_fits_is_taken_however_it_is_written(text: str) -> None:
    array = to_arrow(DECIMAL, [msgspec.Raw(text.encode())])
    assert array.to_pylist() == [Decimal(text)]


def test_a_scale_gives_way_to_the_digits_before_the_point() -> None:
    fine = ColumnType("decimal", 38, 30)
    assert kept(fine, [Decimal("123456789012.25")]) == [Decimal("123456789012.25")]
    assert kept(fine, [Decimal("1E-30")]) == [Decimal("1E-30")]
    with pytest.raises(MisfitError, match="38 digits"):
        kept(fine, [Decimal("123456789012.25"), Decimal("1E-30")])


@given(st.lists(st.none() | st.text()))
def test_texts_stay_what_they_are(values: list[Any]) -> None:
    assert to_arrow(TEXT, values).to_pylist() == values


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.lists(json_values))
def test_json_keeps_its_text(values: list[Any]) -> None:
    raw = [msgspec.Raw(json.dumps(value).encode()) for value in values]
    array = to_arrow(ColumnType("json"), raw)
    assert array.to_pylist() == [
        None if value is None else json.dumps(value) for value in values
    ]


@given(st.lists(st.none() | st.booleans() | st.integers() | st.text()))
def test_literals_are_strings_or_the_text_of_others(values: list[Any]) -> None:
    raw = [msgspec.Raw(json.dumps(value).encode()) for value in values]
    assert to_arrow(ColumnType("literal"), raw).to_pylist() == [
        value if value is None or isinstance(value, str) else json.dumps(value)
        for value in values
    ]


offsets = st.timedeltas(-dt.timedelta(hours=14), dt.timedelta(hours=14)).map(
    lambda delta: dt.timezone(dt.timedelta(minutes=delta // dt.timedelta(minutes=1)))
)
moments = st.datetimes(
    dt.datetime(1, 1, 2),  # noqa: DTZ001
    dt.datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=offsets,
)


@given(st.lists(st.none() | moments))
def test_timestamps_keep_the_moment(values: list[dt.datetime | None]) -> None:
    texts = [None if value is None else value.isoformat() for value in values]
    assert to_arrow(TIMESTAMP, texts).to_pylist() == values


@given(st.lists(st.none() | st.dates()), st.lists(st.none() | st.times()))
def test_dates_and_times_stay_what_they_are(
    dates: list[dt.date | None], times: list[dt.time | None]
) -> None:
    texts = [None if value is None else value.isoformat() for value in dates]
    assert to_arrow(ColumnType("date"), texts).to_pylist() == dates
    texts = [None if value is None else value.isoformat() for value in times]
    assert to_arrow(ColumnType("time"), texts).to_pylist() == times


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00"),
        ("2024-05-01T10:00:00z", "2024-05-01T10:00:00"),
        ("2024-05-01t10:00:00+02:00", "2024-05-01T08:00:00"),
        ("2024-05-01 10:00:00", "2024-05-01T10:00:00"),
        ("2024-05-01", "2024-05-01T00:00:00"),
        ("2024-05-01T10:00:00.1234560Z", "2024-05-01T10:00:00.123456"),
        ("2024-05-01T10:00:00.120000000+00:00", "2024-05-01T10:00:00.120000"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999"),
    ],
)
def test_date_times_are_read_in_all_common_ways(text: str, moment: str) -> None:
    [found] = to_arrow(TIMESTAMP, [text]).to_pylist()
    assert found.replace(tzinfo=None).isoformat() == moment


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("timestamp", "2024-05-01T10:00:00.123456789Z", "holds microseconds"),
        ("timestamp", "2016-12-31T23:59:60Z", "expected a date-time"),
        ("timestamp", "", 'expected a date-time, got ""'),
        ("timestamp", "yesterday", "expected a date-time"),
        ("date", "2024-05-01T10:00:00Z", "expected a date"),
        ("date", "2024-02-30", "expected a date"),
        ("time", "10:00:00+02:00", "expected a time without an offset"),
        ("time", "25:00", "expected a time"),
        ("integer", 1.5, "expected an integer, got 1.5"),
        ("integer", True, "expected an integer, got true"),
        ("integer", Decimal("1E+999999999"), "expected an integer"),
        ("integer", Decimal("1E-999999999"), "expected an integer"),
        ("number", True, "expected a number, got true"),
        ("number", "1", 'expected a number, got "1"'),
        ("number", Decimal("1E+400"), "does not fit a decimal of 38 digits"),
        ("number", 2**200, "does not fit a decimal of 38 digits"),
        ("decimal", msgspec.Raw(b'"5"'), 'expected a number, got "5"'),
        ("decimal", msgspec.Raw(b'"1_0.5"'), 'expected a number, got "1_0.5"'),
        ("decimal", msgspec.Raw(b"true"), "expected a number, got true"),
        ("decimal", msgspec.Raw(b"[5]"), r"expected a number, got \[5\]"),
        ("decimal", msgspec.Raw(b"1e400"), "does not fit a decimal of 38 digits"),
        ("timestamp", "2020-01-01T00:00:00,1234561Z", "holds microseconds"),
        ("time", "00:00:00,1234561", "holds microseconds"),
        ("date", "2020-01-01T00:00:00.0000001", "expected a date"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(kind: Any, value: Any, says: str) -> None:
    with pytest.raises(MisfitError, match=says) as caught:
        to_arrow(ColumnType(kind), [None, value])
    assert caught.value.index == 1


@pytest.mark.parametrize(
    ("kind", "fine", "coarse"),
    [
        (
            "timestamp",
            "2024-05-01T10:00:00.123456789+02:00",
            "2024-05-01T10:00:00.123456+02:00",
        ),
        ("time", "23:59:59.9999999", "23:59:59.999999"),
        ("time", "23:59:59,9999999", "23:59:59,999999"),
    ],
)
def test_what_is_finer_than_microseconds_is_cut_not_rounded(
    kind: Any, fine: str, coarse: str
) -> None:
    type_ = ColumnType(kind)
    with pytest.raises(TooFineError):
        to_arrow(type_, [fine])
    assert truncate_to_microseconds([fine, None, coarse]) == [coarse, None, coarse]


@pytest.mark.parametrize("text", ["9:30:00", "9:30", "9:30:00.5"])
def test_an_hour_may_have_one_digit(text: str) -> None:
    """As Python writes a timedelta, and so taps of MySQL a time."""
    [found] = to_arrow(ColumnType("time"), [text]).to_pylist()
    assert found == dt.time.fromisoformat(f"0{text}")


def test_a_text_beyond_its_limit_is_refused() -> None:
    limited = ColumnType("text", 2)
    assert to_arrow(limited, ["é😀", None]).to_pylist() == ["é😀", None]
    with pytest.raises(MisfitError, match="at most 2 characters, got 3"):
        to_arrow(limited, [None, "abc"])


def test_base64_is_decoded_by_the_decoder() -> None:
    assert msgspec.json.decode(
        json.dumps(base64.b64encode(b"\0\xff").decode()), type=bytes
    ) == (b"\0\xff")


@pytest.mark.parametrize("largest", [10**28, 10**27, 123456789012345678])
def test_decimals_never_wrap_around(largest: int) -> None:
    """Arrow's casts do, silently."""
    array = pa.array([Decimal(largest)], DECIMAL.arrow)
    with (
        pytest.raises((TooNarrowError, MisfitError))
        if largest > 10**18
        else (pytest.MonkeyPatch.context())
    ):
        found = recast(array, DECIMAL, ColumnType("decimal", 38, 20))
        assert found.to_pylist() == [largest]


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_integers_become_decimals_exactly(values: list[Any]) -> None:
    array = pa.array(values, pa.int64())
    assert recast(array, INTEGER, unify(INTEGER, NUMBER)).to_pylist() == values


@given(st.lists(st.floats(-1e15, 1e15)))
def test_numbers_become_decimals_digit_by_digit(values: list[float]) -> None:
    array = pa.array(values, pa.float64())
    try:
        found = recast(array, NUMBER, DECIMAL)
    except TooNarrowError as error:
        found = recast(array, NUMBER, error.needed)
    except MisfitError:
        return
    assert found.to_pylist() == [Decimal(repr(value)) for value in values]
