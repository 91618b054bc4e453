"""How the pages of one stream follow one another, as set and as seen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tap_analytics.api.counting_paginators import OffsetPaginator, PageNumberPaginator
from tap_analytics.api.paginators import Look, Paginator, SinglePagePaginator, Unproven
from tap_analytics.api.seen_ids import digest_of
from tap_analytics.api.stream_pages import Belief, StreamPages
from tap_analytics.api.told_paginators import (
    CursorPaginator,
    LinkHeaderPaginator,
    NextURLPaginator,
    asks_for_a_cursor,
)
from tap_analytics.errors import ForbiddenError, RefusedError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    from tap_analytics.api.experience import Experience
    from tap_analytics.api.page_hints import PageHints
    from tap_analytics.api.stream_pages import NextRequest

USUAL_SIZES = frozenset({20, 25, 50, 100, 200, 250, 500, 1000})
"""A list of such a length, without any sign of pages, may have been cut."""

_OF_MORE = ("link", "next_url", "next", "next_offset", "next_cursor", "more", "last")
"""What fields may be that say whether there is a next page."""

_NO_KEY = 401
_TOLD = (LinkHeaderPaginator, NextURLPaginator, CursorPaginator)


class Pagination:
    """How the pages of one stream follow one another, as set and as seen.

    One object per stream, shared by its paginators (one per parent) on any thread.

    Args:
        config: The tap's settings.
        stream: Name of the stream.
        logger: Where to say what was detected, and what is suspicious.
        documented_size: Records per page that the API documents, if that is asked for.
        experience: What the run has found out about the API.

    Attributes:
        shared: What all paginators of the stream share.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        stream: str,
        logger: logging.Logger,
        documented_size: int | None = None,
        experience: Experience | None = None,
    ) -> None:
        styles = config.get("pagination_by_stream") or {}
        self._style = styles.get(stream) or config.get("pagination") or "auto"
        self.shared = StreamPages(config, stream, logger, documented_size, experience)

    @property
    def found(self) -> str:
        """The style that was seen first, and by what; empty before."""
        return self.shared.found

    def paginator(self) -> Paginator:
        """Return a paginator that has seen no page yet."""
        if self._style != "auto":
            self.shared.note_style(self._style, "as set")
        return _STYLES[self._style](self.shared)


class AutoPaginator(Paginator):
    """Goes on in the style that the first answer shows."""

    style = "auto"

    def __init__(self, shared: StreamPages) -> None:
        super().__init__(shared, shared.request())
        self._shown: Paginator | None = None

    def follow(self, hints: PageHints) -> NextRequest | None:
        """Return what the paginator of the style says."""
        if self._shown is None:
            self._shown = _detect(self.shared, hints)
            self.style = self._shown.style
        self._shown.repeated = self.repeated
        self._shown.counts = self.counts
        request = self._shown.follow(hints)
        self.unproven = self._shown.unproven
        return request

    def announces_more(self) -> bool:
        """Return what the paginator of the style says."""
        return self._shown is None or self._shown.announces_more()

    def may_repeat(self) -> bool:
        """Return what the paginator of the style says."""
        return self._shown is not None and self._shown.may_repeat()

    def circle(self) -> str:
        """Return what the paginator of the style says."""
        return self._shown.circle() if self._shown else super().circle()

    def circle_end(self) -> str:
        """Return what the paginator of the style says."""
        return self._shown.circle_end() if self._shown else super().circle_end()

    def unfollowed(self, hints: PageHints, *, positions: bool = True) -> str:
        """Return what the paginator of the style says."""
        if self._shown is None:
            return super().unfollowed(hints, positions=positions)
        return self._shown.unfollowed(hints, positions=positions)

    def shifts(self, request: NextRequest) -> bool:
        """Return what the paginator of the style says."""
        return self._shown is not None and self._shown.shifts(request)

    def ahead(self, count: int) -> list[NextRequest]:
        """Return what the paginator of the style says."""
        return self._shown.ahead(count) if self._shown else []

    @property
    def is_announced(self) -> bool:
        """Whether the API has said that the current page exists."""
        return self._shown is None or self._shown.is_announced


class OnePagePaginator(SinglePagePaginator):
    """There is one page, as far as was understood."""

    def follow(self, hints: PageHints) -> None:
        """Return `None`; ask for a look further if a field may mean another page."""
        records = hints.page.records
        signs = hints.unexplained(len(records))
        is_full = len(records) == self.shared.page_size
        if not records or not (signs or is_full or hints.of("cursor")):
            super().follow(hints)
            self.unproven += self._behind_a_full_page(hints)
            return
        if not signs and not is_full:
            self.unproven += asks_for_a_cursor(self.shared, hints)
            return
        by_offset = any("offset" in path.lower() for path in signs)
        go_on: Callable[[], Paginator] = partial(
            OffsetPaginator if by_offset else PageNumberPaginator,
            self.shared,
            len(records) if by_offset else 2,
            Look(Belief.ONE_PAGE, digest_of(records), len(records), self.counts),
        )
        doubt = self.missing(hints, len(records)) or _doubt(signs, len(records))
        self.unproven.append(Unproven(Belief.ONE_PAGE, len(records), go_on, doubt))

    def _behind_a_full_page(self, hints: PageHints) -> list[Unproven]:
        """Return a look further where a list may have been cut without a word."""
        records, found = hints.page.records, self.shared.found
        is_silent = not hints.of(*_OF_MORE) and (not found or found[:4] == "none")
        if len(records) not in USUAL_SIZES or not is_silent:
            return []
        before = digest_of(records)
        look = Look(Belief.FULL_PAGE, before, len(records), self.counts)
        go_on = partial(SecondPagePaginator, self.shared, 2, look)
        return [Unproven(Belief.FULL_PAGE, len(records), go_on)]


class SecondPagePaginator(PageNumberPaginator):
    """Looks for a second page of which nobody has spoken."""

    def refused(self, error: Exception) -> bool:
        """Take note that the current request was refused: the API may not know it.

        Returns:
            Whether that is how the API says that the list has ended.
        """
        is_refusal = isinstance(error, RefusedError | ForbiddenError)
        is_of_key = isinstance(error, RefusedError) and error.status == _NO_KEY
        if self.found_more or not is_refusal or is_of_key:
            return super().refused(error)
        self.finished = True
        return True


def _doubt(signs: Mapping[str, Any], received: int) -> str:
    named = ", ".join(f"{path}: {value!r}" for path, value in signs.items())[:200]
    why = (
        f"the answer has {named}, which is not understood"
        if signs
        else f"the only page holds exactly the {received} records asked for"
    )
    return (
        f"{why}, so that more may exist. Set pagination to the API's style, or to none "
        "if there is one page."
    )


def _detect(shared: StreamPages, hints: PageHints) -> Paginator:
    """Return a paginator of the style that a first answer shows."""
    for told in _TOLD[:-1] if hints.second_page() else _TOLD:
        paginator = told(shared)
        if paginator.find(hints):
            shared.note_style(told.style, paginator.field)
            return paginator
    if counting := _counting(shared, hints):
        shared.note_style(counting.style, hints)
        return counting
    if not shared.found:
        shared.note_style("none", "the API announces no more")
    return OnePagePaginator(shared, shared.request())


def _counting(shared: StreamPages, hints: PageHints) -> Paginator | None:
    page = hints.number("page")
    offset = hints.number("offset")
    if page is None and (offset is not None or hints.number("next_offset")):
        return OffsetPaginator(shared, offset or 0)
    if second := hints.second_page():
        page = second - 1
    counted = hints.number("rows") and (hints.number("size") or shared.page_size)
    pages = hints.number("pages", "last_page")
    if page is None and pages is None and not counted and not hints.more():
        return None
    return PageNumberPaginator(shared, shared.first_page or page or 0)


def _page_numbers(shared: StreamPages) -> Paginator:
    first = shared.first_page
    return PageNumberPaginator(
        shared, 1 if first is None else first, is_guess=first is None
    )


def _single(shared: StreamPages) -> Paginator:
    return SinglePagePaginator(shared, shared.request())


_STYLES: Mapping[str, Callable[[StreamPages], Paginator]] = {
    "auto": AutoPaginator,
    "none": _single,
    "link": LinkHeaderPaginator,
    "next_url": NextURLPaginator,
    "cursor": CursorPaginator,
    "page": _page_numbers,
    "offset": OffsetPaginator,
}
