"""The base of all streams: the SDK's stream, with a reader of the API in its place.

The SDK syncs a child stream anew for every parent: one log line, one SCHEMA, one
bookmark, one ACTIVATE_VERSION and three metrics each, with nothing fetched ahead. Its
public hooks reach none of that, so `_sync_records`, which `Stream.sync` calls between
SCHEMA and STATE, is replaced here. Batches still go the SDK's way.

`tests/unit/singer/test_stream.py` notices when the SDK changes under this.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from tap_analytics.compat import override
from tap_analytics.errors import ConfigError
from tap_analytics.reading.parents_and_children import Branch
from tap_analytics.rows.schemas import account_columns, completed_schema
from tap_analytics.singer.activate_version import (
    VERSION,
    has_versions,
    may_be_activated,
    new_version,
)
from tap_analytics.singer.going_on import so_far_of
from tap_analytics.singer.message_stream import MessageStream
from tap_analytics.singer.messages import decoded
from tap_analytics.singer.replication import (
    REPLICATION_KEY,
    bookmark_for,
    prefer_setting,
)
from tap_analytics.singer.source import StreamSource
from tap_analytics.singer.sync import sync_family

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from singer_sdk import Stream
    from singer_sdk import typing as th
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog

    from tap_analytics.reading.account import Account
    from tap_analytics.rows.inference import Inference
    from tap_analytics.singer.tap import RunTap


class AnalyticsStream(MessageStream):
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
        self._sampled_fields = inferred and inferred.fields
        schema = completed_schema(
            self.properties.to_dict(),
            tap.config,
            inferred.columns if inferred else None,
        )
        super().__init__(tap, schema, account.run.progress)
        self.primary_keys = (*account_columns(tap.config), "id")
        # One bookmark per stream, not one per project.
        self.state_partitioning_keys = ()
        if self.is_incremental and self.config["incremental"]:
            self.replication_key = REPLICATION_KEY

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
            bookmark=bookmark_for(self, so_far),
            so_far=so_far,
            sampled_fields=self._sampled_fields,
            is_child=is_child,
            above=self._parent.source.wholeness if self._parent else None,
        )

    @property
    def _parent(self) -> AnalyticsStream | None:
        for stream in self._tap.streams.values():
            if isinstance(stream, AnalyticsStream) and self in stream.child_streams:
                return stream
        return None

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

        Raises:
            ConfigError: If the catalog knows no account, and there is one.
        """
        super().apply_catalog(catalog)
        if not self.selected:  # It may still be read, for what is below its rows.
            self._input_schema = None
        for column in account_columns(self.config):
            if column not in self.primary_keys:
                msg = (
                    f"the catalog of stream {self.name!r} was made without account, so "
                    f"the column {column!r} is no key there. Make it again by "
                    "--discover."
                )
                raise ConfigError(msg)
        wanted = self._explicit.get("incremental")
        if wanted is not None and self.is_incremental and self.name in catalog:
            prefer_setting(self, is_incremental=wanted)

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """`False`: the SDK would send them before the first record. See `complete`."""
        return False

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Return `None`: the bookmark knows the present by itself."""

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
        if has_versions(self):
            self._stream_version = new_version(self, self._initialized_at)
        self.state_manager.is_flushed = False

    @property
    def version(self) -> int | None:
        """The version of the rows of this run, in milliseconds; `None` for none."""
        return self._stream_version

    def complete(self) -> None:
        """Say that all was read: if it was all there is, older rows may be dropped."""
        version = self._stream_version
        if version is not None and may_be_activated(self):
            self._write_activate_version_message(version)
        if self.ABORT_AT_RECORD_COUNT is None:
            state = self.stream_state
            self.source.promote(state)
            if version is not None:
                state[VERSION] = version
        self.progress.finished(self.name)


def _is_read_by_itself(stream: Stream) -> bool:
    """Return whether a stream is a top-level one to read, or has children to read."""
    return (
        isinstance(stream, AnalyticsStream)
        and stream.parent_stream_type is None
        and any(one.is_to_read for one in stream.family)
    )
