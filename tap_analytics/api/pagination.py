"""Pagination: whether a page has a successor, and how to ask for it.

Losing rows is worse than one request too many. So whatever says that more follows
is believed, the length of a page decides only where nothing else is said, and what
contradicts itself stops the run.
"""

from __future__ import annotations

import logging
import sys
import threading
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import urljoin

from singer_sdk.pagination import BaseAPIPaginator

from tap_analytics.api.page import Page
from tap_analytics.api.page_hints import Signs, is_url, whole
from tap_analytics.errors import FatalAPIError, ShiftedError

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests

EMPTY_PAGES = 1000
"""More empty pages in a row, each announcing another, are taken for a loop."""

_PARAMETERS = {
    "page": "page",
    "page_size": "limit",
    "offset": "offset",
    "cursor": "cursor",
}


class NextRequest(NamedTuple):
    """How the request for a page differs from the plain one of its stream.

    Attributes:
        url: A whole URL in place of path and query, or `None`.
        params: Query parameters to add, as pairs of name and value.
    """

    url: str | None = None
    params: tuple[tuple[str, str], ...] = ()


class Pagination:
    """How the pages of one stream follow one another, as set and as seen.

    One object per stream, shared by its paginators (one per parent) on any thread:
    what is to be said of a stream is said once.

    Args:
        config: The tap's settings.
        stream: Name of the stream.
        logger: Where to say what was detected, and what is suspicious.

    Attributes:
        page_size: Records per page to ask for, `None` to leave it to the API.
        parameters: Names of query parameters by what they hold.
        longest: Records in the longest page so far: a shorter one was not cut off.
        found: The style that was seen first, and by what; empty before.
    """

    def __init__(
        self, config: Mapping[str, Any], stream: str, logger: logging.Logger
    ) -> None:
        styles = config.get("pagination_by_stream") or {}
        sizes = config.get("page_size_by_stream") or {}
        self.page_size: int | None = sizes.get(stream) or config.get("page_size")
        self.longest = 1
        self.found = ""
        self._style = styles.get(stream) or config.get("pagination") or "auto"
        self.parameters = {
            kind: config.get(f"{kind}_param") or default
            for kind, default in _PARAMETERS.items()
        }
        self._stream = stream
        self._logger = logger
        self._said: set[str] = set()
        self._lock = threading.Lock()

    def paginator(self) -> Paginator:
        """Return a paginator that has seen no page yet."""
        if self._style != "auto":
            self._note(self._style, "as set")
        return _STYLES[self._style](self)

    def request(self, **values: object) -> NextRequest:
        """Return a request with a page, offset or cursor, and the page size."""
        if self.page_size:
            values["page_size"] = self.page_size
        return NextRequest(
            params=tuple((self.parameters[k], str(v)) for k, v in values.items())
        )

    def detect(self, signs: Signs) -> Paginator:
        """Return a paginator of the style that a first response shows."""
        for told in _TOLD[:-1] if signs.second_page() else _TOLD:
            paginator = told(self)
            if paginator.find(signs):
                self._note(told.style, paginator.field)
                return paginator
        if counting := self._counting(signs):
            self._note(counting.style, signs)
            return counting
        if not self._said:
            self._note("none", "nothing says that more follows")
        return SinglePagePaginator(self)

    def _note(self, style: str, sign: object) -> None:
        self.found = self.found or f"{style} ({sign})"
        self.say(logging.DEBUG, f"pagination {style} (%s)", sign)

    def _counting(self, signs: Signs) -> Paginator | None:
        page = signs.number("page")
        offset = signs.number("offset")
        if page is None and (offset is not None or signs.number("next_offset")):
            return OffsetPaginator(self, offset or 0)
        if second := signs.second_page():
            page = second - 1
        counted = signs.number("rows") and (signs.number("size") or self.page_size)
        pages = signs.number("pages", "last_page")
        if page is None and pages is None and not counted and not signs.more():
            return None
        return PageNumberPaginator(self, page or 0)

    def check_count(self, signs: Signs, received: int) -> None:
        """Warn at the end if the API counts more rows than were received."""
        if received < (signs.number("rows") or 0):
            self.say(
                logging.WARNING,
                "%d records were read, the API counts more (%s). If any are missing, "
                "set pagination and its parameters to what the API documents.",
                *(received, signs),
            )

    def say(
        self, level: int, message: str, *args: object, kind: str = "pagination"
    ) -> None:
        """Log a message, the first time it is due."""
        with self._lock:
            if message in self._said:
                return
            self._said.add(message)
        text = message % args if args else message
        self._logger.log(
            level, "stream %r: %s", self._stream, text, extra={"kind": kind}
        )

    def error(self, message: str) -> FatalAPIError:
        """Return an error that names the stream."""
        return FatalAPIError(f"stream {self._stream!r}: {message}")


class Paginator(BaseAPIPaginator[NextRequest]):
    """What follows the pages of one stream and context.

    Args:
        pagination: What is set, and known so far, of the stream.
        first: Page or offset to begin with, where one has to be sent.

    Attributes:
        repeated: Whether the page last given to `advance` holds the records of an
            earlier one: they must not be emitted again.
        counted: How many records the list has, by what the API last said of it.
    """

    style: ClassVar[str]

    def __init__(self, pagination: Pagination, **first: int) -> None:
        super().__init__(pagination.request(**first))
        self.pagination = pagination
        self.repeated = False
        self._empty_pages = 0
        self._before = 0
        self.counted: int | None = None

    @abstractmethod
    def follow(self, signs: Signs) -> NextRequest | None:
        """Return the request for the page after this one, `None` at the end."""

    def ahead(self, count: int) -> list[NextRequest]:  # noqa: ARG002 - most know none
        """Return at most `count` requests that surely follow the current one."""
        return []

    @override
    def get_next(self, response: requests.Response) -> NextRequest | None:
        page = Page.of(response)
        signs = Signs(page)
        self._check_steady(signs)
        request = self.follow(signs)
        self._empty_pages = 0 if page.records else self._empty_pages + 1
        if request and self._empty_pages > EMPTY_PAGES:
            msg = (
                f"{self._empty_pages} empty pages in a row, each saying that more "
                "follows. Set pagination to the API's style, or to none."
            )
            raise self.pagination.error(msg)
        return request

    def _check_steady(self, signs: Signs) -> None:
        """Raise if the list has shrunk: what moved up a page would be passed over.

        A count that is no more than what came before this page is none of the list.
        """
        rows, counted = signs.number("rows"), self.counted
        self.counted = rows
        if rows is not None and counted is not None and rows < counted > self._before:
            msg = (
                f"the list shrank from {counted} to {rows} records while it was read: "
                "some may have moved to a page that had been read"
            )
            raise ShiftedError(str(self.pagination.error(msg)))
        self._before += len(signs.page.records)

    def again(self) -> Paginator:
        """Return a paginator that begins anew, since the list has shrunk."""
        self.pagination.say(
            logging.WARNING,
            "the list shrank while it was read, so that records may have moved to a "
            "page that had been read: it is read again",
        )
        return self.pagination.paginator()

    @override
    def continue_if_empty(self, response: requests.Response) -> bool:
        return True  # `advance` decides whether an empty page is the last.


class SinglePagePaginator(Paginator):
    """There is one page."""

    style = "none"

    @override
    def follow(self, signs: Signs) -> None:
        received = len(signs.page.records)
        if received == self.pagination.page_size:
            self.pagination.say(
                logging.WARNING,
                "the only page holds exactly the %d records asked for, so that more "
                "may exist. Set pagination to the API's style.",
                received,
            )
        self.pagination.check_count(signs, received)


class _ToldPaginator(Paginator):
    """Goes where each response says that the next page is.

    Attributes:
        roles: What the field that says it may be, the surest first.
        field: Its path, once it has been found.
    """

    roles: ClassVar[tuple[str, ...]]

    def __init__(self, pagination: Pagination) -> None:
        super().__init__(pagination)
        self.field = ""
        self._read = {self.current_value}

    @abstractmethod
    def request(self, role: str, value: Any, signs: Signs) -> NextRequest | None:
        """Return the request that a field's value stands for, if for any."""

    def find(self, signs: Signs) -> NextRequest | None:
        """Return the request for the next page, from the field found first."""
        for role in self.roles:
            fields = signs.of(role)
            for path, value in fields.items():
                request = self.request(role, value, signs)
                if request and self.field in {"", path}:
                    self.field = path
                    return request
            if fields and not self.field:
                return None  # A surer field says that there is none.
        return None

    @override
    def follow(self, signs: Signs) -> NextRequest | None:
        self._read.add(NextRequest(signs.page.url))
        request = self.find(signs)
        if request is None:
            return None
        if request in self._read and signs.page.records:
            msg = (
                f"the next page, as {self.field} names it, has been read before: the "
                "API would send the same pages for ever. Set pagination, and the "
                "name of its parameter, to what the API documents."
            )
            raise self.pagination.error(msg)
        if request in self._read:
            return None  # Some APIs name the last position again at the end.
        self._read.add(request)
        return request


class NextURLPaginator(_ToldPaginator):
    """The next page's URL is in the body."""

    style = "next_url"
    roles: ClassVar[tuple[str, ...]] = ("next_url", "next")

    @override
    def request(self, role: str, value: Any, signs: Signs) -> NextRequest | None:
        named = role != "next" and isinstance(value, str) and value
        if not named and not is_url(value):
            return None
        try:
            return NextRequest(urljoin(signs.page.url, value))
        except ValueError as error:
            msg = f"the next page has no URL: {error}"
            raise self.pagination.error(msg) from error


class LinkHeaderPaginator(NextURLPaginator):
    """The next page's URL is the `next` of the Link header (RFC 8288)."""

    style = "link"
    roles = ("link",)


class CursorPaginator(_ToldPaginator):
    """A cursor in the body, sent back, gets the next page."""

    style = "cursor"
    roles = ("next_cursor", "next", "cursor")

    @override
    def request(self, role: str, value: Any, signs: Signs) -> NextRequest | None:
        cursor = value if isinstance(value, str) else whole(value)
        ended = cursor in {None, "", 0, "0"} or signs.flag() is False
        return None if ended else self.pagination.request(cursor=cursor)


class _CountingPaginator(Paginator):
    """Counts on by itself, to the end that is told or until records run out.

    Args:
        pagination: What is set, and known so far, of the stream.
        start: Page number or offset of the first page.
    """

    def __init__(self, pagination: Pagination, start: int) -> None:
        super().__init__(pagination, **{self.style: start})
        self._position = start
        self._received = 0
        self._read: set[int] = set()
        self._ended = False

    @abstractmethod
    def step(self, records: int) -> int:
        """Return how far the next page is after a page of so many records."""

    @abstractmethod
    def promised(self, position: int, signs: Signs) -> bool | None:
        """Return whether by the API's count a page is there, `None` if unknown."""

    def renumber(self) -> bool:
        """Return whether the first page again means only that numbers start later."""
        return False

    @override
    def follow(self, signs: Signs) -> NextRequest | None:
        count = len(signs.page.records)
        content = hash(b"".join(signs.page.records))
        self.repeated = count > 0 and content in self._read
        self._read.add(content)
        if self.repeated and not self.renumber():
            if not self._ended:  # Pages beyond the end may have been fetched ahead.
                self._complain(signs)
            self._ended = True
            return None
        self._received += 0 if self.repeated else count
        self.pagination.longest = max(self.pagination.longest, count)
        position = self._position + self.step(count)
        if position == self._position or not self._goes_on(position, signs):
            self.pagination.check_count(signs, self._received)
            self._ended = True
            return None
        self._position = position
        return self.pagination.request(**{self.style: position})

    def page_length(self, signs: Signs) -> int:
        """Return how long a page at least is that another one follows."""
        told = signs.number("size") or 0
        echo = told == self.pagination.page_size  # It may be capped nonetheless.
        return max(self.pagination.longest, 0 if echo else told)

    def _goes_on(self, position: int, signs: Signs) -> bool:
        count, rows = len(signs.page.records), signs.number("rows")
        promised, more = self.promised(position, signs), signs.more()
        if promised or more:
            return True
        if not count or more is False:
            return False
        if rows is not None and rows >= self._received:
            return rows > self._received
        return promised is None and count >= self.page_length(signs)

    def _complain(self, signs: Signs) -> None:
        parameter = self.pagination.parameters[self.style]
        if signs.more() or self.promised(self._position, signs):
            msg = (
                f"{parameter}={self._position} got a page that had been read before, "
                "though more should follow: the API does not know the parameter. Set "
                f"{self.style}_param to its name, or pagination to the API's style."
            )
            raise self.pagination.error(msg)
        self.pagination.say(
            logging.WARNING,
            "%s=%d got a page that had been read before: either there is no other, "
            "or the API does not know the parameter. Its records are read once; if "
            "any are missing, set %s_param, or pagination to the API's style.",
            *(parameter, self._position, self.style),
        )


class PageNumberPaginator(_CountingPaginator):
    """Pages are numbered.

    Args:
        pagination: What is set, and known so far, of the stream.
        start: Number of the first page; with 0 it may as well turn out to be 1.
    """

    style = "page"

    def __init__(self, pagination: Pagination, start: int = 1) -> None:
        super().__init__(pagination, start)
        self._first = min(start, 1)
        self._last = 0

    @override
    def step(self, records: int) -> int:
        return 1

    @override
    def promised(self, position: int, signs: Signs) -> bool | None:
        end = self._end(signs)
        counted = signs.number("pages", "last_page") is not None
        if counted and self._position <= end < position:
            return False
        return position <= end or None

    @override
    def renumber(self) -> bool:
        if (self._first, self._position) != (0, 1):
            return False
        self._first = 1  # Responses may count from 0 where the parameter does not.
        return True

    @override
    def follow(self, signs: Signs) -> NextRequest | None:
        request = super().follow(signs)
        self._last = self._end(signs)
        return request

    @override
    def ahead(self, count: int) -> list[NextRequest]:
        if (self._first, self._position) == (0, 1):
            return []
        numbers = range(self._position + 1, self._last + 1)[:count]
        return [self.pagination.request(page=number) for number in numbers]

    def _end(self, signs: Signs) -> int:
        by_rows = -(-(signs.number("rows") or 0) // self.page_length(signs))
        pages = max(signs.number("pages") or 0, by_rows)
        return max(self._first + pages - 1, signs.number("last_page") or 0)


class OffsetPaginator(_CountingPaginator):
    """Pages begin at the offset of their first record."""

    style = "offset"

    def __init__(self, pagination: Pagination, start: int = 0) -> None:
        super().__init__(pagination, start)

    @override
    def step(self, records: int) -> int:
        return records

    @override
    def promised(self, position: int, signs: Signs) -> bool | None:
        return position < (signs.number("rows") or 0) or None


class AutoPaginator(Paginator):
    """Goes on in the style that the first response shows."""

    style = "auto"

    def __init__(self, pagination: Pagination) -> None:
        super().__init__(pagination)
        self._found: Paginator | None = None

    @override
    def follow(self, signs: Signs) -> NextRequest | None:
        self._found = self._found or self.pagination.detect(signs)
        request = self._found.follow(signs)
        self.repeated = self._found.repeated
        return request

    @override
    def ahead(self, count: int) -> list[NextRequest]:
        return self._found.ahead(count) if self._found else []


_TOLD = (LinkHeaderPaginator, NextURLPaginator, CursorPaginator)
_STYLES: dict[str, Callable[[Pagination], Paginator]] = {
    "auto": AutoPaginator,
    "none": SinglePagePaginator,
    "link": LinkHeaderPaginator,
    "next_url": NextURLPaginator,
    "cursor": CursorPaginator,
    "page": PageNumberPaginator,
    "offset": OffsetPaginator,
}
