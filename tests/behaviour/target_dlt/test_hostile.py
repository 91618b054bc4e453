"""What any tap may send by mistake: loaded as it is, or refused with one line."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import InvalidInputLine

from tap_analytics.target_dlt.errors import InputError
from tap_analytics.target_dlt.target import TargetDlt
from tests.helpers.databases import lines_of, record, schema

if TYPE_CHECKING:
    from tests.helpers.databases import Database

KEY = {"id": {"type": "string"}}
TEXT = {"type": "string"}

NAMES = {
    "a'b": "a_b",
    'c"d': "c_d",
    "e\\f": "e_f",
    "g\nh": "g_h",
    "i\0j": "i_j",
    "k.l": "k_l",
    "m n": "m_n",
    'x"; drop table s; --': "x_drop_table_sxxx",
    "😀": "x",
    "%s": "_s",
    "%(y)s": "_y_s",
    "{z}": "_zx",
    "select": "select",
    "1": "_1",
}
"""Names of fields, and of their columns: letters, digits and `_`, as dlt has it."""


def one(value: str, name: str = "x") -> str:
    return f'{{"type":"RECORD","stream":"s","record":{{"id":"a","{name}":{value}}}}}'


# Names


def test_a_field_may_have_any_name_that_leaves_something_for_a_column(
    database: Database,
) -> None:
    fields = KEY | dict.fromkeys(NAMES, TEXT)
    database.load(schema(fields, ["id"]), record({"id": "a"} | {n: n for n in NAMES}))
    # Merged into a table that is there, with a column that is altered.
    fields |= {"1": {"type": "object"}}
    changed = {"id": "a"} | {n: n for n in NAMES if n not in {"i\0j", "1"}}
    database.load(schema(fields, ["id"]), record(changed | {"1": {"p": 1}}))
    columns = ",".join(f'"{column}"' for column in NAMES.values())
    (row,) = database.rows(columns)
    expected = dict(zip(NAMES, row, strict=True))
    assert expected.pop("1") in ('{"p": 1}', {"p": 1})
    assert expected.pop("i\0j") is None
    assert expected == {name: name for name in expected}


def test_a_long_name_is_cut_so_that_it_stays_unique(postgres: Database) -> None:
    long = {"x" * 10_000: TEXT, "x" * 10_001: TEXT}
    values = {"x" * 10_000: "shorter", "x" * 10_001: "longer"}
    postgres.load(schema(KEY | long, ["id"]), record({"id": "a"} | values))
    columns = [name for name in postgres.types() if name.startswith("x")]
    (row,) = postgres.rows(",".join(columns))
    assert sorted(row) == ["longer", "shorter"]
    assert max(map(len, columns)) <= 63


@pytest.mark.parametrize("name", ["", " ", "__"])
def test_a_name_that_leaves_nothing_for_a_column_is_an_error(
    duck: Database, name: str
) -> None:
    with pytest.raises(InputError, match=r"'s'.*has no name for a column"):
        duck.load(schema(KEY | {name: TEXT}, ["id"]), record({"id": "a", name: "v"}))


def test_a_name_of_postgres_own_columns_is_an_error(postgres: Database) -> None:
    says = "^Stream 's': PostgreSQL has a column 'xmin' of its own in each table. "
    with pytest.raises(InputError, match=says):
        postgres.load(schema(KEY | {"Xmin": TEXT}, ["id"]), one('"a"', "Xmin"))


def test_a_field_with_an_odd_name_is_named_in_errors(duck: Database) -> None:
    fields = KEY | {'a"\nb': {"type": "integer"}}
    with pytest.raises(InputError, match=re.escape(repr('a"\nb'))):
        duck.load(schema(fields, ["id"]), record({"id": "a", 'a"\nb': "v"}))


def test_a_stream_may_have_such_a_name_too(duck: Database) -> None:
    names = [name for name in NAMES if name != "😀"] + ["ü😀"]
    for version in (1, 2):
        messages: list[Any] = []
        for name in names:
            messages += [
                schema(KEY, ["id"], name),
                record({"id": f"{version}"}, name, version=version),
                {"type": "ACTIVATE_VERSION", "stream": name, "version": version},
            ]
        duck.load(*messages)
    found = duck.query(
        "select table_name from information_schema.tables where table_schema ="
        " 'analytics' and not regexp_matches(table_name, '^_(dlt|target)')"
    )
    assert len(found) == len(names)
    for (table,) in found:
        assert re.fullmatch(r"\w+", table)
        assert duck.rows("id", f'"{table}"') == [("2",)]


@pytest.mark.parametrize("name", ["x" * 10_000, "_dlt_loads"])
def test_a_stream_whose_name_is_that_of_no_table_is_an_error(
    duck: Database, name: str
) -> None:
    with pytest.raises(InputError, match="its name can't be that of a table") as error:
        duck.load(schema(KEY, ["id"], name), record({"id": "a"}, name))
    assert len(str(error.value)) < 300


# Values


def test_json_stays_the_text_that_it_was(database: Database) -> None:
    sent = [
        '{"a":1e99999999999999999999}',
        f'{{"a":{"9" * 5_000}}}',
        '{"a":1,"a":2}',
        r'{"a\u0000b":"\u0000"}',
        "[" * 500 + "]" * 500,
        '{"😀":"\u202e"}',
    ]
    fields = {"id": {"type": "integer"}, "x": {"type": ["object", "array"]}}
    lines = (
        f'{{"type":"RECORD","stream":"s","record":{{"id":{number},"x":{value}}}}}'
        for number, value in enumerate(sent)
    )
    database.load(schema(fields, ["id"]), *lines)
    assert database.rows("id, x::text") == list(enumerate(sent))


def test_nul_stays_where_the_database_can_hold_it(duck: Database) -> None:
    fields = KEY | {"x": TEXT}
    duck.load(schema(fields, ["id"]), record({"id": "a\0", "x": "\0"}))
    assert duck.rows("id, x") == [("a\0", "\0")]


@pytest.mark.parametrize("kind", ["number", "integer"])
@pytest.mark.parametrize(
    "number", ["1e99999999999999999999", "-1e-99999999999999999999", "1e400"]
)
def test_a_number_that_no_column_holds_is_an_error(
    duck: Database, kind: str, number: str
) -> None:
    fields = KEY | {"x": {"type": kind}}
    with pytest.raises(InputError, match=r"Line 2, stream 's': field 'x': ") as error:
        duck.load(schema(fields, ["id"]), one(number))
    assert "decimal.InvalidOperation" not in str(error.value)


def test_an_integer_of_thousands_of_digits_is_an_error(duck: Database) -> None:
    fields = KEY | {"x": {"type": "integer"}}
    with pytest.raises(InputError, match=r"field 'x': Integer value out of range"):
        duck.load(schema(fields, ["id"]), one("9" * 5_000))


def test_undeclared_values_of_any_kind_are_left_out(duck: Database) -> None:
    lines = (one("9" * 5_000), one("1e99999999999999999999"))
    duck.load(schema(KEY, ["id"]), *lines)
    assert duck.rows("id") == [("a",)]


NESTED = "[" * 10_000 + "]" * 10_000


@pytest.mark.parametrize(
    "messages",
    [
        (one(NESTED),),
        (one("[]"), one(NESTED)),
        (f'{{"type":"STATE","value":{NESTED}}}',),
    ],
)
def test_what_is_nested_too_deeply_is_an_error(
    duck: Database, messages: tuple[Any, ...]
) -> None:
    fields = KEY | {"x": {"type": "array"}}
    with pytest.raises((InputError, InvalidInputLine)) as error:
        duck.load(schema(fields, ["id"]), *messages)
    assert re.match(rf"Line {1 + len(messages)}\b.*nested too deeply", str(error.value))


@pytest.mark.parametrize("value", ["NaN", "-Infinity", r'"\ud83c"', '"\t"', "01"])
def test_what_is_no_json_is_an_error(duck: Database, value: str) -> None:
    fields = KEY | {"x": {}}
    for before in ([], [one("1")]):
        with pytest.raises((InputError, InvalidInputLine)) as error:
            duck.load(schema(fields, ["id"]), *before, one(value))
        assert str(error.value).startswith(f"Line {2 + len(before)}")


@pytest.mark.parametrize("other", ["s", "t"])
def test_two_messages_on_one_line_are_an_error(duck: Database, other: str) -> None:
    """Also once a stream's lines are told by how they begin."""
    second = '{{"type":"RECORD","stream":"{}","record":{{"id":"{}"}}}}'
    lines = [second.format("s", "b"), second.format("s", "c")]
    with pytest.raises(InputError, match=r"Line 4, stream 's': not JSON .*trailing"):
        duck.load(
            schema(KEY),
            schema(KEY, stream="t"),
            lines[0],
            lines[1] + second.format(other, "d"),
            lines[0],
        )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (one("01"), "not JSON"),
        (one(NESTED), "nested too deeply"),
        ('{"type":"RECORD","stream":"s","version":1}', "a RECORD without a record"),
    ],
)
def test_what_is_no_record_is_an_error_where_records_are_validated(
    duck: Database, line: str, says: str
) -> None:
    with pytest.raises((InputError, InvalidInputLine), match=says) as error:
        duck.load(schema(KEY, ["id"]), one("[]"), line, validate_records=True)
    assert str(error.value).startswith("Line 3")


def test_an_error_of_a_line_that_waited_names_that_line_alone(duck: Database) -> None:
    with pytest.raises(InputError, match=r"^Line 2, stream 's': field 'x': "):
        duck.load(
            schema(KEY | {"x": TEXT}, ["id"]),
            one("1"),
            schema(KEY | {"x": TEXT, "y": TEXT}, ["id"]),
        )


@pytest.mark.parametrize("types", [["object"], ["string", "integer"]])
def test_what_is_no_utf_8_is_an_error(duck: Database, types: list[str]) -> None:
    fields = KEY | {"x": {"type": types}}
    lines = lines_of((schema(fields, ["id"]), one("null"), one('"ä"')))
    target = TargetDlt(config=duck.config)
    with pytest.raises(InputError, match=r"Line 3, stream 's': field 'x': .*UTF-8"):
        target.listen(io.TextIOWrapper(io.BytesIO(lines.encode("latin-1"))))
