"""Looks for the tests' own secrets in all that the tests leave behind."""

from __future__ import annotations

import gzip
import os
from base64 import b64encode
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet
import zstandard

from tap_analytics.fleet.compression import decompressed

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "t3stk3y0fth3sandb0x/with+all=that&needs%escapes"
"""The API key of every sandbox that tests start."""

PASSWORD = "t3stpassw0rd0fth3databas3"
"""The password in the URLs of databases."""

PLAIN_KEY = "t3stk3y0fth3sandb0x"
"""A key for documents, whose commands quote nothing."""

CORES = (PLAIN_KEY, PASSWORD)
"""What URLs, JSON, HTML and Python write as it is."""

KEEP_SECRETS = frozenset({".env", "api.key", "config.json", "secrets.toml", "tap.json"})
"""Files that tests put a secret into, as users do."""


def _in_base64(core: str) -> Iterator[str]:
    for before in range(3):
        text = b"-" * before + core.encode()
        # Without the ends, which depend on what stands around it.
        whole = slice(-(-before * 8 // 6), len(text) * 8 // 6)
        yield b64encode(text).decode()[whole]


NEEDLES = [needle for core in CORES for needle in (core, *_in_base64(core))]


class Scan:
    """A search for secrets.

    Attributes:
        found: Where one was found.
        files: The number of files that were looked into.
    """

    def __init__(self) -> None:
        self.found: set[str] = set()
        self.files = 0

    def look(self, content: Any, where: str) -> None:
        """Look at text or bytes."""
        if isinstance(content, str) and any(one in content for one in NEEDLES):
            self.found.add(where)
        if isinstance(content, bytes) and any(
            one.encode() in content for one in NEEDLES
        ):
            self.found.add(where)

    def look_into(self, folder: Path) -> None:
        """Look into all files, at their names too, but for installed packages."""
        for path, folders, files in os.walk(folder):
            if "pyvenv.cfg" in files:
                folders.clear()
                continue
            for name in files:
                file = Path(path, name)
                if name not in KEEP_SECRETS and file.is_file():
                    self.files += 1
                    self.look(name, str(file))
                    for content in _contents(file):
                        self.look(content, str(file))

    def look_at_process(self, pid: int, *, environment: bool) -> None:
        """Look into the command line of a process, and perhaps its environment."""
        for name in ("cmdline", "environ") if environment else ("cmdline",):
            with suppress(OSError):  # It has ended.
                content = Path(f"/proc/{pid}/{name}").read_bytes()
                self.look(content, f"the {name} of {content[:200]!r}")


def _contents(file: Path) -> Iterator[str | bytes]:
    """Yield what is in a file: as it is, and as those see it who can read it."""
    raw = file.read_bytes()
    yield raw
    if raw.startswith(b"\x1f\x8b"):
        with suppress(EOFError, OSError):  # A run that was killed has left a half.
            yield gzip.decompress(raw)
    elif raw.startswith(b"\x28\xb5\x2f\xfd"):
        with suppress(zstandard.ZstdError):  # The same.
            yield decompressed(raw)
    elif raw.startswith(b"PAR1") and raw.endswith(b"PAR1"):
        # `read_table` refuses two columns of one name.
        columns = pyarrow.parquet.ParquetFile(file).read().itercolumns()
        yield str([column.to_pylist() for column in columns])
    elif raw[8:12] == b"DUCK":
        with suppress(duckdb.Error):  # The same, of a database.
            yield _rows(file)


def _rows(file: Path) -> str:
    """Return all rows of all tables of a DuckDB file."""
    tables = (
        'select format(\'"{}"."{}"."{}"\', database_name, schema_name, table_name)'
        " from duckdb_tables"
    )
    database = _reader()
    path = str(file).replace("'", "''")
    database.execute(f"attach '{path}' as file (read_only)")
    try:
        texts = " union all ".join(
            f"select t::varchar as text from {table} as t"
            for (table,) in database.execute(tables).fetchall()
        )
        query = f"select string_agg(text) from ({texts})" if texts else "select ''"
        (row,) = database.execute(query).fetchall()
    finally:
        database.execute("detach file")
    return row[0] or ""


@cache
def _reader() -> duckdb.DuckDBPyConnection:
    """Open a database in memory: files are attached in a tenth of an opening's time."""
    return duckdb.connect(config={"threads": 1})


scan = Scan()
"""The session's; the fixture `no_secret_is_left` has the last word."""
