"""How the tests are laid out: who may import from whom."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
IMPORT = re.compile(r"^(?:from|import) tests\.(\w+)", re.MULTILINE)
MAY_IMPORT = {
    "unit": {"conftest", "helpers"},
    "helpers": {"helpers"},
}


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_from_no_tests_but(folder: str) -> None:
    for file in (TESTS / folder).rglob("*.py"):
        imported = set(IMPORT.findall(file.read_text(encoding="utf-8")))
        assert imported <= MAY_IMPORT[folder], file
