"""Made-up lists of pages, and how a test reads them with a few threads."""

from __future__ import annotations

import itertools
import json
import logging
import sys
import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.api.answer import Answer
from tap_analytics.api.page import Page
from tap_analytics.api.paginators import Paginator
from tap_analytics.api.stream_pages import NextRequest, StreamPages
from tap_analytics.errors import FatalAPIError, LeftOutError
from tap_analytics.reading.page_memory import PageMemory
from tap_analytics.reading.parents_and_children import Branch
from tap_analytics.reading.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_analytics.api.page_hints import PageHints
    from tap_analytics.reading.parents_and_children import Context
    from tap_analytics.rows.fields import Row

TIMEOUT = 10
"""Seconds after which a test gives up; nothing waits so long when all is well."""

Lists = dict[str, list[list[str]]]
"""The pages of names below each name, those of the top level below ``""``."""

SHARED = StreamPages({}, "tree", logging.getLogger("tap-analytics.test"))


class Numbered(Paginator):
    """Numbers pages; knows from the start how many there are, or sees it at the end."""

    style = "page"

    def __init__(self, pages: int, *, known: bool) -> None:
        super().__init__(SHARED, SHARED.request())
        self.pages = pages
        self.known = known
        self.number = 0

    def request(self, number: int) -> NextRequest:
        return SHARED.request(page=number)

    def follow(self, hints: PageHints) -> NextRequest | None:
        number = hints.page.answer.headers["Number"]
        assert number == str(self.number), "not in page order"
        self.number += 1
        return self.request(self.number) if self.number < self.pages else None

    def ahead(self, count: int) -> list[NextRequest]:
        following = range(self.number + 1, min(self.number + 1 + count, self.pages))
        return [self.request(number) for number in following] if self.known else []


class Tree:
    """A source whose rows have names, below which there may be more rows."""

    def __init__(
        self,
        lists: Lists,
        before: Callable[[str, int], None] = lambda _, __: None,
        *,
        known: bool = False,
    ) -> None:
        self.lists = lists
        self.before = before
        self.known = known
        self.fetched: list[tuple[str, int]] = []
        self.threads: set[threading.Thread] = set()
        self.gone: list[str] = []
        self.ends: list[str] = []

    def fetch(self, context: Context | None, request: NextRequest) -> Page:
        name = name_of(context)
        number = int(dict(request.params).get("page", 0))
        self.fetched.append((name, number))
        self.threads.add(threading.current_thread())
        self.before(name, number)
        answer = Answer(
            "https://api.example.com",
            headers={"Number": str(number)},
            body=json.dumps(self.lists[name][number]).encode(),
        )
        return Page(answer, "$")

    def new_paginator(self) -> Paginator:
        raise NotImplementedError

    def rows(self, page: Page, context: Context | None) -> Iterator[Row]:
        assert context is None or name_of(context)
        return ({"name": json.loads(bytes(record))} for record in page.records)

    def below(self, row: Row, context: Context | None) -> list[tuple[Any, Context]]:
        assert context is None or name_of(context)
        name = row["name"]
        return [(Below(self, name), {"of": name})] if name in self.lists else []

    def ended(self, context: Context | None, paginator: Paginator) -> None:
        assert paginator.finished
        self.ends.append(name_of(context))

    def left_out(self, context: Context | None, error: LeftOutError) -> None:
        assert str(error)
        self.gone.append(name_of(context))


class Below(Tree):
    """The source of the rows below one name; it shares everything with the tree."""

    def __init__(self, tree: Tree, name: str = "") -> None:
        self.__dict__ = tree.__dict__
        self.paginator: Callable[[], Paginator] = lambda: Numbered(
            len(tree.lists[name]), known=tree.known
        )

    def new_paginator(self) -> Paginator:
        return self.paginator()


def name_of(context: Context | None) -> str:
    return str(context["of"]) if context else ""


def expected(lists: Lists, name: str = "") -> list[str]:
    """Return the names in the order in which they are written without threads."""
    rows = itertools.chain.from_iterable(lists[name])
    below = ([row, *expected(lists, row)] if row in lists else [row] for row in rows)
    return list(itertools.chain.from_iterable(below))


def written(branch: Branch[Tree]) -> Iterator[str]:
    """Consume a branch as the tap does."""
    for _, row, below in branch.rows():
        yield row["name"]
        for child in below:
            yield from written(child)


@contextmanager
def threads(size: int, memory: PageMemory | None = None) -> Iterator[Workers]:
    """Start a few workers, with page memory of their own, and stop them."""
    workers = Workers(size, memory or PageMemory())
    try:
        yield workers
    finally:
        workers.stop()


def branch_of(
    tree: Tree, workers: Workers, lookahead: int | None = None
) -> Branch[Tree]:
    return Branch(Below(tree), None, workers, lookahead=lookahead or workers.size)


def quiet(workers: Workers) -> None:
    """Wait until workers with one thread have nothing left to do."""
    assert workers.size == 1
    idle = threading.Event()
    workers.submit((sys.maxsize,), idle.set)
    assert idle.wait(TIMEOUT)


def fan(children: int) -> Lists:
    """Return a tree of one page, each row of which has one row below it."""
    rows = [f"p{number}" for number in range(children)]
    return {"": [rows], **{row: [[f"{row}-child"]] for row in rows}}


def failing(where: Mapping[tuple[str, int], Exception]) -> Callable[[str, int], None]:
    def fail(name: str, number: int) -> None:
        if (name, number) in where:
            raise where[name, number]

    return fail


def outcome(source: Tree, size: int) -> tuple[list[str], str]:
    """Return what is written before the error, and the error."""
    names: list[str] = []
    with threads(size) as workers:
        branch = Branch(source, None, workers, lookahead=size)
        with pytest.raises(FatalAPIError) as caught:
            deque(map(names.append, written(branch)))
    return names, str(caught.value)
