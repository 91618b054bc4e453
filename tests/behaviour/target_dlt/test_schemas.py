"""What schemas may ask for, and how tables follow when they change."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.plugin.errors import ConfigError
from tap_analytics.target_dlt.errors import InputError
from tests.helpers.databases import Database, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

ID = {"id": {"type": "integer"}}
TEXT = {"type": ["null", "string"]}
NUMBER = {"type": ["null", "number"]}


def one(value: str, number: int = 1) -> str:
    return f'{{"type":"RECORD","stream":"s","record":{{"id":{number},"v":{value}}}}}'


# Keys


@pytest.mark.parametrize("runs", [1, 2])
@pytest.mark.parametrize("keys", [["id", "region"], ["region"], []])
def test_keys_may_change(database: Database, runs: int, keys: list[str]) -> None:
    columns = {"id": {"type": ["null", "integer"]}, "region": TEXT}
    before = [schema(ID, ["id"]), record({"id": 1})]
    after = [
        schema(columns, keys),
        record(
            {"id": None, "region": "A"}
            if "id" not in keys
            else {"id": 2, "region": "A"}
        ),
    ]
    for messages in [before + after] if runs == 1 else [before, after]:
        database.load(*messages)
    assert len(database.rows("id, region")) == 2


@pytest.mark.parametrize("config", [{}, {"write_disposition": "append"}])
def test_rows_after_a_state_stay_when_keys_change(
    config: dict[str, Any], database: Database
) -> None:
    states = database.load(
        schema(ID),
        record({"id": 1}),
        state(1),
        record({"id": 2}),
        schema(ID, ["id"]),
        record({"id": 3}),
        state(2),
        **config,
    )
    assert database.rows("id") == [(1,), (2,), (3,)]
    assert states == [1, 2]


def test_a_key_that_dlt_made_not_null_may_be_null_once_it_is_none(
    database: Database,
) -> None:
    """As it is in datasets that an older dlt made."""
    database.load(schema(ID, ["id"]), record({"id": 1}))
    database.query(f"ALTER TABLE {database.dataset}.s ALTER id SET NOT NULL")
    stored = f"{database.dataset}._dlt_version"
    database.query(
        f"UPDATE {stored} SET schema = replace(schema, '\"primary_key\":true',"
        ' \'"primary_key":true,"nullable":false\')'
    )
    database.load(schema({"id": {"type": ["null", "integer"]}}), record({"id": None}))
    assert database.rows("id") == [(None,), (1,)]


def test_a_key_named_twice_is_one_key(database: Database) -> None:
    database.load(schema(ID, ["id", "id"]), record({"id": 1}), record({"id": 1}))
    assert database.rows("id") == [(1,)]


def test_a_schema_that_is_repeated_makes_no_load(
    duck: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    twice = schema(ID, ["id", "id"])
    duck.load(twice, record({"id": 1}), twice, record({"id": 2}), twice)
    assert duck.rows("id") == [(1,), (2,)]
    assert caplog.text.count("rows of 1 streams") == 1


@pytest.mark.parametrize("keys", ["id", {"id": 1}, [["id"]], [1], [None]])
def test_keys_that_are_no_names_are_one_line(duck: Database, keys: Any) -> None:
    message = schema(ID) | {"key_properties": keys}
    with pytest.raises(
        InputError, match=r"^Line 1: Stream 's': its key_properties are no list of"
    ):
        duck.load(message)


def test_limits_of_draft_4_are_checked(duck: Database) -> None:
    limits = {"maximum": 5, "exclusiveMaximum": True}
    limits |= {"minimum": 1, "exclusiveMinimum": False}
    columns = {"id": {"type": "integer"} | limits}
    duck.load(schema(columns), record({"id": 4}), validate_records=True)
    for value in (5, 0):
        with pytest.raises(InputError, match="Line 2, stream 's': "):
            duck.load(schema(columns), record({"id": value}), validate_records=True)
    assert duck.rows("id") == [(4,)]


def test_a_schema_that_is_no_schema_is_one_line(duck: Database) -> None:
    columns = {"id": {"type": "integer", "maximum": "five"}}
    with pytest.raises(InputError, match=r"Line 1: Stream 's': .*five") as caught:
        duck.load(schema(columns), record({"id": 1}), validate_records=True)
    assert "\n" not in str(caught.value)


def test_a_key_of_any_json_is_text(database: Database) -> None:
    messages = [
        schema({"id": {}, "v": TEXT}, ["id"]),
        *(record({"id": key, "v": "x"}) for key in ("a", 5, {"a": 1}, "a")),
    ]
    database.load(*messages)
    database.load(*messages)
    assert database.rows("id") == [('"a"',), ("5",), ('{"a": 1}',)]
    assert database.types()["id"].lower() in {"varchar", "character varying"}


def test_zero_and_minus_zero_are_one_key(database: Database) -> None:
    columns = {"id": {"type": "number"}, "v": TEXT}
    for _ in range(2):
        database.load(
            schema(columns, ["id"]),
            record({"id": 0.0, "v": "a"}),
            record({"id": -0.0, "v": "b"}),
        )
    assert database.rows("id = 0, v") == [(True, "b")]


def test_a_nul_character_in_a_key_is_an_error_on_postgresql(postgres: Database) -> None:
    """Without it, two keys might become one."""
    columns = {"id": {"type": "string"}}
    with pytest.raises(InputError, match="the key 'id' has a NUL character"):
        postgres.load(
            schema(columns, ["id"]), record({"id": "a"}), record({"id": "a\0"})
        )


# Types


@pytest.mark.parametrize("limit", [4294967295, 16777215, 255.0, 0, None])
def test_any_limit_of_a_text_is_taken(database: Database, limit: Any) -> None:
    database.load(schema(ID | {"v": TEXT | {"maxLength": limit}}, ["id"]), one('""'))
    assert database.rows("v") == [("",)]


def test_a_text_beyond_its_limit_is_an_error(database: Database) -> None:
    with pytest.raises(InputError, match="at most 0 characters, got 1"):
        database.load(schema(ID | {"v": TEXT | {"maxLength": 0}}, ["id"]), one('"a"'))


def test_decimals_of_any_scale_take_it_from_their_values(database: Database) -> None:
    any_scale = NUMBER | {"multipleOf": 1e-38, "minimum": -1e62, "maximum": 1e62}
    message = schema(ID | {"v": any_scale}, ["id"])
    database.load(message, one("123456789.45", 1))
    database.load(message, one("1e-20", 2))
    database.load(message, one("123456789012345678", 3))
    assert [str(row[0].normalize()) for row in database.query(
        f"SELECT v FROM {database.dataset}.s ORDER BY id"
    )] == ["123456789.45", "1E-20", "123456789012345678"]  # fmt: skip


def test_many_numbers_may_need_decimals_at_once(duck: Database) -> None:
    names = [f"n{number}" for number in range(1100)]
    digits = "0.12345678901234567891"
    fields = "".join(f',"{name}":{digits}' for name in names)
    duck.load(
        schema(ID | dict.fromkeys(names, NUMBER)),
        f'{{"type":"RECORD","stream":"s","record":{{"id":1{fields}}}}}',
    )
    assert [tuple(map(str, row)) for row in duck.rows("n0, n1099")] == [
        (digits, digits),
    ]


def test_a_number_that_just_fits_a_decimal_is_taken(database: Database) -> None:
    largest = "9" * 29
    database.load(schema(ID | {"v": NUMBER}, ["id"]), one("9007199254740993", 1))
    whole = {"v": {"type": "integer"}}
    database.load(schema(ID | whole, ["id"]), one(largest, 2))
    assert [str(value) for (value,) in database.rows("v")] == [
        "9007199254740993.000000000",
        f"{largest}.000000000",
    ]


def test_a_number_too_close_to_zero_is_an_error(database: Database) -> None:
    with pytest.raises(InputError, match=r"Line 2, .*field 'v': 1E-400"):
        database.load(schema(ID | {"v": NUMBER}, ["id"]), one("1e-400"))


def test_references_are_followed_however_they_are_written(duck: Database) -> None:
    columns = {
        "a": {"$ref": "#/definitions/x~1y"},
        "b": {"$ref": "#/definitions/x%20y"},
        "c": {"$ref": "#/some/0"},
        "d": {"$ref": "#/definitions/circle"},
    }
    message = schema(ID | columns, ["id"])
    message["schema"] |= {
        "definitions": {
            "x/y": {"type": "integer"},
            "x y": {"type": "boolean"},
            "circle": {"$ref": "#/definitions/circle"},
        },
        "some": [{"type": "number"}],
    }
    duck.load(message, record({"id": 1, "a": 1, "b": True, "c": 0.5, "d": "x"}))
    assert duck.rows("a, b, c, d") == [(1, True, 0.5, '"x"')]


@pytest.mark.parametrize(
    "given",
    [
        {"schema": {"type": "object"}},
        {"schema": {"properties": None}},
        {"schema": True},
        {"key_properties": "id"},
        {"key_properties": ["no"]},
    ],
)
def test_a_schema_that_is_none_is_named(duck: Database, given: dict[str, Any]) -> None:
    message = schema(ID, ["id"]) | given
    with pytest.raises(InputError, match=r"^Line 1: Stream 's': its "):
        duck.load(message)


# Stored rows


def test_stored_rows_keep_their_digits_when_a_column_becomes_a_decimal(
    database: Database,
) -> None:
    message = schema(ID | {"v": NUMBER}, ["id"])
    database.load(message, one("1.2345e-11", 1), one("0.1", 2))
    database.load(message, one("9007199254740993", 3))
    assert [str(row[0].normalize()) for row in database.query(
        f"SELECT v FROM {database.dataset}.s ORDER BY id"
    )] == ["1.2345E-11", "0.1", "9007199254740993"]  # fmt: skip


def test_a_stored_number_that_no_decimal_holds_is_named(database: Database) -> None:
    message = schema(ID | {"v": NUMBER}, ["id"])
    database.load(message, one("1e300", 1))
    database.load(message, one("5", 2))
    whole = schema(ID | {"v": {"type": "integer"}}, ["id"])
    database.load(whole, one("6", 3))
    with pytest.raises(InputError, match=r"(?i)Stream .s.: column .v.: .*1e\+300"):
        database.load(message, one("9007199254740993", 4))
    assert database.rows("v") == [(1e300,), (5.0,), (6.0,)]


def test_binary_becomes_the_text_that_it_came_as(database: Database) -> None:
    binary = TEXT | {"contentEncoding": "base64"}
    texts = [base64.b64encode(bytes([n, 255]) * 50).decode() for n in range(3)]
    database.load(schema(ID | {"v": binary}, ["id"]), one(json.dumps(texts[0]), 0))
    database.load(
        schema(ID | {"v": binary}, ["id"]),
        one(json.dumps(texts[1]), 1),
        schema(ID | {"v": TEXT}, ["id"]),
        one(json.dumps(texts[2]), 2),
    )
    assert database.rows("v") == [(text,) for text in sorted(texts)]


def test_moments_become_the_same_text_whether_stored_or_new(database: Database) -> None:
    moment = TEXT | {"format": "date-time"}
    sent = "2024-05-01T10:00:00.5+02:00"
    database.load(schema(ID | {"v": moment}, ["id"]), one(json.dumps(sent), 1))
    database.load(
        schema(ID | {"v": moment}, ["id"]),
        one(json.dumps(sent), 2),
        schema(ID | {"v": TEXT}, ["id"]),
        one('"x"', 3),
    )
    stored = "2024-05-01 08:00:00.5+00"
    assert database.rows("v") == [(stored,), (stored,), ("x",)]


@pytest.mark.parametrize(
    ("before", "values", "texts"),
    [
        (
            NUMBER,
            ["5.0", "-0.0", "0.1", "1e-7", "1e15", "1234567890123456", "1e16", "1e300"],
            ["5", "0", "0.1", "1e-07", "1000000000000000", "1234567890123456", "1e+16",
             "1e+300"],
        ),
        (NUMBER | {"multipleOf": 1e-9}, ["0", "1e-9", "12.50", "100", "-0.5"],
         ["0", "0.000000001", "12.5", "100", "-0.5"]),
        (NUMBER | {"multipleOf": 1e-37}, ["0", "0.5"], ["0", "0.5"]),
        ({}, ['"a"', '{"a": "b"}', "5.0", '"5"'], ['"a"', '{"a": "b"}', "5.0", '"5"']),
    ],
)  # fmt: skip
def test_values_become_the_same_text_whether_stored_or_new(
    before: dict[str, Any], values: list[str], texts: list[str], database: Database
) -> None:
    loaded = [one(value, number) for number, value in enumerate(values)]
    database.load(schema(ID | {"v": before}, ["id"]), *loaded)
    database.load(schema(ID | {"v": TEXT}, ["id"]), one('"x"', 99))
    stored = database.query(f"SELECT v FROM {database.dataset}.s ORDER BY id")
    assert stored == [*((text,) for text in texts), ("x",)]
    database.load(schema(ID | {"v": before}, ["id"]), *loaded)
    assert database.query(f"SELECT v FROM {database.dataset}.s ORDER BY id") == stored


def test_a_key_that_was_a_number_is_not_doubled_as_text(database: Database) -> None:
    number = schema({"id": {"type": "number"}, "v": TEXT}, ["id"])
    text = schema({"id": {"type": "string"}, "v": TEXT}, ["id"])
    database.load(number, record({"id": 5, "v": "a"}))
    database.load(text, record({"id": "x", "v": "a"}))
    database.load(number, record({"id": 5, "v": "b"}))
    assert database.rows("id, v") == [("5", "b"), ("x", "a")]


@pytest.mark.parametrize("type_", ["decimal(4,4)", "decimal(5,1)", "real"])
def test_numbers_in_tables_of_others_become_the_shortest_text(
    database: Database, type_: str
) -> None:
    table = f"{database.dataset}.s"
    database.query(f"CREATE SCHEMA IF NOT EXISTS {database.dataset}")
    database.query(f"CREATE TABLE {table} (id bigint, v {type_})")
    database.query(f"INSERT INTO {table} VALUES (1, -0.1), (2, 0)")
    database.load(schema(ID | {"v": TEXT}, ["id"]), one('"x"', 3))
    assert database.rows("id, v") == [(1, "-0.1"), (2, "0"), (3, "x")]


# Names


def test_sdc_fields_that_are_declared_are_loaded(database: Database) -> None:
    columns = ID | {"_sdc_sequence": {"type": "integer"}}
    database.load(schema(columns, ["id"]), record({"id": 1, "_sdc_sequence": 5}))
    assert database.rows("id, _sdc_sequence") == [(1, 5)]


def test_the_version_of_a_row_wins_over_a_field(
    duck: Database, caplog: pytest.LogCaptureFixture
) -> None:
    columns = ID | {"_sdc_table_version": {"type": "integer"}}
    row = record({"id": 1, "_sdc_table_version": 5}, version=7)
    duck.load(schema(columns, ["id"]), row)
    assert duck.rows("_sdc_table_version") == [(7,)]
    assert "field '_sdc_table_version' is left out" in caplog.text


def test_the_column_of_load_ids_is_dlt_s_own_where_rows_are_appended(
    duck: Database,
) -> None:
    columns = ID | {"_dlt_load_id": TEXT}
    row = record({"id": 1, "_dlt_load_id": "x"})
    duck.load(schema(columns, ["id"]), row)
    assert duck.rows("_dlt_load_id") == [("x",)]
    with pytest.raises(InputError, match=r"'t': the column '_dlt_load_id' .*dlt's own"):
        duck.load(schema(columns, stream="t"), row | {"stream": "t"})


def test_names_beyond_ascii_become_x(duck: Database) -> None:
    duck.load(schema(ID | {"名前": TEXT}, ["id"]), record({"id": 1, "名前": "a"}))
    assert duck.rows("x") == [("a",)]
    columns = ID | {"名前": TEXT, "住所": TEXT}
    with pytest.raises(
        InputError, match="'名前' and '住所' would share the column 'x'"
    ):
        duck.load(schema(columns, ["id"]), record({"id": 1, "名前": "a", "住所": "b"}))


def test_flattening_tells_of_no_field_that_is_null(
    duck: Database, caplog: pytest.LogCaptureFixture
) -> None:
    inner = {"type": ["null", "object"], "properties": {"x": {"type": "integer"}}}
    duck.load(
        schema(ID | {"at": inner}, ["id"]),
        record({"id": 1, "at": None}),
        record({"id": 2, "at": {"x": 1}}),
        flattening_enabled=True,
        flattening_max_depth=1,
    )
    assert duck.rows("id, at__x") == [(1, None), (2, 1)]
    assert "left out" not in caplog.text


@pytest.mark.parametrize("maps", [{}, {"s": {"more": "id"}}])
def test_flattening_keeps_objects_and_lists_that_a_json_column_holds(
    duck: Database, maps: dict[str, Any]
) -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string"}}}
    columns = ID | {
        "one": {"anyOf": [inner, {"type": "null"}]},
        "list": {"oneOf": [{"type": "array"}, {"type": "null"}]},
        "at": {"type": "object", "properties": {"two": {"anyOf": [inner, {}]}}},
        "text": {"type": ["array", "null"]},
    }
    values = {"one": {"a": "1"}, "list": [1.50], "at": {"two": {"a": "2"}}, "text": [3]}
    duck.load(
        schema(columns, ["id"]),
        record({"id": 1} | values),
        record({"id": 2, "one": None, "at": {"two": None}}),
        record({"id": 3, "one": "[4]"}),
        stream_maps=maps,
        flattening_enabled=True,
        flattening_max_depth=2,
    )
    assert duck.rows("id, one, list, at__two, text") == [
        (1, '{"a":"1"}', "[1.5]", '{"a":"2"}', "[3]"),
        (2, None, None, None, None),
        (3, '"[4]"', None, None, None),
    ]


# Stream maps


@pytest.mark.parametrize(
    ("maps", "says"),
    [
        ({"x": "record['no']"}, r"Line 2, stream 's': stream map of 'x', .*KeyError"),
        ({"x": "1 / 0"}, "stream map of 'x', '1 / 0': .*division by zero"),
        ({"x": "nope"}, "stream map of 'x', 'nope': .*not defined"),
        ({"__filter__": "nope > 1"}, "stream map of '__filter__', 'nope > 1'"),
        ({"x": "int("}, "Line 1: stream 's': its stream map can't be used"),
    ],
)
def test_a_stream_map_that_fails_is_named(
    duck: Database, maps: dict[str, str], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        duck.load(schema(ID, ["id"]), record({"id": 1}), stream_maps={"s": maps})


@pytest.mark.parametrize("other", ["bad", [], {"x": "id"}])
def test_a_map_for_other_streams_that_is_none_is_one_line(
    duck: Database, other: Any
) -> None:
    with pytest.raises(ConfigError, match=r"stream_maps\.__else__ must be") as caught:
        duck.load(schema(ID), stream_maps={"__else__": other})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("maps", [{"s": None}, {"s": "__NULL__"}, {"__else__": None}])
def test_a_stream_that_a_map_drops_has_no_table(
    duck: Database, maps: dict[str, Any]
) -> None:
    version = {"type": "ACTIVATE_VERSION", "stream": "s", "version": 1}
    sent = (schema(ID, ["id"]), record({"id": 1}, version=1), version, state(1))
    assert duck.load(*sent, stream_maps=maps) == [1]
    assert duck.types() == {}


# BATCH files


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08\x00", b"no gzip"])
def test_a_gzip_file_that_is_cut_is_named(
    duck: Database, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "batch"
    path.write_bytes(content)
    encoding = {"format": "jsonl", "compression": "gzip"}
    batch = {"type": "BATCH", "stream": "s", "manifest": [str(path)]}
    with pytest.raises(InputError, match=r"Line 2: File .*can't be read to its end"):
        duck.load(schema(ID, ["id"]), batch | {"encoding": encoding})
