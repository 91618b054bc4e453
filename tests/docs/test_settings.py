"""docs/settings.md."""

from __future__ import annotations

import importlib.util

from tests.docs.documents import Document
from tests.e2e.commands import PROJECT


def test_the_settings_are_those_of_the_tap() -> None:
    file = PROJECT / ".ci" / "settings_md.py"
    spec = importlib.util.spec_from_file_location("settings_md", file)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    text = Document("docs/settings.md").text
    assert script.with_settings(text) == text
