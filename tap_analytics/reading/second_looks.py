"""Looks again at the lists of a stream whose end was only believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_analytics.reading.parents_and_children import Branch
    from tap_analytics.reading.stream_reader import StreamReader

ReaderT = TypeVar("ReaderT", bound="StreamReader")


def second_looks(
    reader: ReaderT, branch_of: Callable[..., Branch[ReaderT]]
) -> Iterator[Branch[ReaderT]]:
    """Return branches that go on where lists seemed to end, until no doubt is left.

    Args:
        reader: The stream, all of whose lists have been read.
        branch_of: Opens a branch, as `Branch` itself does.

    Yields:
        A branch, of which all pages are to be read before the next one is asked for.
    """
    while due := reader.beliefs.due():
        for context, unproven in due:
            branch = branch_of(reader, context, new_paginator=unproven.go_on)
            yield branch
            reader.beliefs.looked(unproven, found_more=branch.found_more)
