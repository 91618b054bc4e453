"""What target-dlt does to a file before dlt: reading, decoding, Arrow batches.

Usage: python batch_lines.py FILE

Prints, as JSON, the seconds of processor time for that, and for msgspec decoding the
same lines alone.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from tap_analytics.target_dlt.columns.record_lines import StreamOptions
from tap_analytics.target_dlt.columns.sdc_columns import SdcColumns
from tap_analytics.target_dlt.columns.stream_buffer import StreamBuffer
from tap_analytics.target_dlt.singer_in.line_reader import LineReader

BATCH_ROWS = 100_000


def decode(path: Path) -> None:
    """Decode each line."""
    decoder = msgspec.json.Decoder()
    with path.open("rb") as lines:
        for line in lines:
            decoder.decode(line)


def batch(path: Path) -> None:
    """Make batches of a file, and give each up when it is complete."""
    sdc_columns = SdcColumns(add_all=False, mark_deleted=False, sync_started_at=0)
    options = StreamOptions(
        sdc_columns, logging.getLogger(), validate=False, append=False
    )
    buffers: dict[str, StreamBuffer] = {}

    def add_schema(message: dict[str, Any]) -> None:
        buffers[message["stream"]] = StreamBuffer(
            message["stream"], message["schema"], message["key_properties"], options
        )

    def add(stream: str, lines: list[bytes], first_line: int) -> None:
        buffer = buffers[stream]
        buffer.add(lines, first_line, "Line")
        if buffer.rows >= BATCH_ROWS:
            buffer.take(marked=False)

    reader = LineReader(add, on_pause=lambda: None)
    with path.open("rb") as file:
        reader.process_lines(file, {"SCHEMA": add_schema, "STATE": lambda _: None})
    for buffer in buffers.values():
        buffer.take(marked=False)


def main(path: Path) -> None:
    """Measure, and print what was measured."""
    started = time.process_time()
    decode(path)
    decoded = time.process_time()
    batch(path)
    batched = time.process_time()
    print(json.dumps({"decode": decoded - started, "batch": batched - decoded}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
