"""Sampling: the first records of each stream, read to infer its columns from them."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from tap_analytics.api.pagination import Pagination
from tap_analytics.errors import LeftOutError
from tap_analytics.rows.fields import ADDITIONAL_FIELDS, Fields
from tap_analytics.rows.inference import Inference
from tap_analytics.singer.messages import glanced_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_analytics.api.page import Page
    from tap_analytics.reading.parents_and_children import Context
    from tap_analytics.rows.fields import Row
    from tap_analytics.singer.stream import AnalyticsStream

PARENTS_TRIED = 20
"""Below so many parents a child stream is sampled at most: each costs a request."""

_silent = logging.getLogger(__name__)
"""For what is going to be said when the same records are read for their own sake."""
_silent.addFilter(lambda _: False)


def inferred_columns(
    streams: Sequence[AnalyticsStream], size: int
) -> dict[type[AnalyticsStream], Inference]:
    """Read samples and infer columns from them.

    Args:
        streams: All streams, parents before their children.
        size: Records per stream, at most.

    Returns:
        What was inferred, by stream.

    Raises:
        FatalAPIError: If the API refuses, or retries are used up.
        StoppedError: If the run is to end.
    """
    sampled: dict[type, tuple[AnalyticsStream, list[Row]]] = {}
    columns: dict[type[AnalyticsStream], Inference] = {}
    for stream in streams:
        if stream.parent_stream_type is None:
            pages = _pages(stream, None, size)
        else:
            parent, rows = sampled[stream.parent_stream_type]
            pages = _first_pages(stream, _contexts_below(parent, rows), size)
        sample = _rows(stream, pages, size)
        sampled[type(stream)] = stream, sample
        columns[type(stream)] = _inferred(stream, sample)
    return columns


def _pages(
    stream: AnalyticsStream, context: Context | None, size: int
) -> Iterator[Page]:
    """Return the pages in a context, none longer than it has to be."""
    asked = stream.source.pagination.shared.page_size
    config = {
        **stream.config,
        "page_size_by_stream": None,
        "page_size": asked and min(asked, size),
    }
    paginator = Pagination(config, stream.name, _silent).paginator()
    while not paginator.finished:
        fetch = partial(stream.source.fetch, context, paginator.current_value)
        page = stream.account.workers.result(fetch)
        paginator.advance(page)
        if not paginator.repeated:
            yield page


def _contexts_below(
    parent: AnalyticsStream, rows: Sequence[Row]
) -> Iterator[Context | None]:
    return (parent.get_child_context(glanced_at(row), None) for row in rows)


def _first_pages(
    stream: AnalyticsStream, contexts: Iterator[Context | None], size: int
) -> Iterator[Page]:
    """Return the first page in each of a few contexts."""
    for context in islice(contexts, PARENTS_TRIED):
        with suppress(LeftOutError):
            yield from islice(_pages(stream, context, size), 1)


def _rows(stream: AnalyticsStream, pages: Iterator[Page], size: int) -> list[Row]:
    """Return rows in which all undeclared fields are additional ones."""
    fields = Fields(
        stream.name,
        stream.schema,
        stream.primary_keys,
        collect=True,
        logger=_silent,
        constant=stream.account.column,
    )
    records = chain.from_iterable(page.records for page in pages)
    return [fields.fit(record, {}) for record in islice(records, size)]


def _inferred(stream: AnalyticsStream, rows: Sequence[Row]) -> Inference:
    inference = Inference(stream.schema["properties"])
    for row in rows:
        additional = row[ADDITIONAL_FIELDS]
        if isinstance(additional, dict):
            inference.add(additional)
    stream.logger.info(
        "%s: inferred %d columns from %d records",
        stream.name,
        len(inference.columns),
        len(rows),
    )
    if without := inference.without_column:
        stream.logger.warning(
            "%s: these fields get no column and stay in %r: %s",
            stream.name,
            ADDITIONAL_FIELDS,
            "; ".join(f"{name!r} ({reason})" for name, reason in without.items()),
            extra={"kind": "no column"},
        )
    return inference
