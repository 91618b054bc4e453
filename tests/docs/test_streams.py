"""docs/streams.md: the streams, and the types of their columns."""

from __future__ import annotations

import re

from tap_analytics.streams import STREAM_NAMES, STREAMS
from tests.docs.documents import Document

TEXT = Document("docs/streams.md").text


def test_the_streams_are_those_of_the_tap() -> None:
    table = TEXT.partition("## Columns")[0]
    listed = re.findall(r"^\| `(\w+)` \| `(/[^`]*)` \|", table, re.MULTILINE)
    assert sorted(listed) == sorted(
        zip(STREAM_NAMES, (one.path for one in STREAMS), strict=True)
    )
    assert {name for name, _ in listed} == {*STREAM_NAMES}
