"""JSON values made to fit the column of a JSON schema, or said not to fit."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta, timezone
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Fit: TypeAlias = "Callable[[bytes], bytes | None]"
"""Returns a JSON value as its column takes it, or `None` if something were lost.

What needs no change is returned itself, not a copy.
"""

_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode

_QUOTE = ord('"')
_NUMBER_STARTS = frozenset(b"-0123456789")
_UTC_TIMESTAMP = re.compile(
    rb'"((?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8]))[Tt ]'
    rb'((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?)(?:[Zz]|[+-]00:?00)?"'
)
"""What needs no calendar: days that all months have."""

_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]((?!24)\d\d:\d\d(?::\d\d)?)([.,]\d+)?\s*"
    r"([Zz]|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INTEGER = re.compile(rb"-?\d+")
_WHOLE_NUMBER = re.compile(rb"(-?\d+)\.0+")
_FRACTION_DIGITS = 9
_EXACT = Context(
    prec=28, Emin=-15, Emax=15, traps=[Inexact, InvalidOperation, Overflow]
)
"""Raises an error where digits would be lost, and at the size of no Unix time."""

_PLAIN_NUMBER = re.compile(rb"[-.\d]{1,15}")
_DECIMAL = Context(prec=38, traps=[Inexact, InvalidOperation, Overflow])
_DECIMAL_STEP = Decimal("1e-19")
"""What 38 digits, the most that databases share, hold whatever a column holds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FIRST_MILLISECONDS = 10**11
"""From here on a number is read as milliseconds: as seconds it is the year 5138."""


def fit_string(text: bytes) -> bytes | None:
    """Fit a JSON value into a string column: a number becomes its digits."""
    if text[0] == _QUOTE:
        return text
    if text[0] in _NUMBER_STARTS:
        return b'"' + text + b'"'
    return None


def whole(text: bytes) -> bytes:
    """Return a JSON number as its whole digits, if it has no other ones but zeros.

    An id is one thing, whether the API calls it 12 or 12.0: a path needs the first.
    """
    found = _WHOLE_NUMBER.fullmatch(text)
    return found[1] if found else text


def fit_timestamp(text: bytes) -> bytes | None:
    """Fit a JSON value into a date-time column, as RFC 3339 in UTC.

    Takes ISO 8601 with `T` or a blank between date and time, without an offset read
    as UTC, a date alone as its midnight, and Unix seconds or milliseconds. The
    digits of a fraction are kept.
    """
    if found := _UTC_TIMESTAMP.fullmatch(text):
        return b'"%bT%b+00:00"' % found.groups()
    if text[0] in _NUMBER_STARTS:
        return _fit_unix_time(text)
    return _fit_iso_8601(_decode_text(text)) if text[0] == _QUOTE else None


def _fit_iso_8601(text: str) -> bytes | None:
    text = text.strip()
    fraction = ""
    if found := _TIMESTAMP.fullmatch(text):
        day, time, fraction, offset = found.groups(default="")
        offset = offset.upper().replace("Z", "+00:00") or "+00:00"
        offset += "" if len(offset) > len("+00") else ":00"
        text = f"{day}T{time}{offset}"
    elif not _DATE.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return _timestamp(moment.astimezone(timezone.utc), fraction.replace(",", "."))
    except (ValueError, OverflowError):
        return None


def _fit_unix_time(text: bytes) -> bytes | None:
    try:
        number = _EXACT.create_decimal(text.decode())
        if number.copy_abs() >= _FIRST_MILLISECONDS:
            number = _EXACT.scaleb(number, -3)
        whole = math.floor(number)
        moment = _EPOCH + timedelta(seconds=whole)
        rest = _EXACT.subtract(number, whole)
    except ArithmeticError:
        return None
    fraction = format(rest.normalize(), "f").partition(".")[2]
    if len(fraction) > _FRACTION_DIGITS:
        return None
    return _timestamp(moment, f".{fraction}" if fraction else "")


def _timestamp(moment: datetime, fraction: str) -> bytes:
    seconds = moment.replace(tzinfo=None).isoformat(timespec="seconds")
    return f'"{seconds}{fraction}+00:00"'.encode()


def _fit_started_by(starts: bytes) -> Fit:
    """Return what takes the JSON values that begin so, and no other."""

    def fit(text: bytes) -> bytes | None:
        return text if text[0] in starts else None

    return fit


def _fit_integer(text: bytes) -> bytes | None:
    return text if _INTEGER.fullmatch(text) else None


def _fit_date(text: bytes) -> bytes | None:
    if text[0] != _QUOTE or not _DATE.fullmatch(day := _decode_text(text)):
        return None
    try:
        date.fromisoformat(day)
    except ValueError:
        return None
    return text


def _fit_between(low: float, high: float, fit: Fit) -> Fit:
    """Return a fit for numbers that a column of decimals holds with all their digits.

    Args:
        low: The lowest that fits.
        high: The highest that fits.
        fit: What fits a number without bounds.
    """

    def within(text: bytes) -> bytes | None:
        fitting = fit(text)
        if fitting is None:
            return None
        number: float | Decimal
        if _PLAIN_NUMBER.fullmatch(text):
            number = float(text)
        else:
            try:
                number = _DECIMAL.quantize(Decimal(text.decode()), _DECIMAL_STEP)
            except ArithmeticError:
                return None
        return fitting if low <= number <= high else None

    return within


def _fit_as_long_as(length: int, fit: Fit) -> Fit:
    """Return a fit for text that, once it fits, has at most so many characters."""

    def within(text: bytes) -> bytes | None:
        fitting = fit(text)
        if fitting is None or len(_decode_text(fitting)) > length:
            return None
        return fitting

    return within


def _fit_array_of(fit: Fit) -> Fit:
    """Return a fit for arrays whose items fit as they are, or are null."""

    def of_items(text: bytes) -> bytes | None:
        if text[:1] != b"[":
            return None
        items = map(bytes, _decode_array(text))
        fits = all(item == b"null" or fit(item) is item for item in items)
        return text if fits else None

    return of_items


def _fit_anything(text: bytes) -> bytes | None:
    return text


_FITS: dict[str, Fit] = {
    "array": _fit_started_by(b"["),
    "boolean": _fit_started_by(b"tf"),
    "integer": _fit_integer,
    "number": _fit_started_by(b"-0123456789"),
    "object": _fit_started_by(b"{"),
    "string": fit_string,
}
_STRING_FITS = {"date": _fit_date, "date-time": fit_timestamp}


def key_fit_for(schema: Mapping[str, Any]) -> Fit:
    """Return what fits a JSON value into a key column of this JSON schema."""
    fit = fit_for(schema)
    takes_texts = fit is fit_string

    def fit_key(text: bytes) -> bytes | None:
        if takes_texts and text[0] == _QUOTE:
            return text  # Nearly all keys: a call would double the time.
        return fit(whole(text))

    return fit_key


def fit_for(schema: Mapping[str, Any]) -> Fit:
    """Return what fits a JSON value into a column of this JSON schema.

    Values of a schema that says less than one known type, or more than one besides
    null, are left as they are. Where the schema has bounds (`minimum` and `maximum`,
    or `maxLength`), only what is within them fits.
    """
    fit = _fit_for_type(schema)
    if "minimum" in schema and "maximum" in schema:
        return _fit_between(schema["minimum"], schema["maximum"], fit)
    if "maxLength" in schema:
        return _fit_as_long_as(schema["maxLength"], fit)
    return fit


def _fit_for_type(schema: Mapping[str, Any]) -> Fit:
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if "array" in types and "items" in schema:
        return _fit_array_of(fit_for(schema["items"]))
    named = [name for name in types if name != "null"]
    if len(named) != 1:
        return _fit_anything
    if named == ["string"]:
        return _STRING_FITS.get(schema.get("format", ""), fit_string)
    return _FITS.get(named[0], _fit_anything)
