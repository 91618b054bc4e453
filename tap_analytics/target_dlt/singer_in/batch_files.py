"""Reads the files that a BATCH message names.

Format: https://sdk.meltano.com/en/latest/batch.html
"""

from __future__ import annotations

import atexit
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any, BinaryIO

import fsspec
import fsspec.asyn
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from tap_analytics.target_dlt.columns.conforming import conform, json_rows
from tap_analytics.target_dlt.columns.record_lines import CHUNK_ROWS
from tap_analytics.target_dlt.errors import InputError
from tap_analytics.target_dlt.singer_in.batch_urls import explain, shown
from tap_analytics.target_dlt.singer_in.line_reader import read_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_analytics.compat import Self
    from tap_analytics.target_dlt.columns.chunks import Chunk
    from tap_analytics.target_dlt.columns.column_types import ColumnType


_raw = msgspec.json.Decoder(msgspec.Raw)


class BatchFile:
    """A batch file that is open.

    Args:
        url: Its path or URL.
        compression: `gzip`, `none` or None.
        options: What the storage needs, as in `batch_config.storage.params`.

    Attributes:
        place: What messages call the file.

    Raises:
        InputError: There is no such file, or no such storage.
    """

    def __init__(
        self, url: str, compression: str | None, options: Mapping[str, Any]
    ) -> None:
        self._url = url
        self._options = options
        self.place = f"File {shown(url)}"
        compression = None if compression == "none" else compression
        try:
            opening = fsspec.open(url, "rb", compression=compression, **options)
            self.file: BinaryIO = opening.open()
        except Exception as error:  # noqa: BLE001, storages raise all kinds
            raise self.unreadable(error, "it can't be opened") from None

    def unreadable(self, error: Exception, what: str) -> InputError:
        """Return the error that says why the file can't be read."""
        reason = explain(error, self._url, self._options)
        return InputError(f"{self.place}: {what}: {reason}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


@atexit.register
def _end_waiting() -> None:
    """End fsspec's thread for the network: it would keep alive what waited for it."""
    [loop], [thread] = fsspec.asyn.loop, fsspec.asyn.iothread
    if loop is not None and thread is not None:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(1)


def record_lines(
    batch: BatchFile, version: int | None
) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the records of a JSONL file as RECORD lines, many at a time.

    Args:
        batch: The file.
        version: The version of its records.

    Yields:
        The number of the first line in the file, and consecutive lines.

    Raises:
        InputError: The file can't be read to its end, or a line is not JSON.
    """
    begin = _begin(version)
    number = 1
    for lines in _read(batch):
        for has_records, group in groupby(lines, key=_is_no_blank):
            run = list(group)
            if has_records:
                _check_lines(run, number, batch.place)
                yield number, [b"%b%b}" % (begin, line) for line in run]
            number += len(run)


def _is_no_blank(line: bytes) -> bool:
    return bool(line) and not line.isspace()


def _read(batch: BatchFile) -> Iterator[list[bytes]]:
    try:
        yield from read_lines(batch.file)
    except Exception as error:  # noqa: BLE001, storages raise all kinds
        raise batch.unreadable(error, "it can't be read to its end") from None


def _check_lines(lines: list[bytes], first_line: int, place: str) -> None:
    """Return if each line is JSON by itself, not only as a part of a message.

    Raises:
        InputError: One is not.
    """
    number = first_line
    try:
        for number, line in enumerate(lines, first_line):  # noqa: B007, for the error
            _raw.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        msg = f"{place}, line {number}: not JSON ({error})."
        raise InputError(msg) from None


def _begin(version: int | None) -> bytes:
    """Begin a RECORD line."""
    return b'{"version":%b,"record":' % msgspec.json.encode(version)


def record_lines_of_parquet(
    batch: BatchFile, version: int | None
) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the rows of a Parquet file as RECORD lines, for stream maps.

    Args:
        batch: The file.
        version: The version of its records.

    Yields:
        The number of the first row in the file, and consecutive rows.

    Raises:
        InputError: The file is not Parquet, or has values that JSON can't hold.
    """
    begin = _begin(version)
    number = 1
    for rows in _row_batches(batch):
        lines = [b"%b%b}" % (begin, row) for row in json_rows(rows, batch.place)]
        yield number, lines
        number += len(lines)


def record_batches(
    batch: BatchFile,
    columns: Mapping[str, ColumnType],
    leave_out: Callable[[str], None],
) -> Iterator[Chunk]:
    """Yield the rows of a Parquet file with a stream's columns.

    Args:
        batch: The file.
        columns: The stream's columns; one that the file lacks is null.
        leave_out: Told each field that has values and no column.

    Raises:
        InputError: The file is not Parquet, or a column's values don't fit.
    """
    for rows in _row_batches(batch):
        for name in rows.schema.names:
            if name not in columns and rows[name].null_count < rows.num_rows:
                leave_out(name)
        yield conform(rows, columns, batch.place)


def _row_batches(batch: BatchFile) -> Iterator[pa.RecordBatch]:
    try:
        parquet = pq.ParquetFile(batch.file)
        _check_names(parquet.schema_arrow.names, batch.place)
        yield from parquet.iter_batches(batch_size=CHUNK_ROWS)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001, storages raise all kinds
        raise batch.unreadable(error, "not Parquet, or not whole") from None


def _check_names(names: Iterable[str], place: str) -> None:
    for name in (name for name, count in Counter(names).items() if count > 1):
        msg = f"{place}: it has several columns {name!r}."
        raise InputError(msg)
