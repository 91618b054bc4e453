"""Random schemas and records, loaded and read back: equal."""

from __future__ import annotations

import base64
import datetime as dt
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.helpers.databases import Database, schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

UTC = dt.timezone.utc


@dataclass(frozen=True)
class Column:
    """A kind of column: its JSON schema, its values, and how to read them back."""

    schema: dict[str, Any]
    values: st.SearchStrategy[Any]
    to_json: Callable[[Any], str] = json.dumps
    read_as: str = "{}"
    from_database: Callable[[Any], Any] = lambda value: value
    expected: Callable[[Any], Any] = lambda value: value


def _numbers(digits: int, places: int) -> st.SearchStrategy[Decimal]:
    largest = 10 ** (digits - places) - 1
    return st.decimals(-largest, largest, places=places, allow_nan=False)


def _is_near(value: float) -> bool:
    return value == 0 or 1e-300 < abs(value) < 1e300


offsets = st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))
)

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))

inner_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3)
    ),
    max_leaves=5,
)

COLUMNS = [
    Column({"type": ["string", "null"]}, text),
    Column({"type": "string", "maxLength": 5}, text.filter(lambda t: len(t) <= 5)),
    Column({"type": "integer"}, st.integers(-(2**63), 2**63 - 1)),
    Column({"type": "integer", "maximum": 2**64 - 1}, st.integers(-(2**64), 2**64 - 1)),
    Column(
        {"type": "number"},
        st.floats(allow_nan=False, allow_infinity=False).filter(_is_near),
    ),
    Column(
        {"type": "number", "multipleOf": 0.0001},
        _numbers(30, 4),
        to_json=str,
    ),
    Column(
        {"type": "string", "format": "x-singer.decimal", "scale": 9},
        _numbers(29, 9),
        to_json=lambda value: json.dumps(f"{value:f}"),
    ),
    Column({"type": ["null", "boolean"]}, st.booleans()),
    Column(
        {"type": "string", "format": "date-time"},
        st.datetimes(
            dt.datetime(1900, 1, 2),  # noqa: DTZ001
            dt.datetime(9999, 12, 30),  # noqa: DTZ001
            timezones=offsets,
        ),
        to_json=lambda value: json.dumps(value.isoformat()),
        read_as="{}::varchar",
        from_database=lambda value: dt.datetime.fromisoformat(value + ":00"),
        expected=lambda value: value.astimezone(UTC),
    ),
    Column(
        {"type": "string", "format": "date"},
        st.dates(),
        to_json=lambda value: json.dumps(value.isoformat()),
    ),
    Column(
        {"type": "string", "format": "time"},
        st.times(),
        to_json=lambda value: json.dumps(value.isoformat()),
    ),
    Column(
        {"type": "string", "contentEncoding": "base64"},
        st.binary(),
        to_json=lambda value: json.dumps(base64.b64encode(value).decode()),
        from_database=bytes,
    ),
    Column(
        {"type": ["object", "array", "null"]},
        inner_json.filter(lambda value: value is not None),
        read_as="{}::varchar",
        from_database=json.loads,
    ),
    Column(
        {"type": ["string", "integer", "boolean"]},
        st.booleans() | st.integers(-(2**53), 2**53) | text,
        expected=lambda value: value if isinstance(value, str) else json.dumps(value),
    ),
]


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Column], list[list[Any]]]:
    """Draw a stream: some columns, and rows with a value or null in each."""
    columns = draw(st.lists(st.sampled_from(COLUMNS), min_size=8, max_size=28))
    row = st.tuples(*(st.none() | column.values for column in columns))
    rows = draw(st.lists(row, min_size=1, max_size=12))
    return columns, [list(drawn) for drawn in rows]


loads = settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Each example is a load, too slow to look for smaller ones.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@loads
@given(stream=streams(), keep_nulls=st.booleans())
def test_what_is_loaded_is_what_was_sent(
    database: Database,
    stream: tuple[list[Column], list[list[Any]]],
    keep_nulls: bool,  # noqa: FBT001
) -> None:
    columns, rows = stream
    # A table of its own for each example; they share the database.
    table = f"s{uuid.uuid4().hex}"
    properties = {f"c{n}": column.schema for n, column in enumerate(columns)}
    lines = []
    for number, row in enumerate(rows):
        fields = {
            f"c{n}": "null" if value is None else column.to_json(value)
            for n, (column, value) in enumerate(zip(columns, row, strict=True))
            if value is not None or keep_nulls
        }
        record = ",".join(f'"{k}":{v}' for k, v in {"id": number, **fields}.items())
        lines.append(f'{{"type":"RECORD","stream":"{table}","record":{{{record}}}}}')
    database.load(
        schema({"id": {"type": "integer"}} | properties, ["id"], table), *lines
    )
    selected = [column.read_as.format(f"c{n}") for n, column in enumerate(columns)]
    found = database.query(
        f"SELECT {', '.join(selected)} FROM {database.dataset}.{table} ORDER BY id"
    )
    assert [
        [
            None if value is None else column.from_database(value)
            for column, value in zip(columns, row, strict=True)
        ]
        for row in found
    ] == [
        [
            None if value is None else column.expected(value)
            for column, value in zip(columns, row, strict=True)
        ]
        for row in rows
    ]
