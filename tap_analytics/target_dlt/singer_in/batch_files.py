"""Reads the files that a BATCH message names.

Format: https://sdk.meltano.com/en/latest/batch.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, cast

import fsspec
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from tap_analytics.target_dlt.columns import values
from tap_analytics.target_dlt.columns.stream_buffer import CHUNK_ROWS
from tap_analytics.target_dlt.errors import InputError
from tap_analytics.target_dlt.singer_in.line_reader import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_analytics.target_dlt.columns.column_types import ColumnType


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


def record_lines(file: BinaryIO, version: int | None) -> Iterator[list[bytes]]:
    """Yield the records of a JSONL file as RECORD lines, a chunk at a time."""
    begin = b'{"version":%d,"record":' % version if version else b'{"record":'
    for lines in read_lines(file):
        yield [b"%b%b}" % (begin, line) for line in lines if line.strip()]


def record_batches(
    file: BinaryIO, columns: Mapping[str, ColumnType], url: str
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a Parquet file with a stream's columns.

    Args:
        file: The file.
        columns: The stream's columns; one that the file lacks is null.
        url: What errors are to call the file.

    Raises:
        InputError: It is no Parquet file, or a column's values don't fit.
    """
    try:
        parquet = pq.ParquetFile(file)
    except pa.ArrowInvalid as error:
        msg = f"file {url}: not Parquet: {error}"
        raise InputError(msg) from None
    for batch in parquet.iter_batches(batch_size=CHUNK_ROWS):
        arrays = [_column(batch, name, type_, url) for name, type_ in columns.items()]
        yield pa.RecordBatch.from_arrays(arrays, list(columns))


def _column(batch: pa.RecordBatch, name: str, type_: ColumnType, url: str) -> pa.Array:
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, type_.arrow)
    try:
        return _conform(batch[name], type_)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        msg = f"file {url}, field {name!r}: {error}"
        raise InputError(msg) from None


def _conform(array: pa.Array, type_: ColumnType) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.type == type_.arrow:
        return array
    if pa.types.is_nested(array.type):
        texts = [
            None if value is None else msgspec.json.encode(value, enc_hook=str)
            for value in array.to_pylist()
        ]
        return pa.array(texts, pa.string()).cast(type_.arrow)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        if type_.kind in {"timestamp", "date", "time"}:
            return values.to_arrow(type_, array.to_pylist())
    elif pa.types.is_timestamp(array.type) and array.type.tz is None:
        array = array.cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    return array.cast(type_.arrow)
