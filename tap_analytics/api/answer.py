"""An HTTP answer, read whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from requests.structures import CaseInsensitiveDict

if TYPE_CHECKING:
    from collections.abc import Mapping


_SHOWN_CHARACTERS = 100


def _now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(slots=True)
class Answer:
    """An HTTP answer, read whole.

    Attributes:
        url: Where it came from.
        status: The status code.
        reason: The words beside the status code, often empty.
        headers: The headers; their names in any case.
        body: The body, decompressed.
        received_at: When it was there, in UTC.
    """

    url: str
    status: int = 200
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=CaseInsensitiveDict)
    body: bytes = b""
    received_at: datetime = field(default_factory=_now)

    def __str__(self) -> str:
        """Return what an error says of it."""
        reason = repr(self.reason)[1:-1][:_SHOWN_CHARACTERS]
        return f"GET {self.url} answered {self.status} {reason}".rstrip()
