"""A record as the API sends it, and when it was created."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

MILLISECONDS_FROM = 1e11

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Record(NamedTuple):
    """A record as the API sends it.

    Attributes:
        id: Its id as it stands in paths; empty if it has none.
        dated: What filters by time look at, `createdAt` in most APIs, as it is sent.
        body: Its JSON.
    """

    id: str
    dated: Any
    body: bytes

    @property
    def created(self) -> float | None:
        """The same in Unix seconds; None if it is no point in time."""
        return timestamp(self.dated)

    @classmethod
    def of(cls, fields: Mapping[str, Any], since_field: str) -> Record:
        """Encodes fields; decimals keep their digits.

        Args:
            fields: The fields by name.
            since_field: The name of the one that filters by time look at.

        Returns:
            The record.
        """
        identifier = fields.get("id")
        return cls(
            "" if identifier is None else str(identifier),
            fields.get(since_field),
            _encode(fields),
        )


def timestamp(value: Any) -> float | None:
    """Reads a point in time.

    Args:
        value: ISO 8601, with a `T` or a space, read as UTC without an offset; or Unix
            seconds or milliseconds.

    Returns:
        Unix seconds, or None for anything else.
    """
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return float(value) / (1000 if value > MILLISECONDS_FROM else 1)
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp()
