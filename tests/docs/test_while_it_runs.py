"""docs/while-it-runs.md."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.docs.documents import Document

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox

PROGRAMS = {"tap-analytics", "target-dlt"}
DOCUMENT = Document("docs/while-it-runs.md")


def test_json_logs_are_as_the_document_says(api: Sandbox, tmp_path: Path) -> None:
    followed = DOCUMENT.follow(tmp_path, api)
    fields = [
        json.loads(line)
        for name in ("tap.log", "target.log", "run.log")
        for line in (followed.folder / name).read_text().splitlines()
    ]
    of_the_pipe = [one for one in fields if one["run"] == "night-1"]
    assert {one["logger"].partition(".")[0] for one in of_the_pipe} >= PROGRAMS
    assert {one["account"] for one in of_the_pipe} == {"acme"}
    assert len({one["run"] for one in fields}) == 2
    assert all(
        {"time", "level", "logger", "message", "run"} <= {*one} for one in fields
    )
    assert fields[-1]["summary"]["outcome"] == "complete"
    for name in {name for one in fields for name in one}:
        assert f"`{name}`" in DOCUMENT.text
