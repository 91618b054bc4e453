"""Lists as the API sends them: divided into pages, in an envelope.

What tells a client about the next page, by `pagination` (with envelope `data`):

- `none`: nothing; all records are in one response, and page parameters are ignored.
- `link`: the header `Link: <…?page=2>; rel="next"`, with `first`, `prev` and `last`.
- `next_url`: `{"data": […], "links": {"next": "http://…?page=2"}}`, null on the last
  page. `next_field` moves it (`next`, `paging.next`, `links.next.href`);
  `relative_next` leaves scheme and host out.
- `cursor`: `{"data": […], "next_cursor": "bzoxMDA"}`, null on the last page, to be sent
  back as `cursor=`. Cursors are opaque; one that the server never made gets a 400.
- `page`: `?page=2&limit=50`, from 1, with `{"data": […], "meta": {"page": 2,
  "per_page": 50, "total": 120, "total_pages": 3}}`.
- `offset`: `?offset=50&limit=50`, with `{"data": […], "meta": {"offset": 50,
  "limit": 50, "total": 120}}` when `totals` names these.

`totals` chooses and names what `meta` holds, `totals_in` where it is. Pages beyond the
last are empty. The page size is `page_size`, or the client's `limit` where that is
smaller; `page_sizes` sets it for single streams. With a top-level array (envelope
`none`) there is no room for metadata: `link` works, and `page` and `offset` work
without totals.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from tap_analytics.sandbox.answers import JSON, Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_analytics.sandbox.data import Record
    from tap_analytics.sandbox.options import SandboxOptions

NEXT_FIELDS = {"next_url": "links.next", "cursor": "next_cursor"}
CURSOR_MARK = b"o:"


class BadParameterError(ValueError):
    """A query parameter has a value that the API doesn't take."""


class Pager:
    """Makes a response of a list and a query.

    Args:
        options: Pagination, page size, parameter names and envelope.
    """

    def __init__(self, options: SandboxOptions) -> None:
        self._options = options
        self._envelope, _, self._wrapper = options.envelope.partition("[*].")
        self._next_field = options.next_field or NEXT_FIELDS.get(options.pagination, "")

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
        style, most = self._options.pagination, self._options.page_size_of(stream)
        if style == "none" or not most:
            return self._respond(records, {}, {})
        asked = self._number(query, self._options.limit_param, most, 1)
        size = min(asked, most)
        start = self._start(query, size)
        page = records[start : start + size]
        has_more = start + size < len(records)
        if style == "link":
            links = self._links(start, size, len(records))
            header = ", ".join(
                f'<{origin}{self._url(path, query, number)}>; rel="{relation}"'
                for relation, number in links.items()
            )
            return self._respond(page, {}, {"Link": header})
        metadata: dict[str, Any] = {}
        if style == "next_url":
            url = self._url(path, query, start // size + 2)
            place = "" if self._options.relative_next else origin
            _put(metadata, self._next_field, place + url if has_more else None)
        elif style == "cursor":
            cursor = _cursor(start + size) if has_more else None
            _put(metadata, self._next_field, cursor)
        elif self._envelope != "none":
            for name in self._options.totals:
                value = _total(name, start, size, len(records))
                inside = self._options.totals_in
                _put(metadata, f"{inside}.{name}" if inside else name, value)
        return self._respond(page, metadata, {})

    def _start(self, query: dict[str, str], size: int) -> int:
        options = self._options
        if options.pagination == "offset":
            return self._number(query, options.offset_param, 0, 0)
        if options.pagination == "cursor":
            return _position(query.get(options.cursor_param, ""))
        return (self._number(query, options.page_param, 1, 1) - 1) * size

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

    @staticmethod
    def _links(start: int, size: int, total: int) -> dict[str, int]:
        number, last = start // size + 1, max(1, -(-total // size))
        links = {"first": 1, "last": last}
        if number > 1:
            links["prev"] = number - 1
        return {"next": number + 1, **links} if number < last else links

    def _respond(
        self,
        records: Sequence[Record],
        metadata: dict[str, Any],
        headers: dict[str, str],
    ) -> Answer:
        rows = b",".join([record.body for record in records])
        if self._wrapper:
            before = b'{"%b":' % self._wrapper.encode()
            rows = b",".join([before + record.body + b"}" for record in records])
        array = b"[%b]" % rows
        if self._envelope == "none":
            return Answer(200, array, {"Content-Type": JSON, **headers})
        body: dict[str, Any] = {}
        _put(body, self._envelope, msgspec.Raw(array))
        return json_answer(_merge(body, metadata), headers=headers)


def _merge(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    for name, value in right.items():
        both = isinstance(value, dict) and isinstance(left.get(name), dict)
        left[name] = _merge(left[name], value) if both else value
    return left


def _put(target: dict[str, Any], dotted: str, value: Any) -> None:
    *objects, name = dotted.split(".")
    for key in objects:
        target = target.setdefault(key, {})
    target[name] = value


def _total(name: str, start: int, size: int, total: int) -> int:
    return {
        "page": start // size + 1,
        "current_page": start // size + 1,
        "per_page": size,
        "limit": size,
        "offset": start,
        "total": total,
        "total_pages": -(-total // size),
        "last_page": -(-total // size),
    }[name]


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
