"""Records: made to fit their schema with nothing lost."""

from __future__ import annotations

import json
import logging
import re
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Raw

from tap_analytics.errors import FatalAPIError
from tap_analytics.rows.fields import Fields
from tap_analytics.rows.fit import fit_for, fit_string, fit_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_analytics.rows.fields import Row

LOGGER = logging.getLogger("tap-analytics.test")
SILENT = logging.getLogger("tap-analytics.test.silent")
SILENT.setLevel(logging.ERROR)
NO_CONTEXT: dict[str, Raw] = {}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
RFC_3339_UTC = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?\+00:00")

OPTIONAL = {
    "name": {"type": ["string", "null"]},
    "createdAt": {"type": ["string", "null"], "format": "date-time"},
    "day": {"type": ["string", "null"], "format": "date"},
    "count": {"type": ["integer", "null"]},
    "hours": {"type": ["number", "null"]},
    "billable": {"type": ["boolean", "null"]},
    "tags": {"type": ["array", "null"]},
    "client": {"type": ["object", "null"]},
}
COLUMNS: dict[str, Any] = {
    "id": {"type": "string"},
    **OPTIONAL,
    "additional_fields": {"type": ["object", "null"]},
}
SCHEMA = {"type": "object", "properties": COLUMNS}


def fields(
    schema: Mapping[str, Any] = SCHEMA,
    *,
    collect: bool = True,
    logger: logging.Logger = LOGGER,
) -> Fields:
    return Fields("users", schema, ["id"], collect=collect, logger=logger)


def fit(
    record: str,
    context: Mapping[str, Raw] = NO_CONTEXT,
    *,
    of: Fields | None = None,
) -> dict[str, Any]:
    """Fit a record, and return it with all JSON as text."""
    return as_text((of or fields()).fit(Raw(record.encode()), context))


def as_text(row: Row) -> dict[str, Any]:
    *columns, (last, rest) = row.items()
    assert last == "additional_fields"
    return {
        **{name: bytes(value).decode() for name, value in columns},
        last: {name: bytes(value).decode() for name, value in rest.items()}
        if isinstance(rest, dict)
        else json.loads(bytes(rest)),
    }


def created(value: str) -> str:
    """Return what a JSON value becomes as `createdAt`."""
    fitted = fit_timestamp(value.encode())
    return "misfit" if fitted is None else fitted.decode()


# The columns


def test_a_row_has_all_columns_in_the_order_of_the_schema() -> None:
    row = fit('{"tags": [], "id": "u1"}')
    assert list(row) == list(COLUMNS)
    assert row == {
        **dict.fromkeys(OPTIONAL, "null"),
        "id": '"u1"',
        "tags": "[]",
        "additional_fields": None,
    }


@pytest.mark.parametrize(
    ("number", "text"),
    [("12", '"12"'), ("-7", '"-7"'), ("9223372036854775808", '"9223372036854775808"')],
)
def test_a_number_becomes_its_digits_where_text_is_declared(
    number: str, text: str
) -> None:
    assert fit(f'{{"id": {number}}}')["id"] == text


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ("12.0", '"12"'),
        ("12.000", '"12"'),
        ("-7.0", '"-7"'),
        ("1" * 40 + ".0", f'"{"1" * 40}"'),
        ("12.50", '"12.50"'),
        ("12.01", '"12.01"'),
        ("1e2", '"1e2"'),
        ("1.0e2", '"1.0e2"'),
        ('"12.0"', '"12.0"'),
    ],
)
def test_a_key_that_is_a_whole_number_is_written_as_one(sent: str, key: str) -> None:
    assert fit(f'{{"id": {sent}}}')["id"] == key


def test_what_is_not_a_key_keeps_its_zeros() -> None:
    row = fit('{"id": 12.0, "name": 12.0, "hours": 12.0}')
    assert (row["name"], row["hours"]) == ('"12.0"', "12.0")


def test_a_key_that_is_an_integer_takes_a_whole_number() -> None:
    integers = fields({"properties": {"id": {"type": "integer"}}})
    assert fit('{"id": 12.0}', of=integers)["id"] == "12"


@pytest.mark.parametrize("number", ["0.10", "1e5", "-0", "1" * 400])
def test_not_a_digit_changes(number: str) -> None:
    assert fit_string(number.encode()) == f'"{number}"'.encode()
    assert fit(f'{{"id": "x", "hours": {number}, "x": {number}}}')["hours"] == number
    assert fit(f'{{"id": "x", "x": {number}}}')["additional_fields"] == {"x": number}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", "true"),
        ("name", '{"first": "Ada"}'),
        ("createdAt", '"yesterday"'),
        ("createdAt", "false"),
        ("day", '"2024-02-30"'),
        ("day", "20240201"),
        ("count", "1.5"),
        ("count", '"1"'),
        ("hours", '"1.5"'),
        ("billable", "1"),
        ("billable", '"true"'),
        ("tags", '"a,b"'),
        ("client", "[]"),
    ],
)
def test_what_cannot_be_made_to_fit_becomes_null_and_is_kept(
    column: str, value: str
) -> None:
    row = fit(f'{{"id": "u1", "{column}": {value}}}')
    assert row[column] == "null"
    assert row["additional_fields"] == {column: value}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", '"\\u0041\\ud83d\\ude00\\/"'),
        ("day", '"2024-02-29"'),
        ("count", "-12345678901234567890"),
        ("hours", "1.10e-3"),
        ("billable", "false"),
        ("tags", '[1.50, {"x": null}]'),
        ("client", '{"x": {"y": 1e2}}'),
        ("count", "null"),
    ],
)
def test_what_fits_is_passed_on_as_it_came(column: str, value: str) -> None:
    row = fit(f'{{"id": "u1", "{column}": {value}}}')
    assert row[column] == value
    assert row["additional_fields"] is None


@pytest.mark.parametrize(
    "column",
    [{}, {"type": ["integer", "string", "null"]}, {"anyOf": [{"type": "null"}]}],
)
@pytest.mark.parametrize("value", ["1", '"x"', "[1]", "null"])
def test_a_column_of_more_than_one_type_takes_all_values(
    column: dict[str, Any], value: str
) -> None:
    schema = {"properties": {"id": {"type": "string"}, "mixed": column}}
    assert fit(f'{{"id": "u1", "mixed": {value}}}', of=fields(schema))["mixed"] == value


def test_a_column_of_an_unknown_type_takes_all_values() -> None:
    fitted = fit_for({"type": ["decimal", "null"]})(b"1.5")
    assert fitted == b"1.5"


# One warning per stream and field


def test_a_misfit_is_told_once_per_field(caplog: pytest.LogCaptureFixture) -> None:
    users = fields()
    for value in ("true", "false"):
        fit(f'{{"id": "1", "name": {value}, "count": "x"}}', of=users)
    name, count = (record.getMessage() for record in caplog.records)
    assert name == (
        "users: values such as 'true' don't fit the field 'name': null is written, "
        "and the values themselves into 'additional_fields'"
    )
    assert "'count'" in count


def test_what_fits_is_no_reason_to_warn(caplog: pytest.LogCaptureFixture) -> None:
    fit('{"id": 12, "createdAt": 0, "name": null, "hours": 1, "other": {}}')
    assert not caplog.records


def test_only_the_beginning_of_a_misfit_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fit(f'{{"id": "1", "name": ["{"x" * 10_000}"]}}')
    assert len(caplog.text) < 1_000


# Undeclared fields


def test_undeclared_fields_are_collected_unchanged() -> None:
    row = fit('{"id": "1", "rate": 1.50, "a\\u002eb": {"c": [ 1 ]}, "": null}')
    assert row["additional_fields"] == {
        "rate": "1.50",
        "a.b": '{"c": [ 1 ]}',
        "": "null",
    }


def test_a_field_of_the_name_of_the_column_is_collected_too() -> None:
    row = fit('{"id": "1", "additional_fields": {"x": 1}}')
    assert row["additional_fields"] == {"additional_fields": '{"x": 1}'}


def test_a_record_without_undeclared_fields_has_null() -> None:
    assert fit('{"id": "1"}')["additional_fields"] is None


def test_ignored_fields_are_dropped_and_their_names_known() -> None:
    users = fields(collect=False)
    row = fit('{"id": "1", "x": 1, "y": 2}', of=users)
    assert row["additional_fields"] is None
    assert users.ignored == {"x", "y"}


def test_a_misfit_is_kept_even_where_undeclared_fields_are_ignored() -> None:
    row = fit('{"id": "1", "x": 1, "name": true}', of=fields(collect=False))
    assert row["additional_fields"] == {"name": "true"}


# The context

PROJECT = {"project_id": Raw(b'"as:1"')}
OF_PROJECT = {
    "properties": {"id": {"type": "string"}, "project_id": {"type": "string"}}
}


def test_the_context_fills_its_columns() -> None:
    assert fit('{"id": "1"}', PROJECT, of=fields(OF_PROJECT)) == {
        "id": '"1"',
        "project_id": '"as:1"',
        "additional_fields": None,
    }


@pytest.mark.parametrize("value", ['"as:2"', "12", "null"])
def test_what_a_record_says_of_its_context_is_kept_where_it_differs(value: str) -> None:
    row = fit(f'{{"id": "1", "project_id": {value}}}', PROJECT, of=fields(OF_PROJECT))
    assert row["project_id"] == '"as:1"'
    assert row["additional_fields"] == {"project_id": value}


def test_what_a_record_says_of_its_context_is_not_repeated() -> None:
    row = fit('{"id": "1", "project_id": "as:1"}', PROJECT, of=fields(OF_PROJECT))
    assert row["additional_fields"] is None


# What stops the run


@pytest.mark.parametrize(
    "record",
    ["{}", '{"id": null}', '{"id": ""}', '{"id": {"x": 1}}', '{"id": []}', '{"ID": 1}'],
)
def test_a_record_without_an_id_names_stream_and_parent(record: str) -> None:
    with pytest.raises(FatalAPIError) as caught:
        fit(record, PROJECT)
    message = str(caught.value)
    assert "stream 'users', project_id \"as:1\"" in message
    assert "'id'" in message
    assert record in message


@pytest.mark.parametrize("record", ["1", "null", '"text"', '[{"id": 1}]'])
def test_a_record_that_is_no_object_is_shown(record: str) -> None:
    with pytest.raises(
        FatalAPIError, match="stream 'users': a record is not an object"
    ):
        fit(record)


# Timestamps


@pytest.mark.parametrize(
    ("value", "utc"),
    [
        ('"2024-05-06T07:08:09Z"', "2024-05-06T07:08:09+00:00"),
        ('"2024-05-06T07:08:09.123Z"', "2024-05-06T07:08:09.123+00:00"),
        (
            '"2024-05-06T07:08:09.123456789+00:00"',
            "2024-05-06T07:08:09.123456789+00:00",
        ),
        ('"2024-05-06t07:08:09z"', "2024-05-06T07:08:09+00:00"),
        ('"2024-05-06 07:08:09"', "2024-05-06T07:08:09+00:00"),
        ('"2024-05-06T07:08:09"', "2024-05-06T07:08:09+00:00"),
        ('"2024-05-06T07:08"', "2024-05-06T07:08:00+00:00"),
        ('"2024-05-06T07:08Z"', "2024-05-06T07:08:00+00:00"),
        ('"2024-05-06"', "2024-05-06T00:00:00+00:00"),
        ('"2024-05-06T07:08:09+02:00"', "2024-05-06T05:08:09+00:00"),
        ('"2024-05-06T07:08:09-0930"', "2024-05-06T16:38:09+00:00"),
        ('"2024-05-06T23:08:09.5-05"', "2024-05-07T04:08:09.5+00:00"),
        ('"2024-05-06 07:08:09 +0200"', "2024-05-06T05:08:09+00:00"),
        ('" 2024-05-06T07:08:09Z\\n"', "2024-05-06T07:08:09+00:00"),
        ('"2024-05-06T07:08:09\\u005a"', "2024-05-06T07:08:09+00:00"),
        ('"2024-05-06T07:08:09,5Z"', "2024-05-06T07:08:09.5+00:00"),
        ("0", "1970-01-01T00:00:00+00:00"),
        ("1700000000", "2023-11-14T22:13:20+00:00"),
        ("1700000000.25", "2023-11-14T22:13:20.25+00:00"),
        ("1.7e9", "2023-11-14T22:13:20+00:00"),
        ("1700000000123", "2023-11-14T22:13:20.123+00:00"),
        ("1700000000123.4567", "2023-11-14T22:13:20.1234567+00:00"),
        ("-1", "1969-12-31T23:59:59+00:00"),
        ("-1.5", "1969-12-31T23:59:58.5+00:00"),
        ("-1700000000123", "1916-02-18T01:46:39.877+00:00"),
    ],
)
def test_a_timestamp_leaves_as_rfc_3339_in_utc(value: str, utc: str) -> None:
    assert created(value) == f'"{utc}"'


@pytest.mark.parametrize(
    "value",
    [
        '""',
        '"2024-02-30T00:00:00Z"',
        '"2024-02-30"',
        '"2024-05-06T24:00:00Z"',
        '"2024-05-06T24:00:00+02:00"',
        '"2024-05-06T07:60:00Z"',
        '"2024-05-06T07:08:09+25:00"',
        '"0000-01-01T00:00:00Z"',
        '"0001-01-01T00:00:00+00:01"',
        '"9999-12-31T23:59:59-00:01"',
        '"06.05.2024"',
        '"1700000000"',
        '"2024-05-06T07:08:09Z and more"',
        '"٢٠٢٤-05-06"',
        "1e18",
        "-1e18",
        "1e1000000",
        "1e99999999999999999999",
        "1e-30",
        "1e-99999999999999999999",
        "1700000000.0123456789",
        "1700000000000.000000000000000000000000001",
        "true",
        "[]",
        "{}",
    ],
)
def test_what_is_no_timestamp_is_a_misfit(value: str) -> None:
    assert created(value) == "misfit"
    row = fit(f'{{"id": "1", "createdAt": {value}}}')
    assert row["createdAt"] == "null"
    assert row["additional_fields"] == {"createdAt": value}


class Moment(NamedTuple):
    """A point in time, as exact as its spelling."""

    seconds: datetime
    fraction: str

    @classmethod
    def read(cls, text: str) -> Moment:
        found = RFC_3339_UTC.fullmatch(text)
        assert found is not None, text
        return cls(datetime.fromisoformat(f"{found[1]}+00:00"), found[2] or "")

    @property
    def unix(self) -> Fraction:
        whole = (self.seconds - EPOCH) // timedelta(seconds=1)
        return whole + Fraction("0" + (self.fraction or ".0"))


FRACTIONS = st.just("") | st.from_regex(r"\.[0-9]{1,12}", fullmatch=True)
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59)
YEAR_1 = datetime(1, 1, 3, tzinfo=timezone.utc)
YEAR_9999 = datetime(9999, 12, 29, tzinfo=timezone.utc)


@given(
    moment=st.datetimes(YEAR_1.replace(tzinfo=None), YEAR_9999.replace(tzinfo=None)),
    fraction=FRACTIONS,
    offset=OFFSETS,
    separator=st.sampled_from("Tt "),
    colon=st.sampled_from([":", ""]),
    blank=st.sampled_from(["", " "]),
)
def test_a_timestamp_says_the_same_moment_whatever_its_offset_and_fraction(
    *,
    moment: datetime,
    fraction: str,
    offset: int,
    separator: str,
    colon: str,
    blank: str,
) -> None:
    utc = moment.replace(microsecond=0, tzinfo=timezone.utc)
    local = (utc + timedelta(minutes=offset)).replace(tzinfo=None)
    sign, (hours, minutes) = "-" if offset < 0 else "+", divmod(abs(offset), 60)
    sent = (
        f"{local.date()}{separator}{local.time()}{fraction}"
        f"{blank}{sign}{hours:02}{colon}{minutes:02}"
    )
    assert Moment.read(json.loads(created(json.dumps(sent)))) == (utc, fraction)


@given(
    whole=st.integers(-62_135_596_799, 99_999_999_999),
    fraction=st.just("") | st.from_regex(r"\.[0-9]{1,9}", fullmatch=True),
)
@example(-1, ".5")
@example(0, ".0")
def test_unix_seconds_say_the_same_moment(whole: int, fraction: str) -> None:
    sent = f"{whole}{fraction}"
    assert Moment.read(json.loads(created(sent))).unix == Fraction(sent)


@given(
    whole=st.integers(-62_135_596_799_999, -100_000_000_000)
    | st.integers(100_000_000_000, 253_402_300_799_999),
    fraction=st.just("") | st.from_regex(r"\.[0-9]{1,6}", fullmatch=True),
)
def test_unix_milliseconds_say_the_same_moment(whole: int, fraction: str) -> None:
    sent = f"{whole}{fraction}"
    assert Moment.read(json.loads(created(sent))).unix == Fraction(sent) / 1000


# Any record

BLANKS = st.sampled_from(["", " ", "\t", "  "])
NUMBERS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,8})?", fullmatch=True
)


@st.composite
def strings(draw: st.DrawFn, text: st.SearchStrategy[str] | None = None) -> str:
    """Draw a JSON string, some of its characters escaped."""
    text = st.text() if text is None else text
    return json.dumps(draw(text), ensure_ascii=draw(st.booleans()))


def _array(items: list[str], blank: str) -> str:
    return f"[{blank}" + f"{blank},{blank}".join(items) + f"{blank}]"


def _object(items: dict[str, str], blank: str) -> str:
    pairs = (f"{json.dumps(name)}{blank}:{value}" for name, value in items.items())
    return f"{{{blank}" + f"{blank},".join(pairs) + f"{blank}}}"


TIMES = st.datetimes().map(lambda moment: f'"{moment}"') | st.dates().map(
    lambda day: f'"{day}"'
)
VALUES = st.recursive(
    st.sampled_from(["null", "true", "false"]) | NUMBERS | strings() | TIMES,
    lambda inner: (
        st.builds(_array, st.lists(inner, max_size=3), BLANKS)
        | st.builds(_object, st.dictionaries(st.text(), inner, max_size=3), BLANKS)
    ),
    max_leaves=5,
)
RECORDS = st.fixed_dictionaries(
    {"id": NUMBERS | strings(st.text(min_size=1))},
    optional={**dict.fromkeys(OPTIONAL, VALUES), "additional_fields": VALUES},
).flatmap(
    lambda known: st.dictionaries(st.text(), VALUES, max_size=3).map(
        lambda others: {**others, **known}
    )
)


@given(RECORDS, BLANKS)
def test_nothing_of_any_record_is_lost(sent: dict[str, str], blank: str) -> None:
    row = fit(_object(sent, blank), of=fields(logger=SILENT))
    kept = row["additional_fields"] or {}
    for name, value in sent.items():
        if name in kept:
            assert kept[name] == value
            assert row.get(name, "null") == "null" or name == "additional_fields"
        elif name == "createdAt" and value != "null":
            assert row[name] == created(value)
        elif name == "id" and value[0] != '"':
            assert row[name] == f'"{re.sub(r"[.]0+$", "", value)}"'
        else:
            assert row[name] in {value, f'"{value}"'}
    assert kept.keys() <= sent.keys()
    assert all(row[name] == "null" for name in OPTIONAL.keys() - sent.keys())


TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def satisfies(value: Any, column: Mapping[str, Any]) -> bool:
    """Tell whether a value is of a column's type and format."""
    types = [column["type"]] if isinstance(column["type"], str) else column["type"]
    if not any(type(value) in TYPES[name] for name in types):
        return False
    if isinstance(value, str) and "format" in column:
        if column["format"] == "date":
            return str(date.fromisoformat(value)) == value
        return RFC_3339_UTC.fullmatch(value) is not None
    return True


@given(RECORDS)
def test_any_row_satisfies_its_schema(sent: dict[str, str]) -> None:
    row = fit(_object(sent, ""), of=fields(logger=SILENT))
    del row["additional_fields"]
    for name, value in row.items():
        assert satisfies(json.loads(value), COLUMNS[name]), (name, value)
