"""docs/dlt-source.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.docs.documents import Document

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox


def test_the_pipeline_loads_every_row(api: Sandbox, tmp_path: Path) -> None:
    followed = Document("docs/dlt-source.md").follow(tmp_path, api)
    assert followed.counts("analytics.agency") == api.counts()
