"""What the resources of a source share while dlt extracts them once."""

from __future__ import annotations

import gc
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
from dlt.common import logger
from dlt.common.configuration.container import Container
from dlt.extract.source import SourceInjectableContext

from tap_analytics.dlt_extract.extraction import Extraction, Extractions, pages
from tap_analytics.errors import FatalAPIError, StoppedError, VanishedError
from tap_analytics.settings import DEFAULTS
from tests.helpers.fetching import TIMEOUT, Tree, branch_of, failing, quiet, threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_analytics.api.page import Page

SETTINGS = DEFAULTS | {"api_key": "k"}


def in_context(
    extractions: Extractions, context: SourceInjectableContext
) -> Extraction:
    with Container().injectable_context(context):
        return extractions.current()


def test_all_resources_of_an_extraction_share_one() -> None:
    context = SourceInjectableContext()
    extractions = Extractions(SETTINGS)
    first = in_context(extractions, context)
    assert in_context(extractions, context) is first


def test_another_extraction_is_another_one() -> None:
    contexts = [SourceInjectableContext() for _ in "ab"]
    extractions = Extractions(SETTINGS)
    first, second = (in_context(extractions, context) for context in contexts)
    assert first is not second
    assert first.account is not second.account


def test_nothing_is_kept_of_an_extraction_that_dlt_has_forgotten() -> None:
    extractions = Extractions(SETTINGS)
    in_context(extractions, SourceInjectableContext())
    gc.collect()
    assert not extractions._running  # noqa: SLF001 - that is what shows it


def test_after_a_failure_a_new_one_begins() -> None:
    context = SourceInjectableContext()
    extractions = Extractions(SETTINGS)
    failed = in_context(extractions, context)
    with pytest.raises(ValueError, match="x"), failed.reading():
        raise ValueError("x")  # noqa: EM101
    assert failed.account.run.stop.is_set
    assert in_context(extractions, context) is not failed


def closed(extraction: Extraction) -> Any:
    def read() -> Any:
        with extraction.reading():
            yield

    reading = read()
    next(reading)
    return reading


def test_a_part_that_is_given_up_leaves_the_others_alone() -> None:
    extraction = Extraction(SETTINGS)
    first, second = closed(extraction), closed(extraction)
    first.close()
    assert not extraction.is_over
    second.close()
    assert extraction.is_over


def test_nobody_asks_before_the_first_has_an_answer() -> None:
    extraction = Extraction(SETTINGS)
    assert extraction.may_ask()
    assert not extraction.may_ask()
    experience = extraction.account.client.experience
    experience.answered("clients")
    assert extraction.may_ask()


def test_warnings_are_expected_for_as_long_as_dlt_extracts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = logging.getLogger("as-dlt-has-one")
    monkeypatch.setattr(logger, "LOGGER", log)
    context = SourceInjectableContext()
    extraction = in_context(Extractions(SETTINGS), context)
    assert log.filters == [extraction.expected_warnings]
    other = SourceInjectableContext()
    later = in_context(Extractions(SETTINGS), other)
    assert log.filters == [later.expected_warnings]
    del context, other
    gc.collect()
    assert log.filters == []


# Pages as they come


def names_in(coming: Iterator[Page | None]) -> list[str]:
    found = [page for page in coming if page is not None]
    return [bytes(record).decode() for page in found for record in page.records]


def test_dlt_goes_on_while_a_page_is_to_come() -> None:
    go_on = threading.Event()

    def wait(_: str, __: int) -> None:
        assert go_on.wait(TIMEOUT)

    with threads(1) as workers:
        coming = pages(branch_of(Tree({"": [["a"], ["b"]]}, wait), workers))
        assert [next(coming), next(coming)] == [None, None]
        go_on.set()
        assert names_in(coming) == ['"a"', '"b"']


def test_a_page_that_is_there_comes_at_once() -> None:
    with threads(1) as workers:
        branch = branch_of(Tree({"": [["a"]]}), workers)
        quiet(workers)
        page = next(pages(branch))
    assert page is not None


def test_a_failure_comes_at_its_place() -> None:
    with threads(1) as workers:
        tree = Tree({"": [["a"], ["b"]]}, failing({("", 1): FatalAPIError("refused")}))
        read: list[Any] = []
        with pytest.raises(FatalAPIError, match="refused"):
            read.extend(filter(None, pages(branch_of(tree, workers))))
    assert len(read) == 1


def test_a_list_that_is_gone_has_no_pages() -> None:
    with threads(1) as workers:
        tree = Tree({"": [["a"]]}, failing({("", 0): VanishedError("gone")}))
        assert names_in(pages(branch_of(tree, workers))) == []
    assert tree.gone == [""]


def test_nothing_comes_after_the_run_was_stopped() -> None:
    with threads(1) as workers:
        coming = pages(branch_of(Tree({"": [["a"], ["b"]]}), workers))
        quiet(workers)
        next(coming)
        workers.stop()
        with pytest.raises(StoppedError):
            next(coming)
