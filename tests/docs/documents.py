"""The documents that users read: their code blocks, and what it takes to run them.

Every block is run by a test, in the order of its document, in one folder that is empty
at first. A comment on the line before a block says otherwise, or more:

- `<!-- file: NAME -->`: it is the content of a file, which is written down.
- `<!-- run by: TEST -->`: another test does what it says.
- `<!-- not run: REASON -->`: no test can.

Blocks of `text` only show what a command prints.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from tests.helpers.commands import PROJECT, succeed
from tests.helpers.running import STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox

COMMANDS = {
    "sh": ("bash", "-euo", "pipefail", "-c"),
    "python": (sys.executable, "-c"),
}
RUN = (*COMMANDS, "sql")
"""Languages of blocks that are run."""

SHOWN = ("text",)
"""Languages of blocks that are only looked at."""

Query = Callable[[str], list[tuple[Any, ...]]]

_BLOCK = re.compile(
    r"""
    (?: ^<!--\ (?P<mark>file|run\ by|not\ run):\ (?P<note>[^\n]+)\ -->\n )?
    ^```(?P<language>\w*)\n
    (?P<text>.*?)
    ^```$
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)


@dataclass(frozen=True)
class Block:
    """A code block.

    Attributes:
        language: What it is written in.
        text: Its text.
        line: Where it begins in the document.
        mark: How it is marked: `file`, `run by`, `not run`, or None.
        note: What the mark says.
    """

    language: str
    text: str
    line: int
    mark: str | None
    note: str | None

    @property
    def is_run(self) -> bool:
        """Whether it is run where the document is followed."""
        return self.mark is None and self.language in RUN


class Followed:
    """A folder in which a document is followed.

    Args:
        folder: The folder.
        stand_ins: What is put in place of what the document names.
        environ: Environment variables to set.
        query: Runs the queries, if not DuckDB.

    Attributes:
        printed: What each block of commands or Python wrote to standard output.
        rows: What each query found.
    """

    def __init__(
        self,
        folder: Path,
        stand_ins: Mapping[str, str],
        environ: Mapping[str, str],
        query: Query | None = None,
    ) -> None:
        self.folder = folder
        self._stand_ins = stand_ins
        self._environ = environ
        self._query = query or self.query
        self.printed: list[str] = []
        self.rows: list[list[tuple[Any, ...]]] = []

    def do(self, block: Block) -> None:
        """Does what a block says."""
        text = block.text
        for name, stand_in in self._stand_ins.items():
            text = text.replace(name, stand_in)
        if block.mark == "file":
            file = self.folder / str(block.note)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            if text.startswith("#!"):
                file.chmod(0o755)
        elif block.is_run and block.language == "sql":
            self.rows.append(self._query(text))
        elif block.is_run:
            command = *COMMANDS[block.language], text
            self.printed.append(succeed(*command, cwd=self.folder, **self._environ))

    def query(self, query: str) -> list[tuple[Any, ...]]:
        """Runs a query where all DuckDB files of the folder are attached."""
        with duckdb.connect() as database:
            database.execute(f"set file_search_path = '{self.folder}'")
            for file in sorted(self.folder.glob("*.duckdb")):
                database.execute(f"attach '{file}' as {file.stem} (read_only)")
            return database.execute(query).fetchall()

    def counts(self, dataset: str = "analytics.analytics") -> dict[str, int]:
        """Counts the rows of each stream in a dataset of DuckDB.

        Args:
            dataset: Its name, after that of its file.
        """
        return {
            stream: self.query(f"select count(*) from {dataset}.{stream}")[0][0]
            for stream in STREAMS
        }


class Document:
    """A Markdown file.

    Args:
        name: Its path in the project.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = (PROJECT / name).read_text(encoding="utf-8")
        self.blocks = [
            Block(
                language=found["language"],
                text=found["text"],
                line=self.text.count("\n", 0, found.start("text")),
                mark=found["mark"],
                note=found["note"],
            )
            for found in _BLOCK.finditer(self.text)
        ]

    def follow(
        self,
        folder: Path,
        api: Sandbox,
        *,
        stand_ins: Mapping[str, str] | None = None,
        query: Query | None = None,
        **environ: str,
    ) -> Followed:
        """Does all that the document says.

        Args:
            folder: The folder to do it in.
            api: What stands in for the user's API.
            stand_ins: What is put in place of what else the document names.
            query: Runs the queries, if not DuckDB.
            environ: Environment variables to set.
        """
        replaced = {
            "https://api.example.com": api.url,
            "your-key": api.options.api_key,
            **(stand_ins or {}),
        }
        environ = {"DLT_DATA_DIR": str(folder / ".dlt-data"), **environ}
        followed = Followed(folder, replaced, environ, query)
        for block in self.blocks:
            followed.do(block)
        return followed


def documents() -> list[Document]:
    """Reads all documents."""
    files = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
    return [Document(str(file.relative_to(PROJECT))) for file in files]
