"""Reads the files that a BATCH message names.

Format: https://sdk.meltano.com/en/latest/batch.html
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from tap_analytics.target_dlt.columns.conforming import conform
from tap_analytics.target_dlt.columns.record_lines import CHUNK_ROWS
from tap_analytics.target_dlt.errors import InputError
from tap_analytics.target_dlt.singer_in.line_reader import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    begin = b'{"version":%d,"record":' % version if version else b'{"record":'
    try:
        for lines in read_lines(file):
            yield [b"%b%b}" % (begin, line) for line in lines if line.strip()]
    except _UNREADABLE as error:
        msg = f"file {url}: it can't be read to its end: {error}"
        raise InputError(msg) from None


def record_batches(
    file: BinaryIO, columns: Mapping[str, ColumnType], url: str
) -> Iterator[Chunk]:
    """Yield the rows of a Parquet file with a stream's columns.

    Args:
        file: The file.
        columns: The stream's columns; one that the file lacks is null.
        url: What errors are to call the file.

    Raises:
        InputError: The file is not Parquet, or a column's values don't fit.
    """
    try:
        parquet = pq.ParquetFile(file)
        for rows in parquet.iter_batches(batch_size=CHUNK_ROWS):
            yield conform(rows, columns, f"file {url}")
    except (pa.ArrowException, *_UNREADABLE) as error:
        msg = f"file {url}: not Parquet, or not whole: {error}"
        raise InputError(msg) from None
