"""The README: what its commands do, and what it says, is so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.documents import Document, Followed
from tests.helpers.commands import PROJECT
from tests.helpers.running import STREAMS
from tests.helpers.scripts import script

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox

DOCUMENT = Document("README.md")


@pytest.fixture(scope="module")
def followed(api: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Followed:
    return DOCUMENT.follow(tmp_path_factory.mktemp("readme"), api)


def test_all_streams_are_loaded(followed: Followed, api: Sandbox) -> None:
    assert followed.counts() == api.counts()
    assert followed.counts("agency.raw") == api.counts()


@pytest.mark.usefixtures("followed")
def test_each_way_reads_all_streams(api: Sandbox) -> None:
    ways = 3  # By a config file, by the environment, as a dlt source.
    paths = [request.path for request in api.requests()]
    assert paths.count("/v1/clients") > ways  # `--test` also looks at it.


def test_the_pictures_show_what_a_terminal_shows() -> None:
    pictures = script("screens").pictures()
    assert set(re.findall(r"\(docs/([\w-]+\.svg)\)", DOCUMENT.text)) == pictures.keys()
    for name, picture in pictures.items():
        drawn = (PROJECT / "docs" / name).read_text(encoding="utf-8")
        assert _shown(drawn) == _shown(picture), "run make plugins"


def _shown(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_the_streams_are_those_of_the_tap() -> None:
    table = DOCUMENT.text.partition("## Streams")[2].partition("## Settings")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \| `/", table, re.MULTILINE)) == [*STREAMS]
