"""How many records a list has, by what the API says of it page after page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_analytics.api.page_hints import PageHints


@dataclass
class Counts:
    """How many records a list has, by what the API says of it page after page.

    Some APIs count what remains: 130 on the first page of 50 records, 80 on the second.

    Attributes:
        first: What the API said first, `None` if it has said nothing.
        last: What it said last.
        pages: How many pages came before the one last taken.
        before: How many records came before that page.
        received: How many have come.
    """

    first: int | None = None
    last: int | None = None
    pages: int = -1
    before: int = 0
    received: int = 0
    _said: str = ""
    _is_rest: bool = False

    def take(self, hints: PageHints, *, repeated: bool) -> bool:
        """Take note of a page.

        A count that is no more than what came before this page is none of the list.

        Args:
            hints: What the page says.
            repeated: Whether it holds only records of earlier pages.

        Returns:
            Whether the list has become shorter since the page before.
        """
        self.pages += 1
        self.before = self.received
        self.received += 0 if repeated else len(hints.page.records)
        rows, last, was_rest = hints.number("rows"), self.last, self._is_rest
        self._is_rest = False
        if rows is None:
            return False
        self.last, self._said = rows, str(hints)
        if self.first is None:
            self.first = rows
        self._is_rest = 0 < self.before == self.first - rows
        if self._is_rest:
            return False
        return was_rest or (last is not None and rows < last > self.before)

    def ends_too_soon(self, records: int) -> bool:
        """Return whether more remains than the page last taken, the last one, holds.

        Args:
            records: How many records it holds.
        """
        return self._is_rest and self.last != records

    def are_reached(self, received: int) -> bool:
        """Return whether the API counts, and no more than so many records.

        Rows that came while the list was read are none of it: the next run reads them.
        """
        if self.first is None or self.last is None:
            return False
        is_all = not self._is_rest and received >= self.last
        return is_all or received >= self.first

    def missing(self, received: int) -> str:
        """Return what is to be said where the API counts more than was received.

        A count stays known where a later page says nothing of it.

        Returns:
            The text, empty if the API does not count more.
        """
        if self.first is None or self.are_reached(received):
            return ""
        return (
            f"{received} records were read, the API counts more ({self._said}). If any "
            "are missing, set pagination and its parameters to what the API documents."
        )
