"""Messages: every digit in place, and handed over when they have to be."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
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


@pytest.fixture
def out() -> io.BytesIO:
    return io.BytesIO()


def row_of(**fields: str) -> dict[str, Any]:
    return {name: Raw(text.encode()) for name, text in fields.items()}


def messages(out: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


# One message


def test_a_row_is_written_as_it_is(out: io.BytesIO) -> None:
    writer = MessageWriter(out)
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


def test_additional_fields_are_written_as_an_object(out: io.BytesIO) -> None:
    writer = MessageWriter(out)
    row = {"id": Raw(b"1"), "additional_fields": row_of(x="1e5", ü="null")}
    writer.write_row(*interlaced(row))
    writer.flush()
    assert '"additional_fields":{"x":1e5,"ü":null}' in out.getvalue().decode()


@pytest.mark.parametrize(
    "number", ["1.10", "1" * 40, "-0.0", "1E+400", "0.1" + "0" * 30]
)
def test_a_decoded_row_keeps_the_digits_of_numbers(
    out: io.BytesIO, number: str
) -> None:
    record = decoded({"id": Raw(b'"u1"'), "rest": row_of(hours=number)})
    writer = MessageWriter(out)
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


def test_the_version_stands_in_the_message_if_there_is_one(out: io.BytesIO) -> None:
    before, after = record_frame("users", 1_750_000_000, NOON)
    writer = MessageWriter(out)
    writer.write_row(before, row_of(id="1"), after)
    writer.flush()
    assert messages(out)[0]["version"] == 1_750_000_000


@pytest.mark.parametrize("stream", ["time_records", 'odd "name"', "ü"])
def test_the_frame_is_the_message_that_the_sdk_would_write(
    out: io.BytesIO, stream: str
) -> None:
    before, after = record_frame(stream, 7, NOON)
    writer = MessageWriter(out)
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


def test_a_record_waits_in_the_buffer(out: io.BytesIO) -> None:
    writer = MessageWriter(out)
    writer.write_message(singer.SchemaMessage("users", {"properties": {}}, ["id"]))
    writer.write_message(RECORD)
    writer.write_row(*interlaced(row_of(id="1")))
    assert out.getvalue() == b""


def test_the_buffer_is_handed_over_on_demand(out: io.BytesIO) -> None:
    writer = MessageWriter(out)
    writer.write_message(RECORD)
    writer.flush()
    assert len(messages(out)) == 1


def test_a_state_hands_over_what_is_before_it_and_itself(out: io.BytesIO) -> None:
    writer = MessageWriter(out)
    writer.write_row(*interlaced(row_of(id="1")))
    writer.write_message(STATE)
    assert [message["type"] for message in messages(out)] == ["RECORD", "STATE"]


@pytest.mark.parametrize("kind", ["row", "message"])
def test_a_full_buffer_is_handed_over(out: io.BytesIO, kind: str) -> None:
    writer = MessageWriter(out)
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
    out: io.BytesIO,
) -> None:
    writer = MessageWriter(out)
    writer.write_row(*interlaced(row_of(id=f'"{"x" * 3 * BUFFER_BYTES}"')))
    assert len(messages(out)[0]["record"]["id"]) == 3 * BUFFER_BYTES


def test_nothing_is_written_twice(out: io.BytesIO) -> None:
    writer = MessageWriter(out)
    writer.write_message(RECORD)
    writer.flush()
    writer.flush()
    writer.write_message(STATE)
    writer.flush()
    assert [message["type"] for message in messages(out)] == ["RECORD", "STATE"]


@pytest.mark.parametrize("kind", ["row", "message"])
def test_what_is_not_taken_is_not_written_again(kind: str) -> None:
    """The rest of a message, after it was cut off, would make no sense."""

    class Full(io.BytesIO):
        def write(self, data: Buffer, /) -> int:
            super().write(bytes(data)[:10])
            raise OSError(28, "No space left on device")

    out = Full()
    writer = MessageWriter(out)
    if kind == "row":
        writer.write_row(*interlaced(row_of(id="1")))
    else:
        writer.write_message(RECORD)
    with pytest.raises(OSError, match="No space left"):
        writer.flush()
    writer.flush()
    assert len(out.getvalue()) == 10


# Where they are written to


def test_messages_go_to_standard_output_if_nothing_else_is_said(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    MessageWriter().write_message(STATE)
    assert json.loads(capsysbinary.readouterr().out) == STATE.to_dict()


def test_what_print_wrote_before_comes_before(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    print("{}")  # noqa: T201 - as the SDK does for --discover
    MessageWriter().write_message(STATE)
    lines = capsysbinary.readouterr().out.splitlines()
    assert [line[:9] for line in lines] == [b"{}", b'{"type":"']


def test_a_writer_follows_standard_output_to_where_it_is_redirected() -> None:
    writer = MessageWriter()
    outs = [io.BytesIO(), io.BytesIO()]
    for out in outs:
        with redirect_stdout(io.TextIOWrapper(out, write_through=True)) as text:
            writer.write_message(STATE)
        text.detach()
    first, second = (out.getvalue() for out in outs)
    assert json.loads(first) == json.loads(second) == STATE.to_dict()


def test_a_text_stream_in_the_place_of_standard_output_works() -> None:
    writer = MessageWriter()
    with redirect_stdout(io.StringIO()) as text:
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


def test_all_is_handed_over_to_what_takes_a_few_bytes_at_a_time() -> None:
    out = Sluggish()
    writer = MessageWriter(out)
    writer.write_message(RECORD)
    writer.write_message(STATE)
    kinds = [json.loads(line)["type"] for line in out.taken.splitlines()]
    assert kinds == ["RECORD", "STATE"]
