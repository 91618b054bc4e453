"""Numbers with all their digits: how they are decoded, and the decimal for them."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_analytics.target_dlt.columns.column_types import (
    DEFAULT_SCALE,
    MAX_DIGITS,
    ColumnType,
)
from tap_analytics.target_dlt.columns.misfits import (
    SHOWN_CHARACTERS,
    MisfitError,
    shorten,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_FLOAT_DIGITS = 15
"""So many significant digits survive the way through a float64 and back."""

_SMALLEST_NORMAL = 2.0**-1022
"""Floats that are closer to zero have fewer digits."""


_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
"""What a number looks like; Python would also take `1_000`, blanks, other digits."""


def parse_decimal(text: str) -> Decimal:
    """Parse a number that is written as text.

    Raises:
        ValueError: It is not a number, or its exponent is beyond what a Decimal holds.
    """
    if not _DECIMAL.fullmatch(text):
        msg = f"expected a number, got {shorten(text)}"
        raise ValueError(msg)
    try:
        return Decimal(text)
    except ArithmeticError:
        msg = f"the exponent of {text[:SHOWN_CHARACTERS]} is too large"
        raise ValueError(msg) from None


def exact_number(digits: str) -> float | Decimal:
    """Decode a JSON number that has a fraction or an exponent.

    Returns:
        A float where its shortest notation has the same digits, else a Decimal.

    Raises:
        ValueError: Its exponent is beyond what a Decimal holds.
    """
    number = float(digits)
    if len(digits) <= _FLOAT_DIGITS:
        if _SMALLEST_NORMAL <= abs(number) < math.inf:
            return number
        if not digits.strip("-0."):
            return number
    try:
        exact = Decimal(digits)
    except ArithmeticError:
        msg = f"the exponent of {digits[:SHOWN_CHARACTERS]} is too large"
        raise ValueError(msg) from None
    if math.isfinite(number) and Decimal(repr(number)) == exact:
        return number
    return exact


def as_decimal(index: int, value: Any) -> Decimal:
    """Take a number for the decimal that its shortest notation writes.

    Raises:
        MisfitError: The value is not a number, or not a finite one.
    """
    if type(value) is Decimal and value.is_finite():
        return value
    if type(value) is int:
        return Decimal(value)
    if type(value) is float and math.isfinite(value):
        return Decimal(repr(value))
    shown = str(value) if isinstance(value, float) else shorten(value)
    msg = f"expected a number, got {shown}"
    raise MisfitError(index, msg)


def decimal_for(type_: ColumnType, values: Iterable[Any]) -> ColumnType:
    """Find the decimal that holds all these numbers.

    Args:
        type_: The type that their column has. Its digits after the point are kept where
            that leaves room for those before it.
        values: The numbers; None among them is skipped.

    Raises:
        MisfitError: They need more digits than a decimal has.
    """
    whole, after = digits_of(values)
    scale = DEFAULT_SCALE if type_.kind == "number" else type_.scale or 0
    scale = min(max(scale, after), MAX_DIGITS - whole)
    return ColumnType("decimal", MAX_DIGITS, scale, type_.takes_text)


def digits_of(values: Iterable[Any]) -> tuple[int, int]:
    """Count the digits before and after the point that hold all these numbers.

    Args:
        values: The numbers; None among them is skipped.

    Raises:
        MisfitError: They need more digits than a decimal has.
    """
    whole = after = 0
    for index, value in enumerate(values):
        if value is None:
            continue
        digits_before, digits_after = _count_digits(as_decimal(index, value))
        whole = max(whole, digits_before)
        after = max(after, digits_after)
        if whole + after > MAX_DIGITS:
            msg = (
                f"{value} does not fit a decimal of {MAX_DIGITS} digits, "
                f"{after} of them after the point"
            )
            raise MisfitError(index, msg)
    return whole, after


def _count_digits(number: Decimal) -> tuple[int, int]:
    """Count a number's digits before and after the point, but for trailing zeros."""
    _, digits, exponent = number.as_tuple()
    significant = "".join(map(str, digits)).rstrip("0")
    if not significant:
        return 0, 0
    last = int(exponent) + len(digits) - len(significant)
    return max(0, number.adjusted() + 1), max(0, -last)
