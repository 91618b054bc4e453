"""Reads the lists of one stream: from a context to requests, from a page to rows."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from tap_analytics.api.answer_errors import Asker
from tap_analytics.api.pagination import Pagination
from tap_analytics.api.stream_pages import Belief
from tap_analytics.errors import ExhaustedError, FatalAPIError, VanishedError
from tap_analytics.presets import documented_page_size
from tap_analytics.reading.beliefs import Beliefs
from tap_analytics.reading.time_window import TimeWindow
from tap_analytics.reading.wholeness import Wholeness
from tap_analytics.rows.fields import Fields
from tap_analytics.rows.sampled_fields import SampledFields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from msgspec import Raw

    from tap_analytics.api.page import Page
    from tap_analytics.api.paginators import Paginator
    from tap_analytics.api.stream_pages import NextRequest
    from tap_analytics.errors import LeftOutError
    from tap_analytics.reading.account import Account
    from tap_analytics.reading.parents_and_children import Context
    from tap_analytics.reading.so_far import SoFar
    from tap_analytics.rows.bookmarks import Bookmark
    from tap_analytics.rows.fields import Row
    from tap_analytics.rows.unfinished import Unfinished


class StreamReader:
    """Reads the lists of one stream: one, or one below each parent.

    Args:
        account: What all streams of the account share.
        name: Name of the stream.
        path: The path, with what comes from a context in braces.
        schema: The JSON schema that the records are made to fit.
        keys: The key properties.
        bookmark: Where to start; `None` for the very beginning.
        so_far: How far earlier parts of this read came, for lists below parents.
        sampled_fields: The fields that a sample of this run showed, if that decided
            on the columns: others may have had a column in an earlier run.
        is_child: Whether the lists are below parents.
        above: What speaks against the parents being all there are.

    Attributes:
        pagination: How the pages follow one another.
        fields: Makes the records fit.
        beliefs: The lists whose end was only believed.
        wholeness: What speaks against the rows being all there are.
    """

    def __init__(  # noqa: PLR0913 - it is put together from parts
        self,
        account: Account,
        *,
        name: str,
        path: str,
        schema: Mapping[str, Any],
        keys: Sequence[str],
        bookmark: Bookmark | None = None,
        so_far: SoFar | None = None,
        sampled_fields: frozenset[str] | None = None,
        is_child: bool = False,
        above: Wholeness | None = None,
    ) -> None:
        settings = account.settings
        self._logger = account.run.logger.getChild(name)
        self.name = name
        size, known = documented_page_size(settings, name), account.client.experience
        self.pagination = Pagination(settings, name, self._logger, size, known)
        self.bookmark = bookmark
        self.so_far = so_far
        self.beliefs = Beliefs(self.pagination.shared)
        self.wholeness = Wholeness(name, self.pagination.shared, so_far, above)
        self._path = path
        self._client = account.client
        self._progress = account.run.progress
        self.fields = Fields(
            name,
            schema,
            keys,
            collect=settings["undeclared_fields"] != "ignore",
            logger=self._logger,
            constant=account.column,
        )
        self._sampled = (
            None
            if sampled_fields is None
            else SampledFields(name, sampled_fields, self._logger)
        )
        self._window = (
            TimeWindow(settings, bookmark.order, account.client.started_at)
            if bookmark
            else None
        )
        self._asker = Asker(name, is_child)
        if so_far is not None and so_far.before is not None:
            self._go_on_with(so_far, so_far.before)

    def _go_on_with(self, so_far: SoFar, before: Unfinished) -> None:
        """Know what the earlier parts of this read have found out."""
        if self.bookmark is not None:
            self.bookmark.go_on(before.highest)
        self.pagination.shared.refuted |= {
            belief for belief in Belief if belief.name in before.refuted
        }
        if so_far.knows_parents:
            self._client.can_read(self.name)

    def fetch(self, context: Context | None, request: NextRequest) -> Page:
        """Fetch one page, with all retries.

        Args:
            context: The parent's context, `None` for a top-level stream.
            request: What the paginator says of the request.

        Raises:
            FatalAPIError: If the API refuses, or retries are used up.
            LeftOutError: If only what is below the parent can't be read.
            StoppedError: If the run is to end.
        """
        if request.url:
            page = self._client.get(request.url, asker=self._asker)
        else:
            params = (*self._since(context), *request.params)
            page = self._client.get(self._path_in(context), params, self._asker)
        for change in page.changes:
            said = f"the API sent {change}"
            self.pagination.shared.say(logging.WARNING, said, kind="changed body")
        if page.doubt:
            self.pagination.shared.doubt(page.doubt, kind="empty list")
        return page

    def new_paginator(self) -> Paginator:
        """Return a paginator that has seen no page yet."""
        return self.pagination.paginator()

    def rows(self, page: Page, context: Context | None) -> Iterator[Row]:
        """Return the records of a page, made to fit the schema, but for old ones."""
        added = {key: _raw(value) for key, value in (context or {}).items()}
        rows = map(partial(self.fields.fit, context=added), page.records)
        if self._sampled is not None:
            rows = map(self._sampled.seen, rows)
        if self.bookmark is None:
            return rows
        since = self.bookmark.since(context)
        return filter(partial(self.bookmark.passes, since=since), rows)

    def below(self, row: Row, context: Context | None) -> list[tuple[Any, Context]]:
        """Return none: which sources are below a row is for whoever reads them."""
        del row, context
        return []

    def ended(self, context: Context | None, paginator: Paginator) -> None:
        """Take note that a list has been read to its end."""
        self.beliefs.add(context, paginator)

    def left_out(self, context: Context | None, error: LeftOutError) -> None:
        """Warn that there are no rows below a parent."""
        parent = ", ".join(f"{key} {value}" for key, value in (context or {}).items())
        if isinstance(error, VanishedError):
            self._progress.vanished(tuple((context or {}).items()))
            kind, why = "vanished", f"{error}, gone since it was listed"
        else:
            self.wholeness.left_out_for.append(error)
            if context is not None:
                self._is_not_read(context)
            kind = "exhausted" if isinstance(error, ExhaustedError) else "forbidden"
            why = str(error)
        self._logger.warning(
            "%s: %s: no rows for %s", self.name, why, parent, extra={"kind": kind}
        )

    def parent_is_done(self, context: Context, error: LeftOutError | None) -> None:
        """Count a parent whose rows have been written, or that has none.

        Args:
            context: The parent's context.
            error: Why it has none.
        """
        if isinstance(error, VanishedError):
            self.wholeness.parents_gone += 1
        elif error is None:
            self.wholeness.parents_read += 1
            if self.so_far is not None:
                self.so_far.is_read(context)
            if self.bookmark is not None:
                self.bookmark.parent_is_read(context)

    def _is_not_read(self, context: Context) -> None:
        """Take back that a parent is done: a look further was refused."""
        if self.so_far is not None:
            self.so_far.is_not_read(context)
        if self.bookmark is not None:
            self.bookmark.parent_is_not_read(context)

    def skips(self, context: Context) -> bool:
        """Return whether an earlier part of this read wrote the rows below a parent."""
        if self.so_far is None or not self.so_far.skips(context):
            return False
        self.wholeness.parents_read += 1
        if self.bookmark is not None:
            self.bookmark.parent_is_read(context)
        return True

    def unfinished(self, version: int | None) -> str | None:
        """Return how far the lists were read, for the state; `None` without parents.

        Args:
            version: The version of the rows.
        """
        if self.so_far is None:
            return None
        return self.so_far.text(
            undecided=self.beliefs.undecided(),
            version=version,
            highest=self.bookmark and self.bookmark.highest,
            doubts=self.wholeness.doubts,
            refuted=(belief.name for belief in self.pagination.shared.refuted),
        )

    def complete(self, version: int | None) -> str | None:
        """Return, for the state, that the stream need not be read again for this read.

        Parents below which retries were used up are worth another try.

        Args:
            version: The version of the rows.
        """
        if self.so_far is None:
            return None
        if self.wholeness.exhausted:
            return self.unfinished(version)
        return self.so_far.text_when_complete(version)

    def promote(self, state: dict[str, Any]) -> None:
        """Write the bookmark into the state, unless rows may have been missed.

        Rows that are missing below some parents are no reason: such parents are not
        among those that the state knows.
        """
        if self.bookmark is None:
            return
        if self.bookmark.never_had_a_value:
            self._logger.warning(
                "%s: no record has a value in %r, so the next run reads everything "
                "again. Set incremental to false, or choose another replication key.",
                self.name,
                self.bookmark.key,
                extra={"kind": "no bookmark"},
            )
        if not self.wholeness.is_in_doubt:
            self.bookmark.promote(state)

    def say_what_was_ignored(self) -> None:
        """Log which fields were dropped, once there are no more rows to come."""
        if ignored := sorted(self.fields.ignored):
            self._logger.info(
                "%s: dropped, because undeclared_fields is 'ignore': %s",
                self.name,
                ", ".join(map(repr, ignored)),
                extra={"kind": "ignored"},
            )
            self.fields.ignored.clear()

    def _path_in(self, context: Context | None) -> str:
        """Return the path, what comes from the context encoded.

        Raises:
            FatalAPIError: If an id can't stand in a path.
        """
        values = {}
        for key, value in (context or {}).items():
            if value in {".", ".."}:
                msg = f"stream {self.name!r}: {key} {value!r} can't stand in a URL."
                raise FatalAPIError(msg)
            values[key] = quote(str(value), safe="")
        return self._path.format(**values)

    def _since(self, context: Context | None) -> Iterable[tuple[str, str]]:
        """Return the parameters of the API's own time filter, if it has one."""
        if self.bookmark is None or self._window is None:
            return ()
        return self._window.params(self.bookmark.since(context))


def _raw(value: Any) -> Raw:
    return msgspec.Raw(msgspec.json.encode(value))
