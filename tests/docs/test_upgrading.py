"""docs/upgrading.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.docs.documents import Document

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox


def test_the_catalog_of_the_same_version_is_the_same(
    api: Sandbox, tmp_path: Path
) -> None:
    followed = Document("docs/upgrading.md").follow(tmp_path, api)
    version, compared = followed.printed
    assert version.startswith("tap-analytics v")
    assert "The catalog is the same." in compared
