"""Inference: from sampled records to a column for each of their fields.

A field gets a column only if all of its values fit one, and if no database would take
the column's name for another's. What gets none stays in `additional_fields`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from tap_analytics.rows.fields import NULL
from tap_analytics.rows.fit import fit_for

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from msgspec import Raw

NULL_ONLY = "null"
"""The type of a field that has had no value yet."""

EMPTY_ARRAY = "empty array"
"""The type of a field that has had arrays, but no item in them."""

MIXED = "mixed"
"""The type of a field whose values fit no column together."""

COLUMNS: dict[str, dict[str, Any]] = {
    "boolean": {"type": ["boolean", "null"]},
    "integer": {
        "type": ["integer", "null"],
        "minimum": -(2**63),
        "maximum": 2**63 - 1,
    },
    "number": {"type": ["number", "null"], "minimum": -1e19, "maximum": 1e19},
    "object": {"type": ["object", "null"], "additionalProperties": True},
    "array": {"type": ["array", "null"]},
    "date": {"type": ["string", "null"], "format": "date"},
    "date-time": {
        "type": ["string", "null"],
        "format": "date-time",
        "maxLength": len("2026-01-31T23:59:59.999999+00:00"),
    },
    "string": {"type": ["string", "null"]},
}
"""The JSON schemas of columns by type, the narrowest first.

The bounds are what every database takes: integers of 64 bits, decimals of 38 digits,
microseconds. Beyond them a target would fail, or round.
"""

ARRAY = "array"

_OF_ITEMS = ("boolean", "integer", "number", "string")
"""Types of items; a column of dates in an array is not worth a type of its own."""

COLUMNS |= {EMPTY_ARRAY: COLUMNS[ARRAY]} | {
    f"{ARRAY} of {name}": {
        "type": ["array", "null"],
        "items": {"type": [name, "null"]},
    }
    for name in _OF_ITEMS
}
"""Older targets need to know the items of an array."""

_WIDER = {
    "integer": "number",
    "number": "string",  # As its digits, which is how numbers fit a string column.
    "date": "string",  # Not date-time: midnight would be made up.
    "date-time": "string",
    **{f"{ARRAY} of {name}": ARRAY for name in _OF_ITEMS},
}
"""The next wider type that takes all values of a type; others are mixed with any."""

_FITS = {name: fit_for(column) for name, column in COLUMNS.items()}

_NAME = re.compile(
    r"(?!_?(?:sdc|dlt)_)(?=.*[a-z])_?[a-z0-9](?:[a-z0-9_ .-]*[a-z0-9])?",
    re.IGNORECASE | re.ASCII,
)
"""Names that databases and targets take. `_sdc_` and `_dlt_` are the targets' own."""

_LONGEST_NAME = 63
"""PostgreSQL cuts longer names off."""

_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode

_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]")


def type_of(value: Raw) -> str:
    """Return the narrowest type of column that takes a JSON value."""
    if value == NULL:
        return NULL_ONLY
    text = bytes(value)
    if text[:1] == b"[":
        return _type_of_array(text)
    return next((name for name, fit in _FITS.items() if fit(text) is not None), MIXED)


def _type_of_array(text: bytes) -> str:
    items = _decode_array(text)
    types = {type_of(item) for item in items} - {NULL_ONLY}
    types = {"string" if name in {"date", "date-time"} else name for name in types}
    if not types:
        return EMPTY_ARRAY
    if types == {"integer", "number"}:
        types = {"number"}
    [name, *others] = types
    return ARRAY if others or name not in _OF_ITEMS else f"{ARRAY} of {name}"


def merged(one: str, other: str) -> str:
    """Return the narrowest type of column that takes all values of two types."""
    if NULL_ONLY in {one, other}:
        return other if one == NULL_ONLY else one
    if EMPTY_ARRAY in {one, other}:
        other = other if one == EMPTY_ARRAY else one
        return other if other.startswith(ARRAY) or other == EMPTY_ARRAY else MIXED
    wider = _and_wider(other)
    return next(name for name in _and_wider(one) if name in wider)


def _and_wider(name: str) -> list[str]:
    line = [name]
    while line[-1] in _WIDER:
        line.append(_WIDER[line[-1]])
    return line if line[-1] == MIXED else [*line, MIXED]


def folded(name: str) -> str:
    """Return what is left of a name once case and signs are disregarded.

    Databases and targets disregard some of it, each in its own way: `projectId`,
    `project_id` and `Project-ID` are one name to dlt, `id` and `ID` to most.
    """
    return _NOT_ALPHANUMERIC.sub("", name.lower())


class Inference:
    """What is known of the fields of one stream, from the records seen so far.

    Args:
        declared: The names of the columns that are declared.
    """

    def __init__(self, declared: Collection[str]) -> None:
        self._declared = frozenset(declared)
        self._types: dict[str, str] = {}

    def add(self, record: Mapping[str, Raw]) -> None:
        """Take note of the fields of a record."""
        for name, value in record.items():
            if name not in self._declared:
                before = self._types.get(name, NULL_ONLY)
                self._types[name] = merged(before, type_of(value))

    @property
    def fields(self) -> frozenset[str]:
        """The names of all fields that were seen, declared or not."""
        return self._declared | self._types.keys()

    @property
    def columns(self) -> dict[str, dict[str, Any]]:
        """The JSON schema of each column, by its name."""
        without = self.without_column
        return {
            name: dict(COLUMNS[type_])
            for name, type_ in self._types.items()
            if type_ != NULL_ONLY and name not in without
        }

    @property
    def without_column(self) -> dict[str, str]:
        """Why a field gets no column, by its name.

        Fields that have had no value yet get none either, and are not among these.
        """
        uses = Counter(map(folded, self._declared | self._types.keys()))
        reasons = {}
        for name, type_ in self._types.items():
            if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
                reasons[name] = "no name for a column"
            elif uses[folded(name)] > 1:
                reasons[name] = "another name is the same to a database"
            elif type_ == MIXED:
                reasons[name] = "values of types that no column takes together"
        return reasons
