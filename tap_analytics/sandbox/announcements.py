"""In which words an API says how long a list is, and whether more of it follows.

`ANNOUNCEMENTS` is the table of them: `totals` puts some into the body, `total_headers`
into headers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Part:
    """A page as a part of its list.

    Attributes:
        start: How many records are before it.
        size: How many it has at most.
        shown: How many it has.
        total: How many the list has, or is said to have.
        number: The number of the page.
        pages: How many pages there are, or are said to be.
        has_more: Whether records come after it.
    """

    start: int
    size: int
    shown: int
    total: int
    number: int
    pages: int
    has_more: bool

    @property
    def end(self) -> int:
        """How many records are before the next page."""
        return self.start + self.shown


def _range(part: Part) -> str:
    shown = f"{part.start}-{part.end - 1}" if part.shown else "*"
    return f"items {shown}/{part.total}"


def _as_json(part: Part) -> str:
    return json.dumps(
        {
            "TotalCount": part.total,
            "PageSize": part.size,
            "CurrentPage": part.number,
            "TotalPages": part.pages,
            "HasNext": part.has_more,
        }
    )


ANNOUNCEMENTS: dict[str, Callable[[Part], Any]] = {
    "page": lambda part: part.number,
    "current_page": lambda part: part.number,
    "per_page": lambda part: part.size,
    "limit": lambda part: part.size,
    "offset": lambda part: part.start,
    "start": lambda part: part.start,
    "count": lambda part: part.shown,
    "total": lambda part: part.total,
    "total_pages": lambda part: part.pages,
    "last_page": lambda part: part.pages,
    "next_page": lambda part: part.number + 1 if part.has_more else None,
    "next_start": lambda part: part.end if part.has_more else None,
    "has_more": lambda part: part.has_more,
    "more_items_in_collection": lambda part: part.has_more,
    "Last-Page": lambda part: not part.has_more,
    "Total-Count": lambda part: part.total,
    "X-Total-Count": lambda part: part.total,
    "X-Next-Page": lambda part: part.number + 1 if part.has_more else "",
    "X-Pagination": _as_json,
    "X-Pagination-Total-Count": lambda part: part.total,
    "X-Pagination-Page-Count": lambda part: part.pages,
    "X-Pagination-Current-Page": lambda part: part.number,
    "X-Pagination-Per-Page": lambda part: part.size,
    "Content-Range": _range,
}


def in_headers(names: tuple[str, ...], part: Part) -> dict[str, str]:
    """Announces in headers.

    Args:
        names: Which of the announcements.
        part: The page.

    Returns:
        The headers.
    """
    values = {name: ANNOUNCEMENTS[name](part) for name in names}
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }
