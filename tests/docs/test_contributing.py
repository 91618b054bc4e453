"""The walks of a page and of a line name functions that exist."""

from __future__ import annotations

import ast
import re

import pytest

from tests.helpers.commands import PROJECT

TEXT = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
STOP = re.compile(r"`(\w[\w/]*\.py)`\s+`([\w.]+)`")


def walk(title: str) -> list[tuple[str, str]]:
    """Return the stops of a walk, each as a file and a function."""
    part = TEXT.partition(title)[2].partition("\n\nFrom ")[0].partition("\n\nA rel")[0]
    return STOP.findall(part)


def functions_of(file: str) -> set[str]:
    """Return the functions of a file, methods with their class."""
    tree = ast.parse((PROJECT / file).read_text(encoding="utf-8"))
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for owner in tree.body:
        if isinstance(owner, ast.ClassDef):
            members = (m for m in owner.body if isinstance(m, ast.FunctionDef))
            found |= {f"{owner.name}.{member.name}" for member in members}
    return found


@pytest.mark.parametrize(
    ("title", "folder", "stops"),
    [
        ("From an HTTP answer", "tap_analytics", 12),
        ("From standard input", "tap_analytics/target_dlt", 12),
    ],
)
def test_each_stop_exists(title: str, folder: str, stops: int) -> None:
    walked = walk(title)
    assert len(walked) == stops
    for file, function in walked:
        assert function in functions_of(f"{folder}/{file}"), (file, function)
