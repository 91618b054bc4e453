"""Columns of records that fit as they came are those of records made to fit."""

from __future__ import annotations

import json
import logging
from copy import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tap_analytics.dlt_extract.items import ArrowTables
from tap_analytics.dlt_extract.plain_records import PlainRecords
from tap_analytics.errors import FatalAPIError
from tap_analytics.rows.fields import Fields

SCHEMA: dict[str, Any] = {
    "properties": {
        "id": {"type": ["string"], "description": "Its id."},
        "account": {"type": ["string"]},
        "name": {"type": ["string", "null"]},
        "createdAt": {"type": ["string", "null"], "format": "date-time"},
        "project_id": {"type": ["string"]},
        "additional_fields": {"type": ["object", "null"]},
    },
    "required": ["id", "account", "project_id"],
}
KEYS = ("account", "id")
ACME = {"account": Raw(b'"acme"')}
PROJECT = {"project_id": Raw(b'"as:1"')}

PLAIN = [
    '{"id": "1"}',
    '{"id": "1", "name": null, "createdAt": null}',
    '{"name": "Ada", "id": "12.0"}',
    '{"id": "1", "name": ""}',
    '{"id": "1", "name": "\\u0041\\ud83d\\ude00\\/\\n ü"}',
    '{"id": "1", "name": "a", "name": "b"}',
    '{"id": "1", "createdAt": "2026-01-31T10:00:00Z"}',
    '{"id": "1", "createdAt": "2026-01-31 10:00:00.123456+00:00"}',
    '{"id": "1", "createdAt": "0001-01-01T00:00:00.1Z"}',
    '{"id": "1", "createdAt": "2024-02-29T23:59:59Z"}',
    '{"id": "1", "project_id": "as:1"}',
    '{"id": "1", "hours": 1.10, "x": {"y": [1e2, null]}, "n": 123456789012345678901}',
    '{"id": "1", "additional_fields": {"x": 1}}',
    '{\n "id": "1",\n "x": [\n 1]}',
]
OTHER = [
    '{"id": 12.0}',
    '{"id": "1", "name": 5}',
    '{"id": "1", "name": true}',
    '{"id": "1", "name": {"first": "Ada"}}',
    '{"id": "1", "createdAt": 1700000000}',
    '{"id": "1", "createdAt": "2026-01-31"}',
    '{"id": "1", "createdAt": "2026-01-31T10:00Z"}',
    '{"id": "1", "createdAt": "2026-01-31T10Z"}',
    '{"id": "1", "createdAt": "2026-01-31T10:00:00"}',
    '{"id": "1", "createdAt": "2026-01-31T10:00:00+02:00"}',
    '{"id": "1", "createdAt": "2026-01-31T10:00:00.1234567Z"}',
    '{"id": "1", "createdAt": "2026-02-30T10:00:00Z"}',
    '{"id": "1", "createdAt": "2026-01-31T24:00:00Z"}',
    '{"id": "1", "createdAt": "2026-01-31T10:00:60Z"}',
    '{"id": "1", "createdAt": "0000-01-01T00:00:00Z"}',
    '{"id": "1", "createdAt": "yesterday"}',
    '{"id": "1", "project_id": "as:2"}',
    '{"id": "1", "project_id": null}',
]
REFUSED = ["[]", "12", '{"id": ""}', '{"id": null}', "{}", '{"id": "1", "account": ""}']


def columns_of(*records: str) -> list[Any] | None:
    plain = PlainRecords(SCHEMA, KEYS, "project_id", ACME)
    assert plain.may_be
    columns = plain.columns([(Raw(record.encode()), PROJECT) for record in records])
    return None if columns is None else [column.to_pylist() for column in columns]


def fitted_columns_of(*records: str) -> list[Any]:
    log = logging.getLogger("test")
    fields = Fields("tasks", SCHEMA, KEYS, collect=True, logger=log, constant=ACME)
    tables = ArrowTables(SCHEMA)
    rows = [fields.fit(Raw(record.encode()), PROJECT) for record in records]
    tables.add(rows, None, hashed=False)
    return [column.to_pylist() for column in tables.take().columns]


@pytest.mark.parametrize("record", PLAIN)
def test_a_record_that_fits_becomes_what_is_made_of_it_field_by_field(
    record: str,
) -> None:
    assert columns_of(record) == fitted_columns_of(record)


def test_many_records_become_columns_in_their_order() -> None:
    assert columns_of(*PLAIN) == fitted_columns_of(*PLAIN)


@pytest.mark.parametrize("record", OTHER)
def test_one_that_has_to_be_fitted_leaves_all_to_that(record: str) -> None:
    assert columns_of(PLAIN[0], record, PLAIN[1]) is None
    assert fitted_columns_of(PLAIN[0], record, PLAIN[1])


@pytest.mark.parametrize("record", REFUSED)
def test_one_that_is_refused_leaves_the_error_to_that(record: str) -> None:
    assert columns_of(PLAIN[0], record) is None
    with pytest.raises(FatalAPIError):
        fitted_columns_of(PLAIN[0], record)


MOMENTS = st.builds(
    "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}{}{}".format,
    st.integers(0, 9999),
    st.integers(0, 13),
    st.integers(0, 32),
    st.sampled_from("T t_"),
    st.integers(0, 24),
    st.integers(0, 60),
    st.integers(0, 60),
    st.sampled_from(["", ".5", ".123456", ".1234567", ","]),
    st.sampled_from(["Z", "+00:00", "", "z", "-00:00", "+02:00"]),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
WILD = st.fixed_dictionaries(
    {"id": st.text(min_size=1)},
    optional={
        "name": st.text() | ANYTHING,
        "createdAt": MOMENTS | st.none(),
        "project_id": st.just("as:1") | ANYTHING,
        "account": ANYTHING,
        "additional_fields": ANYTHING,
        "more": ANYTHING,
    },
)


@given(records=st.lists(WILD, min_size=1, max_size=4), is_ascii=st.booleans())
def test_whatever_comes_is_fitted_or_comes_to_the_same(
    records: list[dict[str, Any]], *, is_ascii: bool
) -> None:
    texts = [json.dumps(one, ensure_ascii=is_ascii) for one in records]
    columns = columns_of(*texts)
    assert columns is None or columns == fitted_columns_of(*texts)


def test_after_looks_in_vain_records_are_left_out_twice_as_often_each_time() -> None:
    plain = PlainRecords(SCHEMA, KEYS, "project_id", ACME)
    other, fitting = (
        [(Raw(text), PROJECT)] for text in (b'{"id": 12}', b'{"id": "12"}')
    )
    looked_at = []
    for number in range(150):
        tried = copy(plain)
        if tried.columns(fitting) is not None:
            looked_at.append(number)
        assert plain.columns(other) is None
    assert looked_at == [0, 2, 5, 10, 19, 36, 69, 102, 135]


def test_a_look_that_finds_columns_is_followed_by_the_next() -> None:
    plain = PlainRecords(SCHEMA, KEYS, "project_id", ACME)
    other, fitting = (
        [(Raw(text), PROJECT)] for text in (b'{"id": 12}', b'{"id": "12"}')
    )
    found = [plain.columns(one) for one in [other] * 6 + [fitting] * 7 + [other]]
    assert [one is not None for one in found] == [False] * 10 + [True] * 3 + [False]


def test_each_record_has_the_column_of_its_own_context() -> None:
    plain = PlainRecords(SCHEMA, KEYS, "project_id", ACME)
    contexts = [{"project_id": Raw(text)} for text in (b'"as:1"', b'"as:2"')]
    columns = plain.columns([(Raw(b'{"id": "1"}'), context) for context in contexts])
    assert columns is not None
    assert columns[4].to_pylist() == ["as:1", "as:2"]


@pytest.mark.parametrize(
    "column",
    [
        {"type": ["integer", "null"]},
        {"type": ["string", "null"], "format": "date"},
        {"type": ["string", "null"], "maxLength": 3},
        {"type": ["string", "integer", "null"]},
    ],
)
def test_columns_of_other_kinds_are_always_fitted(column: dict[str, Any]) -> None:
    properties = {**SCHEMA["properties"], "more": column}
    assert not PlainRecords({**SCHEMA, "properties": properties}, KEYS).may_be
