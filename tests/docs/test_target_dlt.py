"""docs/target-dlt.md: the files that it shows are settings of the target."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tap_analytics.load.destination import DECLARED
from tests.docs.documents import Document

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox

DOCUMENT = Document("docs/target-dlt.md")


def test_its_files_are_valid_settings(api: Sandbox, tmp_path: Path) -> None:
    DOCUMENT.follow(tmp_path, api)
    for block in DOCUMENT.blocks:
        if block.mark == "file":
            DECLARED.require_valid(json.loads((tmp_path / str(block.note)).read_text()))
