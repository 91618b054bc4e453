"""From what is staged of an account to batches: all that may be wrong shows here."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from singer_sdk.exceptions import SingerSDKError

from tap_analytics.fleet.staging import state_of
from tap_analytics.target_dlt.columns.chunks import unite
from tap_analytics.target_dlt.columns.record_lines import StreamOptions
from tap_analytics.target_dlt.columns.sdc_columns import SdcColumns
from tap_analytics.target_dlt.columns.stream_buffer import Batch, StreamBuffer
from tap_analytics.target_dlt.errors import InputError, TargetError
from tap_analytics.target_dlt.singer_in.line_reader import LineReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_analytics.fleet.staging import Manifest

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AccountRows:
    """All rows of an account, as they are to be loaded.

    Attributes:
        account: The account.
        batches: The rows, at most one batch per stream, until they are given away.
        versions: The versions of the streams whose older rows are to go.
        state: The JSON text of the value of the last STATE.
    """

    account: str
    batches: list[Batch]
    versions: Mapping[str, int]
    state: bytes


def options_of(target: Mapping[str, Any], now_ms: int) -> StreamOptions:
    """Return what is the same for all streams.

    Args:
        target: The settings of the target.
        now_ms: The time, in milliseconds since 1970.
    """
    columns = SdcColumns(
        add_all=bool(target.get("add_record_metadata")),
        mark_deleted=not target["hard_delete"],
        sync_started_at=now_ms,
    )
    validate = bool(target["validate_records"])
    return StreamOptions(columns, _log, validate=validate, append=False)


def account_rows(
    manifest: Manifest, parts: Iterable[bytes], column: str, options: StreamOptions
) -> AccountRows:
    """Convert what is staged of an account.

    Args:
        manifest: What was read.
        parts: The Singer lines of each part.
        column: The column that tells whose a row is.
        options: What is the same for all streams.

    Raises:
        InputError: If it can't be loaded; says why.
        FleetError: If a part is missing or damaged.
    """
    singer = _Singer(column, options)
    try:
        for part in parts:
            singer.take(part)
        batches = list(singer.batches())
    except (SingerSDKError, TargetError) as error:
        raise InputError(" ".join(str(error).split())) from None
    for batch in batches:
        _require_own(batch, column, manifest.account)
    # Of a part of the rows nobody knows which others are gone.
    versions = singer.versions if manifest.is_complete else {}
    return AccountRows(manifest.account, batches, versions, singer.state)


def _require_own(batch: Batch, column: str, account: str) -> None:
    rows = batch.table[column]
    if rows.null_count or not pc.all(pc.equal(rows, account)).as_py():
        if batch.table.num_rows == 0:
            return
        msg = f"Stream {batch.stream!r}: there are rows of another account."
        raise InputError(msg)


class _Singer:
    """Takes the lines of one account."""

    def __init__(self, column: str, options: StreamOptions) -> None:
        self.versions: dict[str, int] = {}
        self.state = b"{}"
        self._column = column
        self._options = options
        self._buffers: dict[str, StreamBuffer] = {}
        self._reader = LineReader(self._records, lambda: None)
        self._callbacks = {
            "SCHEMA": self._schema,
            "ACTIVATE_VERSION": self._version,
            "STATE": lambda _: None,
        }

    def take(self, lines: bytes) -> None:
        self._reader.process_lines(io.BytesIO(lines), self._callbacks)
        last = lines[lines.rfind(b"\n", 0, -1) + 1 :]
        self.state = state_of(last) or self.state

    def batches(self) -> Iterator[Batch]:
        for buffer in self._buffers.values():
            if (batch := buffer.take(marked=False)) is not None:
                yield batch

    def _schema(self, message: dict[str, Any]) -> None:
        stream, keys = message["stream"], message.get("key_properties") or []
        if self._column not in keys:
            msg = (
                f"Stream {stream!r}: its key is {', '.join(keys)}, without the column "
                f"{self._column!r}, so accounts would overwrite each other's rows."
            )
            raise InputError(msg)
        if (buffer := self._buffers.get(stream)) is not None:
            buffer.set_schema(message["schema"])
            return
        self._buffers[stream] = StreamBuffer(
            stream, message["schema"], keys, self._options
        )

    def _records(self, stream: str, lines: list[bytes], first_line: int) -> None:
        if stream not in self._buffers:
            msg = f"Line {first_line}: a record of stream {stream!r} before its SCHEMA."
            raise InputError(msg)
        self._buffers[stream].add(lines, first_line, "Line")

    def _version(self, message: dict[str, Any]) -> None:
        self.versions[message["stream"]] = message["version"]


def united(accounts: Iterable[AccountRows]) -> list[Batch]:
    """Unite the batches of many accounts: one per stream.

    Raises:
        InputError: If they can't be; one of the accounts has other keys or columns.
    """
    by_stream: dict[str, list[Batch]] = {}
    for account in accounts:
        for batch in account.batches:
            by_stream.setdefault(batch.stream, []).append(batch)
    return [_united(stream, batches) for stream, batches in by_stream.items()]


def _united(stream: str, batches: Sequence[Batch]) -> Batch:
    keys = batches[0].keys
    if any(set(batch.keys) != set(keys) for batch in batches):
        msg = f"Stream {stream!r}: the accounts have different keys."
        raise InputError(msg)
    chunks = [
        (rows, batch.columns) for batch in batches for rows in _chunks(batch.table)
    ]
    try:
        table, columns = unite(chunks)
    except ValueError as error:
        msg = f"Stream {stream!r}: {error}"
        raise InputError(msg) from None
    return Batch(stream, table, columns, keys)


def _chunks(table: pa.Table) -> list[pa.RecordBatch]:
    if table.num_rows:
        return list(table.combine_chunks().to_batches())
    empty = [pa.nulls(0, field.type) for field in table.schema]
    return [pa.RecordBatch.from_arrays(empty, schema=table.schema)]
