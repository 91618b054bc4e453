"""docs/while-it-runs.md."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.docs.documents import Document

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox

DOCUMENT = Document("docs/while-it-runs.md")


def test_json_logs_are_as_the_document_says(api: Sandbox, tmp_path: Path) -> None:
    followed = DOCUMENT.follow(tmp_path, api)
    lines = (followed.folder / "run.log").read_text().splitlines()
    fields = [json.loads(line) for line in lines]
    assert all(
        {"time", "level", "logger", "message", "run"} <= {*one} for one in fields
    )
    assert fields[-1]["summary"]["outcome"] == "complete"
    for name in {name for one in fields for name in one}:
        assert f"`{name}`" in DOCUMENT.text
