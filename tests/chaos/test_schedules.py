"""Some of the schedules that `make chaos` runs, and proof that nothing escapes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.api.client import Client
from tap_analytics.singer.source import StreamSource
from tap_analytics.singer.stream import AnalyticsStream
from tests.chaos.judging import judge
from tests.chaos.kinds import KINDS, Ending

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_analytics.api.page import Page
    from tap_analytics.rows.fields import Row

TURNS = {
    "429": 0,
    "429, Retry-After in seconds": 0,
    "429, Retry-After as a date": 0,
    "429, Retry-After of nonsense": 0,
    "429, a reset in other headers": 0,
    "403 or 402 with Retry-After": 0,
    "202 with Retry-After": 0,
    "500": 0,
    "520": 0,
    "reset": 0,
    "reset-in-headers": 0,
    "reset-in-body": 0,
    "cut-off-chunked": 0,
    "length-too-large": 0,
    "length-too-small": 0,
    "broken-gzip": 0,
    "html": 0,
    "206": 0,
    "status-error": 0,
    "slow-drip": 0,
    "all of these, at random": 0,
    "an error with status 200": 0,
    "an interim answer": 0,
    "key withdrawn halfway": 0,
    "403 below a project": 0,
    "403 from now on": 0,
    "pages that are ignored": 1,
    "a project that disappears": 0,
    "pages that shift: one less": 0,
}
"""Kinds, and which of their schedules is run."""


def seed_of(kind: str, turn: int) -> int:
    return list(KINDS).index(kind) + turn * len(KINDS)


@pytest.mark.parametrize(("kind", "turn"), TURNS.items())
def test_nothing_is_lost(kind: str, turn: int, tmp_path: Path) -> None:
    verdict = judge(seed_of(kind, turn), tmp_path)
    assert verdict.kind == kind
    assert verdict.ending is not None, verdict.reason


def lost(tmp_path: Path, kind: str, turns: int = 5) -> str:
    """Return what some schedules of a kind find that was lost."""
    verdicts = [judge(seed_of(kind, turn), tmp_path) for turn in range(turns)]
    return "; ".join(one.reason for one in verdicts if one.ending is None)


def test_a_version_that_is_activated_too_soon_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begin = AnalyticsStream.begin

    def begin_as_the_sdk_does(self: AnalyticsStream) -> None:
        begin(self)
        if version := self._stream_version:
            self._write_activate_version_message(version)

    monkeypatch.setattr(AnalyticsStream, "begin", begin_as_the_sdk_does)
    assert "None instead of" in lost(tmp_path, "403 below a project")


def test_a_row_that_is_left_out_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = StreamSource.rows

    def all_but_one(self: StreamSource, page: Page, context: Any) -> Iterator[Row]:
        yield from list(rows(self, page, context))[:2]

    monkeypatch.setattr(StreamSource, "rows", all_but_one)
    assert "None instead of" in lost(tmp_path, "empty")


def test_a_bookmark_that_moves_too_soon_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = StreamSource.rows

    def promoted(self: StreamSource, page: Page, context: Any) -> Iterator[Row]:
        yield from rows(self, page, context)
        self.promote(self.stream.stream_state)
        self.stream._write_state_message()  # noqa: SLF001 - as the SDK does

    monkeypatch.setattr(StreamSource, "rows", promoted)
    assert "None instead of" in lost(tmp_path, "another 4xx", turns=10)


def test_an_answer_that_is_tried_once_too_seldom_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one_try = property(lambda _: 1, lambda _, __: None)
    monkeypatch.setattr(Client, "_max_tries", one_try, raising=False)
    assert Ending.STOPPED.value in lost(tmp_path, "500")
