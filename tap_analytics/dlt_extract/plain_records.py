"""Columns of records that fit a stream as they came: nearly all do.

What makes one record after another fit decides field by field. Where all of a column's
fields are what is declared, that comes to nothing, and one look at all of them together
tells. Where one is not, there are no columns, and the records are made to fit one by
one, with the warnings and errors that come of that.
"""

from __future__ import annotations

import re
from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import pyarrow as pa
from msgspec import Raw

from tap_analytics.rows.fields import ADDITIONAL_FIELDS, NULL
from tap_analytics.target_dlt.columns import values
from tap_analytics.target_dlt.columns.misfits import MisfitError
from tap_analytics.target_dlt.columns.types_of_schema import column_types

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from tap_analytics.api.page import Page
    from tap_analytics.target_dlt.columns.column_types import ColumnType

Record: TypeAlias = "tuple[Raw, Mapping[str, Raw]]"
"""A record as the API sent it, and what its context adds, column by column."""

_KNOWN = frozenset({"type", "format", "title", "description"})
"""What a column's schema may say; else not every text fits it."""

_MOMENT = (
    rb'(?:"(?!0000)\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00:00)"|null)'
)
_MOMENTS = re.compile(rb"\[%b(?:,%b)*\]" % (_MOMENT, _MOMENT))
"""A list of moments in UTC, no finer than their column. Arrow looks at the calendar."""

MOST_LEFT_OUT = 32
"""So many times in a row no look is taken, where the looks before were in vain."""

_NO_KEY = frozenset({None, ""})

_encode = msgspec.json.Encoder().encode
_decode_records = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_decode_list = msgspec.json.Decoder(list[Raw]).decode
_decode_texts = msgspec.json.Decoder(list[str | None]).decode


def records_of(page: Page, context: Mapping[str, Any] | None) -> Iterator[Record]:
    """Return the records of a page.

    Args:
        page: The page.
        context: The parent's, if there is one.
    """
    added = {name: Raw(_encode(value)) for name, value in (context or {}).items()}
    return zip(page.records, repeat(added), strict=False)


class PlainRecords:
    """Makes columns of records of one stream.

    Args:
        schema: The stream's JSON schema.
        keys: The key properties.
        parent_key: The column that a context adds; empty if there is none.
        constant: Columns that are the same in all records.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        keys: Collection[str],
        parent_key: str = "",
        constant: Mapping[str, Raw] | None = None,
    ) -> None:
        self._constant = dict(constant or {})
        self._keys = frozenset(keys)
        self._parent_key = parent_key
        self._properties: dict[str, Any] = schema["properties"]
        types = column_types(schema)
        self._json = types.pop(ADDITIONAL_FIELDS)
        self._types = types
        self._in_vain = 0
        self._left_out = 0

    @property
    def may_be(self) -> bool:
        """Whether all columns are of kinds whose fields may be looked at together."""
        return all(
            self._properties[name].keys() <= _KNOWN and type_.kind in _CONVERTERS
            for name, type_ in self._types.items()
        )

    def columns(self, records: Sequence[Record]) -> list[pa.Array] | None:
        """Return the columns of all properties; `None` if the records are to be fitted.

        An API whose ids are numbers has no record that fits as it came. So after a look
        in vain, records are left to be fitted without a look: twice as often each time.

        Args:
            records: The records, at least one.
        """
        if self._left_out < self._in_vain:
            self._left_out += 1
            return None
        columns = self._columns_of(records)
        self._left_out = 0
        more = min(2 * self._in_vain or 1, MOST_LEFT_OUT)
        self._in_vain = more if columns is None else 0
        return columns

    def _columns_of(self, records: Sequence[Record]) -> list[pa.Array] | None:
        try:
            fields = _decode_records(_encode([text for text, _ in records]))
            columns = {
                name: self._column(name, type_, fields, records)
                for name, type_ in self._types.items()
            }
            kept = _decode_list(_encode([rest or None for rest in fields]))
            columns[ADDITIONAL_FIELDS] = values.to_arrow(self._json, kept)
        except (msgspec.MsgspecError, MisfitError, pa.ArrowInvalid, _OtherError):
            return None
        return [columns[name] for name in self._properties]

    def _column(
        self,
        name: str,
        type_: ColumnType,
        fields: Sequence[dict[str, Raw]],
        records: Sequence[Record],
    ) -> pa.Array:
        if name in self._constant:
            if any(name in one for one in fields):
                raise _OtherError
            column: list[Raw] = [self._constant[name]] * len(records)
        else:
            column = [one.pop(name, NULL) for one in fields]
            if name == self._parent_key:
                column = _of_contexts(name, column, records)
        text = _encode(column)
        texts = _decode_texts(text)
        if name in self._keys and not _NO_KEY.isdisjoint(texts):
            raise _OtherError
        return _CONVERTERS[type_.kind](type_, text, texts)


class _OtherError(Exception):
    """A record is another thing than declared."""


def _of_contexts(
    name: str, column: Sequence[Raw], records: Sequence[Record]
) -> list[Raw]:
    """Return what the contexts have for a column, if the records say nothing else."""
    added = [context[name] for _, context in records]
    for value, known in zip(column, added, strict=True):
        if value is not NULL and bytes(value) != bytes(known):
            raise _OtherError
    return added


def _texts(type_: ColumnType, _: bytes, texts: Sequence[str | None]) -> pa.Array:
    return values.to_arrow(type_, texts)


def _moments(type_: ColumnType, text: bytes, texts: Sequence[str | None]) -> pa.Array:
    if not _MOMENTS.fullmatch(text):
        raise _OtherError
    return pa.array(texts, pa.string()).cast(type_.arrow)


_CONVERTERS: dict[str, Callable[[ColumnType, bytes, Sequence[str | None]], Any]] = {
    "text": _texts,
    "timestamp": _moments,
}
