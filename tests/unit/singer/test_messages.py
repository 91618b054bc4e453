"""Messages: every digit in place, and handed over when they have to be."""

from __future__ import annotations

import io
import json
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from singer_sdk import singerlib as singer

from tap_analytics.singer.messages import (
    BUFFER_BYTES,
    MessageWriter,
    decoded,
    record_frame,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

NOON = datetime(2025, 6, 18, 12, tzinfo=timezone.utc)
FRAME = record_frame("users", None, NOON)
RECORD = singer.RecordMessage("users", {"id": "u1"})
STATE = singer.StateMessage({"bookmarks": {}})


class Reader:
    """Reads standard output."""

    def __init__(self, capture: pytest.CaptureFixture[bytes]) -> None:
        self.capture = capture
        self.taken = b""

    def getvalue(self) -> bytes:
        self.taken += self.capture.readouterr().out
        return self.taken


@pytest.fixture
def out(capsysbinary: pytest.CaptureFixture[bytes]) -> Reader:
    return Reader(capsysbinary)


def row_of(**fields: str) -> dict[str, Any]:
    return {name: Raw(text.encode()) for name, text in fields.items()}


def messages(out: Reader | io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


# One message


def test_a_row_is_written_as_it_is(out: Reader) -> None:
    writer = MessageWriter()
    row = row_of(id='"u1"', hours="1.10", note='"\\u00fc\\/"', tags="[1, {}]")
    writer.write_row(*interlaced(row))
    writer.flush()
    assert out.getvalue() == (
        b'{"type":"RECORD","stream":"users","record":'
        b'{"id":"u1","hours":1.10,"note":"\\u00fc\\/","tags":[1, {}]},'
        b'"time_extracted":"2025-06-18T12:00:00+00:00"}\n'
    )


def interlaced(row: dict[str, Any]) -> tuple[bytes, dict[str, Any], bytes]:
    before, after = FRAME
    return before, row, after


def test_additional_fields_are_written_as_an_object(out: Reader) -> None:
    writer = MessageWriter()
    row = {"id": Raw(b"1"), "additional_fields": row_of(x="1e5", ü="null")}
    writer.write_row(*interlaced(row))
    writer.flush()
    assert '"additional_fields":{"x":1e5,"ü":null}' in out.getvalue().decode()


@pytest.mark.parametrize(
    "number", ["1.10", "1" * 40, "-0.0", "1E+400", "0.1" + "0" * 30]
)
def test_a_decoded_row_keeps_the_digits_of_numbers(out: Reader, number: str) -> None:
    record = decoded({"id": Raw(b'"u1"'), "rest": row_of(hours=number)})
    writer = MessageWriter()
    writer.write_message(singer.RecordMessage("users", record))
    writer.flush()
    assert f'"hours":{number}' in out.getvalue().decode()


def test_a_decoded_row_is_plain_python() -> None:
    assert decoded(
        {"id": Raw(b'"u1"'), "hours": Raw(b"0.1"), "rest": Raw(b"null")}
    ) == {
        "id": "u1",
        "hours": Decimal("0.1"),
        "rest": None,
    }


def test_the_version_stands_in_the_message_if_there_is_one(out: Reader) -> None:
    before, after = record_frame("users", 1_750_000_000, NOON)
    writer = MessageWriter()
    writer.write_row(before, row_of(id="1"), after)
    writer.flush()
    assert messages(out)[0]["version"] == 1_750_000_000


@pytest.mark.parametrize("stream", ["time_records", 'odd "name"', "ü"])
def test_the_frame_is_the_message_that_the_sdk_would_write(
    out: Reader, stream: str
) -> None:
    before, after = record_frame(stream, 7, NOON)
    writer = MessageWriter()
    writer.write_row(before, row_of(id='"u1"'), after)
    writer.write_message(singer.RecordMessage(stream, {"id": "u1"}, 7, NOON))
    writer.flush()
    fast, slow = messages(out)
    for message in (fast, slow):
        time = message.pop("time_extracted").replace("Z", "+00:00")
        assert datetime.fromisoformat(time) == NOON
    assert fast == slow
    assert list(fast) == list(slow)


@given(
    st.dictionaries(
        st.text(),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.decimals(allow_nan=False, allow_infinity=False)
        | st.text()
        | st.lists(st.integers()),
    )
)
def test_any_message_is_one_line_that_says_the_same(record: dict[str, Any]) -> None:
    line = MessageWriter().serialize_message(singer.RecordMessage("users", record))
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert b"\r" not in line
    assert json.loads(line, parse_float=Decimal)["record"] == {
        name: Decimal(repr(value)) if isinstance(value, float) else value
        for name, value in record.items()
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (NOON, "2025-06-18T12:00:00Z"),
        (NOON.date(), "2025-06-18"),
        (timedelta(minutes=1), "PT60S"),
        (Decimal("1.10"), 1.1),
        (b"ab", "YWI="),
        (float("nan"), None),
    ],
)
def test_what_a_stream_map_may_return_can_be_written(value: object, text: str) -> None:
    message = singer.RecordMessage("users", {"mapped": value})
    line = MessageWriter().serialize_message(message)
    assert json.loads(line)["record"] == {"mapped": text}


# The buffer


def test_a_record_waits_in_the_buffer(out: Reader) -> None:
    writer = MessageWriter()
    writer.write_message(singer.SchemaMessage("users", {"properties": {}}, ["id"]))
    writer.write_message(RECORD)
    writer.write_row(*interlaced(row_of(id="1")))
    assert out.getvalue() == b""


def test_the_buffer_is_handed_over_on_demand(out: Reader) -> None:
    writer = MessageWriter()
    writer.write_message(RECORD)
    writer.flush()
    assert len(messages(out)) == 1


def test_a_state_hands_over_what_is_before_it_and_itself(out: Reader) -> None:
    writer = MessageWriter()
    writer.write_row(*interlaced(row_of(id="1")))
    writer.write_message(STATE)
    assert [message["type"] for message in messages(out)] == ["RECORD", "STATE"]


@pytest.mark.parametrize("kind", ["row", "message"])
def test_a_full_buffer_is_handed_over(out: Reader, kind: str) -> None:
    writer = MessageWriter()
    text = "x" * (BUFFER_BYTES // 10)
    for number in range(25):
        before = len(out.getvalue())
        if kind == "row":
            writer.write_row(*interlaced(row_of(id=f'"{text}"')))
        else:
            writer.write_message(singer.RecordMessage("users", {"id": text}))
        written = len(out.getvalue()) - before
        assert bool(written) == (number % 10 == 9)
    writer.flush()
    assert [message["record"]["id"] for message in messages(out)] == [text] * 25


def test_a_message_larger_than_the_buffer_is_handed_over_whole(
    out: Reader,
) -> None:
    writer = MessageWriter()
    writer.write_row(*interlaced(row_of(id=f'"{"x" * 3 * BUFFER_BYTES}"')))
    assert len(messages(out)[0]["record"]["id"]) == 3 * BUFFER_BYTES


def test_nothing_is_written_twice(out: Reader) -> None:
    writer = MessageWriter()
    writer.write_message(RECORD)
    writer.flush()
    writer.flush()
    writer.write_message(STATE)
    writer.flush()
    assert [message["type"] for message in messages(out)] == ["RECORD", "STATE"]


def test_what_print_wrote_before_comes_before(out: Reader) -> None:
    writer = MessageWriter()
    print("{}")  # noqa: T201 - as the SDK does for --discover
    writer.write_message(STATE)
    assert [line[:9] for line in out.getvalue().splitlines()] == [b"{}", b'{"type":"']


def test_a_text_stream_in_the_place_of_standard_output_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = io.StringIO()
    monkeypatch.setattr(sys, "stdout", text)
    writer = MessageWriter()
    writer.write_row(*interlaced(row_of(id='"ü"')))
    writer.write_message(STATE)
    kinds = [json.loads(line)["type"] for line in text.getvalue().splitlines()]
    assert kinds == ["RECORD", "STATE"]


class Sluggish(io.RawIOBase):
    """Takes a few bytes at a time, as a pipe may where Python doesn't buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        self.taken += bytes(data)[:10]
        return min(10, memoryview(data).nbytes)


def test_all_is_handed_over_to_what_takes_a_few_bytes_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = Sluggish()
    stdout = io.TextIOWrapper(out, write_through=True)  # type: ignore[type-var]
    monkeypatch.setattr(sys, "stdout", stdout)
    writer = MessageWriter()
    writer.write_message(RECORD)
    writer.write_message(STATE)
    assert [json.loads(line)["type"] for line in out.taken.splitlines()] == [
        "RECORD",
        "STATE",
    ]


# Between messages


class EndedError(Exception):
    """What stands for the end of the process."""


def end() -> None:
    raise EndedError


def test_an_action_between_messages_is_done_at_once(out: Reader) -> None:
    writer = MessageWriter()
    writer.write_message(RECORD)

    def write_state() -> None:
        writer.write_message(STATE)
        raise EndedError

    with pytest.raises(EndedError):
        writer.between_messages(write_state)
    assert [message["type"] for message in messages(out)] == ["RECORD", "STATE"]


def test_a_message_that_is_half_in_the_buffer_is_dropped(out: Reader) -> None:
    writer = MessageWriter()
    writer.write_message(RECORD)

    class Interrupted:
        """Is struck by the signal while it is encoded."""

        def __str__(self) -> str:
            writer.between_messages(end)
            raise AssertionError

    before, after = FRAME
    with pytest.raises(EndedError):
        writer.write_row(before, {"id": Interrupted()}, after)
    assert [message["record"] for message in messages(out)] == [{"id": "u1"}]


def test_memory_that_is_reserved_for_a_message_is_no_message(out: Reader) -> None:
    """It holds whatever was there before: a line's end may be among it."""
    writer = MessageWriter()

    class Interrupted:
        """Is struck by the signal while it is encoded."""

        def __str__(self) -> str:
            writer._buffer[-1:] = b"\n"  # noqa: SLF001 - the encoder has reserved it
            writer.between_messages(end)
            raise AssertionError

    before, after = FRAME
    with pytest.raises(EndedError):
        writer.write_row(before, {"id": Interrupted()}, after)
    assert out.getvalue() == b""


def test_a_message_that_is_half_handed_over_is_completed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer = MessageWriter()

    class Interrupted(io.BytesIO):
        """Is struck by the signal while it takes what is handed over."""

        def write(self, data: Buffer, /) -> int:
            writer.between_messages(end)
            return super().write(data)

    out = Interrupted()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, write_through=True))
    writer.write_message(RECORD)
    with pytest.raises(EndedError):
        writer.flush()
    assert [message["record"] for message in messages(out)] == [{"id": "u1"}]
