"""Lists as the API sends them: divided into pages, in an envelope.

What tells a client about the next page, by `pagination` (with envelope `data`):

- `none`: nothing; all records are in one response, and page parameters are ignored.
- `link`: the header `Link: <…?page=2>; rel="next"`, with `first`, `prev` and `last`.
- `next_url`: `{"data": […], "links": {"next": "http://…?page=2"}}`, null on the last
  page. `next_field` moves it (`next`, `paging.next`, `links.next.href`);
  `relative_next` leaves scheme and host out.
- `cursor`: `{"data": […], "next_cursor": "bzoxMDA"}`, null on the last page, to be sent
  back as `cursor=`. Cursors are opaque; one that the server never made gets a 400.
- `page`: `?page=2&limit=50`, from 1 or `first_page`, with `{"data": […], "meta":
  {"page": 2, "per_page": 50, "total": 120, "total_pages": 3}}`.
- `offset`: `?offset=50&limit=50`, with `{"data": […], "meta": {"offset": 50,
  "limit": 50, "total": 120}}` when `totals` names these.

`totals` and `total_headers` choose the words in which pages are announced (see
`announcements`), `totals_in` where they are in the body. Pages beyond the last are
empty. The page size is `page_size`, or the client's `limit` where that is smaller;
`page_sizes` sets it for single streams. With a top-level array (envelope `none`) there
is no room for metadata: `link` works, and `page` and `offset` work without totals.
"""

from __future__ import annotations

import base64
import binascii
import re
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tap_analytics.sandbox.announcements import ANNOUNCEMENTS, Part, in_headers
from tap_analytics.sandbox.envelopes import Envelope, put

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_analytics.sandbox.answers import Answer
    from tap_analytics.sandbox.options import SandboxOptions
    from tap_analytics.sandbox.records import Record

NEXT_FIELDS = {"next_url": "links.next", "cursor": "next_cursor"}
CURSOR_MARK = b"o:"
NONCE = "nonce"


class BadParameterError(ValueError):
    """A query parameter has a value that the API doesn't take."""


class Pager:
    """Makes a response of a list and a query.

    Args:
        options: Pagination, page size, parameter names and envelope.
    """

    def __init__(self, options: SandboxOptions) -> None:
        self._options = options
        self._envelope = Envelope(options)
        self._next_field = options.next_field or NEXT_FIELDS.get(options.pagination, "")
        self._nonces = count(1)

    def answer(
        self,
        stream: str,
        records: Sequence[Record],
        query: dict[str, str],
        origin: str,
        path: str,
    ) -> Answer:
        """Answers with the page that the query asks for.

        Args:
            stream: The stream.
            records: The whole list.
            query: The query parameters.
            origin: Scheme and host that the client used.
            path: The raw path of the request.

        Returns:
            The response.

        Raises:
            BadParameterError: A page parameter makes no sense.
        """
        options = self._options
        style, most = options.pagination, options.page_size_of(stream)
        if style == "none" or not most:
            return self._envelope.answer(records)
        asked = self._number(query, options.limit_param, most, 1)
        size = min(asked, most)
        is_ignored = stream in options.ignores_pages
        start = 0 if is_ignored else self._start(query, size)
        part = self._part(start, size, len(records), is_endless=is_ignored)
        page = records[start : start + part.shown]
        headers = in_headers(options.total_headers, part)
        metadata: dict[str, Any] = {}
        if is_ignored:
            query = {**query, NONCE: str(next(self._nonces))}
        if style == "link":
            headers["Link"] = ", ".join(
                f'<{origin}{self._url(path, query, number)}>; rel="{relation}"'
                for relation, number in self._links(part).items()
            )
        elif style == "next_url":
            url = self._url(path, query, part.number + 1)
            place = "" if options.relative_next else origin
            put(metadata, self._next_field, place + url if part.has_more else None)
        elif style == "cursor":
            is_told = options.cursor_param in query or not options.cursor_when_asked
            cursor = _cursor(part.end) + query.get(NONCE, "")
            shown = cursor if part.has_more and is_told else None
            put(metadata, self._next_field, shown)
        elif self._envelope.has_room:
            for name in options.totals:
                inside = options.totals_in
                value = ANNOUNCEMENTS[name](part)
                put(metadata, f"{inside}.{name}" if inside else name, value)
        is_whole = part.shown == len(records)
        status = 200 if is_whole else options.page_status
        return self._envelope.answer(page, metadata, headers, status)

    def _start(self, query: dict[str, str], size: int) -> int:
        options = self._options
        if options.pagination == "offset":
            return self._number(query, options.offset_param, 0, 0)
        if options.pagination == "cursor":
            return _position(query.get(options.cursor_param, ""))
        first = options.first_page
        index = self._number(query, options.page_param, first, first) - first
        return index * size - (index // 2 if options.short_pages else 0)

    def _part(self, start: int, size: int, total: int, *, is_endless: bool) -> Part:
        options = self._options
        index, room = start // size, size
        if options.short_pages:
            pairs, rest = divmod(start, 2 * size - 1)
            index = 2 * pairs + (rest >= size)
            room = size - index % 2
        said = min(total, options.total_cap or total)
        return Part(
            start=start,
            size=size,
            shown=max(0, min(room, total - start)),
            total=said,
            number=index + options.first_page,
            pages=-(-said // size),
            has_more=is_endless or start + room < total,
        )

    @staticmethod
    def _number(query: dict[str, str], name: str, default: int, least: int) -> int:
        text = query.get(name, "")
        if not text:
            return default
        if not re.fullmatch("[0-9]{1,18}", text) or int(text) < least:
            message = f"{name} must be an integer of at least {least}, not {text!r}."
            raise BadParameterError(message)
        return int(text)

    def _url(self, path: str, query: dict[str, str], number: int) -> str:
        return f"{path}?{urlencode({**query, self._options.page_param: str(number)})}"

    def _links(self, part: Part) -> dict[str, int]:
        first, number = self._options.first_page, part.number
        links = {"first": first, "last": max(first, part.pages - 1 + first)}
        if number > first:
            links["prev"] = number - 1
        return {"next": number + 1, **links} if part.has_more else links


def _cursor(start: int) -> str:
    text = CURSOR_MARK + str(start).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _position(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (binascii.Error, ValueError):
        text = b""
    mark, digits = text[: len(CURSOR_MARK)], text[len(CURSOR_MARK) :]
    if mark != CURSOR_MARK or not digits.isdigit():
        message = "The cursor is not one of this API's."
        raise BadParameterError(message)
    return int(digits)
