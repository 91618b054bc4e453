"""What a connection test has seen of each stream, and how to say so."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_analytics.api.page import Page
from tap_analytics.api.page_hints import PageHints
from tap_analytics.errors import FatalAPIError
from tap_analytics.singer.announced_limit import limit_headers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_analytics.api.answer import Answer
    from tap_analytics.singer.stream import AnalyticsStream

_FORBIDDEN = frozenset({402, 403, 451})


class Findings:
    """The answers of an API, by stream.

    Args:
        streams: The streams to test, by name.

    Attributes:
        streams: The same; of those that were read, the ones that did it.
        answers: The answers, by the name of the stream that they are for.
        first_pages: The numbers of first pages that were found, by stream.
    """

    def __init__(self, streams: Mapping[str, AnalyticsStream]) -> None:
        self.streams = dict(streams)
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        self.first_pages: dict[str, int] = {}
        self.selector = str(self.any_stream.config["data_selector"])

    def read_by(self, streams: Iterable[AnalyticsStream]) -> None:
        """Take note of which streams know how their pages follow one another.

        After a failure the next streams are those of another tap.
        """
        self.streams |= {stream.name: stream for stream in streams}

    def note(self, stream: str, answer: Answer) -> None:
        """Take note of an answer."""
        self.answers[stream].append(answer)

    @property
    def any_stream(self) -> AnalyticsStream:
        """One of the streams: their settings are the same."""
        return next(iter(self.streams.values()))

    @property
    def all_answers(self) -> list[Answer]:
        """The answers for all streams."""
        return [answer for answers in self.answers.values() for answer in answers]

    @property
    def is_any_read(self) -> bool:
        """Whether at least one stream was read as it should be."""
        return any(self.pages())

    def page(self, stream: str) -> Page | None:
        """Return a page of a stream that was read as it should be."""
        for answer in self.answers.get(stream, ()):
            if answer.status == HTTPStatus.OK:
                with suppress(FatalAPIError):
                    page = Page(answer, self.selector)
                    _ = page.records
                    return page
        return None

    def pages(self) -> Iterator[Page]:
        """Return a page of each stream that was read."""
        return filter(None, map(self.page, self.streams))

    @property
    def all_streams(self) -> str:
        """What all streams are called together."""
        names = [*self.streams]
        return f"all {len(names)} streams" if names[1:] else f"the stream {names[0]}"

    def limit_headers(self) -> list[tuple[str, str]]:
        """Return what the API says of its limit."""
        found = (limit_headers(page.answer.headers) for page in self.pages())
        return next(filter(None, found), [])

    def of(self, name: str) -> str:
        """Return what was found of a stream."""
        page = self.page(name)
        if page is not None:
            return self._of_page(name, page)
        if name not in self.answers:
            return "not asked for: there is no project"
        answer = self.answers[name][-1]
        if is_json(answer):
            return f"not read: no list of records in what GET {answer.url} answered"
        what = f"{answer.status} {answer.reason or ''}".rstrip()
        tried = len(self._paths(name))
        same = f", as for all {tried} projects that were tried" if tried > 1 else ""
        gone = self.is_child(name) and answer.status == HTTPStatus.NOT_FOUND
        advice = ": does a project have such a resource?" if gone else ""
        return f"not read: GET {answer.url} answered {what}{same}{advice}"

    def is_child(self, name: str) -> bool:
        """Return whether a stream is below projects."""
        return self.streams[name].parent_stream_type is not None

    def _of_page(self, name: str, page: Page) -> str:
        counted = PageHints(page).number("rows")
        total = f" of {counted:,}" if counted is not None else ""
        of_what = " of one project" if self.is_child(name) else ""
        text = f"{len(page.records):,}{total} rows{of_what}, {self._pagination(name)}"
        if refused := len(self._paths(name, _FORBIDDEN)):
            tried = len(self._paths(name))
            text += f"; the key may not read {refused} of {tried} projects tried"
        return text

    def _pagination(self, name: str) -> str:
        found = self.streams[name].source.pagination.found
        style, _, why = found.partition(" ")
        if style == "none":
            return f"one page {why}"
        first = self.first_pages.get(name)
        counts = "" if first is None else f", first page {first}"
        return f"pagination {found}{counts}"

    def _paths(self, name: str, statuses: frozenset[int] | None = None) -> set[str]:
        return {
            answer.url.partition("?")[0]
            for answer in self.answers[name]
            if statuses is None or answer.status in statuses
        }


def is_json(answer: Answer) -> bool:
    """Return whether an answer may hold records."""
    if answer.status != HTTPStatus.OK:
        return False
    with suppress(FatalAPIError):
        Page(answer)
        return True
    return False
