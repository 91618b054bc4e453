"""The README: what its commands do, and what it says, is so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs.documents import Document, Followed

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox

DOCUMENT = Document("README.md")
MOST_CHARACTERS = 6_700


@pytest.fixture(scope="module")
def followed(api: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Followed:
    return DOCUMENT.follow(tmp_path_factory.mktemp("readme"), api)


def test_all_streams_are_loaded(followed: Followed, api: Sandbox) -> None:
    assert followed.counts() == api.counts()


@pytest.mark.usefixtures("followed")
def test_each_way_reads_all_streams(api: Sandbox) -> None:
    ways = 2  # By `analytics-load`, by the pipe.
    paths = [request.path for request in api.requests()]
    assert paths.count("/v1/clients") > ways  # `--test` also looks at it.


def test_the_tables_and_their_rows_are_shown(followed: Followed, api: Sandbox) -> None:
    counted = next(text for text in followed.printed if "time_records" in text)
    shown = [line.split() for line in counted.splitlines()]
    assert {name: int(rows) for rows, name in shown} == api.counts()


def test_the_first_query_shows_rows(followed: Followed, api: Sandbox) -> None:
    assert any(api.truth("projects")[0]["name"] in text for text in followed.printed)


def test_a_newcomer_can_read_it_in_a_few_minutes() -> None:
    assert len(DOCUMENT.text) <= MOST_CHARACTERS


def test_the_state_of_the_first_load_is_beside_the_config(followed: Followed) -> None:
    assert (followed.folder / "config.state.json").exists()
