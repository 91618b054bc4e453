"""Decodes the RECORD lines of one stream to Arrow columns."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import InvalidRecord

from tap_analytics.target_dlt.columns import values
from tap_analytics.target_dlt.columns.field_aliases import FieldAliases
from tap_analytics.target_dlt.columns.misfits import (
    ColumnsTooNarrowError,
    MisfitError,
    TooFineError,
    TooNarrowError,
)
from tap_analytics.target_dlt.columns.moments import truncate_to_microseconds
from tap_analytics.target_dlt.columns.numbers import exact_number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import pyarrow as pa
    from singer_sdk.sinks.core import BaseJSONSchemaValidator

    from tap_analytics.target_dlt.columns.column_types import ColumnType
    from tap_analytics.target_dlt.columns.sdc_columns import Message

_any = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_raw = msgspec.json.Decoder(dict[str, msgspec.Raw])

_NO_RECORD = "a RECORD without a record"


class BadRecordError(ValueError):
    """A record that can't be decoded, or lacks a key.

    Args:
        index: Its position among the lines.
        reason: What is wrong with it.
    """

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index


class MissingKeyError(BadRecordError):
    """A record without one of its keys."""


class RecordDecoder:
    """Decodes lines straight into slots of a struct made for the columns.

    Nothing is decoded that no column wants, and no dictionary is made per record, which
    takes a quarter of the time that decoding to dictionaries takes.

    Args:
        columns: The columns' types by their names.
        keys: Columns that every record must have.
    """

    def __init__(
        self, columns: Mapping[str, ColumnType], keys: Collection[str]
    ) -> None:
        self._columns = columns
        self._keys = keys
        self._aliases = FieldAliases(columns)
        self._decoder = self._make_decoder(strict=True)
        self._strict = True
        self.truncated: set[str] = set()
        """Columns of which digits beyond microseconds were cut off."""

    def _make_decoder(self, *, strict: bool) -> msgspec.json.Decoder[Any]:
        """Make a decoder.

        Args:
            strict: Whether to refuse unknown fields, and numbers like 5.0 in integer
                columns. Both are fine, but rare, and cost time to look at.
        """
        fields: list[tuple[Any, ...]] = []
        for index, (name, type_) in enumerate(self._columns.items()):
            decoded = values.DECODED[type_.kind]
            if type_.kind == "integer" and not strict:
                decoded = Any
            if decoded not in (Any, msgspec.Raw):
                decoded = decoded | None
            # A struct's required fields come first.
            if name in self._keys:
                fields.insert(0, (f"f{index}", decoded))
            else:
                fields.append((f"f{index}", decoded, None))
        record = msgspec.defstruct(
            "Record",
            fields,
            rename={
                f"f{index}": self._aliases.alias(name)
                for index, name in enumerate(self._columns)
            },
            forbid_unknown_fields=strict,
            gc=False,
        )
        message = msgspec.defstruct(
            "Message",
            [
                ("record", record),
                ("version", int | None, None),
                ("time_extracted", str | None, None),
            ],
            gc=False,
        )
        return msgspec.json.Decoder(message, float_hook=exact_number)

    def decode(self, lines: Sequence[bytes]) -> list[Message]:
        """Decode RECORD lines.

        Raises:
            BadRecordError: A record can't be decoded.
            MissingKeyError: A record lacks a key.
        """
        lines = list(map(self._aliases.rename_fields, lines))
        try:
            messages: list[Message] = self._decoder.decode_lines(b"\n".join(lines))
        except (msgspec.DecodeError, RecursionError):
            if self._strict:
                self._strict = False
                self._decoder = self._make_decoder(strict=False)
                return self.decode(lines)
        else:
            # The decoder wants no line end between two messages.
            if len(messages) == len(lines):
                return messages
        return [self._decode_one(index, line) for index, line in enumerate(lines)]

    def _decode_one(self, index: int, line: bytes) -> Message:
        with _at(index):
            try:
                message: Message = self._decoder.decode(line)
            except msgspec.ValidationError as error:
                raise _explain(index, error, self._aliases) from None
        return message

    def arrays(self, messages: Sequence[Message]) -> dict[str, pa.Array]:
        """Convert decoded messages to one array per column.

        Raises:
            BadRecordError: A value doesn't fit its column.
            MissingKeyError: A key is null.
            ColumnsTooNarrowError: Numbers need wider columns.
        """
        records = [message.record for message in messages]
        arrays: dict[str, pa.Array] = {}
        needed: dict[str, ColumnType] = {}
        for index, (name, type_) in enumerate(self._columns.items()):
            column = list(map(attrgetter(f"f{index}"), records))
            try:
                array = self._array(name, type_, column)
            except MisfitError as error:
                reason = f"field {name!r}: {error}"
                raise BadRecordError(error.index, reason) from None
            except TooNarrowError as error:
                needed[name] = error.needed
                continue
            if name in self._keys and array.null_count:
                where = array.is_null().index(True).as_py()
                raise MissingKeyError(where, f"key {name!r} is null")
            arrays[name] = array
        if needed:
            raise ColumnsTooNarrowError(needed)
        return arrays

    def _array(self, name: str, type_: ColumnType, column: list[Any]) -> pa.Array:
        try:
            return values.to_arrow(type_, column)
        except TooFineError:
            if name in self._keys:
                raise  # two rows would become one
            self.truncated.add(name)
            return values.to_arrow(type_, truncate_to_microseconds(column))

    def unknown_fields(self, lines: Sequence[bytes]) -> Iterator[str]:
        """Yield the names of fields with values that no column is for."""
        if self._strict:
            return
        found: set[str] = set()
        for line in lines:
            record = _raw.decode(_raw.decode(line)["record"])
            for name in record.keys() - self._columns.keys():
                if bytes(record[name]) != b"null":
                    found.add(name)
        yield from sorted(found)


@contextmanager
def _at(index: int) -> Iterator[None]:
    """Tell which line is not JSON.

    Raises:
        BadRecordError: It is not, or too deep.
    """
    try:
        yield
    except msgspec.DecodeError as error:
        raise BadRecordError(index, f"not JSON ({error})") from None
    except RecursionError:
        raise BadRecordError(index, "values are nested too deeply") from None


def _explain(
    index: int, error: msgspec.ValidationError, aliases: FieldAliases
) -> BadRecordError:
    reason, _, path = str(error).partition(" - at `$")
    field = path.removesuffix("`").removeprefix(".record").removeprefix(".")
    field = aliases.name(field)
    if reason.startswith("Object missing required field `"):
        missing = aliases.name(reason.split("`")[1])
        if field or missing != "record":
            return MissingKeyError(index, f"key {missing!r} is missing")
        return BadRecordError(index, _NO_RECORD)
    reason = reason.replace("`", "").replace("Expected", "expected")
    return BadRecordError(index, f"field {field!r}: {reason}" if field else reason)


def validate(lines: Sequence[bytes], validator: BaseJSONSchemaValidator) -> None:
    """Check the records of RECORD lines against the stream's JSON schema.

    Raises:
        BadRecordError: A record breaks the schema, or is none.
    """
    for index, line in enumerate(lines):
        with _at(index):
            record = _any.decode(line).get("record")
        if record is None:
            raise BadRecordError(index, _NO_RECORD)
        try:
            validator.validate(record)
        except InvalidRecord as error:
            raise BadRecordError(index, error.error_message) from None
