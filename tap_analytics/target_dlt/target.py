"""The Singer target: what each message does, and when batches are loaded."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import msgspec
from singer_sdk import Target
from singer_sdk.exceptions import (
    ConfigValidationError,
    RecordsWithoutSchemaException,
)
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities

from tap_analytics.target_dlt import configuration
from tap_analytics.target_dlt.columns.sdc_columns import SdcColumns
from tap_analytics.target_dlt.columns.stream_buffer import StreamBuffer, StreamOptions
from tap_analytics.target_dlt.errors import InputError, OutputError, SetupError
from tap_analytics.target_dlt.load_trigger import LoadTrigger
from tap_analytics.target_dlt.loading.loader import Loader
from tap_analytics.target_dlt.settings import SETTINGS
from tap_analytics.target_dlt.singer_in import batch_files
from tap_analytics.target_dlt.singer_in.line_reader import LineReader
from tap_analytics.target_dlt.singer_in.stream_maps import (
    apply_stream_maps,
    register_schema,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    import click
    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from tap_analytics.target_dlt.columns.stream_buffer import Batch

_encoder = msgspec.json.Encoder(decimal_format="number")


class TargetDlt(Target):
    """Loads the data of any tap through dlt, into any of dlt's destinations."""

    name = "target-dlt"
    package_name = "tap-analytics"
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.BATCH,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.STRUCTURED_LOGGING,
        TargetCapabilities.HARD_DELETE,
        TargetCapabilities.SOFT_DELETE,
        TargetCapabilities.VALIDATE_RECORDS,
    ]

    def __init__(self, **kwargs: Any) -> None:
        reader = LineReader(self._process_record_lines, self._load_if_overdue)
        super().__init__(message_reader=reader, **kwargs)
        self._buffers: dict[str, StreamBuffer] = {}
        self._loader = Loader(self.config, self.logger)
        self._options = StreamOptions(
            SdcColumns(
                add_all=bool(self.config.get("add_record_metadata")),
                mark_deleted=not self.config["hard_delete"],
                sync_started_at=self.initialized_at,
            ),
            self.logger,
            validate=self.config["validate_records"],
            append=self.config.get("write_disposition") == "append",
        )
        self._is_mapped = bool(
            self.config.get("stream_maps") or self.config.get("flattening_enabled")
        )
        self._trigger = LoadTrigger(self.config)
        self._active_versions: dict[str, int] = {}
        self._is_loading = False
        self._stopped_by: signal.Signals | None = None

    @classmethod
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> Any:
        """Read the config files, and over them what the environment sets."""
        schema = cls.config_jsonschema
        cls.append_builtin_config(schema)
        given = super().cb_config(ctx, param, ())
        given.config = configuration.read_settings(value, os.environ, schema)
        configuration.warn_of_unknown(given.config, schema, cls.logger)
        return given

    @classmethod
    def invoke(cls, **options: Any) -> None:
        """Run the command.

        Raises:
            SetupError: A setting is not valid; the SDK alone would use several lines.
        """
        try:
            super().invoke(**options)
        except ConfigValidationError as error:
            msg = f"The settings are not valid: {'; '.join(error.errors)}."
            raise SetupError(msg) from None

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's settings, but for one that `write_disposition` stands for."""
        super().append_builtin_config(config_jsonschema)
        config_jsonschema["properties"].pop("load_method", None)

    # What each message does

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, requires={"stream", "schema"})
        stream, schema = message_dict["stream"], message_dict["schema"]
        keys = message_dict.get("key_properties") or []
        if not isinstance(schema, dict) or not isinstance(
            schema.get("properties"), dict
        ):
            msg = f"Stream {stream!r}: its SCHEMA declares no properties."
            raise InputError(msg)
        if not isinstance(keys, list):
            msg = f"Stream {stream!r}: its key_properties are not a list."
            raise InputError(msg)
        self._loader.open()
        register_schema(self.mapper, stream, schema, keys)
        for stream_map in self.mapper.stream_maps[stream]:
            self._set_schema(
                stream_map.stream_alias,
                stream_map.transformed_schema,
                tuple(stream_map.transformed_key_properties or ()),
            )

    def _set_schema(
        self, stream: str, schema: dict[str, Any], keys: tuple[str, ...]
    ) -> None:
        buffer = self._buffers.get(stream)
        if buffer is not None and buffer.keys == keys:
            buffer.set_schema(schema)
            return
        if buffer is not None:
            # Its rows are merged on the keys that they came with.
            self._load()
        self._buffers[stream] = StreamBuffer(stream, schema, keys, self._options)

    def _process_record_lines(
        self, stream: str, lines: list[bytes], first_line: int, place: str = "Line"
    ) -> None:
        if not self._is_mapped or stream not in self.mapper.stream_maps:
            self._add_lines(stream, lines, first_line, place)
            return
        for number, line in enumerate(lines, first_line):
            try:
                mapped = [*apply_stream_maps(self.mapper, stream, line)]
            except InputError as error:
                msg = f"{place} {number}, {error}"
                raise InputError(msg) from None
            for alias, mapped_line in mapped:
                self._add_lines(alias, [mapped_line], number, place)

    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        """Do nothing: the reader hands records on undecoded."""

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, requires={"value"})
        self._trigger.state = _encoder.encode(message_dict["value"]).decode()
        for buffer in self._buffers.values():
            buffer.mark()
        if self._trigger.is_empty:
            self._emit_state()

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, requires={"stream", "version"})
        if not self.config["process_activate_version_messages"]:
            return
        version = message_dict["version"]
        for buffer in self._buffers_of(message_dict["stream"]):
            stream = buffer.stream
            seen = buffer.take_versions()
            if None in seen:
                self.logger.warning(
                    "Stream %r: ACTIVATE_VERSION is left out, because records came "
                    "without a version.",
                    stream,
                )
            elif self._active_versions.get(stream) != version or seen - {version}:
                self._active_versions[stream] = version
                self._trigger.versions.append((stream, version))

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, {"stream", "encoding", "manifest"})
        storage = (self.config.get("batch_config") or {}).get("storage") or {}
        encoding = message_dict["encoding"]
        for url in message_dict["manifest"]:
            with batch_files.open_file(
                url, encoding.get("compression"), storage.get("params") or {}
            ) as file:
                match encoding.get("format"):
                    case "jsonl":
                        self._add_jsonl(message_dict, file, url)
                    case "parquet":
                        self._add_parquet(message_dict, file, url)
                    case other:
                        msg = f"BATCH files of format {other!r} can't be read."
                        raise InputError(msg)

    def _add_jsonl(self, message: dict[str, Any], file: BinaryIO, url: str) -> None:
        first_line = 1
        for lines in batch_files.record_lines(file, message.get("version"), url):
            self._process_record_lines(
                message["stream"], lines, first_line, f"File {url}, line"
            )
            first_line += len(lines)

    def _add_parquet(self, message: dict[str, Any], file: BinaryIO, url: str) -> None:
        for buffer in self._buffers_of(message["stream"]):
            for rows in batch_files.record_batches(file, buffer.columns, url):
                buffer.add_rows(rows, message.get("version"), f"File {url}")
                self._count(buffer.stream, rows[0].num_rows, rows[0].nbytes)

    def _buffers_of(self, stream: str) -> list[StreamBuffer]:
        """Find a stream's buffers, under the names that stream maps give it."""
        if stream not in self.mapper.stream_maps:
            msg = f"stream {stream!r} has no SCHEMA yet."
            raise InputError(msg)
        aliases = [one.stream_alias for one in self.mapper.stream_maps[stream]]
        return [self._buffers[alias] for alias in aliases]

    def _add_lines(
        self, stream: str, lines: list[bytes], first_line: int, place: str
    ) -> None:
        buffer = self._buffers.get(stream)
        if buffer is None:
            msg = (
                f"{place} {first_line}: a record of stream {stream!r} before the "
                "stream's SCHEMA."
            )
            raise RecordsWithoutSchemaException(msg)
        buffer.add(lines, first_line, place)
        self._count(stream, len(lines), sum(map(len, lines)))

    # When batches are loaded

    def _count(self, stream: str, rows: int, size: int) -> None:
        if self._trigger.add(stream, rows, size):
            self._load()

    def _load_if_overdue(self) -> None:
        if self._trigger.is_overdue:
            self._load()

    def process_endofpipe(self) -> None:
        """Load what waits, and let the last STATE out."""
        self._load(is_last=True)
        with self._loader.confirmed():
            pass  # all went well, so rows after the last STATE are to stay, too
        self._loader.close()

    def _load(self, *, is_last: bool = False) -> None:
        """Load what waits in one package; when it is committed, let the STATE out."""
        marked = self._trigger.state is not None and not is_last
        loaded: list[int] = []
        if not self._trigger.is_empty:
            began = time.monotonic()
            self._is_loading = True
            self._loader.load(
                self._take_batches(loaded, marked=marked), self._trigger.versions
            )
            self._is_loading = False
            self.logger.info(
                "Loaded %d rows of %d streams in %.1f s.",
                sum(loaded),
                len(loaded),
                time.monotonic() - began,
            )
        self._emit_state()
        self._trigger.clear()
        for buffer in self._buffers.values():
            if buffer.rows:
                self._trigger.add(buffer.stream, buffer.rows, 0)
        if self._stopped_by is not None:
            self._stop(self._stopped_by)

    def _take_batches(self, counts: list[int], *, marked: bool) -> Iterator[Batch]:
        """Yield a batch for each stream that has rows, counting them.

        Nobody else holds a batch, so that its memory is free once it is loaded.
        """
        for buffer in self._buffers.values():
            if (batch := buffer.take(marked=marked)) is not None:
                counts.append(batch.table.num_rows)
                yield batch

    def _emit_state(self) -> None:
        if self._trigger.state is not None:
            with self._loader.confirmed():
                _write_line(self._trigger.state)
            self._trigger.state = None

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End the run; a load that is under way is finished first."""
        del frame
        if self._is_loading:
            self._stopped_by = signal.Signals(signum)
        else:
            self._stop(signal.Signals(signum))

    def _stop(self, by: signal.Signals) -> None:
        self._loader.close()
        self.logger.error(
            "Stopped by %s. Rows that were not loaded come again after the last STATE.",
            by.name,
        )
        sys.exit(128 + by)


def _write_line(state: str) -> None:
    """Write to standard output.

    Raises:
        OutputError: It is closed or full, or its reader is gone.
    """
    try:
        if sys.stdout is None:  # it was closed before Python started
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        sys.stdout.write(f"{state}\n")
        sys.stdout.flush()
    except OSError as error:
        msg = (
            f"The STATE can't be written to standard output: {error.strerror}. The rows "
            "are loaded; without that STATE the next run loads them again."
        )
        raise OutputError(msg) from None
