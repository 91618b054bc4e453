"""Arrow tables of dicts: the rows that dlt would make of them, or else none."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from dlt.common.data_types.type_helpers import coerce_value

from tap_analytics.dlt_extract.dict_tables import DictTables

COLUMNS: dict[str, Any] = {
    "id": {"data_type": "text", "nullable": False},
    "name": {"data_type": "text", "nullable": True},
    "createdAt": {"data_type": "timestamp", "nullable": True},
    "additional_fields": {"data_type": "json", "nullable": True},
}


def table(*records: Any) -> Any:
    return DictTables(COLUMNS, "1.5").table([*records])


def test_a_dict_becomes_a_row_of_the_declared_columns() -> None:
    made = table(
        {
            "id": "a",
            "name": "",
            "createdAt": "2026-01-31T10:00:00+01:00",
            "additional_fields": {"vip": True, "tags": ["x"]},
        }
    )
    (row,) = made.drop_columns(["_dlt_load_id", "_dlt_id"]).to_pylist()
    assert row == {
        "id": "a",
        "name": "",
        "createdAt": datetime(2026, 1, 31, 9, tzinfo=timezone.utc),
        "additional_fields": '{"vip":true,"tags":["x"]}',
    }


def test_json_keeps_its_digits() -> None:
    digits = {"price": Decimal("1.10000000000000000001"), "n": Decimal(2**70)}
    (text,) = table({"id": "a", "additional_fields": digits})["additional_fields"]
    assert json.loads(text.as_py(), parse_float=Decimal) == digits


def test_a_field_that_is_not_there_is_null() -> None:
    (row,) = table({"id": "a"}).to_pylist()
    assert row["name"] is row["createdAt"] is row["additional_fields"] is None


def test_rows_get_the_columns_that_dlt_adds() -> None:
    made = table({"id": "a"}, {"id": "b"})
    assert made["_dlt_load_id"].to_pylist() == ["1.5", "1.5"]
    assert len({*made["_dlt_id"].to_pylist()}) == 2
    assert not made.schema.field("_dlt_id").nullable


@pytest.mark.parametrize(
    "moment",
    [
        *("2024-05-06T07:08:09Z", "2024-05-06T07:08:09+05:30", "2024-05-06T07:08Z"),
        *("2024-05-06 07:08:09+0530", "2024-05-06T07:08:09.123456+00:00"),
        *("2024-05-06T07:08:09.1234567Z", "0001-01-01T00:00:00+00:00"),
    ],
)
def test_a_moment_is_the_one_that_dlt_reads(moment: str) -> None:
    (read,) = table({"id": "a", "createdAt": moment})["createdAt"]
    assert read.as_py() == coerce_value("timestamp", "text", moment)


@pytest.mark.parametrize(
    "record",
    [
        {"id": "a", "new": 1},
        {"id": 1},
        {"id": None},
        {"name": "without an id"},
        {"id": "a", "name": True},
        {"id": "a", "name": "\ud800"},
        {"id": "a", "createdAt": "2024-05-06T07:08:09"},
        {"id": "a", "createdAt": "2024-05-06"},
        {"id": "a", "createdAt": "soon"},
        {"id": "a", "createdAt": datetime(2024, 5, 6, tzinfo=timezone.utc)},
        {"id": "a", "additional_fields": '{"a text": 1}'},
        {"id": "a", "additional_fields": 1},
        {"id": "a", "additional_fields": {"a": 1j}},
        "no dict",
        ["no dict"],
    ],
    ids=repr,
)
def test_what_is_other_than_declared_becomes_no_table(record: Any) -> None:
    assert table({"id": "fits"}, record) is None


def test_nothing_becomes_no_table() -> None:
    assert table() is None
