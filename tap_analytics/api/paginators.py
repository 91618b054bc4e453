"""Whether a page has a successor, and how to ask for it.

Losing rows is worse than one request too many. So whatever says that more follows
is believed, and what contradicts itself stops the run. Where a list ended on a mere
belief, such as that a short page is the last one, the paginator says so: some of
these lists are looked at again before the stream counts as whole.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tap_analytics.api.counts import Counts
from tap_analytics.api.page_hints import PageHints
from tap_analytics.api.seen_ids import Novelty, SeenIds
from tap_analytics.errors import RefusedError, ShiftedError, VanishedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_analytics.api.page import Page
    from tap_analytics.api.stream_pages import Belief, NextRequest, StreamPages

EMPTY_PAGES = 1000
"""More empty pages in a row, each announcing another, are taken for a loop."""

_NOTHING_THERE = frozenset({400, 404, 410, 416, 422})
"""How APIs refuse a page beyond the last one."""


@dataclass(frozen=True)
class Look:
    """A look further, behind the end of a list that was believed.

    Attributes:
        tests: What was believed.
        before: The digest of the ids of the last page.
        received: How many records came before.
        counts: How many the list has, by what the API said so far.
    """

    tests: Belief
    before: int
    received: int = 0
    counts: Counts = field(default_factory=Counts)


@dataclass(frozen=True)
class Unproven:
    """The end of a list that was believed.

    Attributes:
        belief: What was believed.
        weight: The larger, the more it would tell to look further.
        go_on: Returns a paginator that looks further.
        doubt: What to say if looking further shows nothing; empty for nothing.
    """

    belief: Belief
    weight: int
    go_on: Callable[[], Paginator]
    doubt: str = ""


class Paginator(ABC):
    """What follows the pages of one stream and context.

    Args:
        shared: What is set, and known so far, of the stream.
        first: The request to begin with.
        look: What the paginator looks further for, where another one has ended.

    Attributes:
        current_value: The request for the page that `advance` has not seen yet.
        finished: Whether the page last given to `advance` was the last.
        repeated: Whether that page holds only records of earlier ones: they must not
            be emitted again.
        counts: How many records the list has, by what the API says of it.
        unproven: Once finished: on what beliefs the list ended, if on any.
        found_more: Whether looking further brought records.
    """

    style: str

    def __init__(
        self,
        shared: StreamPages,
        first: NextRequest,
        look: Look | None = None,
    ) -> None:
        self.shared = shared
        self.current_value = first
        self.finished = False
        self.repeated = False
        self.counts = replace(look.counts) if look else Counts()
        self.unproven: list[Unproven] = []
        self.found_more = False
        self.look = look
        self._seen = SeenIds(look.before if look else None)
        self._pages = 0
        self._known_in_a_row = 0
        self._all_same = True
        self._empty_pages = 0

    @abstractmethod
    def follow(self, hints: PageHints) -> NextRequest | None:
        """Return the request for the page after this one, `None` at the end."""

    def announces_more(self) -> bool:
        """Return whether the API says that more follows a page that it repeated."""
        return True

    def may_repeat(self) -> bool:
        """Return whether the page just read had to be the one before it."""
        return False

    def ahead(self, count: int) -> list[NextRequest]:  # noqa: ARG002
        """Return at most `count` requests that surely follow the current one."""
        return []

    @property
    def is_announced(self) -> bool:
        """Whether the API has said that the current page exists."""
        return True

    def advance(self, page: Page) -> None:
        """Take the page that `current_value` asked for.

        Raises:
            ShiftedError: If the list has shrunk.
            FatalAPIError: If the API contradicts itself.
        """
        novelty = self._novelty(page)
        self.repeated = novelty is not Novelty.NEW
        if self.finished:
            return  # The page was fetched ahead, beyond the end.
        hints = PageHints(page)
        shrank = self.counts.take(hints, repeated=self.repeated)
        if shrank and self.shifts(self.current_value):
            raise self._shifted()
        if self.look is not None and self._pages == 0:
            if self.ends_test(novelty, page):
                self.finished = True
                return
            self.found_more = True
            self.shared.refuted.add(self.look.tests)
        request = self.follow(hints)
        is_rest = request is None and self.counts.ends_too_soon(len(page.records))
        if is_rest and self.shifts(self.current_value):
            raise self._shifted()
        request = self._unless_in_circles(novelty, request, hints)
        if request is not None and self._pages == 0 and self.look is None:
            self._seen.look(page.records)
        self._pages += 1
        self._empty_pages = 0 if page.records else self._empty_pages + 1
        if request and self._empty_pages > EMPTY_PAGES:
            msg = (
                f"{self._empty_pages} empty pages in a row, each saying that more "
                "follows. Set pagination to the API's style, or to none."
            )
            raise self.shared.error(msg)
        if request is None:
            self.finished = True
        else:
            self.current_value = request

    def ends_test(self, novelty: Novelty, page: Page) -> bool:
        """Return whether a look further shows that there is nothing further."""
        return novelty is not Novelty.NEW or not page.records

    def missing(self, hints: PageHints, received: int) -> str:
        """Return what is to be said where the API speaks of more at the end of a list.

        Args:
            hints: What the last page says.
            received: How many records the list had.

        Returns:
            The text, empty if the API speaks of no more.
        """
        return self.counts.missing(received) or self.unfollowed(hints)

    def unfollowed(self, hints: PageHints, *, positions: bool = True) -> str:
        """Return what is to be said where a page announces what is not followed.

        Args:
            hints: What the page says.
            positions: Whether a cursor of the last record announces more, too.
        """
        fields = ", ".join(hints.announced(positions=positions))[:200]
        return fields and (
            f"the last page that was read has {fields}, which is not followed, so that "
            "more may exist. Set pagination, and the name of its parameter, to what "
            "the API documents."
        )

    def shifts(self, request: NextRequest) -> bool:  # noqa: ARG002
        """Return whether a row that is gone moves others to an earlier page.

        Args:
            request: The request that the later page was asked for with.
        """
        return False

    def refused(self, error: Exception) -> bool:
        """Take note that the current request was refused.

        Returns:
            Whether that is how the API says that the list has ended.

        Raises:
            FatalAPIError: If the API announced a page, and sent an earlier one.
        """
        if self.look is None and (self.is_announced or self._pages == 0):
            return False
        is_end = isinstance(error, VanishedError) or (
            isinstance(error, RefusedError) and error.status in _NOTHING_THERE
        )
        if is_end and self._known_in_a_row and self.announces_more():
            raise self.shared.error(self.circle()) from error
        self.finished = self.finished or is_end
        return is_end

    def _novelty(self, page: Page) -> Novelty:
        # Most lists have one page, of which nothing has to be remembered.
        if self._pages == 0 and self.look is None:
            return Novelty.NEW
        return self._seen.look(page.records)

    def _unless_in_circles(
        self, novelty: Novelty, request: NextRequest | None, hints: PageHints
    ) -> NextRequest | None:
        if novelty is Novelty.NEW or request is None:
            self._known_in_a_row, self._all_same = 0, True
            return request
        self._known_in_a_row += 1
        self._all_same = self._all_same and novelty is Novelty.SAME
        is_sure = self._all_same and self.shared.repeats_pages
        if self._known_in_a_row == 1 and (not is_sure or self.may_repeat()):
            # Rows that were added meanwhile may have moved a page to the next one's
            # place. Then the page after it is new.
            return request
        if not self._all_same:
            self.shared.doubt(
                "two pages in a row held only records that had been read: the list is "
                "not read further. If records are missing, set pagination, and the "
                "name of its parameter, to what the API documents."
            )
            return None
        if self.announces_more():
            raise self.shared.error(self.circle())
        self.shared.repeats_pages = True
        self.shared.say(
            logging.WARNING,
            "%s Its records are read once; if any are missing, set %s_param, or "
            "pagination to the API's style.",
            *(self.circle_end(), self.style),
        )
        if unfollowed := self.unfollowed(hints, positions=True):
            self.shared.doubt(unfollowed)
        return None

    def circle(self) -> str:
        """Return what to say where the API repeats a page and announces more."""
        return (
            "the API sends the same records for each next page. Set pagination, and "
            "the name of its parameter, to what the API documents."
        )

    def circle_end(self) -> str:
        """Return what to say where the API repeats a page and announces nothing."""
        return "the next page holds the same records."

    def _shifted(self) -> ShiftedError:
        first, last = self.counts.first, self.counts.last
        msg = (
            f"the list shrank from {first} to {last} records while it was read: some "
            "may have moved to a page that had been read"
        )
        return ShiftedError(str(self.shared.error(msg)))


class SinglePagePaginator(Paginator):
    """There is one page."""

    style = "none"

    def follow(self, hints: PageHints) -> None:
        """Return `None`; say if there may be more."""
        received = len(hints.page.records)
        if missing := self.missing(hints, received):
            self.shared.doubt(missing)
        elif received == self.shared.page_size:
            self.shared.doubt(
                f"the only page holds exactly the {received} records asked for, so "
                "that more may exist. Set pagination to the API's style."
            )
