"""Reads the files that a BATCH message names.

Format: https://sdk.meltano.com/en/latest/batch.html
"""

from __future__ import annotations

import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import fsspec
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from tap_analytics.target_dlt.columns.conforming import conform, json_rows
from tap_analytics.target_dlt.columns.record_lines import CHUNK_ROWS
from tap_analytics.target_dlt.errors import InputError
from tap_analytics.target_dlt.singer_in.line_reader import read_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_analytics.target_dlt.columns.chunks import Chunk
    from tap_analytics.target_dlt.columns.column_types import ColumnType

_UNREADABLE = (OSError, EOFError, zlib.error)
"""What is raised where a file ends too early, or has something else in it."""


def open_file(
    url: str, compression: str | None, options: Mapping[str, Any]
) -> BinaryIO:
    """Open a batch file.

    Args:
        url: Its path or URL.
        compression: `gzip`, `none` or None.
        options: What the storage needs, as in `batch_config.storage.params`.

    Raises:
        InputError: There is no such file, or no such storage.
    """
    try:
        opened = fsspec.open(
            url,
            "rb",
            compression=None if compression == "none" else compression,
            **options,
        ).open()
    except (OSError, ValueError, ImportError) as error:
        msg = f"a batch file can't be opened: {url}: {error}"
        raise InputError(msg) from None
    return cast("BinaryIO", opened)


def record_lines(
    file: BinaryIO, version: int | None, url: str
) -> Iterator[list[bytes]]:
    """Yield the records of a JSONL file as RECORD lines, a chunk at a time.

    Args:
        file: The file.
        version: The version of its records.
        url: What errors are to call the file.

    Raises:
        InputError: The file can't be read to its end.
    """
    begin = _begin(version)
    try:
        for lines in read_lines(file):
            yield [b"%b%b}" % (begin, line) for line in lines if line.strip()]
    except _UNREADABLE as error:
        msg = f"file {url}: it can't be read to its end: {error}"
        raise InputError(msg) from None


def _begin(version: int | None) -> bytes:
    """Begin a RECORD line."""
    return b'{"version":%b,"record":' % msgspec.json.encode(version)


def record_lines_of_parquet(
    file: BinaryIO, version: int | None, url: str
) -> Iterator[list[bytes]]:
    """Yield the rows of a Parquet file as RECORD lines, for stream maps.

    Args:
        file: The file.
        version: The version of its records.
        url: What errors are to call the file.

    Raises:
        InputError: The file is not Parquet, or has values that JSON can't hold.
    """
    begin = _begin(version)
    for rows in _row_batches(file, url):
        yield [b"%b%b}" % (begin, row) for row in json_rows(rows, f"file {url}")]


def record_batches(
    file: BinaryIO,
    columns: Mapping[str, ColumnType],
    url: str,
    leave_out: Callable[[str], None],
) -> Iterator[Chunk]:
    """Yield the rows of a Parquet file with a stream's columns.

    Args:
        file: The file.
        columns: The stream's columns; one that the file lacks is null.
        url: What errors are to call the file.
        leave_out: Told each field that has values and no column.

    Raises:
        InputError: The file is not Parquet, or a column's values don't fit.
    """
    for rows in _row_batches(file, url):
        for name in rows.schema.names:
            if name not in columns and rows[name].null_count < rows.num_rows:
                leave_out(name)
        yield conform(rows, columns, f"file {url}")


def _row_batches(file: BinaryIO, url: str) -> Iterator[pa.RecordBatch]:
    try:
        parquet = pq.ParquetFile(file)
        names = Counter(parquet.schema_arrow.names)
        for name in (name for name, count in names.items() if count > 1):
            msg = f"file {url}: it has several columns {name!r}."
            raise InputError(msg)
        yield from parquet.iter_batches(batch_size=CHUNK_ROWS)
    except (pa.ArrowException, *_UNREADABLE) as error:
        msg = f"file {url}: not Parquet, or not whole: {error}"
        raise InputError(msg) from None
