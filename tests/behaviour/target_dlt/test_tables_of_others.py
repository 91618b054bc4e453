"""Tables that were made by hand or by another loader: exact, or an error."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import dlt
import pyarrow as pa
import pytest

from tap_analytics.target_dlt.errors import InputError, LoadError
from tests.helpers.databases import Database, duckdb_at, record, schema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
TEXT = {"type": "string"}
MOMENT = {"type": "string", "format": "date-time"}


def make(database: Database, columns: str, *rows: str, table: str = "s") -> None:
    """Make a table as somebody else would."""
    database.query(f"CREATE SCHEMA IF NOT EXISTS {database.dataset}")
    database.query(f"CREATE TABLE {database.dataset}.{table} ({columns})")
    for row in rows:
        database.query(f"INSERT INTO {database.dataset}.{table} VALUES ({row})")


def values_for(
    v: dict[str, Any], *values: str, first: int = 2, table: str = "s"
) -> list[Any]:
    """Return messages with values, in JSON, for the column `v`."""
    return [
        schema({"id": INTEGER, "v": v}, ["id"], table),
        *(
            f'{{"type":"RECORD","stream":"{table}","record":{{"id":{n},"v":{value}}}}}'
            for n, value in enumerate(values, first)
        ),
    ]


def texts(database: Database, table: str) -> list[str]:
    """Read the column `v` as text, without what a whole float ends with."""
    found = database.query(
        f"SELECT v::varchar FROM {database.dataset}.{table} ORDER BY id"
    )
    return [text.removesuffix(".0") for (text,) in found]


WIDENED: list[tuple[str, str, dict[str, Any], str, Sequence[str]]] = [
    ("integer", "7", NUMBER, "1.5", ["7", "1.5"]),
    ("smallint", "7", INTEGER, "70000", ["7", "70000"]),
    ("integer", "7", INTEGER, str(2**63 - 1), ["7", str(2**63 - 1)]),
    ("integer", "7", INTEGER, str(2**70), ["7", str(2**70)]),
    ("bigint", "4611686018427387905", NUMBER, "0.5",
     ["4611686018427387905.000000000", "0.500000000"]),
    ("real", "0.5", NUMBER, "0.1", ["0.5", "0.1"]),
    ("real", "0.5", NUMBER, "16777217", ["0.5", "16777217"]),
    ("decimal(10,1)", "0.5", NUMBER, "1.234", ["0.500000000", "1.234000000"]),
    ("decimal(4,1)", "0.5", NUMBER, "12345.5", ["0.500000000", "12345.500000000"]),
    ("varchar(2)", "'ab'", TEXT, '"abc"', ["ab", "abc"]),
    ("date", "'2021-01-01'", MOMENT, '"2021-01-02T03:04:05Z"',
     ["2021-01-01 00:00:00+00", "2021-01-02 03:04:05+00"]),
    ("timestamp", "'2021-01-01 01:02:03.5'", MOMENT, '"2021-01-02T03:04:05+02:00"',
     ["2021-01-01 01:02:03.5+00", "2021-01-02 01:04:05+00"]),
    ("boolean", "true", TEXT, '"x"', ["true", "x"]),
    ("decimal(38,30)", "0.5", NUMBER, "123456789012.25",
     ["0.50000000000000000000000000", "123456789012.25000000000000000000000000"]),
]  # fmt: skip


def test_a_column_that_is_too_narrow_is_widened(database: Database) -> None:
    messages = []
    expected = {}
    for n, (made, old, v, new, found) in enumerate(WIDENED):
        make(database, f"id integer, v {made}", f"1, {old}", table=f"s{n}")
        messages += values_for(v, new, table=f"s{n}")
        expected[f"{made} and {new}"] = found
    database.load(*messages)
    assert {
        name: texts(database, f"s{n}") for n, name in enumerate(expected)
    } == expected


KEPT: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("integer", NUMBER, "5.0", "integer", "5"),
    ("smallint", INTEGER, "-32768", "smallint", "-32768"),
    ("real", NUMBER, "0.25", "real|float", "0.25"),
    ("decimal(10,1)", NUMBER, "2.5", "numeric|decimal(10,1)", "2.5"),
    ("varchar(3)", TEXT, '"abc"', "character varying|varchar", "abc"),
    ("bigint", NUMBER, "9007199254740993", "bigint", "9007199254740993"),
]


def test_a_column_that_holds_what_comes_stays_as_it_is(database: Database) -> None:
    messages = []
    for n, (made, v, new, _, _) in enumerate(KEPT):
        make(database, f"id integer, v {made}", table=f"s{n}")
        messages += values_for(v, new, table=f"s{n}")
    database.load(*messages)
    for n, (_, _, _, types, expected) in enumerate(KEPT):
        assert database.types(f"s{n}")["v"].lower() in types.split("|")
        assert texts(database, f"s{n}") == [expected]


def test_a_table_with_a_primary_key_is_merged_into(database: Database) -> None:
    make(database, "id integer primary key, v integer", "1, 5", "2, 6")
    database.load(*values_for(INTEGER, "7", "8"))
    assert database.rows("id, v") == [(1, 5), (2, 7), (3, 8)]


@pytest.mark.parametrize("made", ["uuid", "integer[]", "interval"])
def test_a_column_of_another_kind_is_named(database: Database, made: str) -> None:
    make(database, f"id integer, v {made}")
    with pytest.raises(InputError, match="'s': column 'v': it is of the type"):
        database.load(*values_for(TEXT, '"a"'))


def test_a_key_that_can_not_be_altered_is_named(duck: Database) -> None:
    make(duck, "id integer primary key, v integer")
    with pytest.raises(
        LoadError, match=r"'s': column 'id' has to change .*PRIMARY KEY"
    ):
        duck.load(*values_for(INTEGER, "1", first=2**40))


def test_a_column_that_a_view_shows_is_named(postgres: Database) -> None:
    make(postgres, "id integer, v integer")
    postgres.query(
        f"CREATE VIEW {postgres.dataset}.w AS SELECT v FROM {postgres.dataset}.s"
    )
    with pytest.raises(LoadError, match=r"'s': column 'v' has to change .* view"):
        postgres.load(*values_for(NUMBER, "0.5"))


def refer(database: Database, how: str) -> None:
    """Make a table whose rows refer to those of the table `s`."""
    make(database, "id integer primary key, v integer", "1, 5", "2, 6")
    made = f"s_id integer CONSTRAINT to_s REFERENCES {database.dataset}.s {how}"
    make(database, made, "1", table="child")


@pytest.mark.parametrize(
    ("action", "disposition"),
    [("CASCADE", None), ("SET NULL", "replace"), ("SET DEFAULT", "merge")],
)
def test_a_table_whose_rows_take_others_with_them_is_named(
    postgres: Database, action: str, disposition: str | None
) -> None:
    refer(postgres, f"ON DELETE {action}")
    says = rf"'s': .* change those of 'child', by ON DELETE {action} .* 'to_s'"
    with pytest.raises(LoadError, match=says):
        postgres.load(*values_for(INTEGER, "7", first=1), write_disposition=disposition)
    assert postgres.rows("s_id", "child") == [(1,)]
    assert postgres.rows("id, v") == [(1, 5), (2, 6)]


def test_a_table_is_merged_into_whose_references_can_wait(postgres: Database) -> None:
    """That is what the error above tells to do."""
    refer(postgres, "ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED")
    postgres.load(*values_for(INTEGER, "7", first=1))
    assert postgres.rows("s_id", "child") == [(1,)]
    assert postgres.rows("id, v") == [(1, 7), (2, 6)]


def test_a_column_that_is_not_null_stays_so(database: Database) -> None:
    make(database, "id integer, v integer not null")
    with pytest.raises(LoadError, match=r"(?i)': table 's': .*null"):
        database.load(*values_for(INTEGER, "null"))


def test_a_column_that_is_generated_is_named(postgres: Database) -> None:
    make(postgres, "id integer, v integer generated always as (id * 2) stored")
    with pytest.raises(LoadError, match=r"': table 's': cannot insert .* column \"v\""):
        postgres.load(*values_for(INTEGER, "7"))


def test_rows_for_jsonb_keep_their_values(postgres: Database) -> None:
    """Another Singer target, and dlt itself, make such columns."""
    make(postgres, "id integer, v jsonb", "1, '{\"a\": 1}'")
    postgres.load(*values_for({"type": "object"}, '{"b": [1.50, null]}'))
    assert postgres.rows("v") == [({"a": 1},), ({"b": [1.5, None]},)]
    assert postgres.types()["v"] == "jsonb"


def test_a_number_without_limits_takes_all_digits(postgres: Database) -> None:
    make(postgres, "id integer, v numeric", "1, 1e60")
    for values in (["0.1", "2"], ["1e-20"], [str(10**37)]):
        postgres.load(*values_for(NUMBER, *values, first=len(values[0])))
    postgres.load(*values_for(NUMBER | {"multipleOf": 1e-30}, "1e-30", first=99))
    assert sorted(row[0].normalize() for row in postgres.rows("v")) == sorted(
        json.loads(
            "[1e-30, 1e-20, 0.1, 2, 1e37, 1e60]",
            parse_float=Decimal,
            parse_int=Decimal,
        )
    )
    assert postgres.types()["v"] == "numeric"


def test_unsigned_integers_become_signed_ones(duck: Database) -> None:
    make(duck, "id utinyint, v ubigint", f"1, {2**64 - 1}")
    duck.load(*values_for(INTEGER, "-1"))
    assert duck.rows("id, v") == [(1, 2**64 - 1), (2, -1)]


def test_names_of_columns_are_found_in_any_case(duck: Database) -> None:
    make(duck, 'id integer, "V" integer', "1, 1")
    duck.load(*values_for(NUMBER, "1.5"))
    assert duck.rows("v") == [(1.0,), (1.5,)]


def test_another_s_mark_of_deleted_rows_is_a_column_like_others(tmp_path: Path) -> None:
    """The stored schema says so of a table that a pipeline of the same name made."""
    database = duckdb_at(tmp_path / "warehouse.duckdb")
    pipeline = dlt.pipeline(
        "analytics",
        pipelines_dir=str(tmp_path / "pipelines"),
        destination=dlt.destinations.duckdb(database.config["credentials"]),
        dataset_name="analytics",
    )
    pipeline.run(
        pa.table({"id": [1], "gone": [False]}),
        table_name="s",
        write_disposition="merge",
        primary_key="id",
        columns={"gone": {"hard_delete": True}},
    )
    fields = {"id": INTEGER, "gone": {"type": "boolean"}}
    database.load(schema(fields, ["id"]), record({"id": 2, "gone": True}))
    assert database.query("SELECT id, gone FROM analytics.s ORDER BY id") == [
        (1, False),
        (2, True),
    ]
