"""docs/reliability.md: every promise names its tests, and all of them exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "docs" / "reliability.md").read_text(encoding="utf-8")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
PROMISES = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| promise |")
]


@cache
def names_in(file: str) -> set[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse((PROJECT / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("file", "name"), sorted(set(TEST.findall(TEXT))))
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    assert name.startswith("test_")
    assert name in names_in(file)


@pytest.mark.parametrize(
    "promise", PROMISES, ids=[re.sub(r"\W+", "-", cells[0]) for cells in PROMISES]
)
def test_a_promise_has_a_test_and_a_figure(promise: list[str]) -> None:
    _, tests, figure = promise
    assert TEST.search(tests)
    assert not TEST.sub("", tests).strip(", ")
    assert re.search(r"\w", figure)
    assert "@" not in figure  # A figure that is still to be measured.
