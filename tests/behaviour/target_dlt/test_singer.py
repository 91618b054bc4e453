"""What each Singer message does to the tables, on DuckDB and on PostgreSQL."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from singer_sdk.exceptions import (
    InvalidInputLine,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
)

from tap_analytics.target_dlt.errors import InputError
from tests.helpers.databases import Database, record, run, schema, state

if TYPE_CHECKING:
    from pathlib import Path

ID = {"id": {"type": "integer"}}
DAY = {"type": "string", "format": "date"}
NAMED = ID | {"name": {"type": ["string", "null"]}}


# Keys and dispositions


def test_rows_with_keys_are_merged(database: Database) -> None:
    database.load(schema(NAMED, ["id"]), record({"id": 1, "name": "a"}))
    database.load(
        schema(NAMED, ["id"]),
        record({"id": 1, "name": "b"}),
        record({"id": 2, "name": "c"}),
    )
    assert database.rows() == [(1, "b"), (2, "c")]


def test_rows_without_keys_are_appended(database: Database) -> None:
    messages = schema(NAMED), record({"id": 1}), record({"id": 1})
    database.load(*messages)
    database.load(*messages)
    assert database.rows("id, name") == [(1, None)] * 4


def test_the_last_row_of_a_key_wins(database: Database) -> None:
    names = "abcba"
    database.load(
        schema(NAMED, ["id"]),
        *(record({"id": n % 2, "name": name}) for n, name in enumerate(names)),
    )
    assert database.rows() == [(0, "a"), (1, "b")]


def test_a_key_of_two_columns(duck: Database) -> None:
    both = {"a": {"type": "string"}, "b": {"type": "integer"}, **NAMED}
    messages = [
        record({"a": a, "b": b, "id": n})
        for n, (a, b) in enumerate([("x", 1), ("x", 2), ("y", 1), ("x", 1)])
    ]
    duck.load(schema(both, ["a", "b"]), *messages)
    duck.load(schema(both, ["a", "b"]), *messages)
    assert duck.rows("a, b, id") == [("x", 1, 3), ("x", 2, 1), ("y", 1, 2)]


def test_a_second_run_leaves_the_same_table(database: Database) -> None:
    messages = (
        schema(NAMED | {"at": {"type": "string", "format": "date-time"}}, ["id"]),
        record({"id": 1, "name": "a", "at": "2024-05-01T10:00:00+02:00"}),
        record({"id": 2}),
    )
    database.load(*messages)
    before = database.rows()
    database.load(*messages)
    assert database.rows() == before


def test_append_keeps_all_rows_of_a_key(duck: Database) -> None:
    messages = schema(NAMED, ["id"]), record({"id": 1}), record({"id": 1})
    duck.load(*messages, write_disposition="append")
    duck.load(*messages, write_disposition="append")
    assert duck.rows("id") == [(1,)] * 4


def test_replace_empties_the_table_once_per_run(database: Database) -> None:
    database.load(schema(NAMED, ["id"]), record({"id": 9}))
    database.load(
        schema(NAMED, ["id"]),
        *(record({"id": n}) for n in range(5)),
        write_disposition="replace",
        batch_size_rows=2,
    )
    assert database.rows("id") == [(n,) for n in range(5)]


def test_merge_without_keys_appends(duck: Database) -> None:
    duck.load(schema(NAMED), record({"id": 1}), write_disposition="merge")
    duck.load(schema(NAMED), record({"id": 1}), write_disposition="merge")
    assert duck.rows("id") == [(1,), (1,)]


def test_columns_may_be_called_like_the_tables_of_a_merge(database: Database) -> None:
    columns = {"id": {"type": "string"}, "d": {"type": "object"}, "s": {}}
    for value in (1, 2):
        database.load(
            schema(columns, ["id"]),
            record({"id": "a", "d": {"id": "b"}, "s": value}),
            record({"id": "b", "d": {"id": "a"}}),
        )
    assert [row[0] for row in database.rows("id")] == ["a", "b"]


# STATE


def test_the_state_comes_out_after_the_rows(duck: Database) -> None:
    assert duck.load(
        schema(NAMED, ["id"]), record({"id": 1}), state({"bookmark": 1.50})
    ) == [{"bookmark": 1.5}]


def test_of_the_states_of_a_load_the_last_comes_out(duck: Database) -> None:
    states = duck.load(
        schema(NAMED, ["id"]),
        *(one for n in range(6) for one in (record({"id": n}), state(n))),
        batch_size_rows=3,
    )
    assert states == [1, 2, 4, 5]


def test_a_state_without_rows_before_it_comes_out_at_once(duck: Database) -> None:
    assert duck.load(state(1), state(2)) == [1, 2]


def test_a_state_waits_for_the_rows_before_it(duck: Database) -> None:
    with pytest.raises(InvalidInputLine, match="Line 4"):
        duck.load(schema(NAMED, ["id"]), record({"id": 1}), state(1), "oops")
    with pytest.raises(Exception, match="does not exist"):
        duck.rows()


# SCHEMA


def test_a_new_column_is_added(duck: Database) -> None:
    duck.load(
        schema(ID, ["id"]),
        record({"id": 1}),
        schema(NAMED, ["id"]),
        record({"id": 2, "name": "b"}),
    )
    assert duck.rows("id, name") == [(1, None), (2, "b")]


def test_a_new_column_is_added_to_a_table_that_is_there(database: Database) -> None:
    database.load(schema(ID, ["id"]), record({"id": 1}))
    database.load(schema(NAMED, ["id"]), record({"id": 2, "name": "b"}))
    assert database.rows("id, name") == [(1, None), (2, "b")]


def test_a_dropped_column_stays_and_is_null_from_then_on(duck: Database) -> None:
    duck.load(schema(NAMED, ["id"]), record({"id": 1, "name": "a"}))
    duck.load(schema(ID, ["id"]), record({"id": 2}))
    assert duck.rows("id, name") == [(1, "a"), (2, None)]


WIDENED: list[Any] = [
    ({"type": "integer"}, 2**53 + 1, {"type": "number"}, 0.5, None),
    ({"type": "number"}, 0.1, {"type": "string"}, "x", "0.1"),
    ({"type": "integer"}, 7, {"type": "string"}, "x", "7"),
    ({"type": "boolean"}, True, {"type": "string"}, "x", "true"),
    ({"type": "string", "maxLength": 2}, "ab", {"type": "string"}, "abc", "ab"),
    ({"type": "object"}, {"a": 1}, {"type": "string"}, "x", '{"a": 1}'),
    (
        {"type": "string", "format": "date"},
        "2024-01-02",
        {"type": "string", "format": "date-time"},
        "2024-01-02T03:04:05Z",
        "2024-01-02 00:00:00+00",
    ),
]


def widen(
    database: Database, runs: int, before: Any, value: Any, after: Any, new_value: Any
) -> None:
    first = schema(ID | {"v": before}, ["id"]), record({"id": 1, "v": value})
    second = schema(ID | {"v": after}, ["id"]), record({"id": 2, "v": new_value})
    if runs == 1:
        database.load(*first, *second)
    else:
        database.load(*first)
        database.load(*second)


def assert_widened(database: Database, value: Any, new_value: Any, text: Any) -> None:
    [(_, old), (_, new)] = database.rows("id, v::varchar")
    assert old == (f"{value}.000000000" if text is None else text)
    assert new.removesuffix("00000000") in (str(new_value), "2024-01-02 03:04:05+00")


@pytest.mark.parametrize(("before", "value", "after", "new_value", "text"), WIDENED)
def test_a_column_becomes_wide_enough_for_both_types(
    database: Database, before: Any, value: Any, after: Any, new_value: Any, text: Any
) -> None:
    widen(database, 2, before, value, after, new_value)
    assert_widened(database, value, new_value, text)


@pytest.mark.parametrize(("before", "value", "after", "new_value", "text"), WIDENED)
def test_a_column_becomes_wide_enough_within_a_load(
    duck: Database, before: Any, value: Any, after: Any, new_value: Any, text: Any
) -> None:
    widen(duck, 1, before, value, after, new_value)
    assert_widened(duck, value, new_value, text)


def test_numbers_that_need_more_digits_widen_their_column(database: Database) -> None:
    number = schema(ID | {"v": {"type": "number"}}, ["id"])
    database.load(number, record({"id": 1, "v": 0.1}))
    database.load(number, '{"type":"RECORD","stream":"s","record":{"id":2,"v":1e-12}}')
    database.load(
        number,
        '{"type":"RECORD","stream":"s","record":{"id":3,"v":12345678901.123456789012}}',
    )
    database.load(number, record({"id": 4, "v": 2.5}))
    assert [(row[0], f"{row[1]:.12f}") for row in database.rows()] == [
        (1, "0.100000000000"),
        (2, "0.000000000001"),
        (3, "12345678901.123456789012"),
        (4, "2.500000000000"),
    ]


def test_integers_beyond_64_bits_widen_their_column(database: Database) -> None:
    database.load(schema(ID, ["id"]), record({"id": 1}))
    database.load(schema(ID, ["id"]), record({"id": 2**64}), record({"id": -(2**70)}))
    assert database.rows() == [(-(2**70),), (1,), (2**64,)]


def test_a_narrower_schema_keeps_the_wider_column(duck: Database) -> None:
    duck.load(schema(ID | {"v": {"type": "string"}}, ["id"]), record({"id": 1}))
    duck.load(
        schema(ID | {"v": {"type": "integer"}}, ["id"]), record({"id": 2, "v": 5})
    )
    assert duck.rows("id, v") == [(1, None), (2, "5")]


def test_other_key_properties_take_over(database: Database) -> None:
    by_id = schema(NAMED, ["id"])
    by_name = schema(NAMED, ["name"])
    database.load(by_id, record({"id": 1, "name": "a"}))
    database.load(
        by_id,
        record({"id": 2, "name": "b"}),
        by_name,
        record({"id": 3, "name": "a"}),
    )
    assert database.rows("id, name") == [(2, "b"), (3, "a")]


def test_names_become_what_the_database_expects(duck: Database) -> None:
    columns = {"Id": {"type": "integer"}, "clientName": {}, "a b/c": {}}
    duck.load(
        schema(columns, ["Id"], "public-Some.Stream"),
        record({"Id": 1, "clientName": 1, "a b/c": 2}, "public-Some.Stream"),
    )
    assert len(duck.rows("id, client_name, a_b_c", "public_some_stream")) == 1


def test_two_fields_that_would_share_a_column_are_an_error(duck: Database) -> None:
    shared = "'clientName' and 'client_name' would share the column 'client_name'"
    with pytest.raises(InputError, match=shared):
        duck.load(
            schema({"clientName": {}, "client_name": {}}), record({"clientName": 1})
        )


def test_two_streams_that_would_share_a_table_are_an_error(duck: Database) -> None:
    with pytest.raises(InputError, match=r"'a-b' and 'a\.b'.*'a_b'"):
        duck.load(
            schema(ID, ["id"], "a-b"),
            record({"id": 1}, "a-b"),
            schema(ID, ["id"], "a.b"),
            record({"id": 1}, "a.b"),
        )


def test_a_reference_in_the_schema_is_followed(duck: Database) -> None:
    message = schema(ID | {"v": {"$ref": "#/definitions/day"}})
    message["schema"]["definitions"] = {"day": {"type": "string", "format": "date"}}
    duck.load(message, record({"id": 1, "v": "2024-01-02"}))
    assert duck.types()["v"] == "DATE"


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (schema({}), "declares no properties"),
        (schema(ID, ["nope"]), "lacks the key 'nope'"),
        (schema({"v": {"$ref": "#/definitions/nope"}}), "no #/definitions/nope"),
    ],
)
def test_a_schema_that_makes_no_table_is_an_error(
    duck: Database, message: Any, error: str
) -> None:
    with pytest.raises(InputError, match=f"Line 1: .*{error}"):
        duck.load(message)


# RECORD


def test_fields_beyond_the_schema_are_left_out_and_said_once(
    duck: Database, caplog: pytest.LogCaptureFixture
) -> None:
    duck.load(schema(ID, ["id"]), *(record({"id": n, "more": n}) for n in range(3)))
    assert duck.rows() == [(0,), (1,), (2,)]
    assert [r.getMessage() for r in caplog.records if "left out" in r.getMessage()] == [
        "Stream 's': field 'more' is left out, its SCHEMA doesn't declare it."
    ]


def test_digits_beyond_microseconds_are_cut_off_and_said_once(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Servers written in Go send nanoseconds; that is no reason to load nothing."""
    moment = {"type": ["string", "null"], "format": "date-time"}
    values = ["2024-05-01T10:00:00.123456789Z", None, "2024-05-01T10:00:00.5+02:00"]
    database.load(
        schema({"id": {"type": "integer"}, "began": moment}, ["id"]),
        *(record({"id": n, "began": value}) for n, value in enumerate(values)),
        record({"id": 0, "began": values[0]}),
        add_record_metadata=True,
    )
    assert database.rows("began::varchar") == [
        (None,),
        ("2024-05-01 08:00:00.5+00",),
        ("2024-05-01 10:00:00.123456+00",),
    ]
    assert caplog.text.count("field 'began' is finer than microseconds") == 1


def test_a_key_finer_than_microseconds_is_an_error(duck: Database) -> None:
    """Two rows might become one."""
    moment = {"type": "string", "format": "date-time"}
    with pytest.raises(InputError, match=r"Line 2, .* field 'at': .* microseconds"):
        duck.load(
            schema({"at": moment}, ["at"]),
            record({"at": "2024-05-01T10:00:00.123456789Z"}),
        )


def test_whole_floats_are_integers(duck: Database) -> None:
    duck.load(schema(ID, ["id"]), '{"type":"RECORD","stream":"s","record":{"id":5.0}}')
    assert duck.rows() == [(5,)]


def test_records_of_streams_may_come_in_any_order(duck: Database) -> None:
    duck.load(
        schema(ID, ["id"], "a"),
        schema(ID, ["id"], "b"),
        *(record({"id": n}, "ab"[n % 2]) for n in range(100)),
    )
    assert len(duck.rows("id", "a")) == len(duck.rows("id", "b")) == 50


def test_messages_may_have_their_keys_in_any_order(duck: Database) -> None:
    duck.load(
        schema(ID, ["id"]),
        '{"record": {"id": 1}, "stream": "s", "type": "RECORD"}',
        '{"stream":"s","record":{"id":2},"type":"RECORD"}',
        "",
        '  {"type":"RECORD","time_extracted":"2024-01-01T00:00:00Z","stream":"s",'
        '"record":{"id":3}}',
    )
    assert duck.rows() == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("bad", "error", "says"),
    [
        (record({"id": None}), MissingKeyPropertiesError, "key 'id' is null"),
        (record({"name": "x"}), MissingKeyPropertiesError, "key 'id' is missing"),
        (record({"id": "x"}), InputError, 'field .id.: expected an integer, got "x"'),
        (record({"id": 1.5}), InputError, "field 'id': expected an integer, got 1.5"),
        (record({"id": 1, "name": 5}), InputError, "field 'name': expected str"),
        (
            '{"type": "RECORD", "stream": "s", "record": {"id": NaN}}',
            InputError,
            "not JSON",
        ),
        ('{"type":"RECORD","stream":"s"}', InputError, "without a record"),
    ],
)
def test_a_bad_record_names_line_and_stream_and_nothing_is_loaded(
    duck: Database, bad: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=f"Line 3, stream 's': .*{says}"):
        duck.load(schema(NAMED, ["id"]), record({"id": 1}), bad, record({"id": 2}))
    with pytest.raises(Exception, match="does not exist"):
        duck.rows()


def test_a_bad_record_of_an_interleaved_stream_is_found(duck: Database) -> None:
    messages = [record({"id": n}, "ab"[n % 2]) for n in range(100)]
    messages[61]["record"]["id"] = "x"
    with pytest.raises(InputError, match="Line 64, stream 'b'"):
        duck.load(schema(ID, ["id"], "a"), schema(ID, ["id"], "b"), *messages)


def test_a_record_before_its_schema_is_an_error(duck: Database) -> None:
    with pytest.raises(RecordsWithoutSchemaException, match=r"Line 1: .*'s'"):
        duck.load(record({"id": 1}))


@pytest.mark.parametrize(
    "line", ["oops", "[]", '{"stream": "s"}', '{"type":"WAT"}', '{"type":"RECORD"}']
)
def test_a_line_that_is_no_message_is_an_error(duck: Database, line: str) -> None:
    with pytest.raises((InvalidInputLine, InputError), match="Line 2"):
        duck.load(schema(ID, ["id"]), line)


def test_validate_records_checks_the_whole_schema(duck: Database) -> None:
    message = schema(ID | {"v": {"type": "number", "multipleOf": 0.01}})
    message["schema"]["properties"]["id"]["minimum"] = 1
    duck.load(message, record({"id": 1, "v": 1.1}), validate_records=True)
    with pytest.raises(InputError, match="Line 3, stream 's': 0 is less than"):
        duck.load(message, record({"id": 1}), record({"id": 0}), validate_records=True)


def test_add_record_metadata_adds_the_columns(database: Database) -> None:
    database.load(
        schema(ID, ["id"]),
        record({"id": 1}, time_extracted="2024-05-01T10:00:00+02:00", version=7),
        add_record_metadata=True,
    )
    assert set(database.types()) == {
        "id",
        "_sdc_extracted_at",
        "_sdc_received_at",
        "_sdc_batched_at",
        "_sdc_deleted_at",
        "_sdc_sequence",
        "_sdc_table_version",
        "_sdc_sync_started_at",
    }
    assert database.rows(
        "id, _sdc_extracted_at::varchar, _sdc_table_version, _sdc_deleted_at,"
        " _sdc_received_at >= _sdc_extracted_at, _sdc_batched_at >= _sdc_received_at,"
        " _sdc_sequence >= _sdc_sync_started_at"
    ) == [(1, "2024-05-01 08:00:00+00", 7, None, True, True, True)]


# ACTIVATE_VERSION and deletions


def activate(version: int, stream: str = "s") -> dict[str, Any]:
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": version}


def versioned(version: int, *ids: int, stream: str = "s") -> list[dict[str, Any]]:
    return [
        schema(ID, ["id"], stream),
        *(record({"id": n}, stream, version=version) for n in ids),
        activate(version, stream),
    ]


def test_rows_of_older_versions_are_removed(database: Database) -> None:
    database.load(*versioned(1, 1, 2, 3))
    database.load(*versioned(2, 2, 4), state("done"))
    assert database.rows("id") == [(2,), (4,)]


def test_rows_of_before_there_were_versions_are_removed(duck: Database) -> None:
    duck.load(schema(ID, ["id"]), record({"id": 1}))
    duck.load(*versioned(2, 2))
    assert duck.rows("id") == [(2,)]


def test_a_version_without_rows_empties_the_table(database: Database) -> None:
    database.load(schema(ID, ["id"]), record({"id": 1}))
    assert database.load(*versioned(2), state("done")) == ["done"]
    assert database.rows("id") == []


def test_a_version_of_a_stream_without_a_table_does_nothing(duck: Database) -> None:
    assert duck.load(*versioned(2), state("done")) == ["done"]


def test_a_version_may_be_activated_before_its_rows(duck: Database) -> None:
    duck.load(*versioned(1, 1, 2))
    duck.load(
        schema(ID, ["id"]), activate(2), record({"id": 2}, version=2), activate(2)
    )
    assert duck.rows("id") == [(2,)]


def test_rows_of_older_versions_are_marked_if_that_is_wanted(
    database: Database,
) -> None:
    database.load(*versioned(1, 1, 2), hard_delete=False)
    database.load(*versioned(2, 2), hard_delete=False)
    assert database.rows("id, _sdc_deleted_at is not null") == [(1, True), (2, False)]
    marked = database.rows("_sdc_deleted_at")
    database.load(*versioned(3, 2), hard_delete=False)
    assert database.rows("_sdc_deleted_at") == marked


def test_rows_of_a_table_made_for_hard_deletes_can_be_marked(
    duck: Database,
) -> None:
    duck.load(schema(ID, ["id"]), record({"id": 1}))
    duck.load(*versioned(2, 2), hard_delete=False)
    assert duck.rows("id, _sdc_deleted_at is not null") == [(1, True), (2, False)]


def test_versions_of_parent_and_child_streams_are_apart(duck: Database) -> None:
    duck.load(*versioned(1, 1, 2, stream="a"), *versioned(1, 1, 2, stream="b"))
    duck.load(
        schema(ID, ["id"], "a"),
        schema(ID, ["id"], "b"),
        activate(2, "a"),
        record({"id": 1}, "a", version=2),
        activate(2, "b"),
        record({"id": 1}, "b", version=2),
        activate(2, "b"),
        record({"id": 2}, "b", version=2),
        activate(2, "b"),
    )
    assert duck.rows("id", "a") == [(1,)]
    assert duck.rows("id", "b") == [(1,), (2,)]


def test_activating_a_version_again_costs_no_load(duck: Database) -> None:
    messages = [schema(ID, ["id"])]
    for n in range(50):
        messages += [activate(2), record({"id": n}, version=2)]
    duck.load(*messages)
    assert duck.query("SELECT count(*) FROM analytics.analytics._dlt_loads") == [(1,)]


def test_versions_can_be_left_alone(duck: Database) -> None:
    duck.load(*versioned(1, 1))
    duck.load(*versioned(2, 2), process_activate_version_messages=False)
    assert duck.rows("id") == [(1,), (2,)]


def test_a_version_that_records_lack_removes_nothing(
    duck: Database, caplog: pytest.LogCaptureFixture
) -> None:
    duck.load(schema(ID, ["id"]), record({"id": 1}))
    duck.load(schema(ID, ["id"]), record({"id": 2}), activate(5))
    assert duck.rows("id") == [(1,), (2,)]
    assert "came without a version" in caplog.text


DELETABLE = NAMED | {"_sdc_deleted_at": {"type": "string", "format": "date-time"}}


def test_a_row_that_comes_as_deleted_is_removed(database: Database) -> None:
    database.load(schema(DELETABLE, ["id"]), record({"id": 1}), record({"id": 2}))
    database.load(
        schema(DELETABLE, ["id"]),
        record({"id": 1, "_sdc_deleted_at": "2024-01-01T00:00:00Z"}),
    )
    assert database.rows("id") == [(2,)]


def test_a_row_that_comes_as_deleted_is_marked_if_that_is_wanted(
    duck: Database,
) -> None:
    duck.load(
        schema(DELETABLE, ["id"]),
        record({"id": 1, "_sdc_deleted_at": "2024-01-01T00:00:00Z"}),
        hard_delete=False,
    )
    assert duck.rows("id, _sdc_deleted_at is null") == [(1, False)]


def test_rows_that_come_as_deleted_are_kept_once_they_are_to_be(
    database: Database,
) -> None:
    """What an earlier run wanted counts no more; nor does it the other way round."""
    messages = (
        schema(DELETABLE, ["id"]),
        record({"id": 1, "_sdc_deleted_at": "2024-01-01T00:00:00Z"}),
        record({"id": 2, "_sdc_deleted_at": None}),
    )
    kept = []
    for hard_delete in (True, False, True):
        database.load(*messages, hard_delete=hard_delete)
        kept.append(database.rows("id, _sdc_deleted_at is null"))
    assert kept == [[(2, True)], [(1, False), (2, True)], [(2, True)]]


# BATCH


def batch(url: str, file_format: str, **more: Any) -> dict[str, Any]:
    encoding = {"format": file_format, "compression": more.pop("compression", "none")}
    return {
        "type": "BATCH",
        "stream": "s",
        "encoding": encoding,
        "manifest": [url],
        **more,
    }


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_jsonl_batch_is_loaded(
    duck: Database, tmp_path: Path, compression: str
) -> None:
    path = tmp_path / "batch"
    lines = "".join(json.dumps({"id": n, "name": f"é{n}"}) + "\n" for n in range(9))
    content = lines.encode()
    path.write_bytes(gzip.compress(content) if compression == "gzip" else content)
    states = duck.load(
        schema(NAMED, ["id"]),
        batch(path.as_uri(), "jsonl", compression=compression),
        state("done"),
    )
    assert states == ["done"]
    assert duck.rows() == [(n, f"é{n}") for n in range(9)]


def test_a_parquet_batch_is_loaded(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    columns = NAMED | {
        "moment": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "more": {"type": "object"},
        "missing": {"type": "string"},
        "amount": {"type": "number", "multipleOf": 0.01},
    }
    path = tmp_path / "batch.parquet"
    table = pa.table(
        {
            "id": pa.array([1, 2], pa.int32()),
            "name": pa.array(["a", None]).dictionary_encode(),
            "moment": ["2024-05-01T10:00:00+02:00", None],
            "day": pa.array([1, None], pa.date32()),
            "more": [{"a": 1}, None],
            "amount": [1.25, None],
            "surplus": [1, 2],
        }
    )
    pq.write_table(table, path)
    database.load(schema(columns, ["id"]), batch(str(path), "parquet", version=3))
    assert database.rows(
        "id, name, moment::varchar, day::varchar, more::varchar, missing,"
        " amount::varchar, _sdc_table_version"
    ) == [
        (1, "a", "2024-05-01 08:00:00+00", "1970-01-02", '{"a":1}', None, "1.25", 3),
        (2, None, None, None, None, None, None, 3),
    ]
    assert "field 'surplus' is left out" in caplog.text


@pytest.mark.parametrize(
    ("file_format", "content", "says"),
    [
        ("jsonl", '{"id":1}\n{"id":"x"}\n', r"File .*, line 2, stream 's': field 'id'"),
        ("jsonl", '{"id":1}\n\n \n{"id":"x"}\n', r"line 4, stream 's': field 'id'"),
        ("jsonl", '{"id":1}\n{"id":1},"record":{"id":2}\n', "line 2: not JSON"),
        ("parquet", "oops", "not Parquet"),
        ("avro", "", "'avro' can't be read"),
        ("jsonl", None, "can't be opened"),
    ],
)
def test_a_bad_batch_file_is_an_error(
    duck: Database, tmp_path: Path, file_format: str, content: str | None, says: str
) -> None:
    path = tmp_path / "batch"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=says):
        duck.load(schema(NAMED, ["id"]), batch(str(path), file_format))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"encoding": "jsonl"}, "Line 2: stream 's': its BATCH names no format"),
        ({"manifest": "x.jsonl"}, "Line 2: stream 's': its BATCH has no list of files"),
        ({"manifest": [1]}, "Line 2: stream 's': its BATCH has no list of files"),
    ],
)
def test_a_bad_batch_message_is_an_error(
    duck: Database, more: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        duck.load(schema(NAMED, ["id"]), batch("x.jsonl", "jsonl") | more)


def test_a_batch_file_that_is_not_there_shows_no_secret(
    duck: Database, tmp_path: Path
) -> None:
    url = "http://joe:hunter2@127.0.0.1:1/b.jsonl?sig=abcdefgh"
    messages = (schema(NAMED, ["id"]), batch(url, "jsonl"))
    result = run(messages, duck.config, tmp_path)
    _, line = result.stderr.splitlines()
    assert "Line 2: File http://127.0.0.1:1/b.jsonl: it can't be opened: " in line
    assert "joe" not in line
    assert "hunter2" not in line
    assert "abcdefgh" not in line


@pytest.mark.parametrize("name", ["name", "surplus"])
@pytest.mark.parametrize("mapped", [False, True])
def test_a_parquet_file_with_a_column_twice_is_an_error(
    duck: Database, tmp_path: Path, name: str, *, mapped: bool
) -> None:
    path = tmp_path / "batch.parquet"
    column = pa.array(["a"])
    table = pa.table([pa.array([1]), column, column], names=["id", name, name])
    pq.write_table(table, path)
    config = {"stream_maps": {"s": {"more": "id"}}} if mapped else {}
    with pytest.raises(InputError, match=f"{path}: .* columns '{name}'"):
        duck.load(schema(NAMED, ["id"]), batch(str(path), "parquet"), **config)


# Stream maps


def test_stream_maps_and_flattening_are_applied(duck: Database) -> None:
    columns = NAMED | {"at": {"type": "object", "properties": ID}}
    duck.load(
        schema(columns, ["id"]),
        record({"id": 1, "name": "a", "at": {"id": 5}}),
        record({"id": 2, "name": "b", "at": {"id": 6}}),
        stream_maps={
            "s": {
                "__alias__": "t",
                "__filter__": "id > 1",
                "twice": "int(id) * 2",
                "name": "__NULL__",
            }
        },
        flattening_enabled=True,
        flattening_max_depth=1,
    )
    assert duck.rows("id, at__id, twice", "t") == [(2, 6, 4)]


def test_stream_maps_and_flattening_are_applied_to_parquet_batches(
    duck: Database, tmp_path: Path
) -> None:
    columns = NAMED | {
        "at": {"type": "object", "properties": {"day": DAY}},
        "amount": {"type": "number", "multipleOf": 0.01},
    }
    day = dt.date(2024, 5, 1)
    rows = [
        {"id": n, "name": "a", "at": {"day": day}, "amount": Decimal("1.50")}
        for n in (1, 2)
    ]
    path = tmp_path / "batch.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    duck.load(
        schema(columns, ["id"]),
        batch(str(path), "parquet", version=3),
        stream_maps={"s": {"__filter__": "id > 1", "name": "name + '!'"}},
        flattening_enabled=True,
        flattening_max_depth=1,
    )
    assert duck.rows("id, name, at__day, amount, _sdc_table_version") == [
        (2, "a!", day, Decimal("1.50"), 3)
    ]


def test_a_stream_map_for_a_stream_that_never_came_is_warned_of(
    duck: Database, caplog: pytest.LogCaptureFixture
) -> None:
    messages = schema(NAMED, ["id"], stream="clients"), record({"id": 1}, "clients")
    duck.load(*messages, stream_maps={"cleints": {"name": None}, "cl*": {}})
    (warning,) = (text for text in caplog.messages if "stream_maps" in text)
    assert warning == (
        "stream_maps names 'cleints', but no such stream came: it is ignored. "
        "Did you mean 'clients'?"
    )
