"""Paginators that go where each answer says that the next page is."""

from __future__ import annotations

import re
from abc import abstractmethod
from base64 import b64decode
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urljoin, urlsplit

from tap_analytics.api.hint_values import is_url, whole
from tap_analytics.api.paginators import Look, Paginator, Unproven
from tap_analytics.api.seen_ids import digest_of
from tap_analytics.api.stream_pages import Belief, NextRequest

if TYPE_CHECKING:
    from tap_analytics.api.page import Page
    from tap_analytics.api.page_hints import PageHints
    from tap_analytics.api.seen_ids import Novelty
    from tap_analytics.api.stream_pages import StreamPages


_NUMBER = re.compile(r"[0-9]+")
_OF_SIZE = re.compile(r"size|limit|per|count|max|top|rows", re.IGNORECASE)


class ToldPaginator(Paginator):
    """Goes where each answer says that the next page is.

    Attributes:
        roles: What the field that says it may be, the surest first.
        field: Its path, once it has been found.
    """

    roles: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        shared: StreamPages,
        first: NextRequest | None = None,
        look: Look | None = None,
    ) -> None:
        super().__init__(shared, first or shared.request(), look)
        self.field = ""
        self._read = {hash(self.current_value)}  # Cursors may be long.
        self._received = 0

    @abstractmethod
    def request(self, role: str, value: Any, hints: PageHints) -> NextRequest | None:
        """Return the request that a field's value stands for, if for any."""

    def find(self, hints: PageHints) -> NextRequest | None:
        """Return the request for the next page, from the field found first."""
        for role in self.roles:
            fields = hints.of(role)
            for path, value in fields.items():
                request = self.request(role, value, hints)
                if request and self.field in {"", path}:
                    self.field = path
                    return request
            if fields and not self.field:
                return None  # A surer field says that there is none.
        return None

    def follow(self, hints: PageHints) -> NextRequest | None:
        """Return the request that the answer names.

        Raises:
            FatalAPIError: If it names one that has been read.
        """
        self._received += 0 if self.repeated else len(hints.page.records)
        self._read.add(hash(NextRequest(hints.page.url)))
        request = self.find(hints)
        if request is None:
            self.end(hints)
            return None
        was_read = hash(request) in self._read
        if was_read and hints.page.records:
            msg = (
                f"the next page, as {self.field} names it, has been read before: the "
                "API would send the same pages for ever. Set pagination, and the "
                "name of its parameter, to what the API documents."
            )
            raise self.shared.error(msg)
        if was_read:
            # Some APIs name the last position again at the end.
            if missing := self.counts.missing(self._received):
                self.shared.doubt(missing)
            return None
        self._read.add(hash(request))
        return request

    def unfollowed(self, hints: PageHints, *, positions: bool = True) -> str:
        """Return what is to be said where a page announces what is not followed.

        The cursor of the last record is none where a next page has been named before.
        """
        return super().unfollowed(hints, positions=positions and not self.field)

    def end(self, hints: PageHints) -> None:
        """Take note of the end, and of what speaks against it."""
        if missing := self.missing(hints, self._received):
            self.shared.doubt(missing)


class NextURLPaginator(ToldPaginator):
    """The next page's URL is in the body."""

    style = "next_url"
    roles: ClassVar[tuple[str, ...]] = ("next_url", "next")

    def request(self, role: str, value: Any, hints: PageHints) -> NextRequest | None:
        """Return the request for a URL."""
        named = role != "next" and isinstance(value, str) and value
        if not named and not is_url(value):
            return None
        try:
            return NextRequest(urljoin(hints.page.url, value))
        except ValueError as error:
            msg = f"the URL of the next page is not valid: {error}"
            raise self.shared.error(msg) from error

    def shifts(self, request: NextRequest) -> bool:
        """Return whether the URL counts pages or records."""
        counts = self.counts
        counting = {counts.before, counts.pages, counts.pages + 1}
        query = parse_qsl(urlsplit(request.url or "").query)
        return any(
            whole(value) in counting and not _OF_SIZE.search(name)
            for name, value in query
        )


class LinkHeaderPaginator(NextURLPaginator):
    """The next page's URL is the `next` of the Link header (RFC 8288)."""

    style = "link"
    roles = ("link",)


class CursorPaginator(ToldPaginator):
    """A cursor in the body, sent back, gets the next page."""

    style = "cursor"
    roles = ("next_cursor", "next", "cursor")
    _is_number = False

    def request(self, role: str, value: Any, hints: PageHints) -> NextRequest | None:
        """Return the request with a cursor."""
        self._is_number = role == "next" and whole(value) is not None
        cursor = value if isinstance(value, str) else whole(value)
        ended = cursor in {None, "", 0, "0"} or hints.flag() is False
        return None if ended else self.shared.request(cursor=cursor)

    def shifts(self, request: NextRequest) -> bool:
        """Return whether the cursor is an offset or a page's number in disguise."""
        if self._is_number:
            return True
        name = self.shared.parameters["cursor"]
        cursor = dict(request.params).get(name, "")
        return str(self.counts.before) in _NUMBER.findall(cursor + _plain(cursor))

    def end(self, hints: PageHints) -> None:
        """Take note of the end: some APIs send a cursor only to who sends one."""
        super().end(hints)
        if not self.field and hints.page.records and self.look is None:
            self.unproven += asks_for_a_cursor(self.shared, hints)

    def ends_test(self, novelty: Novelty, page: Page) -> bool:
        """Return `False`: the same page comes again, but now it may name the next."""
        del novelty, page
        return False


def _plain(cursor: str) -> str:
    """Return what a cursor in Base64 says, empty if it is none."""
    padding = "=" * (-len(cursor) % 4)
    try:
        return b64decode(cursor + padding, altchars=b"-_").decode("latin-1")
    except ValueError:
        return ""


def asks_for_a_cursor(shared: StreamPages, hints: PageHints) -> list[Unproven]:
    """Return a look further with an empty cursor, where nothing names a next page."""
    if hints.of("next_cursor", "next") or hints.flag() is False:
        return []
    records = hints.page.records
    look = Look(Belief.ONE_PAGE, digest_of(records))
    go_on = partial(CursorPaginator, shared, shared.request(cursor=""), look)
    return [Unproven(Belief.ONE_PAGE, len(records), go_on)]
