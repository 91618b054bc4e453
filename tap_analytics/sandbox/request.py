"""A request, as far as the API looks at it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


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

    def without(self, parameters: Collection[str]) -> Request:
        """Leaves query parameters out.

        Args:
            parameters: Their names.

        Returns:
            The request that remains.
        """
        kept = [
            (name, value)
            for name, value in parse_qsl(self.query, keep_blank_values=True)
            if name not in parameters
        ]
        return replace(self, query=urlencode(kept))

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path
