"""All documents: each of their blocks is run, or says why not; each link leads on."""

from __future__ import annotations

import re

import pytest

from tests.docs.documents import RUN, SHOWN, Document, documents
from tests.helpers.commands import PROJECT

DOCUMENTS = documents()
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#]*)(?:#([^)]*))?\)")


@pytest.fixture(params=DOCUMENTS, ids=lambda document: str(document.name))
def document(request: pytest.FixtureRequest) -> Document:
    found: Document = request.param
    return found


def test_every_block_is_run_or_says_why_not(document: Document) -> None:
    for block in document.blocks:
        assert block.mark or block.language in RUN + SHOWN, (
            f"{document.name}:{block.line}: say what becomes of this block, "
            "see tests/docs/documents.py"
        )


def test_what_is_to_be_run_is_run_by_a_test_of_the_document(
    document: Document,
) -> None:
    stem = document.name.removesuffix(".md").removeprefix("docs/")
    test = PROJECT / "tests" / "docs" / f"test_{stem.lower().replace('-', '_')}.py"
    if any(block.is_run or block.mark == "file" for block in document.blocks):
        assert f'Document("{document.name}")' in test.read_text(encoding="utf-8")
        assert ".follow(" in test.read_text(encoding="utf-8")


def test_the_tests_that_are_said_to_run_a_block_are_there(document: Document) -> None:
    for block in document.blocks:
        if block.mark == "run by":
            assert (PROJECT / str(block.note)).exists()


def test_marks_are_written_right_before_their_block(document: Document) -> None:
    marks = re.findall(r"<!-- (?:file|run by|not run)\b", document.text)
    assert len(marks) == sum(block.mark is not None for block in document.blocks)


def test_every_block_is_found(document: Document) -> None:
    assert 2 * len(document.blocks) == len(
        re.findall(r"^\s*```", document.text, re.MULTILINE)
    )


def test_links_lead_to_files_and_headings(document: Document) -> None:
    here = PROJECT / document.name
    for path, heading in LINK.findall(document.text):
        file = (here.parent / path) if path else here
        assert file.exists(), path
        if heading:
            assert heading in headings(file.read_text(encoding="utf-8")), heading


def test_every_document_can_be_found_from_the_readme() -> None:
    linked = {"README.md"}
    new = {"README.md"}
    while new:
        name = new.pop()
        folder = (PROJECT / name).parent
        for path, _ in LINK.findall((PROJECT / name).read_text(encoding="utf-8")):
            file = (folder / path).resolve()
            if path.endswith(".md"):
                found = str(file.relative_to(PROJECT.resolve()))
                new |= {found} - linked
                linked |= {found}
    assert {document.name for document in DOCUMENTS} <= linked


def headings(text: str) -> set[str]:
    """Returns the anchors of a document's headings, as GitHub makes them."""
    return {
        re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
