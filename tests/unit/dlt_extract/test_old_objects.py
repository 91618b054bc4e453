"""What Python's garbage collector leaves alone while rows are read."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from tap_analytics.dlt_extract.extraction import Extraction
from tap_analytics.dlt_extract.old_objects import left_alone
from tap_analytics.settings import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _nothing_is_frozen() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_old_objects_are_left_alone_until_the_last_is_done() -> None:
    with left_alone():
        with left_alone():
            assert gc.get_freeze_count()
        assert gc.get_freeze_count()
    assert not gc.get_freeze_count()


def test_new_garbage_is_collected_meanwhile() -> None:
    with left_alone():
        new: list[object] = []
        new.append(new)
        del new
        assert gc.collect()


def test_a_failure_leaves_nothing_frozen() -> None:
    with pytest.raises(ZeroDivisionError), left_alone():
        _ = 1 / 0
    assert not gc.get_freeze_count()


def test_what_was_frozen_before_stays_so() -> None:
    gc.freeze()
    with left_alone():
        pass
    assert gc.get_freeze_count()


def test_an_extraction_leaves_old_objects_alone() -> None:
    with Extraction(DEFAULTS | {"api_key": "k"}).reading():
        assert gc.get_freeze_count()
    assert not gc.get_freeze_count()
