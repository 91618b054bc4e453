"""The Singer target: what each message does, and when batches are loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk import Target
from singer_sdk import typing as th
from singer_sdk.exceptions import RecordsWithoutSchemaException

from tap_analytics.target_dlt.batch import StreamBuffer
from tap_analytics.target_dlt.errors import TargetError
from tap_analytics.target_dlt.loader import Loader
from tap_analytics.target_dlt.reader import LineReader

if TYPE_CHECKING:
    from typing import ClassVar


class TargetDlt(Target):
    """Loads any tap's data through dlt into any of its destinations."""

    name = "target-dlt"
    package_name = "tap-analytics"

    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property(
            "destination",
            th.StringType,
            default="duckdb",
            title="Destination",
            description="Name of a dlt destination.",
        ),
        th.Property(
            "dataset_name",
            th.StringType,
            default="analytics",
            title="Dataset",
            description="Schema or dataset in the destination that holds the tables.",
        ),
        th.Property(
            "pipeline_name",
            th.StringType,
            default="analytics",
            title="Pipeline",
            description=(
                "Name of the dlt pipeline; the DuckDB file is named after it if no "
                "credentials say otherwise."
            ),
        ),
        th.Property(
            "batch_size_rows",
            th.IntegerType,
            default=100_000,
            title="Batch size in rows",
            description="Rows of all streams together that are loaded in one package.",
        ),
    ).to_dict()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(message_reader=LineReader(self._add_records), **kwargs)
        self._buffers: dict[str, StreamBuffer] = {}
        self._loader = Loader(self.config)
        self._pending_rows = 0
        self._state: str | None = None

    def _add_records(self, stream: str, lines: list[bytes], first_line: int) -> None:
        try:
            buffer = self._buffers[stream]
        except KeyError:
            msg = (
                f"Line {first_line}: a record of stream {stream!r} came before the "
                "stream's SCHEMA."
            )
            raise RecordsWithoutSchemaException(msg) from None
        buffer.add(lines, first_line)
        self._pending_rows += len(lines)
        if self._pending_rows >= self.config["batch_size_rows"]:
            self._load()

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, requires={"stream", "schema"})
        self._assert_line_requires(message_dict["schema"], requires={"properties"})
        stream = message_dict["stream"]
        if stream in self._buffers:
            self._load()
        self._buffers[stream] = StreamBuffer(
            stream, message_dict["schema"], message_dict.get("key_properties") or []
        )

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, requires={"value"})
        self._state = msgspec.json.encode(message_dict["value"]).decode()

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        raise NotImplementedError

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        msg = "BATCH messages are not supported yet."
        raise TargetError(msg)

    def process_endofpipe(self) -> None:
        """Load what is pending and emit the last STATE."""
        self._load()
        self._loader.close()

    def _load(self) -> None:
        batches = [
            batch
            for buffer in self._buffers.values()
            if (batch := buffer.take()) is not None
        ]
        if batches:
            self._loader.load(batches)
        self._pending_rows = 0
        if self._state is not None:
            print(self._state, flush=True)  # noqa: T201
            self._state = None
