"""Paginators that count on by themselves: page numbers and offsets."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tap_analytics.api.paginators import Look, Paginator, Unproven
from tap_analytics.api.seen_ids import digest_of
from tap_analytics.api.stream_pages import Belief

if TYPE_CHECKING:
    from tap_analytics.api.page_hints import PageHints
    from tap_analytics.api.stream_pages import NextRequest, StreamPages


class CountingPaginator(Paginator):
    """Counts on by itself, to the end that is told or until records run out.

    Args:
        shared: What is set, and known so far, of the stream.
        start: Page number or offset of the first page.
        look: As for `Paginator`.
    """

    def __init__(
        self,
        shared: StreamPages,
        start: int,
        look: Look | None = None,
    ) -> None:
        super().__init__(shared, shared.request(**{self.style: start}), look)
        self._position = self._asked = start
        self._received = look.received if look else 0
        self._promised = self._was_promised = False
        self._repeat_promised = False
        self._ends_by_count = False

    @abstractmethod
    def step(self, records: int) -> int:
        """Return how far the next page is after a page of so many records."""

    @abstractmethod
    def promised(self, position: int, hints: PageHints) -> bool | None:
        """Return whether by the API's count a page is there, `None` if unknown."""

    @property
    def is_announced(self) -> bool:
        """Whether the API has said that the current page exists."""
        return self._promised

    def follow(self, hints: PageHints) -> NextRequest | None:
        """Return the request for the next number, as long as there may be a page."""
        count = len(hints.page.records)
        self._received += 0 if self.repeated else count
        self.shared.longest = max(self.shared.longest, count)
        self._asked, position = self._position, self._position + self.step(count)
        promised = self._counts_say(position, hints)
        self._was_promised = self._promised
        was_promised = self._promised and not self.may_repeat()
        self._repeat_promised = self.repeated and (
            self._repeat_promised or was_promised
        )
        self._promised = bool(promised or hints.more())
        self._ends_by_count = promised is False
        if position == self._asked or not (self.repeated or self._goes_on(hints)):
            self._end(position, hints)
            return None
        self._position = position
        return self.shared.request(**{self.style: position})

    def page_length(self, hints: PageHints) -> int:
        """Return how long a page at least is that another one follows."""
        if self.shared.documented_size is not None:
            return self.shared.documented_size
        told = hints.number("size") or 0
        echo = told == self.shared.page_size  # It may be capped nonetheless.
        return max(self.shared.longest, 0 if echo else told)

    def announces_more(self) -> bool:
        """Return whether the API announced a page that it repeated, or the next one."""
        return self._repeat_promised or self._promised

    def _counts_say(self, position: int, hints: PageHints) -> bool | None:
        if Belief.COUNT in self.shared.refuted:
            return None
        return self.promised(position, hints)

    def _goes_on(self, hints: PageHints) -> bool:
        count, rows = len(hints.page.records), hints.number("rows")
        refuted = self.shared.refuted
        if self._promised or not count or hints.more() is False:
            return self._promised
        if rows is not None and rows >= self._received and Belief.COUNT not in refuted:
            return rows > self._received
        if self._ends_by_count or refuted & {Belief.COUNT, Belief.SHORT_PAGE}:
            return not self._ends_by_count
        return count >= self.page_length(hints)

    def _end(self, position: int, hints: PageHints) -> None:
        doubt = self.missing(hints, self._received) or self._is_lacking(hints)
        belief, weight = self._believed(hints)
        if belief is None:
            self.leave(doubt)
            return
        before = digest_of(hints.page.records)
        look = Look(belief, before, self._received, self.counts)
        go_on = partial(type(self), self.shared, position, look)
        self.unproven.append(Unproven(belief, weight, go_on, doubt))

    def _is_lacking(self, hints: PageHints) -> str:
        """Return what is to be said of a page that was announced, and is empty."""
        is_there = hints.page.records or not self._was_promised
        if is_there or hints.more() is False or self.counts.are_reached(self._received):
            return ""
        parameter = self.shared.parameters[self.style]
        return (
            f"{parameter}={self._asked} was announced, and has no records, so that "
            "more may exist. Set pagination, and the name of its parameter, to what "
            "the API documents."
        )

    def unfollowed(self, hints: PageHints, *, positions: bool = False) -> str:
        """Return what is to be said where a page announces what is not followed."""
        return super().unfollowed(hints, positions=positions)

    def shifts(self, request: NextRequest) -> bool:
        """Return `True`: pages are counted."""
        del request
        return True

    def leave(self, doubt: str) -> None:
        """Take note of what speaks against the list being whole, if anything does."""
        if doubt:
            self.shared.doubt(doubt)

    def _believed(self, hints: PageHints) -> tuple[Belief | None, int]:
        """Return on what belief the list ends, and how much it would tell to test."""
        count = len(hints.page.records)
        if not count or hints.more() is False:
            return None, 0
        if hints.number("rows", "pages", "last_page") is None:
            return Belief.SHORT_PAGE, count
        is_full = count >= self.page_length(hints)
        if is_full and self._received > self.shared.verified_count:
            return Belief.COUNT, self._received
        return None, 0

    def circle(self) -> str:
        """Return what to say where the API repeats a page and announces more."""
        parameter = self.shared.parameters[self.style]
        return (
            f"{parameter}={self._asked} got a page that had been read before, "
            "though more should follow: the API does not know the parameter. Set "
            f"{self.style}_param to its name, or pagination to the API's style."
        )

    def circle_end(self) -> str:
        """Return what to say where the API repeats a page and announces nothing."""
        parameter = self.shared.parameters[self.style]
        return (
            f"{parameter}={self._asked} got a page that had been read before: "
            "either there is no other, or the API does not know the parameter."
        )


class PageNumberPaginator(CountingPaginator):
    """Pages are numbered.

    Args:
        shared: What is set, and known so far, of the stream.
        start: Number of the first page; with 0 it may as well turn out to be 1.
        look: As for `Paginator`.
        is_guess: Whether nobody said that this is the first page's number.
    """

    style = "page"

    def __init__(
        self,
        shared: StreamPages,
        start: int = 1,
        look: Look | None = None,
        *,
        is_guess: bool = False,
    ) -> None:
        super().__init__(shared, start, look)
        self._first = min(start, 1)
        self._is_guess = is_guess
        self._last = 0

    def step(self, records: int) -> int:
        """Return 1."""
        del records
        return 1

    def promised(self, position: int, hints: PageHints) -> bool | None:
        """Return whether by the API's count a page is there, `None` if unknown."""
        end = self._end_by_count(hints)
        counted = hints.number("pages", "last_page") is not None
        if counted and self._position <= end < position:
            return False
        return position <= end or None

    def follow(self, hints: PageHints) -> NextRequest | None:
        """Return the request for the next page."""
        if self._is_guess:  # Page 1 may be empty because page 0 holds all there is.
            self._is_guess = False
            self.unproven.append(_first_page_of(self.shared, hints))
        if self.counts_from_1:
            self._first = self.shared.first_page = 1
        request = super().follow(hints)
        self._last = self._end_by_count(hints)
        return request

    def leave(self, doubt: str) -> None:
        """Take note of a doubt, unless a page 0 may explain it."""
        if doubt and self.unproven:
            self.unproven[0] = replace(self.unproven[0], doubt=doubt)
        else:
            super().leave(doubt)

    @property
    def counts_from_1(self) -> bool:
        """Whether page 1 is the first page again: answers may count from 0."""
        return self.repeated and (self._first, self._position) == (0, 1)

    def may_repeat(self) -> bool:
        """Return whether the page just read had to be the one before it."""
        return self._first == 1 and self._asked == 1

    def ahead(self, count: int) -> list[NextRequest]:
        """Return the requests for the pages up to the end that the API told."""
        if (self._first, self._position) == (0, 1):
            return []
        numbers = range(self._position + 1, self._last + 1)[:count]
        return [self.shared.request(page=number) for number in numbers]

    def _end_by_count(self, hints: PageHints) -> int:
        by_rows = -(-(hints.number("rows") or 0) // self.page_length(hints))
        pages = max(hints.number("pages") or 0, by_rows)
        return max(self._first + pages - 1, hints.number("last_page") or 0)


class FirstPagePaginator(Paginator):
    """Looks whether there is a page 0.

    Args:
        shared: What is set, and known so far, of the stream.
        before: The digest of the ids of page 1.
    """

    style = "page"

    def __init__(self, shared: StreamPages, before: int) -> None:
        first = shared.request(page=0)
        super().__init__(shared, first, Look(Belief.FIRST_PAGE, before))

    def follow(self, hints: PageHints) -> None:
        """Return `None`: all further pages have been read."""
        del hints
        self.shared.experience.counts_from_0 = True


def _first_page_of(shared: StreamPages, hints: PageHints) -> Unproven:
    records = hints.page.records
    go_on = partial(FirstPagePaginator, shared, digest_of(records))
    return Unproven(Belief.FIRST_PAGE, len(records), go_on)


class OffsetPaginator(CountingPaginator):
    """Pages begin at the offset of their first record."""

    style = "offset"

    def __init__(
        self,
        shared: StreamPages,
        start: int = 0,
        look: Look | None = None,
    ) -> None:
        super().__init__(shared, start, look)

    def step(self, records: int) -> int:
        """Return the number of records."""
        return records

    def promised(self, position: int, hints: PageHints) -> bool | None:
        """Return whether by the API's count a record is there, `None` if unknown."""
        return position < (hints.number("rows") or 0) or None
