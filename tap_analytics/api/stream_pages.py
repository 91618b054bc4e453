"""What the paginators of one stream share: how to ask, what was learned, a voice."""

from __future__ import annotations

import logging
import threading
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_analytics.api.experience import Experience
from tap_analytics.errors import FatalAPIError

if TYPE_CHECKING:
    from collections.abc import Mapping


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


class Belief(Enum):
    """On what a list may have ended, without a proof."""

    SHORT_PAGE = "a page shorter than others is the last"
    COUNT = "the API counts the records right"
    FIRST_PAGE = "the first page has the number 1"
    FULL_PAGE = "a page as long as pages often are is the only one"
    ONE_PAGE = "there is one page, though a field may mean another"


class StreamPages:
    """What the paginators of one stream share, on any thread.

    What is to be said of a stream is said once.

    Args:
        config: The tap's settings.
        stream: Name of the stream.
        logger: Where to say what was detected, and what is suspicious.
        documented_size: Records per page that the API documents, if that is asked for.
        experience: What the run has found out about the API.

    Attributes:
        page_size: Records per page to ask for, `None` to leave it to the API.
        parameters: Names of query parameters by what they hold.
        longest: Records in the longest page so far: a shorter one was not cut off.
        found: The style that was seen first, and by what; empty before.
        doubts: Why the lists may not have been read whole.
        refuted: The beliefs that turned out to be wrong.
        repeats_pages: Whether the API is known to ignore the number of a page, or to
            answer with its last page to larger ones.
        first_page: The number of the first page, `None` as long as it is not known.
        verified_count: The largest count of records that turned out to be right.
        experience: What the run has found out about the API.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        stream: str,
        logger: logging.Logger,
        documented_size: int | None = None,
        experience: Experience | None = None,
    ) -> None:
        sizes = config.get("page_size_by_stream") or {}
        self.page_size: int | None = sizes.get(stream) or config.get("page_size")
        self.parameters = {
            kind: config.get(f"{kind}_param") or default
            for kind, default in _PARAMETERS.items()
        }
        self.longest = 1
        self.found = ""
        self.doubts: list[str] = []
        self.refuted: set[Belief] = set()
        self.repeats_pages = False
        self.first_page: int | None = config.get("first_page")
        self.verified_count = 0
        self.experience = experience or Experience()
        self._documented_size = documented_size
        self._stream = stream
        self._logger = logger
        self._said: set[str] = set()
        self._lock = threading.Lock()

    @property
    def documented_size(self) -> int | None:
        """Records per page that the API documents, as long as it keeps to that."""
        return None if Belief.SHORT_PAGE in self.refuted else self._documented_size

    def is_refuted(self, belief: Belief) -> bool:
        """Return whether a belief turned out to be wrong, here or in another stream."""
        if belief is Belief.FIRST_PAGE and self.experience.counts_from_0:
            self.refuted.add(belief)
        return belief in self.refuted

    def request(self, **values: object) -> NextRequest:
        """Return a request with a page, offset or cursor, and the page size."""
        if self.page_size:
            values["page_size"] = self.page_size
        return NextRequest(
            params=tuple((self.parameters[k], str(v)) for k, v in values.items())
        )

    def note_style(self, style: str, sign: object) -> None:
        """Take note of how pages follow one another, and by what that was seen."""
        self.found = self.found or f"{style} ({sign})"
        self.say(logging.DEBUG, f"pagination {style} (%s)", sign)

    def doubt(self, text: str, *, kind: str = "pagination") -> None:
        """Warn that a list may not have been read whole, once for each text."""
        with self._lock:
            self.doubts.append(text)
        self.say(logging.WARNING, text, kind=kind)

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
