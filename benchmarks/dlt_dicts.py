"""Loads a file of Singer messages with dlt alone: its rows as Python dicts.

Usage: python dlt_dicts.py DATABASE < FILE

They are decoded as they are asked for, and handed over in pages, as dlt advises.
"""

from __future__ import annotations

import os
import sys
from itertools import groupby, islice
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

import dlt
import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE_ROWS = 1_000

# What a SCHEMA message tells the others, and dlt would not see in texts.
COLUMNS: Any = {
    "createdAt": {"data_type": "timestamp"},
    "day": {"data_type": "date"},
}


def records() -> Iterator[dict[str, Any]]:
    """Yield the RECORD messages of standard input."""
    decoder = msgspec.json.Decoder()
    for line in sys.stdin.buffer:
        message = decoder.decode(line)
        if message["type"] == "RECORD":
            yield message


def pages() -> Iterator[Any]:
    """Yield rows, so many at once, marked with the name of their table."""
    for stream, messages in groupby(records(), lambda message: message["stream"]):
        while page := [one["record"] for one in islice(messages, PAGE_ROWS)]:
            yield dlt.mark.with_table_name(page, stream)


def main(database: str) -> None:
    """Load the rows into a DuckDB database."""
    with TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "benchmark",
            pipelines_dir=folder,
            destination=dlt.destinations.duckdb(database),
            dataset_name="loaded",
        )
        pipeline.run(
            dlt.resource(pages(), name="rows"),
            primary_key="id",
            write_disposition="merge",
            columns=COLUMNS,
        )


if __name__ == "__main__":
    main(sys.argv[1])
