"""What streams lean on in the SDK, and that both write the same.

The first part runs a tap written the SDK's plain way. If one of its tests fails after
an update of the SDK, the module of `singer/` that overrides it has to follow.
"""
# ruff: noqa: SLF001 - what the SDK keeps to itself is the subject

from __future__ import annotations

import inspect
import io
import json
import logging
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from singer_sdk import Stream, Tap
from singer_sdk.mapper import SameRecordTransform

from tap_analytics.api.answer import Answer
from tap_analytics.api.page import Page
from tap_analytics.errors import FatalAPIError
from tap_analytics.run_logger import RunLogger
from tap_analytics.singer.messages import MessageWriter
from tap_analytics.singer.stream import AnalyticsStream
from tap_analytics.tap import TapAnalytics
from tests.helpers.running import STREAMS
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib.encoding.simple import Message

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

CONFIG = {"api_key": KEY, "api_url": "http://127.0.0.1:9"}


class Recorder(MessageWriter):
    """Keeps what is written."""

    def __init__(self) -> None:
        self.out = io.BytesIO()
        super().__init__(self.out)

    def write_message(self, message: Message) -> None:
        super().write_message(message)
        self.flush()

    @property
    def lines(self) -> list[bytes]:
        return self.out.getvalue().splitlines()

    def clear(self) -> None:
        self.out.seek(0)
        self.out.truncate()

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line, parse_float=Decimal) for line in self.lines]

    @property
    def kinds(self) -> list[str]:
        return [message["type"] for message in self.messages]

    def records(self) -> list[dict[str, Any]]:
        """Return the RECORD messages, but for when they were extracted."""
        return [
            {key: value for key, value in message.items() if key != "time_extracted"}
            for message in self.messages
            if message["type"] == "RECORD"
        ]


class PlainStream(Stream):
    """A stream of the SDK that notes when its parts are called."""

    name = "plain"
    schema = {"properties": {"id": {"type": "string"}, "n": {"type": "integer"}}}  # noqa: RUF012 - so does the SDK
    primary_keys = ("id",)

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap)
        self.calls: list[str] = []

    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        assert not context
        self.calls.append("get_records")
        yield {"id": "a", "n": 1}
        yield {"id": "b", "n": 2}

    def log(self, message: str, *_: Any, level: int = logging.INFO, **__: Any) -> None:
        if level == logging.ERROR:
            self.calls.append(f"log {message}")


class PlainTap(Tap):
    name = "tap-plain"
    config_jsonschema = {"properties": {}}  # noqa: RUF012 - so does the SDK
    message_writer_class = Recorder

    def discover_streams(self) -> list[Stream]:
        return [PlainStream(self)]


def plain(stream: type[PlainStream] = PlainStream) -> tuple[PlainStream, Recorder]:
    """Return a new stream of a plain tap, and its writer."""
    tap = PlainTap()
    assert isinstance(tap.message_writer, Recorder)
    return stream(tap), tap.message_writer


# What the streams lean on


@pytest.mark.parametrize(
    "name",
    [
        "_sync_records",
        "_write_schema_message",
        "emit_activate_version_messages",
        "get_batch_counter",
        "get_records",
        "get_replication_key_signpost",
        "get_sync_timer",
        "log",
    ],
)
def test_what_is_overridden_is_there_with_the_same_signature(name: str) -> None:
    ours = inspect.getattr_static(AnalyticsStream, name)
    theirs = getattr(Stream, name)
    if isinstance(ours, property):
        assert isinstance(theirs, property)
    else:
        parameters = [
            [(one.name, one.kind) for one in inspect.signature(f).parameters.values()]
            for f in (ours, theirs)
        ]
        assert parameters[0] == parameters[1]


def test_sync_calls_sync_records_once_after_the_schema() -> None:
    class Watched(PlainStream):
        def _write_schema_message(self) -> None:
            self.calls.append("schema")

        def _sync_records(
            self, context: Context | None = None, *, write_messages: bool = True
        ) -> Generator[dict[str, Any], Any, Any]:
            self.calls.append(f"records {context} {write_messages}")
            yield {}
            self.calls.append("exhausted")

    stream, _ = plain(Watched)
    stream.sync()
    assert stream.calls == ["schema", "records None True", "exhausted"]


def test_a_stream_that_is_not_selected_writes_no_schema() -> None:
    stream, writer = plain()
    stream.selected = False
    stream.sync()
    assert "SCHEMA" not in writer.kinds


def test_sync_all_writes_a_state_after_the_records() -> None:
    tap = PlainTap()
    tap.sync_all()
    assert isinstance(tap.message_writer, Recorder)
    assert tap.message_writer.kinds == ["SCHEMA", "RECORD", "RECORD", "STATE"]


def test_batches_ask_sync_records_for_records_without_messages() -> None:
    stream, writer = plain()
    records = list(stream._sync_records(None, write_messages=False))
    assert [record["id"] for record in records] == ["a", "b"]
    assert writer.kinds == []


def test_write_record_message_writes_one_record_with_the_version() -> None:
    stream, writer = plain()
    assert stream._stream_version is None
    stream._write_record_message({"id": "a", "n": 1})
    stream._stream_version = 7
    stream._write_record_message({"id": "b", "n": 2})
    assert writer.records() == [
        {"type": "RECORD", "stream": "plain", "record": {"id": "a", "n": 1}},
        {
            "type": "RECORD",
            "stream": "plain",
            "record": {"id": "b", "n": 2},
            "version": 7,
        },
    ]


def test_write_schema_message_writes_the_schema() -> None:
    stream, writer = plain()
    stream._write_schema_message()
    (message,) = writer.messages
    assert message["type"] == "SCHEMA"
    assert message["key_properties"] == ["id"]


def test_write_activate_version_message_writes_the_version() -> None:
    stream, writer = plain()
    stream._write_activate_version_message(7)
    assert writer.messages == [
        {"type": "ACTIVATE_VERSION", "stream": "plain", "version": 7}
    ]


def test_initialized_at_is_the_start_in_milliseconds() -> None:
    before = datetime.now(timezone.utc).timestamp()
    stream, _ = plain()
    after = datetime.now(timezone.utc).timestamp()
    assert int(before * 1000) <= stream._initialized_at <= after * 1000


@pytest.mark.parametrize("emits", [False, True])
def test_sync_asks_whether_to_activate_versions_and_does_so_first(
    *, emits: bool
) -> None:
    class Asked(PlainStream):
        @property
        def emit_activate_version_messages(self) -> bool:
            return emits

    stream, writer = plain(Asked)
    stream.sync()
    first = ["SCHEMA", "ACTIVATE_VERSION"] if emits else ["SCHEMA"]
    assert [kind for kind in writer.kinds if kind != "STATE"] == [
        *first,
        "RECORD",
        "RECORD",
    ]
    version = stream._initialized_at // 1000 if emits else None
    assert stream._stream_version == version


def test_the_tap_of_a_stream_holds_the_message_writer() -> None:
    stream, writer = plain()
    assert stream._tap.message_writer is writer


def test_a_connection_test_limits_every_stream_by_abort_at_record_count() -> None:
    assert Stream.ABORT_AT_RECORD_COUNT is None
    tap = PlainTap()
    assert tap.run_connection_test()
    (stream,) = tap.streams.values()
    assert stream.ABORT_AT_RECORD_COUNT == 1
    assert isinstance(tap.message_writer, Recorder)
    assert len(tap.message_writer.records()) == 1


def test_the_mask_holds_breadcrumbs_and_falls_back_to_the_parent() -> None:
    tap = PlainTap(catalog=PlainTap().catalog_dict)
    stream = tap.streams["plain"]
    stream.metadata["properties", "n"].selected = False
    stream.selected = True
    assert stream.mask[()] is True
    assert stream.mask["properties", "n"] is False
    assert stream.mask["properties", "n", "properties", "below"] is False
    assert stream.mask["properties", "id", "properties", "below"] is True
    assert {len(breadcrumb) for breadcrumb in stream.mask} == {0, 2}


def test_a_stream_without_a_map_has_one_that_changes_nothing() -> None:
    stream, _ = plain()
    (only,) = stream.stream_maps
    assert type(only) is SameRecordTransform
    assert only.flattening_enabled is False
    assert only.get_filter_result({"id": "a"}) is True


def test_an_error_is_logged_by_the_stream_and_raised() -> None:
    class Failing(PlainStream):
        def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
            raise ZeroDivisionError(context)

    stream, _ = plain(Failing)
    with pytest.raises(ZeroDivisionError):
        stream.sync()
    assert stream.calls == ["log An unhandled error occurred while syncing '%s'"]


def test_a_state_is_written_unless_it_is_flushed() -> None:
    stream, writer = plain()
    stream.state_manager.is_flushed = True
    stream._write_state_message()
    assert writer.kinds == []
    stream.state_manager.is_flushed = False
    stream._write_state_message()
    assert writer.kinds == ["STATE"]
    assert stream.state_manager.is_flushed


# The fast path writes what the SDK would write


def page_of(records: list[str]) -> Page:
    body = f'{{"data": [{",".join(records)}]}}'
    return Page(Answer(CONFIG["api_url"], body=body.encode()))


def write(stream: AnalyticsStream, records: list[str], context: Context | None) -> None:
    page = page_of(records)
    stream.begin()
    stream.write_rows(page, stream.source.rows(page, context))


def write_as_the_sdk_does(
    stream: AnalyticsStream, records: list[str], context: Context | None
) -> None:
    page = page_of(records)
    for row in stream.source.rows(page, context):
        stream._write_record_message(
            json.loads(msgspec.json.encode(row), parse_float=Decimal)
        )


def catalog_without(*fields: str) -> dict[str, Any]:
    catalog = TapAnalytics(config=CONFIG).catalog_dict
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if item["breadcrumb"] and item["breadcrumb"][-1] in fields:
                item["metadata"]["selected"] = False
    return catalog


def stream_of(
    name: str, catalog: dict[str, Any] | None = None, **config: Any
) -> tuple[AnalyticsStream, Recorder]:
    """Return a stream of a new tap, and its writer."""
    writer = Recorder()
    tap = TapAnalytics(
        config={**CONFIG, **config}, catalog=catalog, message_writer=writer
    )
    stream = tap.streams[name]
    assert isinstance(stream, AnalyticsStream)
    return stream, writer


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.datetimes().map(str),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=5,
)
RECORDS = st.lists(
    st.builds(
        lambda known, others: json.dumps({**others, **known}),
        st.fixed_dictionaries(
            {"id": st.integers() | st.text(min_size=1)},
            optional=dict.fromkeys(["name", "createdAt", "status", "project_id"], JSON),
        ),
        st.dictionaries(st.text(), JSON, max_size=3),
    ),
    max_size=5,
)


@pytest.fixture
def no_warnings(caplog: pytest.LogCaptureFixture) -> None:
    """Don't keep what is logged of all the records that don't fit."""
    caplog.set_level(logging.ERROR, logger="tap-analytics")


@pytest.mark.usefixtures("no_warnings")
@pytest.mark.parametrize("without", [(), ("name",), ("status", "additional_fields")])
@pytest.mark.parametrize(
    ("name", "context"), [("users", None), ("tasks", {"project_id": "a/b"})]
)
def test_both_paths_write_the_same_records(
    name: str, context: Context | None, without: tuple[str, ...]
) -> None:
    @given(RECORDS, st.sampled_from([None, 1_750_000_000]))
    @settings(max_examples=25)
    def check(records: list[str], version: int | None) -> None:
        stream._stream_version = other._stream_version = version
        fast.clear()
        slow.clear()
        write(stream, records, context)
        fast.flush()
        write_as_the_sdk_does(other, records, context)
        assert fast.records() == slow.records()
        assert len(fast.records()) == len(records)
        assert [list(one["record"]) for one in fast.records()] == [
            list(one["record"]) for one in slow.records()
        ]

    stream, fast = stream_of(name, catalog_without(*without))
    other, slow = stream_of(name, catalog_without(*without))
    check()


def test_both_paths_write_the_same_bytes() -> None:
    record = (
        '{"id":"u1","name":"Ada","createdAt":"2025-06-18T12:00:00+00:00",'
        '"status":null,"rate":1.50,"nested":{"a":[1,true,null,"ü"]}}'
    )
    stream, fast = stream_of("users")
    write(stream, [record], None)
    fast.flush()
    other, slow = stream_of("users")
    write_as_the_sdk_does(other, [record], None)
    lines = [
        writer.lines[-1].partition(b',"time_extracted":')[0] for writer in (fast, slow)
    ]
    assert lines[0] == lines[1]
    assert b'"rate":1.50' in lines[0]


def test_records_are_extracted_when_their_page_was_received() -> None:
    stream, writer = stream_of("users")
    before = datetime.now(timezone.utc)
    page = page_of(['{"id": 1}', '{"id": 2}'])
    after = datetime.now(timezone.utc)
    stream.begin()
    stream.write_rows(page, stream.source.rows(page, None))
    writer.flush()
    times = {
        datetime.fromisoformat(message["time_extracted"])
        for message in writer.messages
        if message["type"] == "RECORD"
    }
    assert times == {page.received_at}
    assert before <= page.received_at <= after


def test_a_nested_field_that_is_not_selected_is_left_out() -> None:
    catalog = catalog_without()
    (users,) = (one for one in catalog["streams"] if one["stream"] == "users")
    breadcrumb = ["properties", "additional_fields", "properties", "secret"]
    users["metadata"].append(
        {"breadcrumb": breadcrumb, "metadata": {"selected": False}}
    )
    stream, writer = stream_of("users", catalog)
    write(stream, ['{"id": 1, "secret": 1, "public": 2}'], None)
    writer.flush()
    (message,) = writer.records()
    assert message["record"]["additional_fields"] == {"public": 2}


def test_the_sdks_own_counters_log_for_the_process() -> None:
    stream, _ = plain()
    meters = stream.get_record_counter(), stream.get_batch_counter()
    for meter in (*meters, stream.get_sync_timer()):
        assert meter.logger is logging.getLogger("singer_sdk.metrics")


def test_a_streams_counters_log_for_its_run() -> None:
    stream, _ = stream_of("users")
    meters = stream.get_record_counter(), stream.get_batch_counter()
    for meter in (*meters, stream.get_sync_timer()):
        assert meter.logger is stream.metrics_logger is stream._tap.metrics_logger


def test_the_sdks_own_state_manager_logs_for_the_process() -> None:
    stream, _ = plain()
    assert stream.state_manager._logger is logging.getLogger("tap-plain.plain")


def test_a_streams_state_manager_logs_for_its_run() -> None:
    stream, _ = stream_of("users")
    assert stream.state_manager._logger is stream.logger
    assert isinstance(stream.logger, RunLogger)


# Against a server


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(projects=3, tasks=2, time_records=2, clients=4, users=4)


@pytest.mark.parametrize("name", ["users", "clients", "time"])
def test_a_stream_read_the_sdks_way_gives_the_same_records(
    api: Sandbox, name: str
) -> None:
    stream, fast = stream_of(name, api_url=api.url)
    assert list(stream._sync_records()) == []
    other, slow = stream_of(name, api_url=api.url)
    given_on = list(Stream._sync_records(other))
    assert fast.records() == slow.records()
    assert len(given_on) == len(fast.records()) == api.counts()[name]


def test_batches_get_the_records_that_are_written_otherwise(api: Sandbox) -> None:
    stream, written = stream_of("users", api_url=api.url)
    list(stream._sync_records())
    other, writer = stream_of("users", api_url=api.url)
    batched = list(other._sync_records(write_messages=False))
    assert batched == [message["record"] for message in written.records()]
    assert writer.records() == []


def test_a_connection_test_reads_one_record_of_each_stream(api: Sandbox) -> None:
    stream, writer = stream_of("users", api_url=api.url)
    tap = stream._tap
    assert isinstance(tap, TapAnalytics)
    assert tap.run_connection_test()
    names = [message["stream"] for message in writer.records()]
    assert sorted(names) == sorted(STREAMS)
    assert api.stats().requests == len(STREAMS)


def test_a_connection_test_says_nothing_of_completeness(api: Sandbox) -> None:
    stream, writer = stream_of(
        "users", api_url=api.url, emit_activate_version_messages=True
    )
    tap = stream._tap
    assert isinstance(tap, TapAnalytics)
    tap.run_connection_test()
    assert "ACTIVATE_VERSION" not in writer.kinds


def test_a_connection_test_moves_no_bookmark(api: Sandbox) -> None:
    tested, _ = stream_of("time", api_url=api.url, incremental=True)
    assert isinstance(tested._tap, TapAnalytics)
    tested._tap.run_connection_test()
    assert not any(tested._tap.state.get("bookmarks", {}).values())
    synced, _ = stream_of("time", api_url=api.url, incremental=True)
    list(synced._sync_records())
    assert synced._tap.state["bookmarks"]["time"]


def test_a_whole_stream_activates_the_version_of_its_records(api: Sandbox) -> None:
    stream, writer = stream_of(
        "users", api_url=api.url, emit_activate_version_messages=True
    )
    list(stream._sync_records())
    version = stream._initialized_at
    assert {message["version"] for message in writer.records()} == {version}
    assert writer.kinds[:1] == ["SCHEMA"]
    assert writer.kinds[-2:] == ["ACTIVATE_VERSION", "STATE"]
    assert writer.messages[-2]["version"] == version


def test_an_error_stops_the_fetches_and_is_logged_by_main_only(
    api: Sandbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.fault("/v1/team/users", status=403)
    stream, _ = stream_of("users", api_url=api.url)
    stopped: list[bool] = []
    monkeypatch.setattr(stream.account.workers, "stop", lambda: stopped.append(True))
    caplog.set_level(logging.DEBUG)
    with pytest.raises(FatalAPIError):
        stream.sync()
    assert stopped == [True]
    monkeypatch.undo()
    stream.account.close()
    (told,) = (r for r in caplog.records if "unhandled error" in r.getMessage())
    assert told.levelno == logging.DEBUG
