"""docs/analytics-load.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_analytics.load.command import main
from tests.docs.documents import Document, Followed

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox

DOCUMENT = Document("docs/analytics-load.md")


@pytest.fixture(scope="module")
def followed(api: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Followed:
    return DOCUMENT.follow(tmp_path_factory.mktemp("load"), api)


def test_every_row_is_there_in_both_places(followed: Followed, api: Sandbox) -> None:
    assert followed.counts() == api.counts()
    assert followed.counts("agency.raw") == api.counts()


def test_each_place_has_a_state_of_its_own(followed: Followed) -> None:
    states = {file.name for file in followed.folder.glob("*.state.json")}
    assert states == {"config.state.json", "agency.state.json"}


def test_all_options_are_listed() -> None:
    for parameter in main.params:
        if parameter.name != "version":
            assert f"| `{parameter.opts[0]}` |" in DOCUMENT.text
