"""Random streams, whose schemas change from run to run, and models of their tables."""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

UTC = dt.timezone.utc


@dataclass(frozen=True)
class Sent:
    """A value that was sent.

    Attributes:
        kind: What it is: number, boolean, text, date, moment, time, binary or json.
        value: The value itself, as a model in Python has it.
        text: How it stands in the record.
    """

    kind: str
    value: Any
    text: str


@dataclass(frozen=True)
class Kind:
    """A type of column: its JSON schema, and how a value is drawn."""

    schema: dict[str, Any]
    draw: Callable[[Random], Sent]


def _number(*texts: str, digits: int = 17) -> Callable[[Random], Sent]:
    def draw(dice: Random) -> Sent:
        text = dice.choice(
            [
                *texts,
                f"{dice.randrange(-(10 ** dice.randrange(1, digits)), 10**6)}",
                f"{dice.uniform(-1e9, 1e9):.{dice.randrange(12)}f}",
                repr(round(dice.uniform(-1e6, 1e6), 9)),
            ]
        )
        return Sent("number", Decimal(text), text)

    return draw


def _integer(*texts: str) -> Callable[[Random], Sent]:
    def draw(dice: Random) -> Sent:
        text = dice.choice(
            [*texts, str(dice.randrange(-(10 ** dice.randrange(1, 19)), 10**9))]
        )
        return Sent("number", Decimal(text), text)

    return draw


def _decimal_text(dice: Random) -> Sent:
    sent = _number(digits=19)(dice)
    return Sent("number", sent.value, json.dumps(sent.text))


def _text(longest: int) -> Callable[[Random], Sent]:
    def draw(dice: Random) -> Sent:
        letters = ["a", "Z", "7", " ", "'", '"', "\\", "é", "😀", "\n", "\t", "%", "-"]
        text = "".join(dice.choices(letters, k=dice.randrange(longest + 1)))
        text = dice.choice([text, "1", "2021-01-02", "true", "null", ""])[:longest]
        return Sent("text", text, json.dumps(text))

    return draw


def _boolean(dice: Random) -> Sent:
    value = dice.random() < 0.5
    return Sent("boolean", value, json.dumps(value))


def _moment(dice: Random) -> Sent:
    offset = dt.timezone(dt.timedelta(minutes=dice.choice([0, 0, 60, -570, 345])))
    seconds = dice.randrange(-(2**33), 2**34)
    value = dt.datetime(1970, 1, 1, tzinfo=UTC) + dt.timedelta(
        seconds=seconds, microseconds=dice.choice([0, 500000, 1, 123456])
    )
    return Sent("moment", value, json.dumps(value.astimezone(offset).isoformat()))


def _date(dice: Random) -> Sent:
    value = dt.date(1, 1, 1) + dt.timedelta(days=dice.randrange(3_600_000))
    return Sent("date", value, json.dumps(value.isoformat()))


def _time(dice: Random) -> Sent:
    value = dt.time(
        dice.randrange(24), dice.randrange(60), 5, dice.choice([0, 1, 500000])
    )
    return Sent("time", value, json.dumps(value.isoformat()))


def _binary(dice: Random) -> Sent:
    value = dice.randbytes(dice.choice([0, 3, 100]))
    return Sent("binary", value, json.dumps(base64.b64encode(value).decode()))


def _json(dice: Random) -> Sent:
    value = dice.choice([{"a": [1, None, {"b": "ü"}]}, [], {}, [1.5, "x"], {"a": ""}])
    text = json.dumps(value, ensure_ascii=dice.random() < 0.5)
    return Sent("json", text, text)


def _anything(dice: Random) -> Sent:
    text = dice.choice([_json, _boolean, _integer(), _text(5)])(dice).text
    return Sent("json", text, text)


def _literal(dice: Random) -> Sent:
    sent = dice.choice([_boolean, _integer(), _text(5)])(dice)
    return sent if sent.kind == "text" else Sent("text", sent.text, sent.text)


_LARGE = (str(2**53 + 1), str(-(2**63)), str(2**63), str(10**19))
_FINE = ("1e-12", "1.2345e-11", "0.1", "-0.0", "0", "1E3", "0.123456789012345678")

KINDS = {
    "text": Kind({"type": ["null", "string"]}, _text(30)),
    "text(3)": Kind({"type": ["null", "string"], "maxLength": 3}, _text(3)),
    "text(9)": Kind({"type": ["null", "string"], "maxLength": 9.0}, _text(9)),
    "integer": Kind({"type": ["null", "integer"]}, _integer("0", "5.0")),
    "large": Kind({"type": ["null", "integer"]}, _integer(*_LARGE)),
    "number": Kind({"type": ["null", "number"]}, _number("0", "7", "0.5")),
    "fine": Kind({"type": ["null", "number"]}, _number(*_FINE)),
    "vast": Kind({"type": ["null", "number"]}, _number("1e300", "5e-324", *_LARGE)),
    "cents": Kind({"type": ["null", "number"], "multipleOf": 0.01}, _number("1.25")),
    "any scale": Kind(
        {"type": ["null", "number"], "multipleOf": 1e-38}, _number(*_FINE)
    ),
    "decimal": Kind(
        {"type": ["null", "string"], "format": "x-singer.decimal"}, _decimal_text
    ),
    "boolean": Kind({"type": ["null", "boolean"]}, _boolean),
    "moment": Kind({"type": ["null", "string"], "format": "date-time"}, _moment),
    "date": Kind({"type": ["null", "string"], "format": "date"}, _date),
    "time": Kind({"type": ["null", "string"], "format": "time"}, _time),
    "binary": Kind(
        {"type": ["null", "string"], "contentEncoding": "base64"}, _binary
    ),
    "object": Kind({"type": ["null", "object", "array"]}, _json),
    "anything": Kind({}, _anything),
    "literal": Kind({"type": ["null", "string", "integer", "boolean"]}, _literal),
}  # fmt: skip
RARE = "vast"
"""A kind that seldom goes together with others, so that streams are stopped."""

COMMON = tuple(name for name in KINDS if name != RARE)

RELATED = (
    ("integer", "large", "number", "fine", "cents", "any scale", "decimal"),
    ("text", "text(3)", "text(9)", "literal"),
    ("date", "moment"),
)
"""Kinds that often follow one another; any other may, too."""

COLUMNS = 19
"""Columns that a stream begins with; each goes its own way, and is an example."""

Row = dict[str, "Sent | None"]


@dataclass
class Stream:
    """A stream, and the model of its table.

    Attributes:
        name: The stream's name.
        has_key: Whether its rows are merged by `id`, or appended.
        columns: The kinds of its columns, as the last SCHEMA had them.
        rows: The rows that its table has to have, by `id`.
    """

    name: str
    has_key: bool
    columns: dict[str, str] = field(default_factory=dict)
    rows: dict[Any, Row] = field(default_factory=dict)

    def draw_run(self, dice: Random) -> tuple[list[str], dict[Any, Row]]:
        """Draw what a run sends.

        Returns:
            The lines, and the rows that the table has to have afterwards.
        """
        lines: list[str] = []
        rows = dict(self.rows)
        for _ in range(dice.choice([1, 1, 1, 2])):
            self._evolve(dice)
            lines.append(self._schema())
            for _ in range(dice.randrange(1, 5)):
                key = str(dice.randrange(6) if self.has_key else len(rows))
                row = self._draw_row(key, dice)
                lines.append(self._record(row))
                rows[key] = {name: sent for name, sent in row.items() if sent}
        return lines, rows

    def _evolve(self, dice: Random) -> None:
        if not self.columns:
            self.columns["id"] = dice.choice(["integer", "text"])
            for n in range(COLUMNS):
                self.columns[f"c{n}"] = dice.choice(COMMON)
            return
        for name, kind in [*self.columns.items()]:
            related = next((some for some in RELATED if kind in some), (kind,))
            chance = dice.random()
            if name == "id":
                if chance < 0.1:
                    self.columns[name] = "text"
            elif chance < 0.1:
                del self.columns[name]
            elif chance < 0.4:
                self.columns[name] = dice.choice(related)
            elif chance < 0.5:
                self.columns[name] = dice.choice(COMMON)
        if dice.random() < 0.3:
            kind = RARE if dice.random() < 0.02 else dice.choice(COMMON)
            self.columns[f"c{dice.randrange(COLUMNS + 3)}"] = kind

    def _schema(self) -> str:
        properties = {name: KINDS[kind].schema for name, kind in self.columns.items()}
        return json.dumps(
            {
                "type": "SCHEMA",
                "stream": self.name,
                "schema": {"type": "object", "properties": properties},
                "key_properties": ["id"] if self.has_key else [],
            }
        )

    def _draw_row(self, key: str, dice: Random) -> Row:
        row: Row = {}
        for name, kind in self.columns.items():
            if name == "id":
                text = key if kind == "integer" else json.dumps(key)
                row[name] = Sent("text", key, text)
            elif dice.random() < 0.8:
                row[name] = KINDS[kind].draw(dice)
            elif dice.random() < 0.5:
                row[name] = None
        return row

    def _record(self, row: Row) -> str:
        fields = ",".join(
            f'"{name}":{sent.text if sent else "null"}' for name, sent in row.items()
        )
        return f'{{"type":"RECORD","stream":"{self.name}","record":{{{fields}}}}}'
