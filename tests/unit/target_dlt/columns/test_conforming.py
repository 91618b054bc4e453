"""Columns of Parquet files become a stream's columns exactly, or not at all."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tap_analytics.target_dlt.columns.column_types import ColumnType
from tap_analytics.target_dlt.columns.conforming import conform
from tap_analytics.target_dlt.errors import InputError

UTC = dt.timezone.utc
CONFORMED: dict[str, tuple[pa.Array, ColumnType, list[Any], str]] = {
    "decimals that floats hold": (
        pa.array([Decimal("1.50"), None]), ColumnType("number"), [1.5, None], "number"),
    "decimals that no float holds": (
        pa.array([Decimal("1234567890123456789.12")]), ColumnType("number"),
        [Decimal("1234567890123456789.12")], "decimal(38, 9)"),
    "more digits than declared": (
        pa.array([Decimal("1.123456789")]), ColumnType("decimal", 38, 2),
        [Decimal("1.123456789")], "decimal(38, 9)"),
    "large integers": (
        pa.array([2**64 - 1], pa.uint64()), ColumnType("integer"),
        [2**64 - 1], "decimal(38, 0)"),
    "small integers": (
        pa.array([5], pa.int8()), ColumnType("integer"), [5], "integer"),
    "integers for numbers": (
        pa.array([2**53 + 1]), ColumnType("number"),
        [2**53 + 1], "decimal(38, 9)"),
    "whole floats": (pa.array([5.0]), ColumnType("integer"), [5], "integer"),
    "texts for decimals": (
        pa.array(["1.23456789012"]), ColumnType("decimal", 38, 2, takes_text=True),
        [Decimal("1.23456789012")], "decimal(38, 11)"),
    "numbers for text": (pa.array([0.1]), ColumnType("text"), ["0.1"], "text"),
    "categories": (
        pa.array(["a", "a"]).dictionary_encode(), ColumnType("text", 1),
        ["a", "a"], "text(1)"),
    "base64": (pa.array(["AP8="]), ColumnType("binary"), [b"\0\xff"], "binary"),
    "a moment at midnight": (
        pa.array([dt.datetime(2024, 1, 2)]), ColumnType("date"),  # noqa: DTZ001
        [dt.date(2024, 1, 2)], "date"),
    "a date for a moment": (
        pa.array([dt.date(2024, 1, 2)]), ColumnType("timestamp"),
        [dt.datetime(2024, 1, 2, tzinfo=UTC)], "timestamp"),
    "structures": (
        pa.array([{"a": Decimal("1.50"), "b": ["x"]}]), ColumnType("json"),
        ['{"a":1.50,"b":["x"]}'], "json"),
    "maps": (
        pa.array([[("a", 1), ("b", None)]], pa.map_(pa.string(), pa.int64())),
        ColumnType("json"), ['{"a":1,"b":null}'], "json"),
    "views of text": (pa.array(["a"], pa.string_view()), ColumnType("text"),
        ["a"], "text"),
    "UUIDs": (
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16], pa.binary(16))),
        ColumnType("text"), ["30303030-3030-3030-3030-303030303030"], "text"),
    "text for JSON": (
        pa.array(['{"a": 1}', "{a", "5"]), ColumnType("json"),
        ['{"a": 1}', '"{a"', '"5"'], "json"),
    "only null": (pa.array([None]), ColumnType("date"), [None], "date"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFORMED)
def test_a_column_is_conformed(name: str) -> None:
    array, type_, values, needed = CONFORMED[name]
    rows = pa.RecordBatch.from_arrays([array], ["v"])
    found, types = conform(rows, {"v": type_, "w": ColumnType("text")}, "file x")
    assert found["v"].to_pylist() == values
    assert str(types["v"]) == needed
    assert found["v"].type == types["v"].arrow
    assert found["w"].null_count == len(values)


@pytest.mark.parametrize(
    ("array", "type_", "says"),
    [
        (pa.array(["abc"]), ColumnType("text", 2), "at most 2 characters, got 3"),
        (pa.array([1.5]), ColumnType("integer"), "expected integers"),
        (pa.array(["1"]), ColumnType("number"), "expected number, got string"),
        (pa.array(["5"]), ColumnType("decimal", 38, 2), "expected decimal, got string"),
        (
            pa.array(["1_0"]),
            ColumnType("decimal", 38, 2, takes_text=True),
            "expected decimal, got text that is not",
        ),
        (pa.array(["%"]), ColumnType("binary"), "expected binary"),
        (pa.array([True]), ColumnType("integer"), "expected integer, got bool"),
        (pa.array([1], pa.timestamp("ns")), ColumnType("timestamp"), "would lose data"),
        (
            pa.array([dt.datetime(2024, 1, 2, 3)]),  # noqa: DTZ001
            ColumnType("date"),
            "expected date",
        ),
        (pa.array([[float("nan")]]), ColumnType("json"), "NaN"),
        *(
            (pa.array([1.5, None, float(value)], float_type), type_, "NaN")
            for value, float_type, type_ in [
                ("nan", pa.float64(), ColumnType("number")),
                ("-inf", pa.float32(), ColumnType("number")),
                ("inf", pa.float16(), ColumnType("text")),
                ("nan", pa.float64(), ColumnType("literal")),
                ("inf", pa.float64(), ColumnType("decimal")),
                ("nan", pa.float64(), ColumnType("integer")),
            ]
        ),
        (
            pa.array([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int64())),
            ColumnType("json"),
            "duplicate key",
        ),
    ],
)
def test_a_column_that_does_not_fit_is_named(
    array: pa.Array, type_: ColumnType, says: str
) -> None:
    rows = pa.RecordBatch.from_arrays([array], ["v"])
    with pytest.raises(InputError, match=f"file x, field 'v': .*{says}"):
        conform(rows, {"v": type_}, "file x")
