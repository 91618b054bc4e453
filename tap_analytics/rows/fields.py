"""Fields: made to fit the schema, and where those go that it doesn't declare.

A field stays the JSON text that the API sent (`msgspec.Raw`). What needs no change
is passed on byte for byte, so that digits, nested values and unusual text survive,
and nothing is decoded only to be encoded again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from tap_analytics.errors import FatalAPIError
from tap_analytics.json_text import shown
from tap_analytics.rows.fit import fit_for, key_fit_for

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping, Sequence

ADDITIONAL_FIELDS = "additional_fields"
"""The column for what no other column takes."""

NULL = Raw(b"null")

Row = dict[str, Any]
"""A record ready to be written: `Raw` values, additional fields as an object."""

_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode
_NO_KEY = frozenset({b"null", b'""'})


class Fields:
    """Makes the records of one stream fit its schema.

    Args:
        stream: Name of the stream, for messages.
        schema: The stream's JSON schema, `additional_fields` among its properties.
        keys: The key properties: these must be there.
        collect: Whether undeclared fields are kept in `additional_fields`.
        logger: Takes the warnings, one per field.
        constant: Columns that are the same in all records, which no field may be.
    """

    def __init__(  # noqa: PLR0913 - it is put together from parts
        self,
        stream: str,
        schema: Mapping[str, Any],
        keys: Sequence[str],
        *,
        collect: bool,
        logger: logging.Logger,
        constant: Mapping[str, Raw] | None = None,
    ) -> None:
        self._stream = stream
        self._constant = dict(constant or {})
        self._columns = [
            (name, (key_fit_for if name in keys else fit_for)(column))
            for name, column in schema.get("properties", {}).items()
            if name != ADDITIONAL_FIELDS and name not in self._constant
        ]
        self._keys = tuple(keys)
        self._collect = collect
        self._logger = logger
        self._misfits: set[str] = set()
        self.ignored: set[str] = set()
        """The fields that were dropped, since no column takes them."""

    # Calls would take as long here as what is done in them.
    def fit(self, text: Raw, context: Mapping[str, Raw]) -> Row:  # noqa: C901, PLR0912
        """Return a record as its columns, in the order of the schema.

        Args:
            text: The record as the API sent it.
            context: What the stream's context adds, column by column.

        Raises:
            FatalAPIError: If it is no object, a key is missing or null, or a field has
                the name of a constant column.
        """
        try:
            rest = _decode_object(text)
        except msgspec.DecodeError as error:
            msg = f"{self._place(context)}: a record is not an object: {_shown(text)}."
            raise FatalAPIError(msg) from error
        row: Row = {}
        if self._constant:
            row.update(self._constant)
            if not row.keys().isdisjoint(rest):
                raise self._clash(text, context)
        kept: dict[str, Raw] = {}
        for name, fit in self._columns:
            value = rest.pop(name, NULL)
            json = bytes(value)
            if name in context:
                row[name] = context[name]
                if value is not NULL and json != bytes(context[name]):
                    kept[name] = value
            elif json == b"null":
                row[name] = NULL
            elif (fitting := fit(json)) is json:
                row[name] = value
            elif fitting is not None:
                row[name] = Raw(fitting)
            else:
                row[name] = NULL
                kept[name] = value
                self._warn(name, value)
        for key in self._keys:
            if bytes(row.get(key, NULL)) in _NO_KEY:
                raise self._keyless(key, text, context)
        if self._collect:
            kept.update(rest)
        elif rest:
            self.ignored.update(rest)
        row[ADDITIONAL_FIELDS] = kept or NULL
        return row

    def _keyless(
        self, key: str, text: Raw, context: Mapping[str, Raw]
    ) -> FatalAPIError:
        return FatalAPIError(
            f"{self._place(context)}: a record without {key!r}: {_shown(text)}. "
            "Every record needs one. Is data_selector where the records are?"
        )

    def _clash(self, text: Raw, context: Mapping[str, Raw]) -> FatalAPIError:
        column = next(iter(self._constant))
        return FatalAPIError(
            f"{self._place(context)}: the API has a field {column!r} itself: "
            f"{_shown(text)}. Give the account's column another name: set "
            "account_column."
        )

    def _place(self, context: Mapping[str, Raw]) -> str:
        parent = ", ".join(
            f"{key} {bytes(value).decode()}" for key, value in context.items()
        )
        return f"stream {self._stream!r}" + (f", {parent}" if parent else "")

    def _warn(self, name: str, value: Raw) -> None:
        if name not in self._misfits:
            self._misfits.add(name)
            self._logger.warning(
                "%s: values such as %s don't fit the field %r: null is written, and "
                "the values themselves into %r",
                self._stream,
                _shown(value),
                name,
                ADDITIONAL_FIELDS,
                extra={"kind": "misfit"},
            )


def _shown(text: Raw) -> str:
    return shown(bytes(text))
