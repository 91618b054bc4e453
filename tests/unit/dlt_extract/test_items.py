"""Rows as dlt takes them."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tap_analytics.dlt_extract.items import ArrowTables, as_dicts, with_columns

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": ["string"]},
        'a "name"': {"type": ["string", "null"]},
        "createdAt": {"type": ["string", "null"], "format": "date-time"},
        "additional_fields": {"type": ["object", "null"]},
    },
    "required": ["id"],
}


def row(**fields: str) -> dict[str, Any]:
    return {name: msgspec.Raw(text.encode()) for name, text in fields.items()}


@pytest.mark.parametrize(
    ("digits", "value"),
    [
        ("1.5", 1.5),
        ("1.10", 1.1),
        ("0.1234567890123456789", Decimal("0.1234567890123456789")),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", Decimal(9223372036854775808)),
        ("-9223372036854775809", Decimal(-9223372036854775809)),
        ("1" * 5000, Decimal("1" * 5000)),
        ("1e99999999999999999999", "1e99999999999999999999"),
    ],
)
def test_a_dict_keeps_a_numbers_digits(digits: str, value: object) -> None:
    rows = [row(id='"a"') | {"additional_fields": row(n=digits, nested=f"[{digits}]")}]
    (record,) = as_dicts(rows)
    assert record["additional_fields"] == {"n": value, "nested": [value]}
    assert type(record["additional_fields"]["n"]) is type(value)


def test_a_field_gets_a_column_that_dlt_infers() -> None:
    record = {"id": "a", "additional_fields": {"vip": True}}
    assert with_columns(record) == {"id": "a", "vip": True, "additional_fields": None}


def test_what_fits_no_column_stays_among_the_additional_fields() -> None:
    kept = {"id": [1], "price": Decimal("0.1234567890123456789")}
    record = {"id": "a", "additional_fields": dict(kept)}
    assert with_columns(record) == {"id": "a", "additional_fields": kept}


ROWS = [
    row(
        id='"a"', createdAt='"2026-01-31T10:00:00.1234567+00:00"', **{'a "name"': '"x"'}
    )
    | {"additional_fields": row(n="1.10")},
    row(id='"b"', createdAt="null", **{'a "name"': "null"})
    | {"additional_fields": msgspec.Raw(b"null")},
]


def table_of(
    tables: ArrowTables,
    rows: list[dict[str, Any]],
    load_id: str | None,
    *,
    hashed: bool = False,
) -> pa.Table:
    tables.add(rows, load_id, hashed=hashed)
    return tables.take()


def test_an_arrow_table_has_the_streams_columns() -> None:
    table = table_of(ArrowTables(SCHEMA), ROWS, None)
    assert table.to_pylist() == [
        {
            "id": "a",
            'a "name"': "x",
            "createdAt": datetime(2026, 1, 31, 10, 0, 0, 123456, timezone.utc),
            "additional_fields": '{"n":1.10}',
        },
        {"id": "b", 'a "name"': None, "createdAt": None, "additional_fields": None},
    ]
    assert not table.schema.field("id").nullable


def test_a_table_for_a_load_has_dlts_columns() -> None:
    table = table_of(ArrowTables(SCHEMA), ROWS, "1.5")
    assert table["_dlt_load_id"].to_pylist() == ["1.5", "1.5"]
    first, second = table["_dlt_id"].to_pylist()
    assert len(first) == len(second) == 14
    assert first != second


def test_ids_are_made_anew_unless_they_are_hashes() -> None:
    tables = ArrowTables(SCHEMA)
    made = [
        [
            table_of(tables, ROWS, "1", hashed=hashed)["_dlt_id"].to_pylist()
            for _ in "ab"
        ]
        for hashed in (False, True)
    ]
    assert made[0][0] != made[0][1]
    assert made[1][0] == made[1][1]
    assert made[1][0][0] != made[1][0][1]


def test_a_row_may_have_several_lines() -> None:
    pretty = row(createdAt="null", id='"a"', **{'a "name"': "null"})
    pretty["additional_fields"] = row(n='{\n "x": 1\n}')
    for hashed in (False, True):
        table = table_of(ArrowTables(SCHEMA), [pretty, pretty], "1", hashed=hashed)
        assert table["id"].to_pylist() == ["a", "a"]


def test_rows_of_several_parts_come_in_one_table() -> None:
    tables = ArrowTables(SCHEMA)
    for one in ROWS:
        tables.add([one], "1.5", hashed=False)
    assert tables.rows == 2
    table = tables.take()
    assert table.select(["id", "createdAt"]) == table_of(tables, ROWS, None).select(
        ["id", "createdAt"]
    )
    assert {column.num_chunks for column in table.columns} == {1}


def test_a_table_that_is_taken_leaves_no_rows() -> None:
    tables = ArrowTables(SCHEMA)
    table_of(tables, ROWS, None)
    assert tables.rows == 0
    assert table_of(tables, ROWS[:1], None).num_rows == 1


def test_ids_may_be_left_to_dlt() -> None:
    table = table_of(ArrowTables(SCHEMA, with_ids=False), ROWS, "1.5")
    assert "_dlt_id" not in table.column_names
    assert table["_dlt_load_id"].to_pylist() == ["1.5", "1.5"]


def test_an_arrow_tables_json_is_json() -> None:
    table = table_of(ArrowTables(SCHEMA), ROWS, None)
    assert json.loads(table["additional_fields"][0].as_py()) == {"n": 1.1}
