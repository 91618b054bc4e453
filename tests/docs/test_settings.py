"""docs/settings.md."""

from __future__ import annotations

from tests.docs.documents import Document
from tests.helpers.scripts import script


def test_the_settings_are_those_of_the_tap() -> None:
    text = Document("docs/settings.md").text
    assert script("settings_md").with_settings(text) == text
