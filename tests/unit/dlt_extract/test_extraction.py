"""What the resources of a source share while dlt extracts them once."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from dlt.common.configuration.container import Container
from dlt.extract.source import SourceInjectableContext

from tap_analytics.dlt_extract.extraction import Extraction, Extractions
from tap_analytics.settings import DEFAULTS

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
    experience = extraction.account.client._experience  # noqa: SLF001 - no API here
    experience.answered("clients")
    assert extraction.may_ask()
