"""docs/backfill.md."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.docs.documents import Document, Followed

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox

DOCUMENT = Document("docs/backfill.md")
LOAD = DOCUMENT.blocks[1]


@pytest.fixture(scope="module")
def followed(api: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """A folder in which all was done, and the first commands again."""
    followed = DOCUMENT.follow(tmp_path_factory.mktemp("backfill"), api)
    followed.do(LOAD)
    return followed


def test_every_row_is_there(followed: Followed, api: Sandbox) -> None:
    assert followed.counts() == api.counts()


@pytest.mark.usefixtures("followed")
def test_each_run_asks_for_what_the_document_says(api: Sandbox) -> None:
    queries = [entry.query for entry in api.requests() if entry.path == "/v1/team/time"]
    first, longer, since, again, full, nightly = (
        query.partition("&")[0] for query in queries
    )
    newest = date.fromisoformat(max(row["createdAt"] for row in api.truth("time"))[:10])
    assert first == again == full == ""
    assert nightly == f"since={newest - timedelta(days=61)}"
    assert longer == f"since={newest - timedelta(days=121)}"
    assert since == "since=2024-12-31"  # Days begin elsewhere later.


def test_the_state_is_kept_from_run_to_run(followed: Followed) -> None:
    state = json.loads((followed.folder / "state.json").read_text().splitlines()[-1])
    assert state["bookmarks"]["time"]["replication_key_value"]


def test_the_last_run_removes_rows_that_are_gone(
    followed: Followed, api: Sandbox
) -> None:
    user = api.truth("users")[0]["id"]
    project = api.truth("projects")[0]["id"]
    api.delete("users", user)
    api.delete("projects", project)
    followed.do(DOCUMENT.blocks[-1])
    assert followed.counts() == api.counts()
