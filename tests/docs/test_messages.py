"""docs/messages.md: what it quotes is what the commands say."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.documents import Document
from tests.helpers.commands import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

GAP = "…"
"""What stands for the parts of a message that differ each time."""

QUOTED = re.findall(
    r"^\| `([^`]+)` \|", Document("docs/messages.md").text, re.MULTILINE
)


def texts(node: ast.AST) -> Iterator[str]:
    """Yields the texts in a program, with gaps for what is put into them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else GAP
                for part in child.values
            )
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield re.sub(r"%(?:\.\d)?[srdf]", GAP, child.value)
        yield from texts(child)


@pytest.fixture(scope="module")
def messages() -> set[str]:
    return {
        text
        for file in (PROJECT / "tap_analytics").rglob("*.py")
        for text in texts(ast.parse(file.read_text(encoding="utf-8")))
    }


@pytest.mark.parametrize("quoted", QUOTED)
def test_what_is_quoted_is_said(quoted: str, messages: set[str]) -> None:
    assert any(quoted in message for message in messages)


def test_no_message_is_explained_twice() -> None:
    assert len(set(QUOTED)) == len(QUOTED) > 40
