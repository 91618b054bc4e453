"""Whether a value of a table is the one that was sent."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.evolving import Sent


def is_same(sent: Sent, found: Any) -> bool:
    """Tell whether a value of the table is the one that was sent.

    Args:
        sent: The value that was sent.
        found: The value that was found; text where its column has become one.
    """
    if isinstance(found, str):
        return found in _texts_of(sent) or _is_number(sent, found)
    if isinstance(found, memoryview):
        found = bytes(found)
    if sent.kind == "number":
        return not isinstance(found, bool) and _is_number(sent, str(found))
    return bool(found == sent.value)


def _is_number(sent: Sent, found: str) -> bool:
    return sent.kind == "number" and Decimal(found) == sent.value


def _texts_of(sent: Sent) -> Sequence[str]:
    """Return how a value stands in a column of text."""
    match sent.kind:
        case "boolean":
            return [json.dumps(sent.value)]
        case "moment":
            moment = sent.value.replace(tzinfo=None).isoformat(" ")
            return [_without_zeros(moment) + "+00"]
        case "date":
            return [str(sent.value), f"{sent.value} 00:00:00+00"]
        case "time":
            return [_without_zeros(sent.value.isoformat())]
        case "binary":
            return [base64.b64encode(sent.value).decode()]
        case _:
            return [str(sent.value)]


def _without_zeros(text: str) -> str:
    return text.rstrip("0") if "." in text else text
