"""The Singer target: what each message does, and when batches are loaded."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import click
import msgspec
from singer_sdk import Target
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities

from tap_analytics.compat import override
from tap_analytics.plugin.declared import DeclaredSettings, hint
from tap_analytics.plugin.map_expressions import unmatched
from tap_analytics.plugin.output import drop_output, put_out
from tap_analytics.plugin.stopping import stopping_signals
from tap_analytics.target_dlt.columns.misfits import shorten
from tap_analytics.target_dlt.columns.record_lines import StreamOptions
from tap_analytics.target_dlt.columns.sdc_columns import SdcColumns
from tap_analytics.target_dlt.errors import InputError, OutputError
from tap_analytics.target_dlt.loading.loader import Loader
from tap_analytics.target_dlt.loads import Loads
from tap_analytics.target_dlt.settings import SETTINGS
from tap_analytics.target_dlt.singer_in import batch_files
from tap_analytics.target_dlt.singer_in.batch_files import BatchFile
from tap_analytics.target_dlt.singer_in.line_reader import LineReader
from tap_analytics.target_dlt.singer_in.stream_maps import (
    apply_stream_maps,
    make_mapper,
    maps_of,
    register_schema,
)
from tap_analytics.target_dlt.summary import summary
from tap_analytics.target_dlt.terminal import SUMMARY

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum

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

    _reader_class: ClassVar[type[LineReader]] = LineReader

    _is_made = False
    """Whether all is there that a signal has to end: the SDK hears signals before."""

    def __init__(self, **kwargs: Any) -> None:
        reader = self._reader_class(self._process_record_lines, self._load_if_overdue)
        super().__init__(message_reader=reader, **kwargs)
        options = StreamOptions(
            SdcColumns(
                add_all=bool(self.config.get("add_record_metadata")),
                mark_deleted=not self.config["hard_delete"],
                sync_started_at=self.initialized_at,
            ),
            self.logger,
            validate=self.config["validate_records"],
            append=self.config.get("write_disposition") == "append",
        )
        self._loader = Loader(self.config, self.logger)
        self._loads = Loads(
            self.config,
            options,
            self._loader.open,
            self._write_state,
            self._stop_if_told,
        )
        self._is_mapped = bool(
            self.config.get("stream_maps") or self.config.get("flattening_enabled")
        )
        self._streams: set[str] = set()
        self._stopped_by: signal.Signals | None = None
        self._is_made = True

    @classmethod
    def declared_settings(cls) -> DeclaredSettings:
        """Return the target's settings, those of the SDK among them."""
        schema = cls.config_jsonschema
        cls.append_builtin_config(schema)
        return DeclaredSettings(schema, "TARGET_DLT_")

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> Any:
        """Read the config files, and over them what the environment sets.

        Raises:
            ConfigError: A file can't be read, or a variable is not of its setting's
                type.
        """
        declared = cls.declared_settings()
        given = super().cb_config(ctx, param, ())
        given.config = declared.read(value, os.environ)
        declared.warn_of_unknown(given.config, cls.logger)
        return given

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        """Return the command, which can also count what is there."""
        command = super().get_singer_command()
        command.params.append(
            click.Option(
                ["--counts"],
                is_flag=True,
                help="Show the tables of the dataset, and how many rows each has.",
                callback=cls.cb_counts,
                expose_value=False,
            )
        )
        return command

    @classmethod
    def cb_counts(cls, ctx: click.Context, param: click.Option, value: bool) -> None:  # noqa: FBT001
        """Show the tables and their rows.

        Raises:
            LoadError: The destination can't be reached.
        """
        del param
        if not value:
            return
        target = cls(config=ctx.params["config"].config)
        counts = Loader(target.config, cls.logger).counts()
        if not counts:
            click.echo(f"The dataset {target.config['dataset_name']} has no tables.")
        for table, rows in sorted(counts.items()):
            click.echo(f"{rows:>12,}  {table}")
        ctx.exit()

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the settings; the SDK alone would use several lines, not one.

        Raises:
            ConfigError: A setting is not valid.
        """
        del raise_errors
        declared = self.declared_settings()
        declared.require_valid(self._config)
        self._config = declared.with_defaults(self._config)
        return []

    @classmethod
    @override
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's settings, but for one that `write_disposition` stands for."""
        super().append_builtin_config(config_jsonschema)
        config_jsonschema["properties"].pop("load_method", None)

    @override
    def setup_mapper(self) -> None:
        """Make the mapper; the SDK alone would not say that `stream_maps` is wrong.

        Raises:
            SetupError: It is.
        """
        self.mapper = make_mapper(self.config, self.logger)

    # What each message does. The SDK calls these methods for the types of messages; it
    # has no public ones. Its own make a sink for each stream, which takes records as
    # dictionaries, one by one.

    @override
    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, requires={"stream", "schema"})
        stream, schema = message_dict["stream"], message_dict["schema"]
        keys = message_dict.get("key_properties") or []
        if not isinstance(schema, dict) or not isinstance(
            schema.get("properties"), dict
        ):
            msg = f"Stream {stream!r}: its SCHEMA declares no properties."
            raise InputError(msg)
        if not isinstance(keys, list) or not all(isinstance(one, str) for one in keys):
            msg = f"Stream {stream!r}: its key_properties are no list of names."
            raise InputError(msg)
        self._streams.add(stream)
        register_schema(self.mapper, stream, schema, keys)
        for stream_map in maps_of(self.mapper, stream):
            self._loads.set_schema(
                stream_map.stream_alias,
                stream_map.transformed_schema,
                tuple(dict.fromkeys(stream_map.transformed_key_properties or ())),
            )

    def _process_record_lines(
        self, stream: str, lines: list[bytes], first_line: int, place: str = "Line"
    ) -> None:
        if not self._is_mapped or stream not in self.mapper.stream_maps:
            self._loads.add_lines(stream, lines, first_line, place)
            return
        for number, line in enumerate(lines, first_line):
            try:
                mapped = [*apply_stream_maps(self.mapper, stream, line)]
            except InputError as error:
                msg = f"{place} {number}, {error}"
                raise InputError(msg) from None
            for alias, mapped_line in mapped:
                self._loads.add_lines(alias, [mapped_line], number, place)

    @override
    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        """Do nothing: the reader hands records on undecoded."""

    @override
    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, requires={"value"})
        self._loads.set_state(_encoder.encode(message_dict["value"]).decode())

    @override
    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, requires={"stream", "version"})
        if not self.config["process_activate_version_messages"]:
            return
        stream = message_dict["stream"]
        if stream not in self.mapper.stream_maps:
            self.logger.warning(
                "Stream %r: ACTIVATE_VERSION is left out, because there was no SCHEMA.",
                stream,
            )
            return
        version = message_dict["version"]
        if type(version) is not int or not -(2**63) <= version < 2**63:
            msg = (
                f"stream {stream!r}: the version has to be an integer of 64 bits, not "
                f"{shorten(version)}."
            )
            raise InputError(msg)
        for alias in self._aliases(stream):
            self._loads.activate_version(alias, version)

    @override
    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, {"stream", "encoding", "manifest"})
        storage = (self.config.get("batch_config") or {}).get("storage") or {}
        encoding, urls = message_dict["encoding"], message_dict["manifest"]
        if not isinstance(encoding, dict):
            msg = f"stream {message_dict['stream']!r}: its BATCH names no format."
            raise InputError(msg)
        if not isinstance(urls, list) or not all(isinstance(one, str) for one in urls):
            msg = f"stream {message_dict['stream']!r}: its BATCH has no list of files."
            raise InputError(msg)
        for url in urls:
            with BatchFile(
                url, encoding.get("compression"), storage.get("params") or {}
            ) as batch:
                match encoding.get("format"):
                    case "jsonl":
                        self._add_jsonl(message_dict, batch)
                    case "parquet":
                        self._add_parquet(message_dict, batch)
                    case other:
                        msg = f"BATCH files of format {other!r} can't be read."
                        raise InputError(msg)

    def _add_jsonl(self, message: dict[str, Any], batch: BatchFile) -> None:
        lines = batch_files.record_lines(batch, message.get("version"))
        self._add_lines(message["stream"], lines, f"{batch.place}, line")

    def _add_lines(
        self, stream: str, runs: Iterable[tuple[int, list[bytes]]], place: str
    ) -> None:
        for first_line, lines in runs:
            self._process_record_lines(stream, lines, first_line, place)

    def _add_parquet(self, message: dict[str, Any], batch: BatchFile) -> None:
        version = message.get("version")
        if self._is_mapped:
            lines = batch_files.record_lines_of_parquet(batch, version)
            self._add_lines(message["stream"], lines, f"{batch.place}, row")
            return
        for alias in self._aliases(message["stream"]):
            columns = self._loads.columns(alias)
            leave_out = partial(self._loads.leave_out, alias)
            for rows in batch_files.record_batches(batch, columns, leave_out):
                self._loads.add_rows(alias, rows, version, batch.place)

    def _aliases(self, stream: str) -> list[str]:
        """Find the names that stream maps give to a stream."""
        return [one.stream_alias for one in maps_of(self.mapper, stream)]

    # What happens between messages, and in the end

    def _load_if_overdue(self) -> None:
        self._loads.load_if_overdue()

    @override
    def process_endofpipe(self) -> None:
        """Load what waits, and let the last STATE out."""
        self._loads.finish()
        for name in unmatched(self.config.get("stream_maps") or {}, self._streams):
            self.logger.warning(
                "stream_maps names %r, but no such stream came: it is ignored.%s",
                name,
                hint(name, self._streams),
            )
        loads = self._loads
        line = summary(self.config, self._loader.file, loads.loaded, loads.removed)
        self.logger.info("%s", line, extra={"kind": SUMMARY})

    def _write_state(self, state: str) -> None:
        """Write to standard output.

        Raises:
            OutputError: It is closed or full, or its reader is gone.
        """
        try:
            if sys.stdout is not None and sys.stdout.isatty():
                return  # Nobody keeps it; a person would wonder what it is.
            put_out(state)
        except (OSError, ValueError) as error:
            drop_output()  # The STATE must not go out later, when its notes are back.
            reason = getattr(error, "strerror", None) or error
            msg = (
                f"The STATE can't be written to standard output: {reason}. The "
                "rows are loaded; without that STATE the next run loads them again."
            )
            raise OutputError(msg) from None
        # What is out is a STATE, also without its line end.
        with suppress(OSError, ValueError):
            put_out("\n")

    @override
    def _setup_signal_handlers(self) -> None:
        """Handle the signals that stop a run, of which the SDK knows all but one."""
        for number in stopping_signals():
            signal.signal(number, self._handle_termination)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End the run; a load that is under way is finished first."""
        del frame
        if self._is_made and self._loads.is_loading:
            self._stopped_by = signal.Signals(signum)
        else:
            self._stop(signal.Signals(signum))

    def _stop_if_told(self) -> None:
        if self._stopped_by is not None:
            self._stop(self._stopped_by)

    def _stop(self, by: signal.Signals) -> None:
        if self._is_made:
            self._loads.close()
        self.logger.error(
            "Stopped by %s. Rows that were not loaded come again after the last STATE.",
            by.name,
        )
        sys.exit(128 + by)
