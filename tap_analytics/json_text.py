"""JSON as Python values: every digit is kept, or it is said that it can't be."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import msgspec

from tap_analytics.errors import FatalAPIError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_analytics.redaction import Redaction

SHOWN_DIGITS = 40

SHOWN_CHARACTERS = 200
"""So much of a body is shown in an error."""


def _exactly(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:
        msg = (
            f"the API sent the number {digits[:SHOWN_DIGITS]}, whose exponent is "
            "beyond what can be computed with. Stream maps, flattening and batches "
            "need to; without them it is passed on as it is."
        )
        raise FatalAPIError(msg) from None


def _as_far_as_possible(digits: str) -> Decimal | str:
    try:
        return Decimal(digits)
    except InvalidOperation:
        return digits


_decode = msgspec.json.Decoder(float_hook=_exactly).decode
_decode_leniently = msgspec.json.Decoder(float_hook=_as_far_as_possible).decode


def decoded(text: bytes | bytearray | msgspec.Raw) -> Any:
    """Return a JSON text as Python values; numbers keep their digits.

    Raises:
        FatalAPIError: If a number's exponent is too large for any program.
    """
    return _with_any_integer(text, _decode, _exactly)


def glanced_at(text: bytes | msgspec.Raw) -> Any:
    """Return the same, but a number that is too large for that as text."""
    return _with_any_integer(text, _decode_leniently, _as_far_as_possible)


def _with_any_integer(
    text: bytes | bytearray | msgspec.Raw,
    decode: Callable[[bytes | bytearray | msgspec.Raw], Any],
    number: Callable[[str], Any],
) -> Any:
    try:
        return decode(text)
    except msgspec.ValidationError:  # It takes no integer beyond 4300 digits.
        return json.loads(bytes(text), parse_int=Decimal, parse_float=number)


def shown(body: bytes, redaction: Redaction | None = None) -> str:
    """Return the beginning of a body as one line of text, quoted, without the key."""
    text = body[: 4 * SHOWN_CHARACTERS].decode(errors="replace")
    if redaction is not None:
        # Before it is cut: half a key would not be recognised any more.
        text = redaction.redacted(text)
    text = " ".join(text.split())
    return repr(text[:SHOWN_CHARACTERS]) if text else "an empty body"
