"""docs/standalone.md."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.docs.documents import Document, Followed

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox

DOCUMENT = Document("docs/standalone.md")
QUICKER = {
    "python3 -m venv": "uv venv --quiet",
    "target-jsonl/bin/pip install": "uv pip install --python target-jsonl",
}


@pytest.fixture(scope="module")
def followed(api: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Followed:
    folder = tmp_path_factory.mktemp("standalone")
    return DOCUMENT.follow(folder, api, stand_ins=QUICKER)


def test_the_last_two_runs_write_the_streams_that_were_chosen(
    followed: Followed, api: Sandbox
) -> None:
    files = {
        file.stem: len(file.read_text().splitlines())
        for file in (followed.folder / "rows").iterdir()
    }
    counts = api.counts()
    assert files == {stream: 2 * counts[stream] for stream in ("time", "users")}


@pytest.mark.usefixtures("followed")
def test_what_was_not_chosen_was_not_requested(api: Sandbox) -> None:
    paths = [request.path for request in api.requests()]
    assert paths.count("/v1/team/time") > paths.count("/v1/clients")


def test_the_state_is_that_of_the_last_run(followed: Followed) -> None:
    state = json.loads((followed.folder / "state.json").read_text())
    assert "users" in state["bookmarks"]
