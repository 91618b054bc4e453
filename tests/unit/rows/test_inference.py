"""Inference: columns from sampled records, at discovery or a run without catalog."""

from __future__ import annotations

import logging
from functools import reduce
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Raw

from tap_analytics.rows.fields import ADDITIONAL_FIELDS, NULL, Fields
from tap_analytics.rows.fit import fit_for
from tap_analytics.rows.inference import (
    COLUMNS,
    MIXED,
    NULL_ONLY,
    Inference,
    merged,
    type_of,
)

SILENT = logging.getLogger("tap-analytics.test.silent")
SILENT.setLevel(logging.ERROR)

DECLARED = ("id", "name", "createdAt", "status", ADDITIONAL_FIELDS)
TYPES = st.sampled_from([*COLUMNS, NULL_ONLY, MIXED])

MOMENTS = st.datetimes().map(str) | st.datetimes().map(lambda m: m.isoformat() + "Z")
NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=5) | st.dates().map(str) | MOMENTS
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=5,
)
NAMES = st.sampled_from(["a", "b", "c", "project_id", "projectId", "", "ID", "_sdc_x"])
RECORDS = st.lists(st.dictionaries(NAMES, JSON, max_size=5), max_size=6)

_encode = msgspec.json.Encoder(decimal_format="number").encode


def raw(value: Any) -> Raw:
    return Raw(_encode(value))


def inference(*records: dict[str, Any]) -> Inference:
    inferred = Inference(DECLARED)
    for record in records:
        inferred.add({name: raw(value) for name, value in record.items()})
    return inferred


def inferred_type(*values: Any) -> str | None:
    """Return the type of the column for a field with these values."""
    column = inference(*({"x": value} for value in values)).columns.get("x")
    return next((name for name, known in COLUMNS.items() if known == column), None)


# The types


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([None, True, False], "boolean"),
        ([1, None, -(2**63), 2**63 - 1], "integer"),
        ([1, 2**63], "number"),
        ([1, 2.5], "number"),
        ([{"a": 1}, {}], "object"),
        ([[1], ["a"], []], "array"),
        (["2026-01-31", None], "date"),
        (["2026-01-31 09:30:00", "2026-01-31T09:30:00.5Z"], "date-time"),
        (["soon", "2026-01-31"], "string"),
        (["", "a"], "string"),
        (["2026-02-30"], "string"),
        (["09:30"], "string"),
        ([12, "as:12"], "string"),
        ([1.5, "2026-01-31"], "string"),
    ],
)
def test_a_column_is_as_narrow_as_its_values_allow(
    values: list[Any], type_: str
) -> None:
    assert inferred_type(*values) == type_


def test_dates_among_times_are_not_given_a_midnight() -> None:
    assert inferred_type("2026-01-31", "2026-01-31T09:30:00Z") == "string"


@pytest.mark.parametrize("finer", [".1234567", ".123456789"])
def test_moments_finer_than_microseconds_stay_text(finer: str) -> None:
    assert inferred_type(f"2026-01-31T09:30:00{finer}Z") == "string"


@pytest.mark.parametrize("digits", ["1e400", "1e-20", "1" * 39])
def test_numbers_that_no_decimal_column_holds_stay_text(digits: str) -> None:
    assert type_of(Raw(digits.encode())) == "string"


@pytest.mark.parametrize(
    "values", [(True, 1), (True, "yes"), ({}, []), ({"id": 1}, "me"), ([], 0)]
)
def test_values_that_no_column_takes_together_get_none(values: tuple[Any, ...]) -> None:
    inferred = inference(*({"x": value} for value in values))
    assert inferred.columns == {}
    assert inferred.without_column == {
        "x": "values of types that no column takes together"
    }


def test_a_field_without_a_value_gets_no_column_and_no_warning() -> None:
    inferred = inference({"x": None}, {"x": None})
    assert inferred.columns == {}
    assert inferred.without_column == {}


def test_nested_fields_get_no_columns_of_their_own() -> None:
    assert inference({"x": {"y": 1}}).columns == {"x": COLUMNS["object"]}


def test_declared_columns_are_not_inferred_anew() -> None:
    assert inference({"id": 1, "createdAt": "soon", "status": {}}).columns == {}


@given(TYPES, TYPES)
def test_merging_is_commutative(one: str, other: str) -> None:
    assert merged(one, other) == merged(other, one)


@given(TYPES, TYPES, TYPES)
def test_merging_is_associative(one: str, other: str, third: str) -> None:
    assert merged(merged(one, other), third) == merged(one, merged(other, third))


@given(TYPES)
def test_merging_is_idempotent(one: str) -> None:
    assert merged(one, one) == one


@given(TYPES)
def test_null_adds_nothing_and_mixed_takes_all(one: str) -> None:
    assert merged(one, NULL_ONLY) == one
    assert merged(one, MIXED) == MIXED


@given(st.lists(JSON, min_size=1))
@example([1, 2.5, "2026-01-31"])
def test_every_sampled_value_fits_the_merged_column(values: list[Any]) -> None:
    texts = [raw(value) for value in values]
    column = reduce(merged, map(type_of, texts))
    if column not in {NULL_ONLY, MIXED}:
        fit = fit_for(COLUMNS[column])
        assert all(text == NULL or fit(bytes(text)) is not None for text in texts)


@given(RECORDS)
def test_the_order_of_the_records_does_not_matter(
    records: list[dict[str, Any]],
) -> None:
    forwards, backwards = inference(*records), inference(*reversed(records))
    assert forwards.columns == backwards.columns
    assert forwards.without_column == backwards.without_column


@given(sampled=RECORDS, later=RECORDS)
def test_no_record_loses_a_value_to_its_columns(
    sampled: list[dict[str, Any]], later: list[dict[str, Any]]
) -> None:
    columns = {"id": {"type": "string"}, **inference(*sampled).columns}
    fields = Fields("x", {"properties": columns}, ["id"], collect=True, logger=SILENT)
    for record in sampled + later:
        row = fields.fit(raw({"id": "1", **record}), {})
        kept = row.pop(ADDITIONAL_FIELDS)
        kept = {} if kept == NULL else kept
        for name, value in record.items():
            if name in kept:
                assert kept[name] == raw(value)
                assert row.get(name, NULL) == NULL
            elif value is None:
                assert row[name] == NULL
            else:
                assert bytes(row[name]) == fit_for(columns[name])(bytes(raw(value)))


# The names


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("userId", "user_id"),
        ("userId", "userid"),
        ("User-ID", "user.id"),
        ("a__b", "a_b"),
        ("_x", "x"),
    ],
)
def test_names_that_a_database_takes_for_one_get_no_column(
    one: str, other: str
) -> None:
    inferred = inference({one: 1, "age": 1}, {other: "a"})
    assert inferred.columns.keys() == {"age"}
    assert inferred.without_column.keys() == {one, other}


@pytest.mark.parametrize("name", ["ID", "Name", "created_at", "additionalFields"])
def test_a_name_that_a_declared_one_is_taken_for_gets_no_column(name: str) -> None:
    inferred = inference({name: 1})
    assert inferred.columns == {}
    assert inferred.without_column == {name: "another name is the same to a database"}


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "_",
        "1304",
        "größe",
        "a\x00b",
        'a"b',
        "a_",
        "x" * 64,
        "_sdc_x",
        "_dlt_id",
    ],
)
def test_names_that_some_database_refuses_get_no_column(name: str) -> None:
    inferred = inference({name: 1})
    assert inferred.columns == {}
    assert inferred.without_column == {name: "no name for a column"}


@pytest.mark.parametrize(
    "name", ["x", "isLocked", "due_on", "2fa", "a b", "_x", "x" * 63]
)
def test_usual_names_get_a_column(name: str) -> None:
    assert inference({name: 1}).columns == {name: COLUMNS["integer"]}


# Arrays


@pytest.mark.parametrize(
    ("values", "items"),
    [
        ([[1, 2], [3]], "integer"),
        ([[1, 2.5]], "number"),
        ([["a"], [], None, [None, "b"]], "string"),
        ([["2026-01-31"]], "string"),
        ([[True]], "boolean"),
        ([[1], ["a"]], None),
        ([[{"a": 1}]], None),
        ([[]], None),
        ([[1, "a"]], None),
    ],
)
def test_the_items_of_an_array_are_typed_where_they_are_of_one_type(
    values: list[Any], items: str | None
) -> None:
    seen = inference(*({"tags": value} for value in values))
    expected: dict[str, Any] = {"type": ["array", "null"]}
    if items:
        expected["items"] = {"type": [items, "null"]}
    assert seen.columns == {"tags": expected}


def test_an_array_and_something_else_get_no_column() -> None:
    assert inference({"x": []}, {"x": 1}).columns == {}


def test_an_item_that_contradicts_does_not_fit_the_column() -> None:
    fit = fit_for({"type": ["array", "null"], "items": {"type": ["integer", "null"]}})
    assert fit(b"[1,null,2]") == b"[1,null,2]"
    assert fit(b'[1,"a"]') is None
    assert fit(b"{}") is None
