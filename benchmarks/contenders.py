"""Who reads the API: the commands that are compared, and what each has read."""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
_RECORD = re.compile(rb'\{"type": ?"RECORD", ?"stream": ?"(\w+)"')


class Output(NamedTuple):
    """What a run has written.

    Attributes:
        rows: How many of each stream.
        written: Bytes.
    """

    rows: dict[str, int]
    written: int


def singer_output(out: Path) -> Output:
    """Return what a tap has written to its standard output."""
    rows: Counter[str] = Counter()
    with out.open("rb") as lines:
        for line in lines:
            if record := _RECORD.match(line):
                rows[record[1].decode()] += 1
    return Output(rows, out.stat().st_size)


def dlt_output(out: Path) -> Output:
    """Return what `dlt_extract.py` says that dlt has written."""
    return msgspec.json.decode(out.read_bytes(), type=Output)


@dataclass(frozen=True)
class Contender:
    """A way to read the API.

    Attributes:
        name: What the table calls it.
        command: The command; the path of a file with the settings is added to it.
        output: Returns what a run has written, given its standard output.
    """

    name: str
    command: tuple[str, ...]
    output: Callable[[Path], Output]


TAP = Contender(
    "tap-analytics",
    (str(Path(sys.executable).with_name("tap-analytics")), "--config"),
    singer_output,
)
PLAIN = Contender(
    "the SDK's plain way",
    (sys.executable, str(HERE / "plain_tap.py"), "--config"),
    singer_output,
)
DLT = Contender(
    "the dlt source",
    (sys.executable, str(HERE / "dlt_extract.py")),
    dlt_output,
)


def dlt_load(rows: str, folder: Path) -> Contender:
    """Return who loads into DuckDB with the dlt source.

    Args:
        rows: What the source yields, or `mapped` for dicts that a function sees.
        folder: Where the database may be put.
    """
    script, database = str(HERE / "dlt_load.py"), str(folder / f"{rows}.duckdb")
    command = (sys.executable, script, rows, database)
    return Contender(f"the dlt source, {rows}", command, dlt_output)
