"""A request, as far as the API looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Request:
    """What the API looks at in a request.

    Attributes:
        method: The method.
        path: The raw path, percent-encoded.
        query: The raw query.
        headers: The headers, found whatever their case.
        connection: The client's port.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    connection: int

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path
