"""Errors about values and the columns that can't hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_analytics.target_dlt.columns.column_types import ColumnType

SHOWN_CHARACTERS = 60
"""Characters of a value that an error shows."""


class MisfitError(ValueError):
    """A value that its column can't hold.

    Args:
        index: Its position among the values that were converted.
        reason: What was expected, and what came instead.
    """

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index


class TooFineError(MisfitError):
    """A time of day with more digits than microseconds have."""


class TooNarrowError(ValueError):
    """Numbers that need a wider column than they have.

    Args:
        needed: The type that holds them.
    """

    def __init__(self, needed: ColumnType) -> None:
        super().__init__(f"needs {needed}")
        self.needed = needed


class ColumnsTooNarrowError(ValueError):
    """Numbers that need wider columns than they have.

    Args:
        needed: The types that hold them, by the names of all such columns.
    """

    def __init__(self, needed: Mapping[str, ColumnType]) -> None:
        super().__init__(", ".join(f"{name} needs {needed[name]}" for name in needed))
        self.needed = needed


def shorten(value: Any) -> str:
    """Write a value for an error message, shortened."""
    text = msgspec.json.encode(value, enc_hook=str).decode()
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[:SHOWN_CHARACTERS]}…"
