"""The base of all streams: the SDK's stream, with a reader of the API in its place.

The SDK syncs a child stream anew for every parent: one log line, one SCHEMA, one
bookmark, one ACTIVATE_VERSION and three metrics each, with nothing fetched ahead. Its
public hooks reach none of that, so `_sync_records`, which `Stream.sync` calls between
SCHEMA and STATE, is replaced here. Batches still go the SDK's way.

`tests/unit/singer/test_stream.py` notices when the SDK changes under this.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from singer_sdk import Stream
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.catalog import (
    REPLICATION_FULL_TABLE,
    REPLICATION_INCREMENTAL,
)
from singer_sdk.singerlib.encoding.simple import StateMessage

from tap_analytics.compat import override
from tap_analytics.errors import ConfigError
from tap_analytics.reading.branches import Branch
from tap_analytics.rows.bookmarks import Bookmark, bookmark_of
from tap_analytics.rows.fields import ADDITIONAL_FIELDS
from tap_analytics.rows.replication_keys import order_of
from tap_analytics.rows.schemas import account_columns, completed_schema
from tap_analytics.singer.going_on import so_far_of
from tap_analytics.singer.messages import decoded, record_frame
from tap_analytics.singer.source import StreamSource
from tap_analytics.singer.sync import sync_family

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from singer_sdk import metrics
    from singer_sdk import typing as th
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog
    from singer_sdk.streams._state import StreamStateManager

    from tap_analytics.api.page import Page
    from tap_analytics.reading.account import Account
    from tap_analytics.reading.so_far import SoFar
    from tap_analytics.rows.fields import Row
    from tap_analytics.rows.inference import Inference
    from tap_analytics.singer.messages import MessageWriter
    from tap_analytics.singer.tap import RunTap


_REPLICATION_KEY = "createdAt"
_VERSION = "version"


class AnalyticsStream(Stream):
    """A resource of the API.

    A resource is a subclass with a name, a path, what its columns are and, for a
    child stream, its parent.

    Args:
        tap: The tap.
        account: What all streams share.
        inferred: Further columns, from a sample that this run has taken.
    """

    path: ClassVar[str]
    """The path below the API's URL, with what comes from a parent in braces."""

    properties: ClassVar[th.PropertiesList]
    """The declared columns."""

    is_incremental: ClassVar[bool] = False
    """Whether the setting `incremental` is for this stream."""

    def __init__(
        self, tap: RunTap, account: Account, inferred: Inference | None = None
    ) -> None:
        self.account = account
        self._explicit = tap.explicit
        self.progress = account.run.progress
        self.writer: MessageWriter = tap.writer
        self.is_filtered = False
        self._schema_is_written = False
        # Without `$schema`: some targets refuse a SCHEMA that has it.
        schema = completed_schema(
            self.properties.to_dict(),
            tap.config,
            inferred.columns if inferred else None,
        )
        self._sampled_fields = inferred and inferred.fields
        super().__init__(tap, schema=schema)
        self.primary_keys = (*account_columns(tap.config), "id")
        # One bookmark per stream, not one per project.
        self.state_partitioning_keys = ()
        if self.is_incremental and self.config["incremental"]:
            self.replication_key = _REPLICATION_KEY

    @cached_property
    def source(self) -> StreamSource:
        """Reads the stream's lists; made on the thread that writes."""
        is_child = self.parent_stream_type is not None
        is_whole = self.ABORT_AT_RECORD_COUNT is None
        so_far = so_far_of(self) if is_child and is_whole else None
        return StreamSource(
            self,
            account=self.account,
            name=self.name,
            path=self.path,
            schema=self.effective_schema,
            keys=self.primary_keys,
            bookmark=self._bookmark(so_far),
            so_far=so_far,
            sampled_fields=self._sampled_fields,
            is_child=is_child,
        )

    def _bookmark(self, so_far: SoFar | None) -> Bookmark | None:
        """Return where this read starts, `None` for a full table.

        Args:
            so_far: How far it came, over several runs; `None` without parents.

        Raises:
            ConfigError: If there is no such field, its order is not known, or
                start_date or the state is not valid.
        """
        if self.replication_method != REPLICATION_INCREMENTAL:
            return None
        key = self.replication_key
        if not key:
            msg = f"stream {self.name!r} is INCREMENTAL, but has no replication key."
            raise ConfigError(msg)
        column = self.effective_schema["properties"].get(key)
        if column is None:
            msg = f"stream {self.name!r} has no field {key!r} to replicate it by."
            raise ConfigError(msg)
        order = order_of(column)
        if order is None:
            msg = (
                f"stream {self.name!r} can't be replicated by {key!r}: that is text, "
                'and "10" stands before "9" there. Choose a date, a date-time or a '
                "number as the replication key."
            )
            raise ConfigError(msg)
        return bookmark_of(
            self.state_then if so_far is None else so_far.state,
            key,
            order,
            self.account.client.started_at if so_far is None else so_far.began_at,
            self.config,
        )

    @property
    def state_then(self) -> Mapping[str, Any]:
        """The stream's state, as the last run left it."""
        # Not `stream_state`, which makes an entry where there is none.
        state: Mapping[str, Any] = self.tap_state.get("bookmarks", {}).get(
            self.name, {}
        )
        return state

    @property
    def is_to_read(self) -> bool:
        """Whether it is selected, and not complete by an earlier part of this read."""
        so_far = self.source.so_far if self.selected else None
        return self.selected and not (so_far and so_far.is_complete)

    # What the SDK asks for

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Return the records as Python values, for batches."""
        source = self.source
        yield from self._records(Branch(source, context, self.account.workers))
        while due := source.beliefs.due():
            for place, unproven in due:
                branch = Branch(
                    source, place, self.account.workers, new_paginator=unproven.go_on
                )
                yield from self._records(branch)
                source.beliefs.looked(unproven, found_more=branch.found_more)

    def _records(self, branch: Branch[StreamSource]) -> Iterator[Record]:
        for page in branch.pages():
            yield from map(decoded, self.source.rows(page, branch.context))

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply a catalog; the setting `incremental` wins over how it was made.

        Discovery writes that setting into the catalog, which many keep. Another
        replication key than discovery's is somebody's own choice, and stays.

        Raises:
            ConfigError: If the catalog knows no account, and there is one.
        """
        super().apply_catalog(catalog)
        for column in account_columns(self.config):
            if column not in self.primary_keys:
                msg = (
                    f"the catalog of stream {self.name!r} was made without account, so "
                    f"the column {column!r} is no key there. Make it again by "
                    "--discover."
                )
                raise ConfigError(msg)
        wanted = self._explicit.get("incremental")
        if wanted is None or not self.is_incremental or catalog.get(self.name) is None:
            return
        method = REPLICATION_INCREMENTAL if wanted else REPLICATION_FULL_TABLE
        is_own_choice = self.replication_key not in {None, _REPLICATION_KEY}
        if is_own_choice or self.replication_method == method:
            return
        self.replication_key = _REPLICATION_KEY if wanted else None
        self.forced_replication_method = method
        self.logger.info(
            "%s: incremental is %s, so the catalog's replication method is not used.",
            self.name,
            str(wanted).lower(),
        )

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """`False`: the SDK would send them before the first record. See `complete`."""
        return False

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Return `None`: the bookmark knows the present by itself."""

    @cached_property
    @override
    def state_manager(self) -> StreamStateManager:
        """The SDK's, which logs for this run."""
        manager = super().state_manager
        manager._logger = self.logger  # noqa: SLF001 - else it is one of the process
        return manager

    @override
    def log(
        self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any
    ) -> None:
        """Log for the SDK, which reports an error here that it goes on to raise."""
        level = logging.DEBUG if level == logging.ERROR else level
        super().log(message, *args, level=level, **kwargs)

    @override
    def get_record_counter(self, **options: Any) -> metrics.Counter:
        """Return a counter of records that logs for this run."""
        return _of_run(super().get_record_counter(**options), self)

    @override
    def get_batch_counter(self) -> metrics.Counter:
        """Return a counter of batches that logs for this run."""
        return _of_run(super().get_batch_counter(), self)

    @override
    def get_sync_timer(self) -> metrics.Timer:
        """Return a timer that logs for this run."""
        return _of_run(super().get_sync_timer(), self)

    @override
    def _write_schema_message(self) -> None:
        """Write the SCHEMA messages, once a run."""
        if not self._schema_is_written:
            self._schema_is_written = True
            super()._write_schema_message()

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        self.progress.expect(
            stream.name for stream in self._tap.streams.values() if stream.selected
        )
        if write_messages:
            sync_family(self)
            return
        self.account.warn_once(
            "With batch_config, ACTIVATE_VERSION is not sent, a run that was stopped "
            "begins anew, and streams below projects are read from the beginning."
        )
        for record in super()._sync_records(context, write_messages=False):
            self.progress.wrote(self.name, 1)  # It goes into a batch file.
            yield record

    # What is written

    @property
    def family(self) -> list[AnalyticsStream]:
        """This stream and all below it."""
        return [
            stream
            for stream in (self, *self.descendent_streams)
            if isinstance(stream, AnalyticsStream)
        ]

    @property
    def after(self) -> list[AnalyticsStream]:
        """The top-level streams after this one that are to be read."""
        streams = [s for s in self._tap.streams.values() if _is_read_by_itself(s)]
        place = next((n for n, s in enumerate(streams, 1) if s is self), 0)
        return [s for s in streams[place:] if isinstance(s, AnalyticsStream)]

    @property
    def complete_so_far(self) -> list[AnalyticsStream]:
        """The streams that this run has read to their end."""
        return [
            stream
            for stream in self._tap.streams.values()
            if isinstance(stream, AnalyticsStream)
            and stream.is_to_read
            and stream.name in self.progress.complete
        ]

    def begin(self) -> None:
        """Write what stands before the first record."""
        self._write_schema_message()
        if self.source.bookmark is not None:
            origin = self.source.bookmark.origin
            self.progress.origins[self.name] = origin
            self.logger.info("%s: %s.", self.name, origin)
        if self._activates_versions:
            self._stream_version = self._new_version()
        self.state_manager.is_flushed = False

    def _new_version(self) -> int:
        """Return the version of the rows of this run, in milliseconds.

        It is that of the read that this run goes on with, and larger than that of the
        last one: a clock that was ahead would else keep rows for years.
        """
        so_far = self.source.so_far
        if so_far and so_far.before and so_far.before.version is not None:
            return so_far.before.version
        known = (self.state_then.get(_VERSION), so_far and so_far.last_version)
        last = max((one for one in known if isinstance(one, int)), default=0)
        if last < self._initialized_at:
            return self._initialized_at
        self.logger.warning(
            "%s: the last run had a later time than this one. Check the clock of this "
            "machine. The versions of rows go on from the last run's.",
            self.name,
            extra={"kind": "clock"},
        )
        return last + 1

    @property
    def version(self) -> int | None:
        """The version of the rows of this run, in milliseconds; `None` for none."""
        return self._stream_version

    def write_state(self) -> None:
        """Write a STATE message."""
        self._tap.write_message(self.state_message)
        self.state_manager.is_flushed = True

    @property
    def state_message(self) -> StateMessage:
        """The STATE message that would be written now."""
        return StateMessage(value=self.tap_state)

    def write_rows(self, page: Page, rows: Iterable[Row]) -> int:
        """Write RECORD messages: as they are, or as the SDK maps and cuts them.

        Args:
            page: The page that the rows come from.
            rows: The rows, each of which may be changed here.

        Returns:
            How many rows there were.
        """
        count = 0
        if self.is_plain:
            write, unselected = self.writer.write_row, self._unselected
            before, after = record_frame(
                self.name, self._stream_version, page.received_at
            )
            for count, row in enumerate(rows, 1):  # noqa: B007 - the last one counts
                for name in unselected:
                    row.pop(name, None)
                write(before, row, after)
        else:
            for count, row in enumerate(rows, 1):  # noqa: B007
                self._write_record_message(decoded(row))
        self.progress.wrote(self.name, count)
        return count

    @cached_property
    def is_plain(self) -> bool:
        """Whether records are written as they are: not mapped, flattened or cut."""
        first, *more = self.stream_maps
        return (
            not more
            and type(first) is SameRecordTransform
            and not first.flattening_enabled
            and all(
                included or len(breadcrumb) <= len(("properties", "name"))
                for breadcrumb, included in self.mask.items()
            )
        )

    @cached_property
    def _unselected(self) -> list[str]:
        declared = self.effective_schema["properties"]
        return [
            *(name for name in declared if not self.mask["properties", name]),
            *({ADDITIONAL_FIELDS} - declared.keys()),
        ]

    def complete(self) -> None:
        """Say that all was read: if it was all there is, older rows may be dropped."""
        left_out_by = "a stream map" if self.is_filtered else ""
        reason = self.source.not_whole(left_out_by)
        if self._activates_versions and self._stream_version is not None:
            if reason is None:
                self._write_activate_version_message(self._stream_version)
            else:
                level, why = reason
                self.logger.log(
                    level,
                    "%s: %s, so the target is not told to drop rows.",
                    self.name,
                    why,
                )
        state = self.stream_state
        if self.ABORT_AT_RECORD_COUNT is None:
            self.source.promote(state)
            if self._activates_versions:
                state[_VERSION] = self._stream_version
        self.progress.finished(self.name)

    @property
    def _activates_versions(self) -> bool:
        return (
            bool(self.config.get("emit_activate_version_messages"))
            and self.replication_method == REPLICATION_FULL_TABLE
            and self.ABORT_AT_RECORD_COUNT is None
        )


def _is_read_by_itself(stream: Stream) -> bool:
    """Return whether a stream is a top-level one to read, or has children to read."""
    return (
        isinstance(stream, AnalyticsStream)
        and stream.parent_stream_type is None
        and any(one.is_to_read for one in stream.family)
    )


MeterT = TypeVar("MeterT", bound="metrics.Meter")


def _of_run(meter: MeterT, stream: Stream) -> MeterT:
    """Let a meter log for a stream's run, not for all of the process."""
    meter.logger = stream.metrics_logger
    return meter
